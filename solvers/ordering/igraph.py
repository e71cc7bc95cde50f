"""igraph's feedback arc sets: an outside solver, heuristic or exact.

    eades    its own Eades–Lin–Smyth, with exact weights
    ip_ti    integer programming with all 3-dicycle rows of the linear ordering problem
    ip_cg    integer programming over cycles, found as they are violated

What igraph returns is a set of links; the order is a topological one of what is left. The exact methods have no limit
of their own: under ``time_limit`` they run in a process that is ended. Their bound is igraph's claim, and not
certified.

Source: Csárdi and Nepusz, *The igraph software package for complex network research* (2006), `feedback_arc_set`.
"""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp

from endonet.formulations.errors import EndonetError, InputError
from endonet.formulations.ordering.problem import Order, OrderingProblem
from endonet.solvers.base import Solver
from endonet.solvers.ordering.net import net_links
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy

METHODS = ("ip_ti", "ip_cg", "eades")
ROUNDING = 1e-9  # igraph sums doubles; the bound is so much below its value, relatively, where weights are not whole


@dataclass(frozen=True, kw_only=True)
class Igraph(Solver[OrderingProblem]):
    """igraph's exact methods and its heuristic, as an outside solver.

    Parameters
    ----------
    method : {"ip_ti", "ip_cg", "eades"}, default "ip_ti"
        See the module; "eades" proves nothing.
    """

    name: ClassVar[str] = "igraph"
    title: ClassVar[str] = "igraph's feedback arc sets, exact or greedy"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM
    packages: ClassVar[tuple[str, ...]] = ("igraph",)
    remedy: ClassVar[str] = "pip install 'endonet[igraph]'"

    method: Literal["ip_ti", "ip_cg", "eades"] = "ip_ti"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in METHODS:
            raise InputError("method", f"{self.method!r} is unknown", f"use one of {', '.join(METHODS)}")

    def prepare(self) -> None:
        """Import igraph."""
        import igraph  # noqa: F401

    def run(self, problem: OrderingProblem, formulation: str | None) -> Finding:
        """Ask igraph and order what its answer leaves."""
        del formulation
        links = np.column_stack([problem.tails, problem.W.indices]).tolist()
        arguments = (problem.n, links, problem.W.data.tolist(), self.method)
        if self.time_limit is None or self.method == "eades":
            removed: list[int] | None = feedback_arcs(*arguments)
        else:
            removed = _within(self.time_limit, arguments)
        if removed is None:
            return Finding(None, Status.NO_SOLUTION, StoppedBy.TIME_LIMIT)
        order = _order(problem, removed)
        if self.method == "eades":
            return Finding(order, Status.STATIONARY)
        claimed = problem.sum(problem.W.data[removed])
        bound = claimed if problem.integral else claimed * (1 - ROUNDING)
        note = "the bound is igraph's own claim, and not certified"
        return Finding(order, Status.OPTIMAL, claimed_value=claimed, bound=bound, notes=(note,))


def feedback_arcs(n: int, links: list[list[int]], weights: list[float], method: str) -> list[int]:
    """Return the numbers of the links that igraph takes out."""
    import igraph

    graph = igraph.Graph(n=n, edges=links, directed=True)
    removed: list[int] = graph.feedback_arc_set(weights=weights, method=method)
    return removed


def _within(seconds: float, arguments: tuple[Any, ...]) -> list[int] | None:
    """Return what `feedback_arcs` does, or None if it takes longer; starting the process does not count."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_answer, args=(there, arguments), daemon=True)
    process.start()
    there.close()
    try:
        here.recv()
        if not here.poll(seconds):
            return None
        removed: list[int] = here.recv()
        return removed
    except EOFError:
        raise EndonetError("igraph ended without an answer") from None
    finally:
        process.kill()
        process.join()
        here.close()


def _answer(pipe: Connection, arguments: tuple[Any, ...]) -> None:
    import igraph  # noqa: F401

    pipe.send("ready")
    pipe.send(feedback_arcs(*arguments))


def _order(problem: OrderingProblem, removed: list[int]) -> Order:
    """Return a topological order of the links that are left.

    Raises
    ------
    EndonetError
        If igraph's answer leaves a cycle.
    """
    kept = np.ones(problem.links)
    kept[removed] = 0.0
    W = sp.csr_array((kept, problem.W.indices, problem.W.indptr), shape=problem.W.shape, copy=True)
    W.eliminate_zeros()
    if W.nnz == 0:
        return np.arange(problem.n)
    members = net_links(OrderingProblem(W)).members()
    if max(part.size for part in members) > 1:
        raise EndonetError("igraph's answer leaves a cycle")
    return np.concatenate(members)
