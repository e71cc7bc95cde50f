"""Readers of exported model files, written from the formats' own documents, to solve again what was written.

`read_cbf` reads the Conic Benchmark Format (versions 1 to 4, without semidefinite parts) into Clarabel's own matrices;
`read_gams` reads a GAMS program of scalar equations into a Pyomo model.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import clarabel
import numpy as np
import pyomo.environ as pyo
import scipy.sparse as sp


@dataclass
class Cbf:
    """min or max c'x + d over A x + b in the cones, in the order of the file; some x integer."""

    maximise: bool
    c: np.ndarray
    d: float
    A: sp.csc_matrix
    b: np.ndarray
    cones: list[tuple[str, int]]
    powers: list[list[float]]
    integers: list[int]

    def best(self, fixed: dict[int, float] | None = None) -> float:
        """The optimum by Clarabel, with some variables fixed; minus or plus infinity if there is none."""
        rows, sides, kinds = self._standard()
        for j, value in (fixed or {}).items():
            row = sp.csc_matrix(([1.0], ([0], [j])), shape=(1, self.c.size))
            rows, sides, kinds = [row, *rows], [np.array([value]), *sides], [clarabel.ZeroConeT(1), *kinds]
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        sign = -1.0 if self.maximise else 1.0
        nothing = sp.csc_matrix((self.c.size, self.c.size))
        stacked = sp.csc_matrix(sp.vstack(rows))
        found = clarabel.DefaultSolver(nothing, sign * self.c, stacked, np.concatenate(sides), kinds, settings).solve()
        if "Infeasible" in str(found.status):
            return sign * np.inf
        assert str(found.status) in ("Solved", "AlmostSolved"), found.status
        return sign * found.obj_val + self.d

    def best_integer(self) -> float:
        """The optimum over all zeros and ones of the integer variables, one cone program each."""
        corners = itertools.product((0.0, 1.0), repeat=len(self.integers))
        values = [self.best(dict(zip(self.integers, corner, strict=True))) for corner in corners]
        return max(values) if self.maximise else min(values)

    def _standard(self) -> tuple[list[sp.csc_matrix], list[np.ndarray], list[object]]:
        """Clarabel wants rows s = side − row x in a cone, and exponential cones in the opposite order."""
        rows, sides, kinds, start = [], [], [], 0
        for kind, size in self.cones:
            place = np.arange(start, start + size)
            start += size
            sign = -1.0 if kind == "L-" else 1.0
            if kind == "EXP":
                place = place[::-1]
            rows.append(-sign * self.A[place])
            sides.append(sign * self.b[place])
            if kind.startswith("@"):
                assert kind.endswith(":POW")
                assert size == 3
                one, other = self.powers[int(kind[1:-4])]
                kinds.append(clarabel.PowerConeT(one / (one + other)))
            else:
                plain = {"L=": clarabel.ZeroConeT, "L+": clarabel.NonnegativeConeT, "L-": clarabel.NonnegativeConeT}
                plain["Q"] = clarabel.SecondOrderConeT
                kinds.append(clarabel.ExponentialConeT() if kind == "EXP" else plain[kind](size))
        return rows, sides, kinds


def read_cbf(file: Path) -> Cbf:
    """Read a file; every keyword must be known, and every count must be right."""
    lines = (line.strip() for line in file.read_text(encoding="ascii").splitlines())
    filled: Iterator[str] = iter([line for line in lines if line and not line.startswith("#")])
    parts: dict[str, list[list[str]]] = {}
    assert next(filled) == "VER"
    assert 1 <= int(next(filled)) <= 4
    powers: list[list[float]] = []
    sense, d = "", 0.0
    for keyword in filled:
        if keyword == "OBJSENSE":
            sense = next(filled)
        elif keyword == "OBJBCOORD":
            d = float(next(filled))
        elif keyword == "POWCONES":
            count, numbers = map(int, next(filled).split())
            powers = [[float(next(filled)) for _ in range(int(next(filled)))] for _ in range(count)]
            assert sum(map(len, powers)) == numbers
        elif keyword in ("VAR", "CON"):
            size, count = map(int, next(filled).split())
            parts[keyword] = [next(filled).split() for _ in range(count)]
            assert sum(int(entry[1]) for entry in parts[keyword]) == size
        elif keyword in ("INT", "OBJACOORD", "ACOORD", "BCOORD"):
            parts[keyword] = [next(filled).split() for _ in range(int(next(filled)))]
        else:
            raise AssertionError(f"no keyword {keyword!r}")
    assert sense in ("MIN", "MAX")
    assert all(entry[0] == "F" for entry in parts["VAR"]), "endonet writes free variables only"
    n, cones = sum(int(entry[1]) for entry in parts["VAR"]), [(kind, int(size)) for kind, size in parts["CON"]]
    m = sum(size for _, size in cones)
    c, b = np.zeros(n), np.zeros(m)
    for j, value in parts.get("OBJACOORD", []):
        c[int(j)] = float(value)
    for i, value in parts.get("BCOORD", []):
        b[int(i)] = float(value)
    at = np.array(parts.get("ACOORD", []), dtype=object).reshape(-1, 3)
    A = sp.csc_matrix((at[:, 2].astype(float), (at[:, 0].astype(int), at[:, 1].astype(int))), shape=(m, n))
    assert A.nnz == len(at), "an entry stands twice"
    return Cbf(sense == "MAX", c, d, A, b, cones, powers, [int(entry[0]) for entry in parts.get("INT", [])])


def read_gams(file: Path) -> pyo.ConcreteModel:
    """Read a GAMS program of scalar equations and bounds."""
    text = re.sub(r"^\$.*$", "", file.read_text(encoding="ascii"), flags=re.MULTILINE)
    model = pyo.ConcreteModel()
    names: dict[str, pyo.Var] = {}
    sense = re.search(r"SOLVE (\w+) USING \w+ (maximizing|minimizing) (\w+)", text, re.IGNORECASE)
    assert sense
    domains = {"BINARY": pyo.Binary, "POSITIVE": pyo.NonNegativeReals, "INTEGER": pyo.NonNegativeIntegers}
    declared: dict[str, object] = {}
    for kind, block in re.findall(r"^((?:\w+ )?VARIABLES)\s+(.*?);", text, re.MULTILINE | re.DOTALL | re.IGNORECASE):
        first = kind.split()[0].upper()
        for name in re.split(r"[\s,]+", block.strip()):
            domain = domains.get(first, pyo.Reals)
            if domain is not pyo.Reals or name not in declared:
                declared[name] = domain
    for name, domain in declared.items():
        model.add_component(name, pyo.Var(domain=domain))
        names[name] = model.component(name)
    equations = re.findall(r"^(\w+)\.\. (.*?) =([leg])= (.*?) ;", text, re.MULTILINE | re.DOTALL)
    known = set(re.search(r"EQUATIONS\s+(.*?);", text, re.DOTALL)[1].split())  # type: ignore[index]
    assert {name for name, *_ in equations} == known
    scope = {**names, "exp": pyo.exp, "log": pyo.log, "power": lambda x, k: x**k, "sqr": lambda x: x**2}
    for name, left, relation, right in equations:
        one, other = (eval(side, {"__builtins__": {}}, scope) for side in (left, right))
        made = one == other if relation == "e" else one <= other if relation == "l" else one >= other
        model.add_component(f"row_{name}", pyo.Constraint(expr=made))
    for name, bound, value in re.findall(r"^(\w+)\.(lo|up|fx) = ([^;]+);", text, re.MULTILINE):
        variable = names[name]
        if bound == "fx":
            variable.fix(float(value))
        else:
            (variable.setlb if bound == "lo" else variable.setub)(float(value))
    way = pyo.maximize if sense[2].lower() == "maximizing" else pyo.minimize
    model.objective = pyo.Objective(expr=names[sense[3]], sense=way)
    return model
