"""The cells of the reports on trade: the calibrated economy of a seed, its moments and its counterfactuals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import EndonetError
from endonet.instances.sourcing import calibration
from endonet.reports.ledger import code
from endonet.solvers.sourcing import hat, market, moments
from endonet.solvers.sourcing.balance import Balance, balance
from endonet.solvers.sourcing.flows import Flows, flows
from endonet.solvers.sourcing.market import Market

CHAIN = 4  # the firms that are hit, and three links from them
HIT = 100
OUTCOMES = ("sales", "costs", "suppliers", "buyers")


def key(kind: str, n: int, K: int, seed: int, **more: Any) -> dict[str, Any]:
    """Return the key of a cell."""
    return {"trade": kind, "n": n, "K": K, "seed": seed, "code": code()} | more


@lru_cache(maxsize=1)
def baseline(n: int, K: int, seed: int) -> tuple[Market, Balance, Flows]:
    """Return the calibrated economy of a seed and its equilibrium."""
    economy = market.market(calibration.economy(n, K, seed))
    found = settled(economy)
    return economy, found, flows(economy, found)


def settled(economy: Market, start: tuple[float, float] | None = None) -> Balance:
    """Return an equilibrium.

    Raises
    ------
    EndonetError
        If wage and demand do not settle; no page may rest on that.
    """
    found = balance(economy, start)
    if found.residual > 1e-10:
        raise EndonetError(f"wage and demand did not settle: the residual is {found.residual:.2g}")
    return found


def tables(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return Tables 3 and 4 of one seed."""
    begun = time.process_time()
    economy, found, ours = baseline(cell["n"], cell["K"], cell["seed"])
    return {
        "table_3": moments.table_3(ours),
        "table_4": moments.table_4(ours),
        "w": found.w,
        "A": found.A,
        "residual": max(ours.residuals.values()),
        "fixed": float(ours.fixed.sum()) / economy.L,
        "links": int((ours.network.p > 0.5).sum()),
        "kept": found.kept,
        "evaluations": found.evaluations,
        "cpu": time.process_time() - begun,
    }


def responses(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a seed's economy responds to uniform changes of foreign tariffs, with links fixed and free."""
    economy, found, ours = baseline(cell["n"], cell["K"], cell["seed"])
    shares = hat.shares(ours)
    rows: dict[str, list[float]] = {name: [] for name in ("fixed", "free", "new", "dropped", "importers", "exporters")}
    before = _links(ours)
    start = found.w, found.A
    for tau in cell["taus"]:
        after = flows(shocked := market.shocked(economy, tau), settled(shocked, start))
        links = _links(after)
        rows["fixed"].append(hat.change(shares, tau).real_income)
        rows["free"].append(after.real_income / ours.real_income)
        rows["new"].append(int(np.setdiff1d(links, before, assume_unique=True).size))
        rows["dropped"].append(int(np.setdiff1d(before, links, assume_unique=True).size))
        rows["importers"].append(_more(after.network.imports, ours.network.imports))
        rows["exporters"].append(_more(after.network.exports, ours.network.exports))
    return rows | {"links": int(before.size)}


def transmission(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a shock of 20 percent to 100 exporters or importers reaches firms along the network.

    ``key suppliers`` of an exporter sell the largest share of their own revenue to him; ``key buyers`` of an importer
    spend the largest share of their costs on him. Sales and costs are means over the firms of a group of the factors
    of change; suppliers and buyers are factors of the group's totals.
    """
    economy, found, ours = baseline(cell["n"], cell["K"], cell["seed"])
    exports = cell["shock"] == "tariff"
    active = np.flatnonzero((ours.network.exports if exports else ours.network.imports) > 0.5)
    random = np.random.default_rng([cell["seed"], cell["draw"], exports])
    hit = random.choice(active, min(HIT, active.size), replace=False)
    factor = np.ones(economy.n)
    factor[hit] = cell["size"]
    shock = {"tau_hat" if exports else "p_hat": factor}
    free = flows(shocked := market.shocked(economy, **shock), settled(shocked, (found.w, found.A)))
    change = hat.change(hat.shares(ours), **shock)
    power = 1 / (1 - economy.rule.sigma)
    factors = {
        "free": ((free.sales / ours.sales), (free.T / ours.T) ** power),
        "fixed": (change.sales / ours.sales, change.T**power),
    }
    follow = _key_suppliers(ours) if exports else _key_buyers(ours)
    rows: dict[str, Any] = {way: {name: [] for name in OUTCOMES} for way in factors}
    group = hit
    for _ in range(CHAIN):
        for way, (sales, costs) in factors.items():
            rows[way]["sales"].append(_mean(sales[group]))
            rows[way]["costs"].append(_mean(costs[group]))
            after = free if way == "free" else ours
            rows[way]["suppliers"].append(_ratio(after.suppliers[group], ours.suppliers[group]))
            rows[way]["buyers"].append(_ratio(after.buyers[group], ours.buyers[group]))
        group = follow[group]
        group = group[group >= 0]
    return rows


def _links(ours: Flows) -> NDArray[np.int64]:
    formed = ours.network.p > 0.5
    named: NDArray[np.int64] = ours.buyer[formed].astype(np.int64) * ours.T.size + ours.network.pairs.supplier[formed]
    return named


def _more(after: NDArray[np.float64], before: NDArray[np.float64]) -> int:
    return int((after > 0.5).sum()) - int((before > 0.5).sum())


def _key_suppliers(ours: Flows) -> NDArray[np.int64]:
    supplier = ours.network.pairs.supplier
    return _largest(ours.buyer, supplier, ours.link_sales / ours.sales[supplier], ours)


def _key_buyers(ours: Flows) -> NDArray[np.int64]:
    return _largest(ours.network.pairs.supplier, ours.buyer, ours.s_links, ours)


def _largest(
    owner: NDArray[np.int32], partner: NDArray[np.int32], weight: NDArray[np.float64], ours: Flows
) -> NDArray[np.int64]:
    """Return each firm's partner of the largest weight, −1 for a firm without."""
    order = np.lexsort((weight * (ours.network.p > 0.5), owner))
    found = np.full(ours.T.size, -1, dtype=np.int64)
    found[owner[order]] = partner[order]  # the last one stays
    return found


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _ratio(after: NDArray[np.float64], before: NDArray[np.float64]) -> float:
    total = float(before.sum())
    return float(after.sum()) / total if total > 0 else float("nan")
