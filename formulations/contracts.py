"""What every problem family promises: a problem is data plus an evaluator, a formulation is one way to write it down.

Problem
    A frozen dataclass of validated, immutable data with the papers' symbols as field names. ``evaluate(decision)``
    computes everything that follows from a decision, calls no solver, and is the judge of every solver's claim.
Outcome
    What ``evaluate`` returns: at least ``value`` (the objective), ``feasible`` and ``violations``. It may offer
    ``to_dict()`` with whatever else follows from the decision, numbers and arrays, which ``endonet evaluate`` shows.
Formulation
    One way of writing the problem as an ordinary Pyomo or CVXPY model. No algorithm lives here, and users may add rows
    to the model before they solve it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable


class Sense(StrEnum):
    """Direction of the objective."""

    MAXIMISE = "maximise"
    MINIMISE = "minimise"


class MathClass(StrEnum):
    """The mathematical class of a formulation, which decides what a solver may prove about it."""

    LP = "LP"
    MILP = "MILP"
    MISOCP = "MISOCP"
    CONIC = "conic"
    NLP = "NLP"
    CONVEX_MINLP = "convex MINLP"
    NONCONVEX_MINLP = "nonconvex MINLP"
    SHORTEST_PATH = "shortest path"


class Modeller(StrEnum):
    """The modelling language of the object that ``build`` returns."""

    PYOMO = "pyomo"
    CVXPY = "cvxpy"


@runtime_checkable
class Outcome(Protocol):
    """Everything that follows from a decision."""

    @property
    def value(self) -> float | None:
        """The objective, in its own units; None for a decision without one, such as a list of equilibria."""

    @property
    def feasible(self) -> bool:
        """Whether the decision satisfies every constraint of the problem."""

    @property
    def violations(self) -> tuple[str, ...]:
        """One sentence for each constraint that the decision violates."""


class Problem(Protocol):
    """Data and evaluator of one instance of a problem family."""

    @property
    def name(self) -> str:
        """The name of the instance; may be empty."""

    @property
    def family(self) -> str:
        """The family, as in ``planner``."""

    @property
    def sense(self) -> Sense:
        """Whether ``value`` is maximised or minimised."""

    @property
    def fingerprint(self) -> str:
        """A digest of the data that enter the mathematics; names and descriptions do not."""

    def evaluate(self, decision: Any) -> Outcome:
        """Compute everything that follows from a decision, without a solver."""

    def encode_decision(self, decision: Any) -> dict[str, Any]:
        """Return the decision as a JSON object, as it stands in a solution file."""

    def decode_decision(self, encoded: Any) -> Any:
        """Return the decision that a JSON object holds; raise ``InputError`` if it does not fit the problem."""


P = TypeVar("P")


@dataclass(frozen=True)
class Equation:
    """One line of a formulation: its label in the paper, its LaTeX, what it says, and the component that writes it.

    Attributes
    ----------
    label : str
        Where it stands, as in ``(7)`` or ``theory: hull``.
    latex : str
        Hand-written LaTeX, without delimiters.
    says : str
        One clause in words.
    component : str
        The name of the model component that writes it; empty for a definition.
    """

    label: str
    latex: str
    says: str
    component: str = ""


class Formulation(ABC, Generic[P]):
    """One way of writing a problem down.

    Class attributes
    ----------------
    name : str
        ``family/short-name``.
    title : str
        One line.
    math_class : MathClass
        What kind of program it is once integrality is taken into account.
    relaxation_convex : bool
        Whether the program is convex when the integers are relaxed.
    source : str
        Paper and equations.
    modellers : tuple of Modeller
        The languages that ``build`` can write.
    question : str
        Which question it answers, ``optimum`` unless it says so: an equilibrium that another decision beats is not
        refuted by it, so that claims are held against each other within one question only.
    symbols : sequence of (symbol, meaning)
        The notation table: symbols in LaTeX without delimiters, meanings in words, where Unicode's Greek may stand.
    equations : sequence of Equation
        The mathematics, in the order of the model; `endonet.formulations.show` prints it.
    """

    name: str
    title: str
    math_class: MathClass
    relaxation_convex: bool
    source: str
    modellers: tuple[Modeller, ...] = (Modeller.PYOMO,)
    question: str = "optimum"
    symbols: Sequence[tuple[str, str]] = ()
    equations: Sequence[Equation] = ()

    @abstractmethod
    def build(self, problem: P, modeller: Modeller | str = Modeller.PYOMO) -> Any:
        """Return an ordinary model whose components carry the paper's symbols.

        A family may add keyword arguments, such as ``relaxed`` for the continuous relaxation.
        """

    @abstractmethod
    def extract(self, model: Any) -> Any:
        """Return the decision that a solved model holds, rounded to the nearest integers."""

    def latex(self) -> str:
        """Return the equations as one LaTeX ``align*`` environment; `endonet.formulations.show` writes whole pages."""
        from endonet.formulations.show import align

        return align(self)
