r"""What no set can exceed that keeps I, and t ≥ 1 of the undecided suppliers U besides (compiled).

G(S) = 1 − P(S ⊆ D) is submodular, so that t more suppliers add at most the t largest of the gains that each has behind
I; and in no scenario can t suppliers do better than the t safest ones there. With w_ω = q_ω ∏_{i∈I} r_ωi,

    G(I ∪ T) ≤ 1 − Σ_ω w_ω + (sum of the t largest Σ_ω w_ω (1 − r_ωi))
    G(I ∪ T) ≤ 1 − Σ_ω w_ω ∏ (the t smallest r_ωi in U)

The first is exact for t = 1, the second where scenarios agree on who is safer: independent risks, or a common draw.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def behind(w, P, worst, i, into):  # type: ignore[no-untyped-def]
    """Write into ``into`` the masses of the scenarios once supplier i is kept as well."""
    for omega in range(w.size):
        into[omega] = min(w[omega], P[omega, i]) if worst else w[omega] * P[omega, i]


@njit(cache=True, error_model="numpy")
def node_bound(w, P, order, worst, fees, pi, kappa, paid, count, status, gains):  # type: ignore[no-untyped-def]
    """Return the bound over all t ≥ 1; ``gains`` gets π Σ_ω w_ω (1 − r_ωi) − fee_i of the undecided, −∞ elsewhere.

    ``status`` is 0 for undecided suppliers; ``paid`` is what is subtracted besides κ s², fees of the undecided
    excepted.
    """
    n = fees.size
    free = 0
    risk = 0.0
    for omega in range(w.size):
        risk += w[omega]
    for i in range(n):
        gains[i] = -np.inf
        if status[i] == 0:
            free += 1
            drop = 0.0
            for omega in range(w.size):
                if worst:
                    drop += w[omega] - min(w[omega], P[omega, i])
                else:
                    drop += w[omega] * (1.0 - P[omega, i])
            gains[i] = pi * drop - fees[i]
    if free == 0:
        return -np.inf
    least = np.zeros(free + 1)  # over t, the risk that remains if every scenario has its own t safest
    for omega in range(w.size):
        product, t = w[omega], 0
        for j in range(n):
            i = order[omega, j]
            if status[i] == 0:
                t += 1
                product = min(product, P[omega, i]) if worst else product * P[omega, i]
                if product == 0.0:
                    break
                least[t] += product
    charged = np.sort(fees[status == 0])
    sorted_gains = np.sort(gains)
    best, added, cheapest = -np.inf, 0.0, 0.0
    for t in range(1, free + 1):
        added += sorted_gains[n - t]
        cheapest += charged[t - 1]
        here = min(pi * (1.0 - risk) + added, pi * (1.0 - least[t]) - cheapest) - kappa * (count + t) ** 2 - paid
        best = max(best, here)
    return best
