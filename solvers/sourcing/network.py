"""A network of given links, or of given probabilities: its costs, its quantities and who would deviate.

    a_j = φ~_j (α~_Lj + Σ_k p_kj α~_kj a_k),     b_j = φ~_j (p_Fj α~_Fj p_Fj^(1−σ) + Σ_k p_kj α~_kj b_k)
    C_j / T_j =: d_j = μ^(−σ) (β~_jH A + p_jF g_j) + Σ_k p_jk α~_jk φ~_k d_k

where C_j = x_j/μ̄_j are variable costs. The first system is solved forwards along the sequence, the second backwards.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from endonet.formulations.sourcing.parallel import in_parts
from endonet.solvers.sourcing.kernels import Choices, Pairs, chance
from endonet.solvers.sourcing.market import Market, choices

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg"

TIE = 1e-11


class Formed(NamedTuple):
    """A network: the probability of each pair, and of each firm's imports and exports."""

    pairs: Pairs  # with α~
    p: np.ndarray
    imports: np.ndarray
    exports: np.ndarray


def formed(economy: Market, pairs: Pairs, w: float, A: float, found: Choices) -> Formed:
    """Return the network that a sweep at (w, A) found."""
    p = np.empty(pairs.supplier.size)
    in_parts(
        economy.n,
        p.size,
        lambda first, last: _form(economy.firms, pairs, economy.rule, w, A, found, p, first, last),
    )
    return Formed(pairs, p, found.imports.copy(), found.exports.copy())


def thinned(network: Formed) -> Formed:
    """Return the same network without the pairs that are not formed."""
    there = network.p > 0
    running = np.concatenate([[0], np.cumsum(there)])
    old = network.pairs
    pairs = Pairs(running[old.ptr], old.supplier[there], old.alpha[there], old.f[there])
    return Formed(pairs, network.p[there], network.imports, network.exports)


def settle(economy: Market, network: Formed) -> Choices:
    """Return the cost side of a network: a, b, fixed costs and numbers of suppliers."""
    found = choices(economy.n)
    _settle(economy.firms, network.pairs, network.p, network.imports, network.exports, found)
    return found


def demand(economy: Market, network: Formed, A: float) -> np.ndarray:
    """Return d_j = C_j / T_j, shape (n,): what firm j produces for everybody, by variable costs and per unit of T_j."""
    d = np.empty(economy.n)
    scale = economy.mu ** (-economy.rule.sigma)
    _demand(economy.firms, network.pairs, network.p, network.exports, A, scale, d)
    return d


def stands(economy: Market, network: Formed, w: float, A: float, found: Choices) -> bool:
    """Return whether nobody deviates from a network of zeros and ones at (w, A); ties within 1e-11 are included."""
    return bool(
        _stands(
            economy.firms,
            network.pairs,
            economy.rule,
            w,
            A,
            network.p,
            network.imports,
            network.exports,
            found.a,
            found.b,
            TIE,
        )
    )


@njit(cache=True, nogil=True)
def _form(firms, pairs, rule, w, A, found, p, first, last):
    u = w ** (1.0 - rule.sigma)
    for j in range(first, last):
        B0 = rule.kappa * firms.Phi[j] * firms.beta[j] * A
        B1 = B0 + rule.kappa * firms.Phi[j] * firms.g[j]
        share = found.exports[j]
        for e in range(pairs.ptr[j], pairs.ptr[j + 1]):
            k = pairs.supplier[e]
            unit = pairs.alpha[e] * (found.a[k] * u + found.b[k])
            cost = pairs.f[e] * w
            total = 0.0
            if share < 1.0:
                total += (1.0 - share) * chance(B0 * unit, cost, rule)
            if share > 0.0:
                total += share * chance(B1 * unit, cost, rule)
            p[e] = total


@njit(cache=True, nogil=True)
def _settle(firms, pairs, p, imports, exports, found):
    for j in range(firms.Phi.size):
        a, b, F, links = firms.labour[j], imports[j] * firms.foreign[j], 0.0, 0.0
        for e in range(pairs.ptr[j], pairs.ptr[j + 1]):
            if p[e] > 0.0:
                k = pairs.supplier[e]
                a += p[e] * pairs.alpha[e] * found.a[k]
                b += p[e] * pairs.alpha[e] * found.b[k]
                F += p[e] * pairs.f[e]
                links += p[e]
        found.a[j], found.b[j] = firms.Phi[j] * a, firms.Phi[j] * b
        found.imports[j], found.exports[j], found.links[j] = imports[j], exports[j], links
        found.fixed[j] = F + imports[j] * firms.f_import[j] + exports[j] * firms.f_export[j]


@njit(cache=True, nogil=True)
def _demand(firms, pairs, p, exports, A, scale, d):
    n = firms.Phi.size
    for j in range(n):
        d[j] = scale * (firms.beta[j] * A + exports[j] * firms.g[j])
    for k in range(n - 1, -1, -1):
        shifter = firms.Phi[k] * d[k]
        for e in range(pairs.ptr[k], pairs.ptr[k + 1]):
            d[pairs.supplier[e]] += p[e] * pairs.alpha[e] * shifter


@njit(cache=True, nogil=True)
def _stands(firms, pairs, rule, w, A, p, imports, exports, a, b, tie):
    u = w ** (1.0 - rule.sigma)
    for j in range(firms.Phi.size):
        B0 = rule.kappa * firms.Phi[j] * firms.beta[j] * A
        B1 = B0 + rule.kappa * firms.Phi[j] * firms.g[j]
        B = B1 if exports[j] > 0.5 else B0
        more = (B1 - B0) * firms.labour[j] * u
        for e in range(pairs.ptr[j], pairs.ptr[j + 1]):
            k = pairs.supplier[e]
            unit, cost = pairs.alpha[e] * (a[k] * u + b[k]), pairs.f[e] * w
            if (B * unit >= cost * (1.0 - tie)) != (p[e] > 0.5):
                return False
            more += max(B1 * unit - cost, 0.0) - max(B0 * unit - cost, 0.0)
        if firms.foreign[j] > 0.0:
            unit, cost = firms.foreign[j], firms.f_import[j] * w
            if (B * unit >= cost * (1.0 - tie)) != (imports[j] > 0.5):
                return False
            more += max(B1 * unit - cost, 0.0) - max(B0 * unit - cost, 0.0)
        if firms.g[j] > 0.0 and (more >= firms.f_export[j] * w * (1.0 - tie)) != (exports[j] > 0.5):
            return False
    return True


def spread(economy: Market, network: Formed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the probabilities of all potential links, and of imports and exports, in the problem's own order."""
    p = np.zeros(economy.pairs.supplier.size)
    in_parts(
        economy.n,
        p.size,
        lambda first, last: _spread(economy.pairs, network.pairs, network.p, p, first, last),
    )
    imports, exports = network.imports, network.exports
    if economy.order is not None and economy.link is not None:
        p, imports, exports = (_placed(*part) for part in ((p, economy.link), *_firms(economy, imports, exports)))
    return p, imports, exports


def _firms(economy: Market, *parts: np.ndarray) -> list[tuple[np.ndarray, Any]]:
    return [(part, economy.order) for part in parts]


def _placed(values: np.ndarray, where: Any) -> np.ndarray:
    placed = np.empty_like(values)
    placed[where] = values
    return placed


@njit(cache=True, nogil=True)
def _spread(every, some, p, out, first, last):
    for j in range(first, last):
        e = every.ptr[j]
        for s in range(some.ptr[j], some.ptr[j + 1]):
            while every.supplier[e] != some.supplier[s]:
                e += 1
            out[e] = p[s]
