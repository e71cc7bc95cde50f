"""Small digraphs whose best order is found by trying every order, with the evaluator alone."""

from __future__ import annotations

import itertools

import numpy as np
import scipy.sparse as sp

from endonet.formulations.ordering.problem import OrderingProblem


def digraph(seed: int, n: int = 6, share: float = 0.6, whole: bool = True) -> OrderingProblem:
    """Return a random digraph with a cycle through all its nodes."""
    draw = np.random.default_rng(seed)
    W = np.where(draw.random((n, n)) < share, draw.random((n, n)) * 20, 0.0)
    W[np.arange(n), np.roll(np.arange(n), 1)] += 1.0
    np.fill_diagonal(W, 0.0)
    return OrderingProblem(W=sp.csr_array(np.ceil(W) if whole else W), name=f"tiny-{seed}")


def best_order_by_trying_all(problem: OrderingProblem) -> float:
    """Return the optimum, by evaluating every order."""
    return min(problem.evaluate(order).value for order in itertools.permutations(range(problem.n)))


def unit_tournament() -> OrderingProblem:
    """Return five nodes in a circle, each linked with the two that follow: many orders are best."""
    n = 5
    W = np.zeros((n, n))
    for step in (1, 2):
        W[np.arange(n), (np.arange(n) + step) % n] = 1.0
    return OrderingProblem(W=sp.csr_array(W), name="circle")


def acyclic() -> OrderingProblem:
    """Return five nodes in a line, with all links forward: the optimum is 0."""
    return OrderingProblem(W=sp.csr_array(np.triu(np.ones((5, 5)), 1)[:, ::-1][::-1].copy()), name="acyclic")


TINY_DIGRAPHS = {
    "dense": lambda: digraph(1, share=1.0),
    "sparse": lambda: digraph(2, share=0.3),
    "weights that are not whole": lambda: digraph(3, whole=False),
    "ties": unit_tournament,
    "acyclic": acyclic,
}
