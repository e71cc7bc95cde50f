"""Paths that doubles cannot tell apart, told apart exactly, and the tie policy that picks one of the best."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numba import njit

from endonet.formulations.diversification.bounds import Limits, most_suppliers
from endonet.formulations.diversification.firm import firm_choices
from endonet.formulations.diversification.mixture import mixed_equilibrium
from endonet.formulations.diversification.moments import moment
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath, upstream
from endonet.solvers.diversification.labels import Labels, Vector, continuation, kernel_arguments, slack_of

MOST = 1000  # so many tied paths are listed
Path = tuple[int, ...]


@njit(cache=True, error_model="numpy")
def _worth(law, pi, kappa, profit, top, caps, least, first, states, phi, k, S):  # type: ignore[no-untyped-def]
    """Return, for every s from 0, what layer k earns with it and what can follow at most."""
    K = pi.size
    most = most_suppliers(law, S, profit[k], kappa[k], caps[k], least)
    earned, after = np.zeros(most + 1), np.zeros(most + 1)
    after[0] = -np.inf if least > 0 else 0.0
    for s in range(1, most + 1):
        earned[s] = pi[k] * (1.0 - moment(law, S * s)) - kappa[k] * s * s
        after[s] = continuation(k + 1, K, S * s, least, first, states, phi, top[k + 1] if k + 1 < K else 0.0)
    return earned, after


def near_optimal(limits: Limits, found: Labels, phi: Vector, most: int = MOST) -> list[Path]:
    """Return every path within δ of the optimum, by following the potentials; at most ``most`` of them."""
    K = limits.pi.size
    floor = found.incumbent - slack_of(limits, found.incumbent)
    arguments = kernel_arguments(limits)
    paths: list[Path] = []

    waiting: list[tuple[Path, float, float]] = [((), 1.0, 0.0)]
    while waiting and len(paths) < most:
        path, S, G = waiting.pop()
        k = len(path)
        if k == K or S == 0:
            paths.append((*path, *[0] * (K - k)))
            continue
        earned, after = _worth(*arguments, found.first, found.S, phi, k, S)
        chosen = np.flatnonzero(G + earned + after >= floor)
        waiting += [((*path, int(s)), S * s, G + float(earned[s])) for s in chosen[::-1]]
    return paths


def best_exactly(problem: ChainProblem, paths: Sequence[Path]) -> list[Path]:
    """Return the paths of greatest welfare, compared exactly, in lexicographic order."""
    best: list[Path] = []
    for path in sorted(set(paths)):
        sign = compare(problem, path, best[0]) if best else 1
        if sign > 0:
            best = [path]
        elif sign == 0:
            best.append(path)
    return best


def compare(problem: ChainProblem, one: Path, other: Path) -> int:
    """Return the sign of W(one) − W(other), exactly."""
    weights, constant = [], Fraction(0)
    for sign, path in ((1, one), (-1, other)):
        for pi, kappa, s, S in zip(problem.pi, problem.kappa, path, upstream(path)[1:], strict=True):
            weights.append((-sign * pi, S))
            constant += sign * (pi - kappa * s * s)
    return problem.moments.sign(weights, constant)


def decide(problem: ChainProblem, tied: Sequence[Path], seed: int) -> SourcingPath:
    """Return one of the tied paths by the problem's tie policy, and all of them if there are several.

    ``lower`` takes the first in lexicographic order, ``higher`` the last, ``randomise`` draws one with the seed.
    """
    ordered = sorted(tied)
    if problem.ties == "randomise":
        chosen = random.Random(seed).choice(ordered)
    else:
        chosen = ordered[0 if problem.ties == "lower" else -1]
    return SourcingPath(chosen, tuple(ordered) if len(ordered) > 1 else ())


def equilibrium_paths(problem: ChainProblem, most: int = MOST) -> list[Path]:
    """Return every path that some resolution of the ties gives, at most ``most``, in lexicographic order."""
    paths: list[Path] = []

    waiting: list[tuple[Path, int]] = [((), 1)]
    while waiting and len(paths) < most:
        path, S = waiting.pop()
        if len(path) == problem.K:
            paths.append(path)
            continue
        waiting += [((*path, s), S * s) for s in reversed(firm_choices(problem, len(path), S) if S else (0,))]
    return sorted(paths)


def decentralised_path(problem: ChainProblem) -> Path:
    """Return the equilibrium path if ties go to the higher number, where that is the policy, and else to the lower."""
    place = -1 if problem.ties == "higher" else 0
    path: Path = ()
    S = 1
    for k in range(problem.K):
        s = (firm_choices(problem, k, S) if S else (0,))[place]
        path = (*path, s)
        S *= s
    return path


def equilibrium(problem: ChainProblem) -> SourcingPath:
    """Return the decentralised path under the tie policy, with all paths that ties leave open.

    Under ``randomise`` firms of one layer differ, and the paths are those along which suppliers may follow each other.
    """
    if problem.ties != "randomise":
        tied = equilibrium_paths(problem)
        return SourcingPath(decentralised_path(problem), tuple(tied) if len(tied) > 1 else ())
    path, mixed = mixed_equilibrium(problem)
    return SourcingPath(path, occurring(path, mixed) if any(mixed) else (), mixed if any(mixed) else ())


def occurring(path: Path, mixed: Sequence[Fraction], most: int = MOST) -> tuple[Path, ...]:
    """Return the sequences of numbers of suppliers that occur along a chain, at most ``most``, lexicographically."""
    paths: list[Path] = [()]
    for s, share in zip(path, mixed, strict=True):
        numbers = (s, s + 1) if share else (s,)
        paths = [(*p, n if all(p) else 0) for p in paths for n in (numbers if all(p) else (0,))][:most]
    return tuple(sorted(set(paths)))
