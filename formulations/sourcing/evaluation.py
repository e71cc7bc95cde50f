"""What follows from a network (paper 002, sections 2 and A.4): no choice of links, only the fixed-network equilibrium.

Quantities are linear for arbitrary pair-specific markups (see `formed`), so that two numbers remain to be found:

    closed   w = 1,  A = (L − Σ f) / Σ α_Lj^(σ−1) D_j(A = 1)                                       from (11), corrected
    open     w^σ (L − Σ f) = A S_d + D_F S_e,          labour, which rises in w on the left              (11), corrected
             D_F (ε_a w^(1−σ) + ε_b) = A m_d + D_F m_e,    trade, which falls in w on the left                  (A6)

where T = a w^(1−σ) + b,  D = A d + D_F e, and S, ε, m are sums over firms of these. Putting A from the first line into
the second leaves one equation in w whose left side falls and whose right side rises. Labour for fixed costs is part of
(11): w L = Σ s_Lj x_j/μ̄_j + w Σ f.

Without importers and exporters nothing determines w; the outcome then has w = 1. Importers without exporters, or the
reverse, leave trade unbalanced at every wage.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.sourcing.decisions import Equilibria, Equilibrium, Network
from endonet.formulations.sourcing.formed import Formed, sums

if TYPE_CHECKING:
    from endonet.formulations.sourcing.choice import Choice
    from endonet.formulations.sourcing.problem import SourcingProblem, Vector

CLAIMED = 1e-9  # how far the numbers of a claimed equilibrium may be from the evaluator's
WAGE_DIGITS = 1e-15
LARGEST_LOG = 600.0  # of any power of the wage


@dataclass(frozen=True, eq=False)
class SourcingOutcome:
    """Everything that follows from a network; arrays by firm have shape (n,), those by formed link shape (k,).

    Attributes
    ----------
    problem : SourcingProblem
    network : Network
    formed : Formed
        The links that are formed.
    reason : str
        Empty, or why the network has no equilibrium; then all numbers are NaN.
    w : float
        The wage; 1 in a closed economy and where there is no trade.
    A : float
        Household demand E/P^(1−σ).
    T, D : arrays
        c_j^(1−σ), and the demand shifter C_j/Θ_j.
    """

    problem: SourcingProblem
    network: Network
    formed: Formed
    reason: str
    w: float
    A: float
    T: Vector
    D: Vector

    @property
    def value(self) -> float | None:
        """Real income E/P, which is the utility (1) of the households; None if there is no equilibrium."""
        return None if self.reason else self.real_income

    @property
    def real_income(self) -> float:
        """E/P."""
        return self.E / self.P

    @property
    def feasible(self) -> bool:
        """Whether the network has an equilibrium."""
        return not self.reason

    @property
    def violations(self) -> tuple[str, ...]:
        """Why the network has no equilibrium."""
        return (self.reason,) if self.reason else ()

    @property
    def wage_determined(self) -> bool:
        """Whether trade determines the wage; in a closed economy it is the numeraire."""
        return self.problem.open is None or bool((self.sales_foreign > 0).any())

    @cached_property
    def c(self) -> Vector:
        """Unit costs, equation (4)."""
        return self.T ** (1 / (1 - self.problem.sigma))

    @property
    def Theta(self) -> Vector:
        """Sourcing capabilities Θ_j."""
        return self.T / self.problem.phi_power

    @cached_property
    def variable_costs(self) -> Vector:
        """C_j = x_j/μ̄_j = c_j q_j."""
        return self.Theta * self.D

    @property
    def q(self) -> Vector:
        """Quantities produced."""
        return self.variable_costs / self.c

    @cached_property
    def P(self) -> float:
        """The price index, equation (3)."""
        return float((self.problem.home @ self.T) ** (1 / (1 - self.problem.sigma)))

    @cached_property
    def E(self) -> float:
        """Aggregate expenditure, equation (10): wages and profits net of fixed costs."""
        return float(self.w * self.problem.L + self.profits.sum())

    @property
    def p_home(self) -> Vector:
        """Prices for households, μ_jH c_j."""
        return self.problem.mu_H * self.c

    @property
    def q_home(self) -> Vector:
        """Quantities sold to households, equation (2)."""
        return self.sales_home / self.p_home

    @property
    def sales_home(self) -> Vector:
        """Sales to households, the first term of (7)."""
        return self.problem.home * self.T * self.A

    @property
    def sales_foreign(self) -> Vector:
        """Exports, as in (A5); zero in a closed economy."""
        if self.problem.open is None:
            return np.zeros(self.problem.n)
        sold: Vector = self.network.exports * self.problem.foreign * self.T * self.problem.open.D_F
        return sold

    @cached_property
    def sales_links(self) -> Vector:
        """Sales on each formed link, p_kj q_kj, the second term of (7)."""
        formed = self.formed
        found: Vector = formed.weight * self.T[formed.supplier] * self.D[formed.buyer]
        return found

    @property
    def p_links(self) -> Vector:
        """Prices on each formed link, μ_kj c_k."""
        return self.formed.mu * self.c[self.formed.supplier]

    @property
    def q_links(self) -> Vector:
        """Quantities on each formed link."""
        return self.sales_links / self.p_links

    @cached_property
    def sales(self) -> Vector:
        """Total sales x_j, equations (7) and (A5)."""
        return self.sales_home + self.sales_foreign + self._by_supplier(self.sales_links)

    @property
    def average_markup(self) -> Vector:
        """μ̄_j, equation (8); NaN for a firm that sells nothing."""
        return _ratio(self.sales, self.variable_costs)

    @property
    def s_labour(self) -> Vector:
        """Labour's share of variable costs, equation (6)."""
        problem = self.problem
        shares: Vector = problem.labour_weight * self.w ** (1 - problem.sigma) / self.Theta
        return shares

    @property
    def s_links(self) -> Vector:
        """The share of each formed link in its buyer's variable costs, equation (5)."""
        formed = self.formed
        shares: Vector = formed.weight * self.T[formed.supplier] / self.Theta[formed.buyer]
        return shares

    @property
    def s_foreign(self) -> Vector:
        """The import share of variable costs, equation (A3); zero in a closed economy."""
        if self.problem.open is None:
            return np.zeros(self.problem.n)
        shares: Vector = self.network.imports * self.problem.foreign_input / self.Theta
        return shares

    @property
    def labour(self) -> Vector:
        """Labour used in production, without fixed costs."""
        return self.s_labour * self.variable_costs / self.w

    @cached_property
    def fixed_labour(self) -> Vector:
        """Labour that each firm pays for its links and trade."""
        problem, formed = self.problem, self.formed
        payer = formed.buyer if problem.initiator == "buyer" else formed.supplier
        paid = sums(payer, formed.share * problem.f[formed.link], problem.n)
        if problem.open is not None:
            paid = paid + self.network.imports * problem.open.f_import + self.network.exports * problem.open.f_export
        return paid

    @property
    def variable_profits(self) -> Vector:
        """π_j^var, equation (9)."""
        return self.sales - self.variable_costs

    @cached_property
    def profits(self) -> Vector:
        """π_j, net of fixed costs: equations (12), (14), (A7)."""
        return self.variable_profits - self.w * self.fixed_labour

    @cached_property
    def residuals(self) -> dict[str, float]:
        """How far each market is from clearing, relative to its size; all at rounding level in an equilibrium.

        ``production`` recomputes every firm's output from the quantities it buys by the CES function behind (4), and
        compares it with what is sold; ``sales`` recomputes (7) from x_k/(μ̄_k Θ_k); the others are (3), (8), (10), (11)
        and (A6).
        """
        problem, formed, power = self.problem, self.formed, self.problem.sigma - 1
        bundle = _ces(problem.alpha_L, 1.0, self.labour, problem.sigma)
        alpha = problem.alpha[formed.link].astype(np.float64)
        bundle += sums(formed.buyer, _ces(alpha, formed.share, self.q_links, problem.sigma), problem.n)
        if problem.open is not None:
            economy = problem.open
            bought = self.s_foreign * self.variable_costs / economy.p_F
            bundle += _ces(economy.alpha_F, self.network.imports, bought, problem.sigma)
        made = problem.phi * bundle ** (problem.sigma / power)
        used = self.q_home + self._by_supplier(self.q_links) + self.sales_foreign / (problem.mu_F * self.c)
        sold = problem.home * self.T * self.E / self.P ** (1 - problem.sigma) + self.sales_foreign
        per_theta = self.sales / self.average_markup / self.Theta
        demand = np.where(self.sales > 0, per_theta, self.D)
        sold += self._by_supplier(formed.weight * self.T[formed.supplier] * demand[formed.buyer])
        utility = (problem.beta_H * self.q_home) ** (power / problem.sigma)
        wages = self.w * problem.L
        found = {
            "production": _furthest(made, used),
            "sales": _furthest(sold, self.sales),
            "price_index": abs(float(utility.sum() ** (problem.sigma / power)) / (self.E / self.P) - 1),
            "expenditure": abs(float(self.sales_home.sum()) / self.E - 1),
            "labour": abs(float((self.labour.sum() + self.fixed_labour.sum()) / problem.L) - 1),
            "income": abs(self.E / (wages + float(self.profits.sum())) - 1),
        }
        if problem.open is not None:
            imports, exports = float((self.s_foreign * self.variable_costs).sum()), float(self.sales_foreign.sum())
            found["trade"] = abs(imports - exports) / max(exports, imports) if max(exports, imports) > 0 else 0.0
        return found

    @cached_property
    def choice(self) -> Choice:
        """What every firm would choose if it expected all others to keep to the network; see `choice.Choice`."""
        from endonet.formulations.sourcing.choice import respond

        return respond(self)

    @property
    def equilibrium(self) -> bool:
        """Whether no firm would choose other links, trade or probabilities (Definitions 2, 3, 5)."""
        return self.feasible and self.wage_determined and not self.choice.deviates.any()

    def as_equilibrium(self) -> Equilibrium:
        """Return the network with its numbers, as an entry of a list of equilibria."""
        return Equilibrium(self.network, self.A, self.E, self.P, self.w)

    def to_dict(self) -> dict[str, Any]:
        """Return what follows from the network: single numbers first, then arrays of shape (n,)."""
        if self.reason:
            return {"reason": self.reason}
        told: dict[str, Any] = {"A": self.A, "E": self.E, "P": self.P, "w": self.w, "real_income": self.real_income}
        told |= {"equilibrium": self.equilibrium, "links_formed": int(self.formed.link.size)}
        told |= {f"residual_{market}": gap for market, gap in self.residuals.items()}
        told |= {"c": self.c, "Theta": self.Theta, "output": self.q, "sales": self.sales, "labour": self.labour}
        told |= {"markup": self.average_markup, "profit": self.profits, "s_labour": self.s_labour}
        if self.problem.open is not None:
            told |= {"s_foreign": self.s_foreign, "exports": self.sales_foreign}
        return told | {"deviates": self.choice.deviates, "gain": self.choice.gain}

    def __repr__(self) -> str:
        if self.reason:
            return f"<SourcingOutcome: {self.reason}>"
        links = f"{self.formed.link.size} of {self.problem.m} links"
        return f"<SourcingOutcome: E/P={self.real_income:.9g}, A={self.A:.9g}, w={self.w:.9g}, {links}>"

    def _by_supplier(self, amounts: Vector) -> Vector:
        return sums(self.formed.supplier, amounts, self.problem.n)


@dataclass(frozen=True, eq=False)
class EquilibriaOutcome:
    """What the evaluator finds of a list of equilibria: it is feasible if every entry is one, with the numbers it says.

    Attributes
    ----------
    outcomes : tuple of SourcingOutcome
        Of each network in the list.
    """

    problem: SourcingProblem
    claimed: Equilibria
    outcomes: tuple[SourcingOutcome, ...]

    @property
    def value(self) -> None:
        """None: equilibria have no objective."""
        return None

    @property
    def feasible(self) -> bool:
        """Whether every entry is an equilibrium."""
        return not self.violations

    @cached_property
    def violations(self) -> tuple[str, ...]:
        """One sentence for each entry that is none, has other numbers than it says, or stands twice."""
        found = []
        # A single network has no twin, and its key is as long as itself.
        keys = [entry.network.key() for entry in self.claimed] if len(self.claimed) > 1 else [b""]
        for place, (entry, outcome) in enumerate(zip(self.claimed, self.outcomes, strict=True)):
            where = f"equilibria[{place}]"
            if not outcome.feasible:
                found.append(f"{where} is none: {outcome.reason}")
                continue
            for name in ("A", "E", "P", "w"):
                said, is_ = getattr(entry, name), getattr(outcome, name)
                if not abs(said - is_) <= CLAIMED * abs(is_):
                    found.append(f"{where}: {name} is {is_:.12g}, not {said:.12g}")
            if not outcome.wage_determined:
                found.append(f"{where} has no trade, so that nothing determines its wage")
            elif not outcome.equilibrium:
                found.append(f"{where} is none: {outcome.choice.reason}")
            if keys[place] in keys[:place]:
                found.append(f"{where} stands twice")
        for place, alone in enumerate(self.claimed.autarky):
            found += [f"autarky[{place}] {why}" for why in _not_autarky(self.problem, alone)]
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return how many equilibria there are, and their numbers as arrays."""
        numbers = ("A", "E", "P", "w", "real_income")
        told: dict[str, Any] = {"equilibria": len(self.outcomes)}
        return told | {name: np.array([getattr(outcome, name) for outcome in self.outcomes]) for name in numbers}


def evaluate(problem: SourcingProblem, decision: Any) -> SourcingOutcome | EquilibriaOutcome:
    """Return the outcome of a network, or of a list of equilibria; see `SourcingProblem.evaluate`."""
    if isinstance(decision, Equilibria):
        return EquilibriaOutcome(problem, decision, tuple(evaluate_network(problem, e.network) for e in decision))
    return evaluate_network(problem, problem.network(decision))


def evaluate_network(problem: SourcingProblem, network: Network) -> SourcingOutcome:
    """Return the fixed-network equilibrium of a network."""
    formed = Formed.of(problem, network.links)

    def none(reason: str) -> SourcingOutcome:
        nothing = np.full(problem.n, np.nan)
        return SourcingOutcome(problem, network, formed, reason, math.nan, math.nan, nothing, nothing)

    labour = problem.L - formed.labour - _trade_labour(problem, network)
    if not labour > 0:
        return none(f"fixed costs leave no labour: Σ f = {problem.L - labour:g} of L = {problem.L:g}")
    a_b = formed.costs(np.column_stack([problem.labour_weight, _imported(problem, network)]))
    if a_b is None:
        return none("costs do not exist: the spectral radius of Φ~Γ' is at least 1, since firms buy in circles")
    d_e = formed.demands(np.column_stack([problem.home_costs, _exported(problem, network)]))
    if d_e is None:
        return none("sales do not exist: markups below 1 in a circle multiply demand without end")
    if problem.open is None:
        A = labour / float(problem.labour_weight @ d_e[:, 0])
        return SourcingOutcome(problem, network, formed, "", 1.0, A, a_b[:, 0], A * d_e[:, 0])
    sums = TradeSums.of(problem, network, labour, a_b, d_e)
    reason, w, A = sums.solve()
    if reason:
        return none(reason)
    T = a_b[:, 0] * w ** (1 - problem.sigma) + a_b[:, 1]
    return SourcingOutcome(problem, network, formed, "", w, A, T, A * d_e[:, 0] + problem.open.D_F * d_e[:, 1])


def _trade_labour(problem: SourcingProblem, network: Network) -> float:
    if problem.open is None:
        return 0.0
    return float(network.imports @ problem.open.f_import + network.exports @ problem.open.f_export)


def _imported(problem: SourcingProblem, network: Network) -> Vector:
    imported: Vector = network.imports * problem.foreign_input
    return imported


def _exported(problem: SourcingProblem, network: Network) -> Vector:
    exported: Vector = network.exports * problem.foreign_costs
    return exported


@dataclass(frozen=True)
class TradeSums:
    """What decides w and A in an open economy: labour w^σ = A S_d + S_e, ε_a w^(1−σ) + ε_b = A m_d + m_e.

    Foreign demand D_F is part of S_e, ε and m_e.
    """

    sigma: float
    labour: float
    S_d: float
    S_e: float
    eps_a: float
    eps_b: float
    m_d: float
    m_e: float

    @classmethod
    def of(cls, problem: SourcingProblem, network: Network, labour: float, a_b: Vector, d_e: Vector) -> TradeSums:
        """Return the sums over firms."""
        assert problem.open is not None
        D_F = problem.open.D_F
        S, m = problem.labour_weight @ d_e, _imported(problem, network) @ d_e
        eps = D_F * ((network.exports * problem.foreign) @ a_b)
        return cls(
            problem.sigma,
            labour,
            *(float(number) for number in (S[0], D_F * S[1], eps[0], eps[1], m[0], D_F * m[1])),
        )

    def A(self, w: float) -> float:
        """A that clears the labour market at a wage."""
        return float((w**self.sigma * self.labour - self.S_e) / self.S_d)

    def demand(self, w: float) -> float:
        """A at the wage that clears both markets, from their sum; labour alone says little where exports take it all.

        What households pay for labour and imports is what labour earns, and what exports earn beyond their own costs.
        """
        u = w ** (1 - self.sigma)
        exports = (self.eps_a - self.S_e) * u + (self.eps_b - self.m_e)
        return float((w * self.labour + exports) / (u * self.S_d + self.m_d))

    def surplus(self, w: float) -> float:
        """Exports minus imports at a wage, with A as labour clears; falls in w."""
        return float(self.eps_a * w ** (1 - self.sigma) + self.eps_b - self.A(w) * self.m_d - self.m_e)

    def solve(self) -> tuple[str, float, float]:
        """Return a reason why there is no equilibrium, or an empty one with w and A."""
        exports, imports = self.eps_a > 0, self.m_d + self.m_e > 0
        if not exports and not imports:
            return "", 1.0, self.A(1.0)
        if not exports or not imports:
            who = "nobody exports although firms import" if imports else "nobody imports although firms export"
            return f"trade cannot balance: {who}", math.nan, math.nan
        least = math.log(self.S_e / self.labour) / self.sigma if self.S_e > 0 else -math.inf
        log_w = _falling_root(lambda t: self.surplus(math.exp(t)), least, LARGEST_LOG / self.sigma)
        if log_w is None:
            return "trade cannot balance: exports exceed imports at every wage", math.nan, math.nan
        w = math.exp(log_w)
        A = self.demand(w)
        if not (self.A(w) > 0 and A > 0):
            return "households are left with nothing: trade balances at no positive demand", math.nan, math.nan
        return "", w, A


def _falling_root(f: Callable[[float], float], least: float, limit: float) -> float | None:
    """Return where a function falls through zero right of ``least``, within ±limit, or None; to the last digit."""
    from scipy.optimize import brentq

    low = max(least, -limit)
    start = low if math.isfinite(least) else 0.0
    step, high = 1.0, start
    while f(high) > 0:
        high += step
        step *= 2
        if high > limit:
            return None
    low = high if not math.isfinite(least) else least
    step = 1.0
    while not math.isfinite(least) and f(low) < 0:
        low -= step
        step *= 2
        if low < -limit:
            return None
    if f(low) < 0:
        return None
    if low == high:
        return low
    return float(brentq(f, low, high, xtol=WAGE_DIGITS, rtol=8.9e-16, maxiter=500))


def _not_autarky(problem: SourcingProblem, alone: Any) -> list[str]:
    """Return why a network without trade is no equilibrium at the wages that it is said to be one."""
    from endonet.formulations.sourcing.choice import autarky_wages

    outcome = evaluate_network(problem, alone.network)
    if not outcome.feasible:
        return [f"is none: {outcome.reason}"]
    if outcome.wage_determined:
        return ["has trade"]
    found = autarky_wages(outcome)
    if found is None:
        return ["is no equilibrium at any wage"]
    pairs = (("lowest wage", alone.lowest, found[0]), ("highest wage", alone.highest, found[1]))
    pairs += (("real income", alone.real_income, outcome.real_income),)  # type: ignore[assignment]
    return [
        f"has the {what} {is_:.12g}, not {said:.12g}"
        for what, said, is_ in pairs
        if said != is_ and not abs(said - is_) <= CLAIMED * abs(is_)
    ]


def _ces(alpha: Any, share: Any, quantity: Vector, sigma: float) -> Vector:
    """Return share^(1/σ) (α q)^((σ−1)/σ): what a mass ``share`` of buyers with equal parts of q make of it."""
    found: Vector = share ** (1 / sigma) * (alpha * quantity) ** ((sigma - 1) / sigma)
    return found


def _ratio(above: Vector, below: Vector) -> Vector:
    ratio: Vector = np.divide(above, below, out=np.full(above.size, np.nan), where=below > 0)
    return ratio


def _furthest(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the largest difference relative to the larger of the two."""
    scale = np.maximum(np.abs(one), np.abs(other))
    return float(np.max(np.abs(one - other) / np.where(scale > 0, scale, 1.0)))
