"""What the solvers that list equilibria share: candidates judged by the evaluator, and the finding made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from endonet.formulations.sourcing import decisions
from endonet.formulations.sourcing.choice import autarky_wages
from endonet.formulations.sourcing.decisions import Autarky, Equilibria, Equilibrium, Network
from endonet.formulations.sourcing.evaluation import SourcingOutcome, evaluate_network
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.solution import Finding, Status, StoppedBy

CONTINUUM = "without trade nothing determines the wage: decision.autarky gives the wages at which nobody wants to trade"

OTHERS = "whether there are other equilibria was not asked; an open economy may have several"


class Judged:
    """Networks that the evaluator was asked about, each once.

    Attributes
    ----------
    judged : int
        How many there were.
    undecided : int
        How many of them have a decision too near a tie for the arithmetic used.
    """

    def __init__(self, problem: SourcingProblem) -> None:
        self.problem = problem
        self.judged = self.undecided = 0
        self._seen: set[bytes] = set()
        self._found: list[Equilibrium] = []
        self._autarky: list[Autarky] = []

    def __len__(self) -> int:
        return len(self._found)

    def judge(self, network: Network) -> SourcingOutcome | None:
        """Ask about a network, and keep it if it is an equilibrium; None if it was asked about before."""
        if network.key() in self._seen:
            return None
        self._seen.add(network.key())
        self.judged += 1
        outcome = evaluate_network(self.problem, network)
        if not outcome.feasible:
            return outcome
        if not outcome.wage_determined:
            wages = autarky_wages(outcome)
            if wages is not None:
                self._autarky.append(Autarky(network, *wages, outcome.real_income))
            return outcome
        if outcome.choice.undecided.any():
            self.undecided += 1
        if outcome.equilibrium:
            self._found.append(outcome.as_equilibrium())
        return outcome

    def listed(self) -> Equilibria:
        """Return what was found."""
        return decisions.listed(self._found, self._autarky)


def _beyond_labour(problem: SourcingProblem) -> tuple[str, ...]:
    """Return a note if fixed costs may need more labour than there is."""
    economy = problem.open
    fixed = [problem.f.astype(np.float64), *(() if economy is None else (economy.f_import, economy.f_export))]
    total, dear = sum(float(f.sum()) for f in fixed), sum(int((f >= problem.L).sum()) for f in fixed)
    if total < problem.L:
        return ()
    alone = f"; {dear} of them alone cost as much, and are never made" if dear else ""
    return (
        f"all links and trade together would cost Σ f = {total:g} of L = {problem.L:g} in labour: networks that leave "
        f"none cannot operate, and are no equilibria{alone}",
    )


def encoded(problem: SourcingProblem, listed: Equilibria) -> dict[str, Any]:
    """Return a list of equilibria as JSON-ready data."""
    return decisions.encode(problem, listed)


def finding(
    problem: SourcingProblem,
    listed: Equilibria,
    *,
    complete: bool,
    stopped_by: StoppedBy,
    certificate: Mapping[str, Any] | None,
    statistics: Mapping[str, Any],
    undecided: int = 0,
    notes: tuple[str, ...] = (),
) -> Finding:
    """Return a finding that claims the list complete, or that there is no equilibrium, or neither."""
    if listed.autarky:
        notes = (*notes, CONTINUUM)
    if undecided:
        complete = False
        notes = (
            *notes,
            f"{undecided} networks have a decision so near a tie that doubles cannot settle it in an economy of this "
            "size; the list is not proved complete",
        )
    notes = (*notes, *_beyond_labour(problem))
    nothing = not listed.found and not listed.autarky
    if complete and nothing:
        from endonet.solvers.sourcing.jump import explain

        note = explain(problem)
        return Finding(
            replace(listed, note=note),
            Status.INFEASIBLE,
            stopped_by,
            certificate=certificate,
            notes=(*notes, note),
            statistics=statistics,
        )
    claim = Status.OPTIMAL if complete else Status.FEASIBLE
    if not complete and nothing:
        return Finding(
            None, Status.NO_SOLUTION, stopped_by, certificate=certificate, notes=notes, statistics=statistics
        )
    return Finding(listed, claim, stopped_by, certificate=certificate, notes=notes, statistics=statistics)
