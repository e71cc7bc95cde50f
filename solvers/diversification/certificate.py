r"""Certificates of chains, and the check that trusts no solver.

A planner's bound is proved by potentials: for each layer k a list of states S with numbers φ_k(S). Between them Φ_k(S)
is the potential of the next larger state listed, beyond them what `bounds.tops` says. If Bellman's inequality

    φ_k(S) ≥ π_{k+1} (1 − M(S s)) − κ_{k+1} s² + Φ_{k+1}(S s)   for every s of `bounds`, and φ_k(S) ≥ 0 (collapse)

holds at all states listed, then Φ_k ≥ V_k everywhere, because V_k rises in S, and W ≤ Φ_0(1)/K. Any numbers that pass
prove a true bound, so a certificate that was tampered with can fail or prove less, but never something false.

    {"kind": "diversification potentials", "layers": [{"S": [1], "phi": […]}, …]}              K layers, 0 … K−1

The inequalities are verified with fifty-digit moments where there are at most `EXACTLY` of them, the potentials
counting as the rationals that their doubles are; otherwise in doubles, with `padding_of` for rounding. With a budget
the lengths are lowered by λ c_k s² and λ B is added ("multiplier"), and the tree over paths that could still be better
is searched anew ("diversification tree"), and so it is where layers have m firms ("diversification counts").
{"kind": "diversification exhaustion"} is verified by trying every path again.

An equilibrium is its own certificate: each layer's number is compared with the firm's exact choices.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from endonet.formulations.diversification.bounds import Limits
from endonet.formulations.diversification.firm import firm_choices
from endonet.formulations.diversification.mixture import BASAL, HALF, choices_behind
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath, upstream
from endonet.formulations.errors import InputError, VerificationError
from endonet.solvers import claims
from endonet.solvers.diversification.labels import (
    Labels,
    Vector,
    kernel_arguments,
    largest_excess,
    look_up,
    padding_of,
)
from endonet.solvers.diversification.ties import MOST, compare, equilibrium_paths, near_optimal
from endonet.solvers.solution import Solution, Status

LOOSE = 1e-6  # potentials so far above the value are no matter of rounding, which grows with the layers
POTENTIALS = "diversification potentials"
TREE = "diversification tree"
EXHAUSTION = "diversification exhaustion"
COUNTS = "diversification counts"
RESPONSES = "diversification responses"
EXACTLY = 20_000
ROUNDING = 1e-13


def pack(found: Labels, phi: Vector, kind: str = POTENTIALS, multiplier: float | None = None) -> dict[str, Any]:
    """Return labels with their potentials as a JSON-ready certificate."""
    layers = []
    for k in range(found.first.size - 2):
        part = slice(found.first[k], found.first[k + 1])
        states = [int(S) if S < 2**53 else float(S) for S in found.S[part]]
        layers.append({"S": states, "phi": phi[part].tolist()})
    certificate: dict[str, Any] = {"kind": kind, "layers": layers}
    return certificate if multiplier is None else certificate | {"multiplier": multiplier}


def check(problem: ChainProblem, solution: Solution) -> dict[str, Any]:
    """Verify every claim of a solution: fingerprint, value, ties, bound and status.

    Ties are verified one by one to be ties. That none is missing is verified of an equilibrium, not of an optimum.

    Raises
    ------
    VerificationError
        If any of them does not hold, or a bound comes without a certificate.
    """
    claims.belongs(problem, solution)
    equilibrium = solution.formulation == "diversification/equilibrium"
    decision = _check_decision(problem, solution, equilibrium)
    report: dict[str, Any] = {"value": solution.value, "bound": solution.bound}
    if solution.status is Status.INFEASIBLE:
        return report | _check_infeasible(problem, solution)
    if solution.bound is None:
        if solution.status in (Status.OPTIMAL, Status.FEASIBLE, Status.UNBOUNDED):
            raise VerificationError(f"the status {solution.status.value} needs a bound")
        return report
    if equilibrium:
        report |= _check_equilibrium(problem, solution, decision)
    else:
        report |= _check_bound(problem, solution)
    claims.gap_follows(solution, solution.value, solution.bound, 1e-9)
    return report


def _check_decision(problem: ChainProblem, solution: Solution, equilibrium: bool) -> SourcingPath | None:
    """Verify value, feasibility and ties of the decision."""
    if solution.decision is None:
        if solution.value is not None or solution.status in (Status.OPTIMAL, Status.LOCAL, Status.STATIONARY):
            raise VerificationError("the solution has a value or an optimal status, but no decision")
        return None
    try:
        decision = problem.path(solution.decision)
    except InputError as error:
        raise VerificationError(f"the decision is none: {error}") from None
    outcome = problem.evaluate(decision)
    if solution.value is None or not math.isclose(solution.value, outcome.value, rel_tol=ROUNDING, abs_tol=1e-300):
        raise VerificationError(f"the value is {solution.value}, the evaluator finds {outcome.value:.17g}")
    if not outcome.feasible and not equilibrium:
        raise VerificationError("the decision is not feasible: " + "; ".join(outcome.violations))
    if decision.tied_paths and (decision.path not in decision.tied_paths or len(set(decision.tied_paths)) < 2):
        raise VerificationError("decision.tied_paths does not list the path and another one")
    if len(set(decision.tied_paths)) != len(decision.tied_paths):
        raise VerificationError("decision.tied_paths lists a path twice")
    for tie in decision.tied_paths:
        if not equilibrium and (not _as_good(problem, tie, decision.path) or not problem.evaluate(tie).feasible):
            raise VerificationError(f"decision.tied_paths: {list(tie)} is not exactly as good as the path")
    return decision


def _as_good(problem: ChainProblem, one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two paths have exactly the same welfare."""
    if problem.m is None:
        return compare(problem, one, other) == 0
    exact = problem.evaluate(one).welfare
    return exact is not None and exact == problem.evaluate(other).welfare


def _check_equilibrium(problem: ChainProblem, solution: Solution, decision: SourcingPath | None) -> dict[str, Any]:
    """Verify that every layer's number is the firm's own choice, under the problem's tie policy."""
    if decision is None or solution.value is None:
        raise VerificationError("an equilibrium needs a decision")
    if problem.m is not None:
        from endonet.solvers.diversification import finite

        finite.check_equilibrium(problem, decision)
    elif problem.ties == "randomise":
        _check_shares(problem, decision)
    else:
        _check_responses(problem, decision)
        _check_all_ties(problem, decision)
    if solution.bound != solution.value:
        raise VerificationError("an equilibrium's bound is its own value")
    return {"layers": problem.K, "responses": "exact"}


def _check_all_ties(problem: ChainProblem, decision: SourcingPath) -> None:
    """Verify that the tied paths are all that some resolution of the ties gives."""
    every = equilibrium_paths(problem)
    if set(decision.tied_paths) != (set(every) if len(every) > 1 else set()):
        raise VerificationError(
            f"decision.tied_paths lists {len(decision.tied_paths)} paths, the firms' ties give {len(every)}"
        )


def _check_responses(problem: ChainProblem, decision: SourcingPath) -> None:
    """Verify that all firms of each layer choose what the tie policy says, on every tied path."""
    place = -1 if problem.ties == "higher" else 0
    if decision.mixed:
        raise VerificationError(f"decision.mixed: the tie policy {problem.ties!r} leaves firms of one layer alike")
    for path in dict.fromkeys([decision.path, *decision.tied_paths]):
        for k, (s, S) in enumerate(zip(path, upstream(path), strict=False)):
            choices = firm_choices(problem, k, S) if S else (0,)
            if s not in choices:
                raise VerificationError(
                    f"in layer {k + 1} of {list(path)} firms would rather have {choices[0]} suppliers"
                )
            if path == decision.path and s != choices[place]:
                raise VerificationError(f"in layer {k + 1} the tie policy {problem.ties!r} asks for {choices[place]}")


def _check_shares(problem: ChainProblem, decision: SourcingPath) -> None:
    """Verify that firms of each layer keep the number that is best for them, half of them each where two tie."""
    R = BASAL
    for k, (s, share) in enumerate(zip(decision.path, decision.shares, strict=True)):
        choices = choices_behind(problem, k, R)
        if s != choices[0] or share != (HALF if len(choices) > 1 else 0):
            raise VerificationError(
                f"in layer {k + 1} firms would rather have {' or '.join(map(str, choices))} suppliers"
            )
        R = R.after(s, share)
    for path in decision.tied_paths:
        for k, (s, low, high) in enumerate(zip(path, decision.path, decision.most, strict=True)):
            if s not in ((low, high) if all(path[:k]) else (0,)):
                raise VerificationError(f"decision.tied_paths: nobody keeps {s} suppliers in layer {k + 1}")


def _check_bound(problem: ChainProblem, solution: Solution) -> dict[str, Any]:
    certificate = solution.certificate
    if not isinstance(certificate, Mapping):
        raise VerificationError("the bound comes without a certificate, so that it cannot be verified")
    assert solution.bound is not None
    kind = certificate.get("kind")
    if kind == POTENTIALS:
        proved, report = _potentials(problem, certificate)
        if proved > solution.bound and solution.bound == solution.value:
            report |= _nothing_between(problem, solution, certificate)
            proved = solution.bound
    elif kind == TREE:
        from endonet.solvers.diversification.branching import replay

        proved, report = replay(problem, *read(problem, certificate), _multiplier(certificate), solution.bound)
    elif kind == COUNTS:
        from endonet.solvers.diversification import finite

        proved, report = finite.replay(problem, certificate, solution.bound)
    elif kind == EXHAUSTION:
        from endonet.solvers.diversification.enumeration import exhaust

        proved, report = exhaust(problem)[0], {"exhausted": True}
    else:
        raise VerificationError(f"the certificate is of no known kind, but {kind!r:.60}")
    slack = ROUNDING * max(abs(proved), abs(solution.bound))
    if not proved <= solution.bound + slack:
        raise VerificationError(f"the certificate proves {proved:.17g}, not the bound {solution.bound:.17g}")
    return report


def _nothing_between(problem: ChainProblem, solution: Solution, certificate: Mapping[str, Any]) -> dict[str, Any]:
    """Verify exactly that no path lies between the value and the potentials, which rounding keeps a little above it.

    Every path that the verified potentials do not put clearly below the value is listed and compared exactly.
    """
    assert solution.bound is not None
    found, phi = read(problem, certificate)
    limits = Limits(problem)
    here = Labels(found.first, found.S, found.G, solution.bound * problem.K)
    if float(phi[0]) - here.incumbent > LOOSE * max(float(limits.profit[0]), abs(here.incumbent)):
        raise VerificationError(f"the certificate proves {float(phi[0]) / problem.K:.17g}, not {solution.bound:.17g}")
    paths = near_optimal(limits, here, phi)
    if len(paths) >= MOST:
        raise VerificationError(f"{MOST} paths or more lie within rounding of the bound, too many to compare exactly")
    path = problem.path(solution.decision).path
    for other in paths:
        if compare(problem, other, path) > 0:
            raise VerificationError(f"the path {list(other)} is better than the bound claimed")
    return {"compared_exactly": len(paths)}


def _check_infeasible(problem: ChainProblem, solution: Solution) -> dict[str, Any]:
    """Verify that no path meets the rows: no diversification does, or the caps, or the budget leave too little."""
    del solution
    if problem.m is not None or not cannot_meet(problem):
        raise VerificationError("some path meets the caps and the target, so that infeasible needs another proof")
    return {"infeasible": True}


def cannot_meet(problem: ChainProblem) -> bool:
    """Whether risk target or tail cannot be met within caps and budget.

    The cheapest way to S_K ≥ n is searched over all products, cost by layers; without a target any path of zeros is
    feasible.
    """
    least = problem.least_diversification
    if least is None:
        return True
    if least == 0:
        return False
    return cheapest(problem, least) is None


def cheapest(problem: ChainProblem, least: int) -> tuple[int, ...] | None:
    """Return a path with S_K ≥ least of least cost Σ c_k s_k² within caps and budget, or None.

    States are the ceilings ⌈n/S⌉ of what is left to multiply, so their number is about 2√n a layer at most.
    """
    options: dict[int, tuple[Any, tuple[int, ...]]] = {least: (0, ())}
    for k in range(problem.K):
        cap = problem.caps[k] if problem.caps is not None else None
        following: dict[int, tuple[Any, tuple[int, ...]]] = {}
        for left, (cost, path) in options.items():
            for s in _useful(left, cap):
                spent = cost + problem.c[k] * s * s
                if problem.budget is not None and spent > problem.budget:
                    break
                rest = -(-left // s)
                if rest not in following or spent < following[rest][0]:
                    following[rest] = (spent, (*path, s))
        options = following
    return options[1][1] if 1 in options else None


def _useful(left: int, cap: int | None) -> list[int]:
    """Return the numbers s ≤ cap that are the least with their ⌈left/s⌉."""
    found, s = [], 1
    limit = left if cap is None else min(cap, left)
    while s <= limit:
        found.append(s)
        rest = -(-left // s)
        if rest == 1:
            break
        s = -(-left // (rest - 1))
    return found


def _multiplier(certificate: Mapping[str, Any]) -> float:
    value = certificate.get("multiplier")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise VerificationError("certificate.multiplier is no number ≥ 0")
    return float(value)


def read(problem: ChainProblem, certificate: Mapping[str, Any]) -> tuple[Labels, Vector]:
    """Return the states and potentials of a certificate after checking their form."""
    layers = certificate.get("layers")
    if not isinstance(layers, list) or len(layers) != problem.K:
        raise VerificationError(f"certificate.layers is no list of {problem.K} layers")
    states, phi, first = [], [], [0]
    for k, layer in enumerate(layers):
        if not isinstance(layer, Mapping):
            raise VerificationError(f"certificate.layers[{k}] is no layer")
        S, values = layer.get("S"), layer.get("phi")
        if not isinstance(S, list) or not isinstance(values, list) or len(S) != len(values):
            raise VerificationError(f"certificate.layers[{k}] does not list as many potentials as states")
        for entry in [*S, *values]:
            if isinstance(entry, bool) or not isinstance(entry, (int, float)) or not abs(entry) < 1e300:
                raise VerificationError(f"certificate.layers[{k}] holds something that is no finite number")
        if any(b <= a for a, b in itertools.pairwise(S)) or (S and S[0] < 1):
            raise VerificationError(f"certificate.layers[{k}].S does not rise from 1 on")
        states += [float(entry) for entry in S]
        phi += [float(entry) for entry in values]
        first.append(len(states))
    if first[1] != 1 or states[0] != 1:
        raise VerificationError("certificate.layers[0] holds another state than S = 1")
    first.append(len(states))  # no labels after the last layer
    return Labels(np.array(first, np.int64), np.array(states), np.zeros(len(states)), 0.0), np.array(phi)


def _potentials(problem: ChainProblem, certificate: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
    """Return the bound on W that potentials prove."""
    if problem.budget is not None or problem.m is not None:
        raise VerificationError("potentials alone know neither a budget nor how many firms there are")
    found, phi = read(problem, certificate)
    limits = Limits(problem)
    count = _inequalities(problem, limits, found)
    exact = count <= EXACTLY and float(found.S.max()) < 2**53
    verify(problem, limits, found, phi, exact)
    return float(phi[0]) / problem.K, {
        "states": int(phi.size),
        "inequalities": int(count),
        "arithmetic": "fifty digits" if exact else "doubles",
    }


def verify(problem: ChainProblem, limits: Limits, found: Labels, phi: Vector, exact: bool) -> None:
    """Raise `VerificationError` unless Bellman's inequality holds at every state."""
    if exact:
        excess = float(_excess(problem, limits, found, phi))
        allowed = 0.0
    else:
        excess = float(largest_excess(*kernel_arguments(limits), found.first, found.S, phi))
        allowed = padding_of(limits)
    if not excess <= allowed:
        raise VerificationError(f"a potential is too small by {excess:.3g}: Bellman's inequality does not hold")


def _excess(problem: ChainProblem, limits: Limits, found: Labels, phi: Vector) -> Decimal:
    """Return by how much Bellman's inequality is violated at most, with fifty digits."""
    exact = _Exact(problem, limits, found)
    places = [(k, j) for k in range(problem.K) for j in range(found.first[k], found.first[k + 1])]
    with localcontext() as context:
        context.prec = 50
        return max(exact.right_hand_side(k, j, phi) - Decimal(float(phi[j])) for k, j in places)


class _Exact:
    """Bellman's equation at the states of a certificate, with fifty digits."""

    def __init__(self, problem: ChainProblem, limits: Limits, found: Labels) -> None:
        self.problem, self.limits, self.found = problem, limits, found
        with localcontext() as context:
            context.prec = 50
            self.pi = [Decimal(x.numerator) / x.denominator for x in problem.pi]
            self.kappa = [Decimal(x.numerator) / x.denominator for x in problem.kappa]
            self.top = [Decimal(float(top)) for top in limits.top]

    def right_hand_side(self, k: int, j: int, phi: Vector) -> Decimal:
        """Return the most that layers after k choices can earn from state j, by the potentials of the next layer."""
        limits, found, last = self.limits, self.found, k == self.problem.K - 1
        after = slice(found.first[k + 1], found.first[k + 2])
        states, values = found.S[after], phi[after]
        S = int(found.S[j])
        with localcontext() as context:
            context.prec = 50
            best = Decimal(0) if limits.least == 0 else Decimal("-Infinity")
            for s in range(1, limits.most(k, S) + 1):
                if last and S * s < limits.least:
                    continue
                follows = Decimal(0)
                if not last:
                    place = float(look_up(states, values, float(S * s), math.inf))
                    follows = Decimal(place) if place < math.inf else self.top[k + 1]
                risk = self.problem.moments.decimal(S * s)
                best = max(best, self.pi[k] * (1 - risk) - self.kappa[k] * s * s + follows)
            return best


def _inequalities(problem: ChainProblem, limits: Limits, found: Labels) -> int:
    """Return how many parts Bellman's inequalities have at the states listed."""
    return sum(limits.most(k, S) for k in range(problem.K) for S in found.S[found.first[k] : found.first[k + 1]])
