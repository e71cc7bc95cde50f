r"""A formulation on paper: readable plain text, and a LaTeX document that compiles as it stands.

Both hold the title, the class, the source, the notation table and the equations in the order of the model, each with
its label in the paper and the name of the component that writes it.

Formulations give symbols and equations in LaTeX; their words may use Greek letters and signs of Unicode. `plain` turns
the former into the latter for reading on a terminal, and `latex` the latter into the former.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator
from typing import Any

from endonet.formulations.contracts import Formulation

WIDTH = 100

GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ϵ",
    "varepsilon": "ε",
    "zeta": "ζ",
    "eta": "η",
    "theta": "θ",
    "iota": "ι",
    "kappa": "κ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "xi": "ξ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "varphi": "ϕ",
    "chi": "χ",
    "psi": "ψ",
    "omega": "ω",
    "Gamma": "Γ",
    "Delta": "Δ",
    "Theta": "Θ",
    "Lambda": "Λ",
    "Xi": "Ξ",
    "Pi": "Π",
    "Sigma": "Σ",
    "Phi": "Φ",
    "Psi": "Ψ",
    "Omega": "Ω",
}
SIGNS = {
    "sum": "Σ",
    "prod": "∏",
    "int": "∫",
    "leq": "≤",
    "le": "≤",
    "geq": "≥",
    "ge": "≥",
    "neq": "≠",
    "ne": "≠",
    "approx": "≈",
    "in": "∈",
    "notin": "∉",
    "forall": "∀",
    "subset": "⊂",
    "subseteq": "⊆",
    "cup": "∪",
    "cap": "∩",
    "times": "×",
    "cdot": "·",
    "circ": "∘",
    "pm": "±",
    "to": "→",
    "rightarrow": "→",
    "Rightarrow": "⇒",
    "infty": "∞",
    "partial": "∂",
    "nabla": "∇",
    "ldots": "…",
    "dots": "…",
    "star": "★",
    "ell": "ℓ",
    "mid": "|",
    "lVert": "‖",
    "rVert": "‖",
}
WORDS = {"max", "min", "log", "ln", "exp", "arg", "det", "lim", "Pr", "sup", "inf"}
SPACES = {",": " ", ";": " ", ":": " ", "!": "", " ": " ", "quad": "   ", "qquad": "      "}
IGNORED = {
    "left",
    "right",
    "big",
    "Big",
    "bigl",
    "bigr",
    "Bigl",
    "Bigr",
    "biggl",
    "biggr",
    "displaystyle",
    "limits",
    "nolimits",
}
MARKS = {"bar": "\u0304", "overline": "\u0304", "underline": "\u0332", "hat": "\u0302", "tilde": "\u0303"}
FACES = {"text", "mathrm", "mathit", "mathbf", "mathcal", "mathbb", "operatorname", "boldsymbol", "textbf"}
SPECIAL = {
    "\\": r"\textbackslash{}",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\^{}",
}
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}^_]|\s+|.", re.DOTALL)


def text(formulation: Formulation[Any]) -> str:
    """Return a formulation as plain text for a terminal, at most 100 characters wide where words can be broken."""
    parts = [
        f"{formulation.name}: {formulation.title}",
        "",
        f"Class      {describe_class(formulation)}",
        f"Languages  {', '.join(m.value for m in formulation.modellers)}",
        *_wrapped("Source     ", formulation.source),
        "",
        "Symbols",
    ]
    notation = [(plain(symbol), words) for symbol, words in formulation.symbols]
    margin = max((_width(symbol) for symbol, _ in notation), default=0)
    for symbol, words in notation:
        parts += _wrapped(f"  {symbol}{' ' * (margin - _width(symbol))}  ", words)
    parts += ["", "Equations"]
    for equation in formulation.equations:
        parts.append(f"  {plain(equation.latex)}")
        where = f"[{equation.component}]" if equation.component else ""
        parts += _wrapped("      ", f"{equation.label}  {equation.says}  {where}".rstrip())
    return "\n".join(parts)


def latex(formulation: Formulation[Any], document: bool = True) -> str:
    """Return a formulation in LaTeX.

    Parameters
    ----------
    formulation : Formulation
    document : bool, default True
        A whole document; otherwise its body, to be pasted into one that loads ``amsmath`` and ``amssymb``.
    """
    body = "\n".join(_body(formulation))
    if not document:
        return body
    head = "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage[utf8]{inputenc}",
            r"\usepackage{amsmath,amssymb}",
            r"\usepackage[margin=2.5cm]{geometry}",
            r"\begin{document}",
        ]
    )
    return f"{head}\n{body}\n\\end{{document}}"


def align(formulation: Formulation[Any]) -> str:
    """Return the equations as one LaTeX ``align*`` environment, each with its label in the paper."""
    rows = [rf"  & {symbols_to_latex(e.latex)} && \text{{{words_to_latex(e.label)}}}" for e in formulation.equations]
    return "\n".join([r"\begin{align*}", " \\\\\n".join(rows), r"\end{align*}"])


def markdown(formulation: Formulation[Any]) -> str:
    """Return a formulation as Markdown with mathematics between dollar signs, as the documentation shows it."""
    languages = " and ".join("Pyomo" if m.value == "pyomo" else "CVXPY" for m in formulation.modellers)
    parts = [f"## {formulation.name}", "", f"{_escaped(formulation.title)}.", ""]
    parts += [f"Class: {describe_class(formulation)}. Languages: {languages}.", ""]
    parts += [f"Source: {_escaped(formulation.source)}.", ""]
    for e in formulation.equations:
        component = f" — `{e.component}`" if e.component else ""
        parts += [f"**{_escaped(e.label)}** {_escaped(e.says)}{component}", ""]
        parts += ["$$", symbols_to_latex(e.latex), "$$", ""]
    parts += ["| symbol | meaning |", "|---|---|"]
    for symbol, words in formulation.symbols:
        typeset = symbols_to_latex(symbol).replace("|", r"\vert ")
        parts.append(f"| ${typeset}$ | {_escaped(words)} |")
    return "\n".join([*parts, ""])


def _escaped(words: str) -> str:
    """Return words with the characters escaped that Markdown reads as markup."""
    return re.sub(r"([*_|$<\\`\[\]])", r"\\\1", words)


def describe_class(formulation: Formulation[Any]) -> str:
    """Return the mathematical class, and what relaxing the integers leaves."""
    relaxed = "convex" if formulation.relaxation_convex else "nonconvex"
    integer = formulation.math_class.value.endswith(("MINLP", "MILP", "MISOCP"))
    return f"{formulation.math_class.value}; {relaxed}" + (" once the integers are relaxed" if integer else "")


def plain(source: str) -> str:
    """Return LaTeX mathematics as one line of Unicode text.

    Examples
    --------
    >>> plain(r"a_j \\leq \\theta_j^{1-\\alpha_j} y_j^{\\alpha_j}")
    'a_j ≤ θ_j^(1-α_j) y_j^α_j'
    >>> plain(r"\\frac{1}{\\sigma-1} \\log T")
    '1/(σ-1) log T'
    """
    return re.sub(r"  +(?=\S)", lambda gap: gap[0] if len(gap[0]) > 2 else " ", _read(iter(_tokens(source)))).strip()


def _tokens(source: str) -> list[str]:
    return TOKEN.findall(source)


def _read(tokens: Iterator[str]) -> str:
    """Return the text up to the closing brace of this group, or to the end."""
    found: list[str] = []
    for token in tokens:
        if token == "}":
            break
        if token == "{":
            found.append(_read(tokens))
        elif token in "^_":
            found.append(token + _script(_argument(tokens), token))
        else:
            piece = _command(token[1:], tokens) if token.startswith("\\") else " " if token.isspace() else token
            runs_on = found and re.match(r"[_^]\w", found[-1]) and re.match(r"\w", piece)
            found.append(f" {piece}" if runs_on else piece)
    return unicodedata.normalize("NFC", "".join(found))


def _argument(tokens: Iterator[str]) -> str:
    token = next((t for t in tokens if not t.isspace()), "")
    if token == "{":
        return _read(tokens)
    return _command(token[1:], tokens) if token.startswith("\\") else token


def _script(content: str, kind: str) -> str:
    """Return a subscript or superscript, in brackets where it would run into what follows."""
    if kind == "_":
        return content.replace(" ", "") if re.fullmatch(r"[\w,′ ]*", content) else f"({content})"
    return content if re.fullmatch(r"\w+(_\w+)?", content) else f"({content})"


def _command(name: str, tokens: Iterator[str]) -> str:
    if name in ("frac", "dfrac", "tfrac"):
        above, below = _argument(tokens), _argument(tokens)
        return f"{_bracketed(above)}/{_bracketed(below)}"
    if name == "sqrt":
        return f"√{_bracketed(_argument(tokens))}"
    if name in MARKS:
        return "".join(letter + MARKS[name] for letter in _argument(tokens))
    if name in FACES:
        return _argument(tokens)
    if name in IGNORED:
        return ""
    if name in WORDS:
        return name
    return GREEK.get(name) or SIGNS.get(name) or SPACES.get(name, name)


def _bracketed(content: str) -> str:
    return content if re.fullmatch(r"\w+(_\w+)?", content) else f"({content})"


def _wrapped(lead: str, words: str) -> list[str]:
    indent = " " * _width(lead)
    return textwrap.wrap(words, WIDTH, initial_indent=lead, subsequent_indent=indent) or [lead.rstrip()]


def _width(line: str) -> int:
    """Return how many columns a line takes; combining marks take none."""
    return sum(not unicodedata.combining(letter) for letter in line)


def _body(formulation: Formulation[Any]) -> Iterator[str]:
    yield rf"\section*{{{words_to_latex(formulation.title)}}}"
    yield rf"\noindent\texttt{{{words_to_latex(formulation.name)}}}, {words_to_latex(describe_class(formulation))}."
    yield rf"Source: {words_to_latex(formulation.source)}."
    yield ""
    yield align(formulation)
    yield ""
    yield r"\noindent\begin{tabular}{@{}lp{0.55\linewidth}l@{}}"
    for e in formulation.equations:
        component = rf"\texttt{{{words_to_latex(e.component)}}}" if e.component else ""
        yield rf"  {words_to_latex(e.label)} & {words_to_latex(e.says)} & {component} \\"
    yield r"\end{tabular}"
    yield ""
    yield r"\medskip"
    yield r"\noindent\begin{tabular}{@{}lp{0.75\linewidth}@{}}"
    for symbol, words in formulation.symbols:
        yield rf"  ${symbols_to_latex(symbol)}$ & {words_to_latex(words)} \\"
    yield r"\end{tabular}"


UNICODE = (
    {letter: f"\\{name}" for name, letter in GREEK.items()}
    | {sign: f"\\{name}" for name, sign in reversed(SIGNS.items()) if not sign.isascii()}
    | {"−": "-", "′": "'", "★": r"\star", "Σ": r"\Sigma"}
)
DASHES = {"–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''"}


def symbols_to_latex(source: str) -> str:
    """Return mathematics with the Greek letters and signs of Unicode written as LaTeX commands."""
    parts = []
    for letter in source:
        command = UNICODE.get(letter)
        parts.append(letter if command is None else f"{command} " if command.startswith("\\") else command)
    return "".join(parts)


def words_to_latex(words: str) -> str:
    """Return words as LaTeX text: special characters escaped, Greek letters and signs in mathematics."""
    parts = []
    for letter in words:
        if letter in UNICODE:
            parts.append(f"${UNICODE[letter]}$")
        else:
            parts.append(SPECIAL.get(letter) or DASHES.get(letter, letter))
    return "".join(parts)
