"""A network's equilibrium and every firm's best choice with 50 digits, where doubles cannot tell a tie from a gain.

The formulas are those of `evaluation` and `response`; the data are taken as the doubles that they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from endonet.formulations.sourcing.decisions import Network
from endonet.formulations.sourcing.response import TIE

if TYPE_CHECKING:
    from endonet.formulations.sourcing.evaluation import SourcingOutcome

DIGITS = 50


def respond(outcome: SourcingOutcome) -> Network:
    """Return what every firm would choose against the network of an outcome, ties included."""
    from mpmath import mp

    with mp.workdps(DIGITS):
        return _Precise(outcome, mp).respond()


class _Precise:
    """One network in multiple precision."""

    def __init__(self, outcome: SourcingOutcome, mp: Any) -> None:
        problem = outcome.problem
        self.mp, self.problem, self.network = mp, problem, outcome.network
        n, number = problem.n, mp.mpf
        self.power = number(problem.sigma) - 1
        self.sigma = number(problem.sigma)
        self.phi = self._raised(problem.phi)
        self.labour = self._raised(problem.alpha_L)
        self.supplier, self.buyer = problem.supplier.tolist(), problem.buyer.tolist()
        self.mu_links = self._markups(problem.mu_links, problem.m, "links")
        self.mu_H = self._markups(problem.mu_H, n, "home")
        alpha = [number(float(a)) for a in problem.alpha]
        self.g = [(a / mu) ** self.power for a, mu in zip(alpha, self.mu_links, strict=True)]
        self.home = [(number(float(b)) / mu) ** self.power for b, mu in zip(problem.beta_H, self.mu_H, strict=True)]
        self.f = [number(float(f)) for f in problem.f]
        self.on = np.flatnonzero(outcome.network.links).tolist()
        zero = [number(0)] * n
        self.foreign, self.foreign_input, self.mu_F = zero, zero, self.mu_H
        self.f_import, self.f_export, self.D_F = zero, zero, number(0)
        self.imports, self.exports = [False] * n, [False] * n
        if problem.open is not None:
            economy = problem.open
            self.mu_F = self._markups(problem.mu_F, n, "foreign")
            pairs = zip(economy.beta_F, economy.tau, self.mu_F, strict=True)
            self.foreign = [(number(float(b)) / (number(float(t)) * mu)) ** self.power for b, t, mu in pairs]
            both = zip(economy.alpha_F, economy.p_F, strict=True)
            self.foreign_input = [(number(float(a)) / number(float(p))) ** self.power for a, p in both]
            self.f_import = [number(float(f)) for f in economy.f_import]
            self.f_export = [number(float(f)) for f in economy.f_export]
            self.D_F = number(economy.D_F)
            self.imports = outcome.network.imports.tolist()
            self.exports = outcome.network.exports.tolist()
        self._solve(outcome.w)

    def _raised(self, numbers: Any) -> list[Any]:
        return [self.mp.mpf(float(x)) ** self.power for x in numbers]

    def _markups(self, given: Any, length: int, kind: str) -> list[Any]:
        if np.ndim(given):
            return [self.mp.mpf(float(mu)) for mu in given]
        if kind == "links" and self.problem.initiator == "buyer":
            return [self.mp.mpf(1)] * length
        return [self.sigma / self.power] * length

    def _solve(self, start: float) -> None:
        mp, n = self.mp, self.problem.n
        costs, demands = mp.eye(n), mp.eye(n)
        for e in self.on:
            k, j = self.supplier[e], self.buyer[e]
            costs[j, k] -= self.phi[j] * self.g[e]
            demands[k, j] -= self.phi[k] * self.g[e] / self.mu_links[e]
        phi = self.phi
        a = mp.lu_solve(costs, mp.matrix([p * x for p, x in zip(phi, self.labour, strict=True)]))
        imported = [x if on else mp.mpf(0) for x, on in zip(self.foreign_input, self.imports, strict=True)]
        b = mp.lu_solve(costs, mp.matrix([p * x for p, x in zip(phi, imported, strict=True)]))
        d = mp.lu_solve(demands, mp.matrix([p * h / mu for p, h, mu in zip(phi, self.home, self.mu_H, strict=True)]))
        exported = [x if on else mp.mpf(0) for x, on in zip(self.foreign, self.exports, strict=True)]
        e_ = mp.lu_solve(demands, mp.matrix([p * x / mu for p, x, mu in zip(phi, exported, self.mu_F, strict=True)]))
        labour = mp.mpf(self.problem.L) - mp.fsum(self.f[e] for e in self.on)
        for on, fixed in ((self.imports, self.f_import), (self.exports, self.f_export)):
            labour -= mp.fsum(f for f, chosen in zip(fixed, on, strict=True) if chosen)
        S_d = mp.fdot(zip(self.labour, d, strict=True))
        S_e = self.D_F * mp.fdot(zip(self.labour, e_, strict=True))
        if any(exported) and any(imported):
            m_d, m_e = mp.fdot(zip(imported, d, strict=True)), self.D_F * mp.fdot(zip(imported, e_, strict=True))
            eps_a, eps_b = (self.D_F * mp.fdot(zip(exported, x, strict=True)) for x in (a, b))

            def surplus(t: Any) -> Any:
                w = mp.exp(t)
                return eps_a * w ** (-self.power) + eps_b - (w**self.sigma * labour - S_e) / S_d * m_d - m_e

            near = mp.log(mp.mpf(start))
            self.w = mp.exp(mp.findroot(surplus, (near, near + mp.mpf(10) ** -9), solver="secant", maxsteps=60))
        else:
            self.w = mp.mpf(start)
        self.A = (self.w**self.sigma * labour - S_e) / S_d
        u = self.w ** (-self.power)
        self.T = [x * u + y for x, y in zip(a, b, strict=True)]
        self.D = [x * self.A + y * self.D_F for x, y in zip(d, e_, strict=True)]

    def respond(self) -> Network:
        """Return the best choices."""
        problem, mp = self.problem, self.mp
        n, buys = problem.n, problem.initiator == "buyer"
        tie, w = 1 - mp.mpf(TIE), self.w
        links = np.zeros(problem.m, dtype=np.bool_)
        o, pivot = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        margin = [1 - 1 / mu for mu in self.mu_links]
        mine: list[list[int]] = [[] for _ in range(n)]
        for e, (k, j) in enumerate(zip(self.supplier, self.buyer, strict=True)):
            mine[j if buys else k].append(e)
        earned = [mp.mpf(0)] * n
        for e in self.on:
            earned[self.supplier[e]] += margin[e] * self.g[e] * self.D[self.buyer[e]]
        for i in range(n):
            home = (1 - 1 / self.mu_H[i]) * self.home[i] * self.A
            abroad = (1 - 1 / self.mu_F[i]) * self.foreign[i] * self.D_F
            if buys:
                R0, dR = self.phi[i] * (home + earned[i]), self.phi[i] * abroad
                const, b_o = self.labour[i] * w ** (-self.power), self.foreign_input[i]
                f_o, f_p = self.f_import[i], self.f_export[i]
                b = {e: self.g[e] * self.T[self.supplier[e]] for e in mine[i]}
            else:
                dR = self.phi[i] * self.foreign_input[i]
                R0, const, b_o = self.T[i] - (dR if self.imports[i] else 0), home, abroad
                f_o, f_p = self.f_export[i], self.f_import[i]
                b = {e: margin[e] * self.g[e] * self.D[self.buyer[e]] for e in mine[i]}
            R1 = R0 + dR
            S = dR * const
            for benefit, fixed in [(b_o, f_o), *((b[e], self.f[e]) for e in mine[i])]:
                cost = fixed * w
                if R1 * benefit >= cost * tie:
                    S += dR * benefit if R0 * benefit >= cost * tie else R1 * benefit - cost
            pivot[i] = f_p * w * tie <= S
            R = R1 if pivot[i] else R0
            o[i] = R * b_o >= f_o * w * tie
            for e in mine[i]:
                links[e] = R * b[e] >= self.f[e] * w * tie
        if problem.open is None:
            o, pivot = np.zeros_like(o), np.zeros_like(o)
        return Network(links, o, pivot) if buys else Network(links, pivot, o)
