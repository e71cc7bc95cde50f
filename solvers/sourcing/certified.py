"""All equilibria with a proof, by branch and prune over wages, demand and links.

Both games of the paper are supermodular once A and w are given, so that a box of these bounds every decision, and the
bounds on decisions bound the box (`box`; `sweep` at any size). What is left open is split: the box while it is wide,
then single decisions. A node closes when nothing is left in it, or one network, which the problem's evaluator judges
exactly. The tree of splits is the certificate.

In an open economy networks without trade are a case of their own, since nothing determines their wage: their domestic
equilibria are searched as those of a closed economy, and each is an equilibrium at the wages at which nobody wants to
trade.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.decisions import Equilibria
from endonet.formulations.sourcing.problem import SourcingProblem
from endonet.solvers.interrupt import Interrupt
from endonet.solvers.progress import Progress
from endonet.solvers.solution import EQUILIBRIA, Finding, Proves, StoppedBy
from endonet.solvers.sourcing import answers, box, sweep
from endonet.solvers.sourcing.accepted import EconomySolver, smoothed
from endonet.solvers.sourcing.enumeration import undecided
from endonet.solvers.sourcing.game import Bits, Game, game_of, network_of
from endonet.solvers.sourcing.tiny import tiny_economy
from endonet.solvers.sourcing.tree import Entry, Search, root

DENSE = 400  # firms of a cyclic, open or supplier-initiated economy
# How wide a box is still split, in logs, and how often in a row without deciding anything.
WIDE, PATIENCE = 0.01, 8
WIDE_SWEEP, PATIENCE_SWEEP = 1e-8, 1000
KIND = "sourcing tree"


@dataclass(frozen=True, kw_only=True)
class Certified(EconomySolver):
    """Branch and prune: lists all equilibria, and proves that there is no other, with a tree that `check` replays.

    Buyers or suppliers, acyclic or cyclic, closed or open. Closed acyclic economies in which buyers initiate are solved
    at any size; there at most one equilibrium exists (Proposition 1), and the search is a bisection.

    Parameters
    ----------
    node_limit : int, default 1000000
        Nodes of the tree after which the search stops.
    resume : mapping, optional
        The certificate of a search that a limit ended; the search goes on there.
    """

    name: ClassVar[str] = "certified"
    title: ClassVar[str] = "Branch and prune: all equilibria, with a tree as certificate"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    question: ClassVar[str] = EQUILIBRIA
    for_choices: ClassVar[str] = "endonet.solvers.sourcing.squeezing:Squeezing"

    node_limit: int = 1_000_000
    resume: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.node_limit < 1:
            raise InputError("node_limit", f"{self.node_limit} is too small", "give a number ≥ 1")

    def refuses_economy(self, problem: SourcingProblem) -> str:
        """Return the reason if the choice is smoothed, a markup is below 1, or the economy is too large."""
        return refusal(problem)

    def prepare(self) -> None:
        """Compile the kernels."""
        for opened, cyclic in ((True, True), (False, False)):
            tiny = tiny_economy(opened=opened, cyclic=cyclic)
            tasks = plan(tiny, answers.Judged(tiny), None)
            for task in tasks.values():
                while task.stack:
                    task.step()
            tiny.evaluate([]).choice  # type: ignore[union-attr]  # noqa: B018

    def run(self, problem: SourcingProblem, formulation: str | None) -> Finding:
        """Search every part of the plan."""
        del formulation
        begun = time.perf_counter()
        judged = answers.Judged(problem)
        earlier = None if self.resume is None else _earlier(problem, self.resume, judged)
        tasks = plan(problem, judged, earlier)
        stopped_by = StoppedBy.FINISHED
        with Interrupt() as interrupt, Progress(self.log, begun) as progress:
            for task in tasks.values():
                while task.stack:
                    nodes = sum(part.splits + part.leaves for part in tasks.values())
                    if interrupt.requested:
                        stopped_by = StoppedBy.INTERRUPTED
                    elif self.time_limit is not None and time.perf_counter() - begun > self.time_limit:
                        stopped_by = StoppedBy.TIME_LIMIT
                    elif nodes >= self.node_limit:
                        stopped_by = StoppedBy.NODE_LIMIT
                    if stopped_by is not StoppedBy.FINISHED:
                        break
                    task.step()
                    progress.show(nodes=nodes, open=len(task.stack), equilibria=len(judged))
        done = all(task.done for task in tasks.values())
        listed = judged.listed()
        certificate: dict[str, Any] = {"kind": KIND, "version": 1}
        certificate |= {name: task.whole_tree() for name, task in tasks.items()}
        if not done:
            certificate["found"] = answers.encoded(problem, listed)
        return answers.finding(
            problem,
            listed,
            complete=done,
            stopped_by=StoppedBy.FINISHED if done else stopped_by,
            certificate=certificate,
            statistics={
                "splits": sum(task.splits for task in tasks.values()),
                "leaves": sum(task.leaves for task in tasks.values()),
                "networks": judged.judged,
            },
            undecided=judged.undecided,
        )


def refusal(problem: SourcingProblem) -> str:
    """Return why the lattice bounds do not hold for a problem, or cost too much; empty if they do."""
    if problem.smoothed:
        return smoothed(problem)
    if min(float(np.min(mu)) for mu in (problem.mu_H, problem.mu_links, problem.mu_F) if np.size(mu)) < 1:
        return "with a markup below 1 more links need not raise profits; use enumeration"
    if problem.n > DENSE and not sweeps(problem):
        return f"beyond {DENSE} firms it takes closed acyclic economies in which buyers initiate at cost; use " + (
            "sequential" if problem.initiator == "buyer" and problem.acyclic and problem.regime else "replies"
        )
    return ""


def sweeps(problem: SourcingProblem) -> bool:
    """Return whether `sweep` applies: closed, acyclic, and nobody earns from other firms."""
    between = np.all(np.asarray(problem.mu_links) == 1)
    return problem.open is None and problem.initiator == "buyer" and problem.acyclic and bool(between)


def plan(
    problem: SourcingProblem, judged: answers.Judged, earlier: Mapping[str, list[Entry]] | None
) -> dict[str, Search]:
    """Return the searches that together list all equilibria: ``domestic``, and in an open economy ``trade``."""
    game = game_of(problem)
    lo, open_ = undecided(problem)
    hi = lo | open_.astype(np.int8)

    def search(name: str, data: Any, first: Bits, last: Bits, made: Bits | None = None) -> Search:
        kernel = sweep.narrow if sweeps(problem) else box.narrow

        def narrow(a: Bits, b: Bits, c: Any, d: Any) -> int:
            return int(kernel(data, a, b, c, d))

        def judge(bits: Bits) -> None:
            judged.judge(network_of(problem, bits if made is None else bits | made))

        width, patience = (WIDE_SWEEP, PATIENCE_SWEEP) if sweeps(problem) else (WIDE, PATIENCE)
        start = [root(first, last, data.opened)]
        known = list((earlier or {}).get(name, []))
        return Search(problem, narrow, judge, start, known, width, patience, [])

    if problem.open is None:
        return {"domestic": search("domestic", game, lo, hi)}
    nothing = np.zeros(problem.n)
    names = ("foreign", "foreign_spent", "foreign_earns", "foreign_input")
    closed: Game = game._replace(opened=False, **dict.fromkeys(names, nothing))  # type: ignore[arg-type]
    m = problem.m
    traded = np.concatenate([problem.foreign_input > 0, problem.foreign * problem.open.D_F > 0])
    tasks = {"trade": search("trade", game, lo, hi)}
    if not (lo[m:].astype(bool) & traded).any():
        alone, last = lo.copy(), hi.copy()
        alone[m:] = last[m:] = 0  # trade that costs nothing and comes to nothing is made, but no part of the search
        tasks["domestic"] = search("domestic", closed, alone, last, lo)
    return tasks


def _earlier(problem: SourcingProblem, resume: Mapping[str, Any], judged: answers.Judged) -> dict[str, list[Entry]]:
    """Return the trees of an earlier search, after judging anew what it found."""
    trees = {name: resume.get(name) for name in ("domestic", "trade") if name in resume}
    if resume.get("kind") != KIND or not all(isinstance(tree, list) for tree in trees.values()):
        raise InputError("resume", "it is no certificate of such a search", "give one that certified wrote")
    listed = problem.decode_decision(resume.get("found", {"equilibria": []}))
    if not isinstance(listed, Equilibria):
        raise InputError("resume.found", "it is no list of equilibria", "give the certificate as it was written")
    for network in listed.networks():
        judged.judge(network)
    return {name: list(tree) for name, tree in trees.items() if tree is not None}
