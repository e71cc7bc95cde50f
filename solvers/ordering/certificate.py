"""The certificate of an ordering, and the check that verifies it without a solver, in integers.

    {"kind": "cycle packing", "version": 2, "cap": null, "components": [
        {"nodes": [2, 5, 7, …], "bound": 123,
         "cycles": [[0, 1, 2], …],                                  places in "nodes"
         "cuts": [{"cycles": [0, 4, 7], "links": [[1, 0]]}, …],     numbers of cycles; links of places
         "tree": [{"parent": -1, "before": -1, "after": -1},
                  {"parent": 0, "before": 5, "after": 7}, {"parent": 0, "before": 7, "after": 5}, …],
         "leaves": {"1": {"row": [0, 4, -1, …], "amount": [17, 3, 5, …]}, …}}]}

A component is any set of nodes, disjoint from the others; ``bound`` is what its own pairs cost every order at least
beyond the lighter link of each two-cycle. A tree splits its orders by which node of a pair comes first, and multipliers
of rows bound every leaf (`packing.excess`): c names cycle c, −1 − c names cut c. All pairs of nodes of different
components cost at least their lighter link, so that the bounds add up. Amounts and bounds are in the units of
`packing.units`, which follow from the weights, lowered to ``cap`` where one is given.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from endonet.formulations.errors import InputError, VerificationError
from endonet.formulations.ordering.problem import OrderingProblem
from endonet.solvers import claims
from endonet.solvers.ordering.packing import ROOM, Cycles, Ints, Lists, Multipliers, Pool, Units, capped, excess, units
from endonet.solvers.solution import Solution, Status

KIND = "cycle packing"
VERSION = 2
VALUE_TOLERANCE = 1e-12
NEEDS_DECISION = (Status.OPTIMAL, Status.FEASIBLE, Status.LOCAL, Status.STATIONARY, Status.NOT_CONVERGED)
IMPOSSIBLE = (Status.INFEASIBLE, Status.UNBOUNDED)


def pack(
    nodes: Ints, pool: Pool, tree: list[dict[str, Any]], leaves: Mapping[int, Multipliers], bound: int
) -> dict[str, Any]:
    """Return one component's proof as JSON-ready data, with only the cycles and cuts that a leaf uses."""
    rows = np.unique(np.concatenate([np.empty(0, np.int64), *(m.row for m in leaves.values())]))
    cuts = -1 - rows[rows < 0][::-1]
    sources, links = pool.sources.take(cuts), pool.links.take(cuts)
    cycles = np.unique(np.concatenate([rows[rows >= 0], sources.item]))
    ends = np.searchsorted(nodes, np.column_stack([links.item // pool.n, links.item % pool.n]))
    sources = Lists(sources.pointer, np.searchsorted(cycles, sources.item))
    listed = pool.cycles.take(cycles)

    def renamed(row: Ints) -> list[int]:
        of_cycle, of_cut = np.searchsorted(cycles, row), -1 - np.searchsorted(cuts, -1 - row)
        found: list[int] = np.where(row >= 0, of_cycle, of_cut).tolist()
        return found

    return {
        "nodes": nodes.tolist(),
        "bound": bound,
        "cycles": Cycles(listed.pointer, np.searchsorted(nodes, listed.item)).tolist(),
        "cuts": [
            {"cycles": of, "links": ends[first:last].tolist()}
            for of, (first, last) in zip(sources.tolist(), itertools.pairwise(links.pointer.tolist()), strict=True)
        ],
        "tree": tree,
        "leaves": {
            str(record): {"row": renamed(m.row), "amount": m.amount.tolist()} for record, m in sorted(leaves.items())
        },
    }


def join(components: list[dict[str, Any]], cap: float | None) -> dict[str, Any]:
    """Return the certificate of all components."""
    return {"kind": KIND, "version": VERSION, "cap": cap, "components": components}


@dataclass(frozen=True)
class Verified:
    """What a check verified.

    Attributes
    ----------
    value, bound : float or None
        The weight that violates the order, by the problem's evaluator, and the bound that the certificate proves.
    forward_weight : float or None
        The weight that runs forward.
    components, leaves, cycles : int
        Size of the certificate.
    """

    value: float | None
    bound: float | None
    forward_weight: float | None = None
    components: int = 0
    leaves: int = 0
    cycles: int = 0

    def __str__(self) -> str:
        value = "no decision" if self.value is None else f"value {self.value:.12g}"
        proof = "no bound claimed" if self.bound is None else f"bound {self.bound:.12g}"
        return f"verified: {value}, {proof} ({self.components} components, {self.leaves} leaves, {self.cycles} cycles)"


def check(problem: OrderingProblem, solution: Solution) -> Verified:
    """Verify every claim of a solution without any solver; return what was verified.

    Raises
    ------
    VerificationError
        Naming the claim that does not hold and by how much.
    """
    claims.belongs(problem, solution)
    if solution.status in IMPOSSIBLE:
        raise VerificationError(f"the status is {solution.status.value}, yet any order is feasible")
    value, forward = _check_decision(problem, solution)
    if solution.status in NEEDS_DECISION and value is None:
        raise VerificationError(f"the status is {solution.status.value}, yet there is no decision")
    claimed = solution.bound
    if claimed is None:
        if solution.status in (Status.OPTIMAL, Status.FEASIBLE):
            raise VerificationError(f"the status is {solution.status.value}, yet there is no bound")
        return Verified(value, None, forward)
    if not 0 <= claimed < math.inf:
        raise VerificationError(f"the bound {claimed} is no finite number ≥ 0")
    if value is not None and claimed > value:
        raise VerificationError(f"the bound {claimed:.15g} is above the value {value:.15g} of the decision")
    if solution.certificate is None:
        raise VerificationError(
            f"the bound of solver {solution.solver!r} comes without a certificate: it is a claim, not a proof; "
            "read the file that --out wrote, or use a solver that certifies"
        )
    size = _prove(problem, solution.certificate, claimed)
    claims.gap_follows(solution, value, claimed)
    return Verified(value, claimed, forward, *size)


def _check_decision(problem: OrderingProblem, solution: Solution) -> tuple[float | None, float | None]:
    encoded = solution.encoded_decision
    if encoded is None:
        if solution.value is not None:
            raise VerificationError("there is a value but no decision")
        return None, None
    try:
        outcome = problem.evaluate(problem.decode_decision(dict(encoded)))
    except InputError as error:
        raise VerificationError(f"the decision cannot be read: {error}") from None
    for name, stated, found in (
        ("value", solution.value, outcome.value),
        ("forward_weight", encoded.get("forward_weight"), outcome.forward_weight),
    ):
        if (
            isinstance(stated, bool)
            or not isinstance(stated, int | float)
            or not abs(stated - found) <= VALUE_TOLERANCE * abs(found)
        ):
            raise VerificationError(f"the claimed {name} is {stated}, the evaluator finds {found!r}")
    return outcome.value, outcome.forward_weight


def _prove(problem: OrderingProblem, certificate: Mapping[str, Any], claimed: float) -> tuple[int, int, int]:
    """Verify that a certificate proves the bound; return its numbers of components, leaves and cycles."""
    if not isinstance(certificate, Mapping):
        raise VerificationError("the certificate is no object")
    if certificate.get("kind") != KIND or certificate.get("version") != VERSION:
        raise VerificationError(f"the certificate is not of kind {KIND!r}, version {VERSION}")
    components = _list(certificate, "components", "certificate")
    cap = certificate.get("cap")
    if cap is not None and not (type(cap) in (int, float) and 0 < cap < math.inf):
        raise VerificationError("certificate.cap is no positive number")
    counted = units(capped(problem, cap))
    taken = np.zeros(problem.n, np.bool_)
    proved, leaves, cycles = counted.base, 0, 0
    for place, component in enumerate(components):
        where = f"certificate.components[{place}]"
        if not isinstance(component, Mapping):
            raise VerificationError(f"{where} is no object")
        nodes = _integers(_list(component, "nodes", where), f"{where}.nodes", problem.n)
        if np.unique(nodes).size != nodes.size or taken[nodes].any():
            raise VerificationError(f"{where}.nodes holds a node twice")
        taken[nodes] = True
        bound = component.get("bound")
        if type(bound) is not int or not 0 <= bound < 2 ** (ROOM + 1):
            raise VerificationError(f"{where}.bound is no number of units")
        found = _prove_component(counted, component, nodes, bound, where)
        proved, leaves, cycles = proved + bound, leaves + found[0], cycles + found[1]
    if not claimed <= counted.value(proved):
        raise VerificationError(
            f"the certificate proves only {counted.value(proved):.15g}, the claim is {claimed:.15g}"
        )
    return len(components), leaves, cycles


def _prove_component(
    counted: Units, component: Mapping[str, Any], nodes: Ints, bound: int, where: str
) -> tuple[int, int]:
    pool = _pool(counted.n, component, nodes, where)
    tree = _list(component, "tree", where)
    ends = _leaves(tree, nodes, where)
    given = component.get("leaves")
    if not isinstance(given, Mapping):
        raise VerificationError(f"{where}.leaves is missing or no object")
    for leaf, fixed in ends.items():
        name = f"{where}.leaves.{leaf}"
        found = excess(counted, pool, _multipliers(given.get(str(leaf)), pool, name), fixed)
        if found is None:
            raise VerificationError(f"{name}.amount adds up beyond what any weights can pay")
        proved = counted.rounded(found)
        if proved < bound:
            raise VerificationError(f"{name} proves only {proved} units, the component claims {bound}")
    return len(ends), pool.cycles.count


def _pool(n: int, component: Mapping[str, Any], nodes: Ints, where: str) -> Pool:
    cycles = _cycles(component, nodes, where)
    sources, links = [], []
    for place, cut in enumerate(_list(component, "cuts", where)):
        name = f"{where}.cuts[{place}]"
        if not isinstance(cut, Mapping):
            raise VerificationError(f"{name} is no object")
        sources.append(_integers(_list(cut, "cycles", name), f"{name}.cycles", cycles.count))
        ends = _list(cut, "links", name)
        if not all(isinstance(end, list) and len(end) == 2 and end[0] != end[1] for end in ends):
            raise VerificationError(f"{name}.links holds something that is no link")
        flat = nodes[_integers([v for end in ends for v in end], f"{name}.links", nodes.size)]
        links.append(flat[::2] * n + flat[1::2])
    return Pool(n, cycles, Lists.of(sources), Lists.of(links))


def _cycles(component: Mapping[str, Any], nodes: Ints, where: str) -> Cycles:
    """Return the cycles in nodes of the whole digraph, each with at least two nodes and none twice."""
    listed = _list(component, "cycles", where)
    if not all(isinstance(cycle, list) and len(cycle) > 1 for cycle in listed):
        raise VerificationError(f"{where}.cycles holds something that is no cycle")
    places = _integers([v for cycle in listed for v in cycle], f"{where}.cycles", nodes.size)
    pointer = np.concatenate([[0], np.cumsum([len(cycle) for cycle in listed])]).astype(np.int64)
    cycles = Cycles(pointer, nodes[places])
    if np.unique(cycles.owner() * max(nodes.size, 1) + places).size != places.size:
        raise VerificationError(f"{where}.cycles holds a cycle that visits a node twice")
    return cycles


def _leaves(tree: list[Any], nodes: Ints, where: str) -> dict[int, Ints]:
    """Return what is fixed at each leaf after checking that every branching covers its parent."""
    if not tree:
        raise VerificationError(f"{where}.tree is empty")
    members = set(nodes.tolist())
    fixed: list[list[tuple[int, int]]] = [[]]
    halves: dict[int, list[tuple[int, int]]] = {}
    for i, node in enumerate(tree):
        if not isinstance(node, Mapping) or any(type(node.get(k)) is not int for k in ("parent", "before", "after")):
            raise VerificationError(f"{where}.tree[{i}] is no node")
        if i == 0:
            continue
        parent, pair = node["parent"], (node["before"], node["after"])
        if not 0 <= parent < i or pair[0] == pair[1] or not members.issuperset(pair):
            raise VerificationError(f"{where}.tree[{i}] has an impossible parent or pair")
        halves.setdefault(parent, []).append(pair)
        fixed.append([*fixed[parent], pair])
    for parent, pairs in halves.items():
        if len(pairs) != 2 or pairs[0] != pairs[1][::-1]:
            raise VerificationError(f"the children of {where}.tree[{parent}] do not cover it")
    leaves = [i for i in range(len(tree)) if i not in halves]
    return {i: np.array(fixed[i], dtype=np.int64).reshape(-1, 2) for i in leaves}


def _multipliers(given: Any, pool: Pool, where: str) -> Multipliers:
    if not isinstance(given, Mapping):
        raise VerificationError(f"{where} is missing or no object")
    row = _integers(_list(given, "row", where), f"{where}.row", pool.cycles.count, -pool.sources.count)
    amount = _integers(_list(given, "amount", where), f"{where}.amount", 2 ** (ROOM + 1))
    if row.size != amount.size or np.unique(row).size != row.size:
        raise VerificationError(f"{where} does not give each of its rows one amount")
    return Multipliers(row, amount)


def _list(values: Mapping[str, Any], key: str, where: str) -> list[Any]:
    found = values.get(key)
    if not isinstance(found, list):
        raise VerificationError(f"{where}.{key} is missing or no list")
    return found


def _integers(values: list[Any], where: str, below: int, least: int = 0) -> Ints:
    if not all(type(value) is int and least <= value < below for value in values):
        raise VerificationError(f"{where} holds something that is no whole number from {least} to {below - 1}")
    return np.array(values, dtype=np.int64)
