"""The sequential algorithm of paper 002 (section 3.2.1, appendices A.3, A.4, A.5.1) at any size.

Given wage and household demand, firms in a sequence choose one after the other, each knowing the costs of those before.
What remains is to find the (w, A) that the chosen network implies; see `endonet.solvers.sourcing.balance`. An
equilibrium that is returned was reached from one guess: in a closed economy there is no other (Proposition 1), in an
open one there may be, and ``located`` in the statistics says in which box there is none. Without smoothing there may be
no equilibrium at all; then the answer names the choices that circle.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.decisions import Equilibria, Equilibrium, Network
from endonet.formulations.sourcing.parallel import THREADS
from endonet.formulations.sourcing.problem import Smoothing, SourcingProblem
from endonet.solvers.base import Solver
from endonet.solvers.progress import Progress
from endonet.solvers.solution import EQUILIBRIA, Finding, Proves, Status, StoppedBy
from endonet.solvers.sourcing import market as markets
from endonet.solvers.sourcing.answers import OTHERS
from endonet.solvers.sourcing.balance import Balance, Jump, balance, may_do_without_trade
from endonet.solvers.sourcing.market import Market
from endonet.solvers.sourcing.network import spread
from endonet.solvers.sourcing.tiny import tiny_economy

SHOWN = 6
AUTARKY = "firms may do without trade, where nothing determines the wage; use certified or enumeration"


@dataclass(frozen=True, kw_only=True)
class Sequential(Solver[SourcingProblem]):
    """Firms choose in sequence at a guess of (w, A) until the network they choose implies the guess.

    Takes acyclic economies whose links are initiated by buyers, closed or open, smoothed or not. ``STATIONARY`` says
    that the answer is an equilibrium; ``INFEASIBLE`` that there is none, which is claimed where every equilibrium was
    looked for: in closed economies, and in open ones small enough to bound all of them.

    Parameters
    ----------
    initial : [w, A], optional
        A guess to start from.
    tolerance : float, default 1e-10
        How far, relatively, wage and demand may be from those that the network implies.
    max_evaluations : int, default 200
        Sweeps over the economy after which it gives up.
    """

    name: ClassVar[str] = "sequential"
    title: ClassVar[str] = "Sequential algorithm: firms choose in turn, wage and demand by Broyden's method"
    proves: ClassVar[Proves] = Proves.STATIONARY_POINT
    question: ClassVar[str] = EQUILIBRIA

    tolerance: float = 1e-10
    max_evaluations: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.tolerance < 1:
            raise InputError("tolerance", f"{self.tolerance} is no tolerance", "give a number between 0 and 1")
        if self.max_evaluations < 1:
            raise InputError("max_evaluations", f"{self.max_evaluations} is too small", "give a number ≥ 1")

    def refuses(self, problem: Any) -> str:
        """Return the reason if firms cannot choose one after the other."""
        if not isinstance(problem, SourcingProblem):
            return f"sequential solves economies of firms, and this is a {type(problem).__name__}; use certified"
        others = "use replies or certified" + (", without smoothing" if problem.smoothed else "")
        if problem.initiator != "buyer":
            return f"suppliers initiate links, so that firms do not choose in sequence; {others}"
        if not problem.acyclic:
            way = " → ".join(map(str, [*problem.cycle, problem.cycle[0]]))
            return f"firms may buy in a circle ({way}), so that there is no sequence; {others}"
        if not problem.regime:
            return f"markups differ from the paper's, on which the choice of links rests; {others}"
        return ""

    def prepare(self) -> None:
        """Compile the kernels."""
        for opened in (False, True):
            tiny = tiny_economy(opened=opened, cyclic=False)
            for smoothing in (None, Smoothing(relative=1e-3)):
                economy = markets.market(SourcingProblem.from_links(**_fields(tiny), smoothing=smoothing))
                spread(economy, balance(economy).network)

    def run(self, problem: SourcingProblem, formulation: str | None) -> Finding:
        """Balance wage and demand."""
        del formulation
        begun = time.perf_counter()
        deadline = None if self.time_limit is None else begun + self.time_limit
        economy = markets.market(problem)
        threads = THREADS.set(self.threads)
        try:
            with Progress(self.log, begun) as progress:
                found = balance(
                    economy,
                    self._start(problem),
                    min(self.tolerance, 1e-13),
                    self.max_evaluations,
                    deadline,
                    progress.show,
                )
        except KeyboardInterrupt:
            return Finding(None, Status.NO_SOLUTION, StoppedBy.INTERRUPTED)
        finally:
            THREADS.reset(threads)
        statistics = _statistics(found)
        if found.residual <= self.tolerance:
            return Finding(
                Equilibria((equilibrium(problem, economy, found),)),
                Status.STATIONARY,
                notes=_notes(problem, found),
                statistics=statistics,
            )
        late = deadline is not None and time.perf_counter() > deadline
        circles = StoppedBy.FINISHED if found.jump is None else StoppedBy.CYCLE
        stopped_by = StoppedBy.TIME_LIMIT if late else circles
        if not late and found.jump is None and found.evaluations >= self.max_evaluations:
            stopped_by = StoppedBy.ITERATION_LIMIT
        note = explained(economy, found)
        nowhere = found.proved is not None and (found.covers_all or (problem.open is None and found.jump is not None))
        if nowhere and problem.open is not None and may_do_without_trade(economy):
            nowhere, note = False, AUTARKY
        if not late and nowhere:
            return Finding(Equilibria((), note=note), Status.INFEASIBLE, notes=(note,), statistics=statistics)
        return Finding(None, Status.NO_SOLUTION, stopped_by, notes=(note,), statistics=statistics)

    def _start(self, problem: SourcingProblem) -> tuple[float, float] | None:
        if self.initial is None:
            return None
        try:
            w, A = (float(number) for number in self.initial)
        except (TypeError, ValueError):
            raise InputError("initial", f"{self.initial!r} is no [w, A]", "give two positive numbers") from None
        if not (0 < w < math.inf and 0 < A < math.inf):
            raise InputError("initial", f"{self.initial!r} is no [w, A]", "give two positive numbers")
        return (w if problem.open is not None else 1.0), A


def equilibrium(problem: SourcingProblem, economy: Market, found: Balance) -> Equilibrium:
    """Return an equilibrium in the problem's own terms."""
    links, imports, exports = spread(economy, found.network)
    if not problem.smoothed:
        links, imports, exports = links > 0.5, imports > 0.5, exports > 0.5
        if problem.open is not None:  # trade that costs nothing and comes to nothing is a tie, hence made
            imports |= (problem.open.f_import == 0) & (problem.foreign_input == 0)
            exports |= (problem.open.f_export == 0) & (problem.foreign * problem.open.D_F == 0)
    u, mu = found.w ** (1 - problem.sigma), economy.mu
    totals = markets.sums(economy, found.choices)
    power = mu ** (1 - problem.sigma) * (totals.Ha * u + totals.Hb)
    P = power ** (1 / (1 - problem.sigma))
    return Equilibrium(Network(links, imports, exports), found.A, found.A * power, P, found.w)


def explained(economy: Market, found: Balance) -> str:
    """Return one sentence on why no equilibrium is returned."""
    if found.jump is not None:
        where = " and ".join(f"(w, A) = ({w:.9g}, {A:.9g})" for w, A in found.jump.points[:2])
        return (
            f"no equilibrium{_within(found)}: replies circle through {len(found.jump.points)} networks that differ in "
            f"{_listed(economy, found.jump)}; their own equilibria, among them {where}, each ask for the next"
        )
    if found.located is not None and found.located.complete:
        return f"no equilibrium{_within(found)}"
    if found.located is not None and found.located.autarky:
        return AUTARKY
    if found.located is not None:
        return f"{len(found.located.left)} parts of the search are unsettled; use certified or enumeration"
    return f"wage and demand did not settle: the residual is {found.residual:.2g} after {found.evaluations} sweeps"


def _within(found: Balance) -> str:
    if found.proved is None or found.covers_all:
        return ""
    w1, w2, A1, A2 = (math.exp(end) for end in found.proved)
    return f" with w in [{w1:.6g}, {w2:.6g}] and A in [{A1:.6g}, {A2:.6g}]"


def _listed(economy: Market, jump: Jump) -> str:
    """Return the choices that change along a circle, in the problem's own numbers."""
    name = np.arange(economy.n) if economy.order is None else economy.order
    words = [f"link {name[k]}→{name[j]}" for k, j in jump.links]
    words += [f"imports of firm {name[j]}" for j in jump.importers]
    words += [f"exports of firm {name[j]}" for j in jump.exporters]
    return ", ".join(words[:SHOWN]) + (", …" if len(words) > SHOWN else "")


def _notes(problem: SourcingProblem, found: Balance) -> tuple[str, ...]:
    if problem.open is None:
        return ("a closed acyclic economy has no other equilibrium (Proposition 1)",)
    if found.located is None or found.proved is None:
        return (OTHERS,)
    several = len(found.located.found)
    count = "it is the only one" if several == 1 else f"it is one of {several}"
    return (f"{count}{_within(found)}",)


def _statistics(found: Balance) -> dict[str, Any]:
    return {
        "evaluations": found.evaluations,
        "pairs_kept": found.kept,
        "residual": found.residual,
        "located": None if found.proved is None else [math.exp(end) for end in found.proved],
    }


def _fields(problem: SourcingProblem) -> dict[str, Any]:
    names = ("supplier", "alpha", "f", "phi", "alpha_L", "beta_H", "sigma", "open")
    return {name: getattr(problem, name) for name in names} | {"buyer": problem.buyer}
