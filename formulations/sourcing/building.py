"""What the formulations of economies share: the modelling language, the links' decisions, and reading them back."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from endonet.formulations.contracts import Equation, Formulation, Modeller
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.formed import Formed
from endonet.formulations.sourcing.problem import SourcingProblem, Vector


class SourcingFormulation(Formulation[SourcingProblem]):
    """One way of writing a question about an economy down, in Pyomo."""

    def build(
        self, problem: SourcingProblem, modeller: Modeller | str = Modeller.PYOMO, *, relaxed: bool = False, **more: Any
    ) -> pyo.ConcreteModel:
        """Return an ordinary Pyomo model whose components carry the paper's symbols.

        Parameters
        ----------
        problem : SourcingProblem
        modeller : {"pyomo"}
        relaxed : bool, default False
            Let the binary variables range over [0, 1].
        **more
            What the formulation adds, such as ``network`` for ``sourcing/firm``.

        Raises
        ------
        InputError
            If the modelling language is another one.
        NotApplicableError
            If the formulation does not hold for this economy.
        """
        if modeller not in self.modellers:
            raise InputError("modeller", f"{self.name} cannot be written in {str(modeller)!r}", "use pyomo")
        reason = self.refuses(problem)
        if reason:
            raise NotApplicableError(f"{self.name} does not hold here: {reason}")
        model = self._pyomo(problem, relaxed, **more)
        model.name = problem.name or "sourcing"
        return model

    def refuses(self, problem: Any) -> str:
        """Return why the formulation does not hold for a problem; empty if it does."""
        if not isinstance(problem, SourcingProblem):
            return f"it is about an economy; this is a {type(problem).__name__}"
        return "links of a smoothed economy are no binary choices" if problem.smoothed else ""

    def extract(self, model: Any) -> Network:
        """Return the network that a solved model holds; nobody trades where the model has no trade."""
        z = binaries(model.z)
        firms = len(model.firms)
        trade = (model.component(name) for name in "MX")
        nobody = np.zeros(firms, dtype=np.bool_)
        return Network(z, *(binaries(part) if part is not None and len(part) else nobody for part in trade))

    @abstractmethod
    def _pyomo(self, problem: SourcingProblem, relaxed: bool, **more: Any) -> pyo.ConcreteModel: ...


class EquilibriaFormulation(SourcingFormulation):
    """Networks in which nobody who initiates links would choose others, as the points of a program.

    Class attributes
    ----------------
    initiator : str
        Who initiates links: ``"buyer"`` or ``"supplier"``.
    """

    question = "equilibria"
    initiator: ClassVar[str]

    def refuses(self, problem: Any) -> str:
        """Return why the program does not hold; empty if it does."""
        reason = super().refuses(problem)
        if not reason and (problem.initiator != self.initiator or problem.open is not None):
            return f"it is about closed economies in which {self.initiator}s initiate"
        return reason


DEMAND = (r"A", "household demand E/P^(1−σ)")
OBJECTIVE = Equation("theory", r"\min A", "any objective does", "objective")


def choice_equations(number: str, share: str) -> tuple[Equation, Equation]:
    """Return the equations that `choice_rows` writes, of the number and of the share of κ_kj that a link adds."""
    return (
        Equation(
            number, rf"\kappa_{{kj}} {share} \geq f_{{kj}} z_{{kj}}", "a link that is formed pays", "constraint_pays"
        ),
        Equation(
            number,
            rf"\kappa_{{kj}} {share} \leq f_{{kj}} + (\kappa_{{kj}} - f_{{kj}})^+ z_{{kj}}",
            "a link that pays is formed",
            "constraint_formed",
        ),
    )


def demand(model: pyo.ConcreteModel, top: float) -> None:
    """Declare A between 0 and ``top``, and an objective."""
    model.A = pyo.Var(bounds=(0.0, top))
    model.objective = pyo.Objective(expr=model.A / top, sense=pyo.minimize)


def binaries(variable: Any) -> NDArray[np.bool_]:
    """Return the values of an indexed binary variable, rounded.

    Raises
    ------
    InputError
        If the model holds none, as before it is solved.
    """
    values = [pyo.value(variable[index], exception=False) for index in variable]
    if any(value is None or not np.isfinite(value) for value in values):
        raise InputError(variable.name, "the model holds no values of it", "solve it before extracting the network")
    return np.array(values, dtype=np.float64).reshape(-1) >= 0.5


def declare(model: pyo.ConcreteModel, problem: SourcingProblem, relaxed: bool) -> None:
    """Declare firms, links and the decisions z over the links."""
    model.firms = pyo.RangeSet(0, problem.n - 1)
    model.links = pyo.RangeSet(0, problem.m - 1)
    model.z = pyo.Var(model.links, domain=domain(relaxed))


def domain(relaxed: bool) -> Any:
    """Return the domain of binary variables."""
    return pyo.UnitInterval if relaxed else pyo.Binary


def weights(problem: SourcingProblem) -> tuple[Vector, Vector]:
    """Return α^(σ−1) μ^(1−σ) and α^(σ−1) μ^(−σ) of every potential link."""
    formed = Formed.of(problem, np.ones(problem.m, dtype=np.bool_))
    return formed.weight, formed.weight / formed.mu


def suppliers(problem: SourcingProblem, j: int) -> list[tuple[int, int]]:
    """Return the potential links of buyer j with their suppliers."""
    first, last = int(problem.ptr[j]), int(problem.ptr[j + 1])
    return [(e, int(problem.supplier[e])) for e in range(first, last)]


def product(model: pyo.ConcreteModel, name: str, factor: Any) -> None:
    """Declare ``name[e] = z[e] · factor(e)`` for factors in [0, 1], with four rows each (exact for binary z)."""
    model.add_component(name, pyo.Var(model.links, domain=pyo.UnitInterval))
    y = model.component(name)
    rows = {
        "on": lambda m, e: y[e] <= m.z[e],
        "most": lambda m, e: y[e] <= factor(e),
        "least": lambda m, e: y[e] >= factor(e) - (1 - m.z[e]),
    }
    for kind, rule in rows.items():
        model.add_component(f"constraint_{name}_{kind}", pyo.Constraint(model.links, rule=rule))


def product_rows(y: str, factor: str) -> Equation:
    """Return the equation of a product of z with a factor, as `product` writes it."""
    rows = rf"{y} \leq z_{{kj}}, \quad {y} \leq {factor}, \quad {y} \geq {factor} - (1 - z_{{kj}})"
    written = ", ".join(f"constraint_{y[0]}_{kind}" for kind in ("on", "most", "least"))
    return Equation("theory", rows, "the product", written)


def with_all_links(problem: SourcingProblem, name: str) -> Vector:
    """Return T where every potential link is formed, the most that it can be, shape (n,).

    Raises
    ------
    NotApplicableError
        If costs do not exist then, so that the program ``name`` has no scale.
    """
    T = Formed.of(problem, np.ones(problem.m, dtype=np.bool_)).costs(problem.labour_weight[:, None])
    if T is None:
        reason = "needs costs with all links (a spectral radius below 1)"
        raise NotApplicableError(f"{name} {reason}; use the solver certified")
    return T[:, 0]


def cost_rows(model: pyo.ConcreteModel, problem: SourcingProblem, t: Any, unit: Vector, A: Any = 1.0) -> None:
    """Write (A1) for ``t``, T times A in units of its own by firm, with the products ``y`` of z and t."""
    g, phi = weights(problem)[0], problem.phi_power / unit
    model.constraint_costs = pyo.Constraint(
        model.firms,
        rule=lambda m, j: (
            t[j]
            == float(phi[j] * problem.labour_weight[j]) * A
            + sum(float(phi[j] * g[e] * unit[k]) * m.y[e] for e, k in suppliers(problem, j))
        ),
    )


def fixed_labour(model: pyo.ConcreteModel, problem: SourcingProblem) -> Any:
    """Return fixed costs as a share of all labour."""
    return sum(float(problem.f[e] / problem.L) * model.z[e] for e in model.links)


def choice_rows(model: pyo.ConcreteModel, problem: SourcingProblem, most: Vector, share: Any) -> None:
    """Write that links are formed where they pay, and only there; a tie may go either way.

    Parameters
    ----------
    most : array, shape (m,)
        What a link adds to variable profits at most.
    share : callable
        The share of it that link e adds, an expression in [0, 1].
    """
    scale = np.maximum(np.maximum(most, problem.f.astype(np.float64)), 1e-300)
    pays, fixed = (most / scale).tolist(), (problem.f / scale).tolist()
    model.constraint_pays = pyo.Constraint(model.links, rule=lambda m, e: pays[e] * share(e) >= fixed[e] * m.z[e])
    model.constraint_formed = pyo.Constraint(
        model.links, rule=lambda m, e: pays[e] * share(e) <= fixed[e] + max(pays[e] - fixed[e], 0.0) * m.z[e]
    )
