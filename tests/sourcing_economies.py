"""Random small economies of every kind, and a naive second opinion on them: plain loops, by iteration, no matrices."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from endonet.formulations.sourcing.problem import Markups, OpenEconomy, SourcingProblem

KINDS = [
    (initiator, shape, closure)
    for initiator in ("buyer", "supplier")
    for shape in ("acyclic", "cyclic")
    for closure in ("closed", "open")
]


def economy(
    seed: int,
    n: int = 4,
    initiator: str = "buyer",
    shape: str = "acyclic",
    closure: str = "closed",
    share: float = 0.7,
    fixed: float = 0.01,
    most: int = 99,
    **more: Any,
) -> SourcingProblem:
    """Return a random economy in which about half of the decisions hang in the balance."""
    draw = np.random.default_rng([seed, n, initiator == "buyer", shape == "cyclic", closure == "open"])
    pairs = [(k, j) for j in range(n) for k in range(n) if (k < j or (shape == "cyclic" and k > j))]
    pairs = [pair for pair in pairs if draw.random() < share][:most]
    k, j = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    alpha = draw.lognormal(-0.7, 0.5, k.size)
    if shape == "cyclic":
        alpha *= 0.75
    opened = None
    if closure == "open":
        opened = OpenEconomy(
            p_F=draw.lognormal(0, 0.2, n),
            alpha_F=draw.lognormal(-0.4, 0.4, n),
            beta_F=draw.lognormal(-0.2, 0.4, n),
            tau=draw.lognormal(0.1, 0.1, n),
            D_F=float(draw.lognormal(-0.5, 0.3)),
            f_import=draw.lognormal(math.log(2 * fixed), 0.8, n),
            f_export=draw.lognormal(math.log(2 * fixed), 0.8, n),
        )
    return SourcingProblem.from_links(
        k,
        j,
        alpha,
        draw.lognormal(math.log(fixed), 1.0, k.size),
        phi=draw.lognormal(0, 0.2, n),
        alpha_L=np.ones(n),
        beta_H=draw.lognormal(0, 0.3, n),
        sigma=float(draw.uniform(2.5, 5)),
        L=1.0,
        initiator=initiator,
        open=opened,
        name=f"{initiator}-{shape}-{closure}-{n}-{seed}",
        **more,
    )


def random_markups(problem: SourcingProblem, seed: int, most: float = 1.8) -> SourcingProblem:
    """Return the economy with a markup of its own for each pair of firms and for sales at home and abroad."""
    from dataclasses import replace

    draw = np.random.default_rng(seed)
    foreign = draw.uniform(1, most, problem.n) if problem.open is not None else None
    return replace(
        problem, markups=Markups(draw.uniform(1, most, problem.n), draw.uniform(1, most, problem.m), foreign)
    )


class Naive:
    """The fixed-network equilibrium by iterating the paper's equations, and every firm's best choice by trying all."""

    def __init__(self, problem: SourcingProblem, links: Any, imports: Any = (), exports: Any = ()) -> None:
        self.p = problem
        n = self.n = problem.n
        self.z = {}
        for e, (k, j) in enumerate(zip(problem.supplier.tolist(), problem.buyer.tolist(), strict=True)):
            self.z[k, j] = (e, bool(links[e]))
        self.M = [bool(imports[j]) if len(imports) else False for j in range(n)]
        self.X = [bool(exports[j]) if len(exports) else False for j in range(n)]
        s = self.s = problem.sigma
        regime = s / (s - 1)
        given = problem.markups
        between = 1.0 if problem.initiator == "buyer" else regime

        def of(part: Any, place: int, default: float) -> float:
            return default if given is None or part is None else float(part[place])

        self.mu_H = [of(given and given.home, j, regime) for j in range(n)]
        self.mu_F = [of(given and given.foreign, j, regime) for j in range(n)]
        self.mu = {pair: of(given and given.links, e, between) for pair, (e, _) in self.z.items()}
        self.alpha = {pair: float(problem.alpha[e]) for pair, (e, _) in self.z.items()}
        self.f = {pair: float(problem.f[e]) for pair, (e, _) in self.z.items()}

    def fixed(self) -> float:
        p = self.p
        total = sum(self.f[pair] for pair, (_, on) in self.z.items() if on)
        if p.open is not None:
            total += sum(p.open.f_import[j] for j in range(self.n) if self.M[j])
            total += sum(p.open.f_export[j] for j in range(self.n) if self.X[j])
        return float(total)

    def costs(self, w: float) -> list[float] | None:
        """Iterate (4) from labour alone; None if costs fall to nothing."""
        p, s, n = self.p, self.s, self.n
        c = [w / (p.alpha_L[j] * p.phi[j]) for j in range(n)]
        for _ in range(200_000):
            new = []
            for j in range(n):
                theta = (p.alpha_L[j] / w) ** (s - 1)
                for (k, b), (_, on) in self.z.items():
                    if b == j and on:
                        theta += (self.alpha[k, j] / (self.mu[k, j] * c[k])) ** (s - 1)
                if self.M[j]:
                    theta += (p.open.alpha_F[j] / p.open.p_F[j]) ** (s - 1)
                new.append(theta ** (1 / (1 - s)) / p.phi[j])
            if min(new) < 1e-60:
                return None
            if max(abs(a / b - 1) for a, b in zip(new, c, strict=True)) < 1e-15:
                return new
            c = new
        return None

    def at(self, w: float) -> dict[str, Any] | None:
        """Iterate expenditure, sales and profits at a wage; None if costs do not exist."""
        p, s, n = self.p, self.s, self.n
        c = self.costs(w)
        left = p.L - self.fixed()
        if c is None or left <= 0:
            return None
        theta = [(c[j] * p.phi[j]) ** (1 - s) for j in range(n)]
        P = sum(p.beta_H[j] ** (s - 1) * (self.mu_H[j] * c[j]) ** (1 - s) for j in range(n)) ** (1 / (1 - s))
        E, q = w * left, [0.0] * n
        for _ in range(200_000):
            qH = [p.beta_H[j] ** (s - 1) * (self.mu_H[j] * c[j]) ** (-s) / P ** (1 - s) * E for j in range(n)]
            qF = [0.0] * n
            for j in range(n):
                if self.X[j]:
                    o = p.open
                    price = o.tau[j] * self.mu_F[j] * c[j]
                    qF[j] = o.beta_F[j] ** (s - 1) * price ** (1 - s) * o.D_F / (self.mu_F[j] * c[j])
            link = {
                (k, j): self.alpha[k, j] ** (s - 1) * (self.mu[k, j] * c[k]) ** (-s) / theta[j] * c[j] * q[j]
                for (k, j), (_, on) in self.z.items()
                if on
            }
            new = [qH[j] + qF[j] + sum(v for (k, _), v in link.items() if k == j) for j in range(n)]
            profit = sum((self.mu_H[j] - 1) * c[j] * qH[j] + (self.mu_F[j] - 1) * c[j] * qF[j] for j in range(n))
            profit += sum((self.mu[pair] - 1) * c[pair[0]] * v for pair, v in link.items())
            E_new = w * left + profit
            done = abs(E_new / E - 1) < 1e-15 and all(abs(a - b) <= 1e-15 * a for a, b in zip(new, q, strict=True))
            E, q = E_new, new
            if done:
                break
        exports = sum(self.mu_F[j] * c[j] * qF[j] for j in range(n))
        imports = 0.0
        for j in range(n):
            if self.M[j]:
                imports += (p.open.alpha_F[j] / p.open.p_F[j]) ** (s - 1) / theta[j] * c[j] * q[j]
        return {
            "w": w, "c": c, "P": P, "E": E, "A": E / P ** (1 - s), "q": q, "qH": qH, "qF": qF, "link": link,
            "theta": theta, "exports": exports, "imports": imports,
        }  # fmt: skip

    def equilibrium(self) -> dict[str, Any] | None:
        """Bisect on the wage until trade balances."""
        if self.p.open is None:
            return self.at(1.0)
        if not (any(self.M) and any(self.X)):
            return None
        low, high = -30.0, 30.0
        for _ in range(70):
            middle = (low + high) / 2
            found = self.at(math.exp(middle))
            if found is None:
                return None
            low, high = (middle, high) if found["exports"] > found["imports"] else (low, middle)
        return found

    def deviates(self, e: dict[str, Any]) -> bool:
        """Try every choice of every firm, by its profit while all else stays."""
        p, s, n = self.p, self.s, self.n
        A, w = e["A"], e["w"]
        for i in range(n):
            mine = [pair for pair in self.z if pair[1 if p.initiator == "buyer" else 0] == i]
            trade = [(False, False)] if p.open is None else list(itertools.product((False, True), repeat=2))
            now = (tuple(self.z[pair][1] for pair in mine), (self.M[i], self.X[i]))
            best, best_value = None, -math.inf
            for chosen in itertools.product((False, True), repeat=len(mine)):
                for M, X in trade:
                    value = self._profit(i, dict(zip(mine, chosen, strict=True)), M, X, e, A, w, s)
                    size = sum(chosen) + M + X
                    tie = 1e-12 * w
                    if value > best_value + tie or (value > best_value - tie and size > best[1]):  # type: ignore[index]
                        best, best_value = ((chosen, (M, X)), size), max(value, best_value)
            assert best is not None
            if best[0] != now:
                return True
        return False

    def _profit(self, i: int, mine: Any, M: bool, X: bool, e: Any, A: float, w: float, s: float) -> float:
        p = self.p
        theta = (p.alpha_L[i] / w) ** (s - 1)
        for (k, j), (_, on) in self.z.items():
            if j == i and mine.get((k, j), on):
                theta += (self.alpha[k, j] / (self.mu[k, j] * e["c"][k])) ** (s - 1)
        if M:
            theta += (p.open.alpha_F[i] / p.open.p_F[i]) ** (s - 1)
        c = theta ** (1 / (1 - s)) / p.phi[i]
        profit = (1 - 1 / self.mu_H[i]) * p.beta_H[i] ** (s - 1) * (self.mu_H[i] * c) ** (1 - s) * A
        if X:
            o = p.open
            sold = o.beta_F[i] ** (s - 1) * (o.tau[i] * self.mu_F[i] * c) ** (1 - s) * o.D_F
            profit += (1 - 1 / self.mu_F[i]) * sold - o.f_export[i] * w
        if M:
            profit -= p.open.f_import[i] * w
        for (k, j), (_, on) in self.z.items():
            if k == i and mine.get((k, j), on):
                sold = (self.alpha[k, j] / (self.mu[k, j] * c)) ** (s - 1) * e["c"][j] * e["q"][j] / e["theta"][j]
                profit += (1 - 1 / self.mu[k, j]) * sold
        profit -= sum(self.f[pair] * w for pair, on in mine.items() if on)
        return float(profit)


def networks(problem: SourcingProblem) -> Iterator[tuple[Any, Any, Any]]:
    """Yield every network: links, imports, exports."""
    traders = problem.n if problem.open is not None else 0
    for links in itertools.product((False, True), repeat=problem.m):
        for trade in itertools.product((False, True), repeat=2 * traders):
            yield np.array(links, bool), np.array(trade[:traders], bool), np.array(trade[traders:], bool)
