"""The moments of paper 002, section 4.3: Table 3's percentiles, the 36 numbers that are matched, Table 4's shares.

After Eaton, Kortum and Kramarz, a distribution enters the estimation as the fractions that fall into the four bins cut
by its 50th, 75th and 95th percentiles in the data. Eight distributions make 32 fractions; the shares of importers and
exporters, exports over sales to domestic final demand and the import content of domestic final demand make 36.

Fixed-cost labour is part of labour costs and of costs; the share of a supplier is in total costs likewise, those of
imports are in variable costs, as (A3) has it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from endonet.solvers.sourcing.flows import Flows

Vector = NDArray[np.float64]

LEVELS = (50, 75, 95)
BINS = (0.50, 0.25, 0.20, 0.05)  # what falls into the bins in the data
TOPS = (1, 5, 10)


class Distribution(NamedTuple):
    """One of Table 3's distributions: its name and its percentiles in the data and in the paper's model."""

    name: str
    data: tuple[float, float, float]
    model: tuple[float, float, float]


class Number(NamedTuple):
    """One number of Table 3 or 4, in the data and in the paper's model."""

    name: str
    data: float
    model: float


SUPPLIERS = Distribution("Number of dom. suppliers", (33, 56, 141), (25, 44, 95))
BUYERS = Distribution("Number of dom. buyers", (9, 35, 184), (15, 40, 131))
LABOUR = Distribution("Share of labor costs", (0.34, 0.54, 0.84), (0.35, 0.52, 0.85))
INPUT = Distribution("Firm-to-firm input share", (0.0012, 0.0053, 0.0443), (0.0011, 0.0068, 0.0780))
IMPORT = Distribution("Direct foreign input share (among importers)", (0.28, 0.67, 0.89), (0.16, 0.50, 0.92))
IMPORT_TOTAL = Distribution("Total foreign input share", (0.39, 0.55, 0.83), (0.37, 0.50, 0.78))
EXPORT = Distribution("Direct export share (among exporters)", (0.12, 0.66, 0.98), (0.20, 0.57, 0.93))
EXPORT_TOTAL = Distribution("Total export share", (0.03, 0.17, 0.72), (0.09, 0.27, 0.63))
IMPORTERS = Number("Share of firms that import", 0.19, 0.18)
EXPORTERS = Number("Share of firms that export", 0.12, 0.14)
EXPORT_RATIO = Number("Ratio of aggregate exports to aggregate sales to domestic final demand", 0.82, 0.84)
CONTENT = Number("Import content of domestic final demand", 0.58, 0.60)

TABLE_3: tuple[Distribution | Number, ...] = (
    SUPPLIERS,
    BUYERS,
    LABOUR,
    INPUT,
    IMPORTERS,
    IMPORT,
    IMPORT_TOTAL,
    EXPORTERS,
    EXPORT,
    EXPORT_TOTAL,
    EXPORT_RATIO,
    CONTENT,
)


def _shares(what: str, of: str, data: tuple[float, ...], model: tuple[float, ...]) -> tuple[Number, ...]:
    names = (f"Share of {what}, top {top} percent of {of}" for top in TOPS)
    return tuple(Number(*row) for row in zip(names, data, model, strict=True))


TABLE_4: tuple[Number, ...] = (
    Number("Corr (Indegree buyer, Outdegree supplier)", -0.05, -0.11),
    Number("Corr (Sales buyer, Sales supplier)", -0.02, -0.00),
    *_shares("imports", "importers", (0.66, 0.83, 0.90), (0.59, 0.83, 0.91)),
    *_shares("exports", "exporters", (0.66, 0.84, 0.91), (0.48, 0.77, 0.87)),
    *_shares("labor costs", "firms", (0.59, 0.76, 0.83), (0.36, 0.64, 0.77)),
    *_shares("network purchases", "firms", (0.58, 0.77, 0.85), (0.41, 0.71, 0.83)),
    *_shares("network sales", "firms", (0.62, 0.80, 0.88), (0.54, 0.81, 0.90)),
    *_shares("sales to dom. final demand", "firms", (0.67, 0.80, 0.85), (0.28, 0.58, 0.73)),
    *_shares("total sales", "firms", (0.68, 0.83, 0.88), (0.45, 0.72, 0.83)),
    *_shares("firm-to-firm sales", "links", (0.69, 0.86, 0.91), (0.64, 0.85, 0.92)),
)


def distributions(found: Flows) -> dict[str, Vector]:
    """Return the values behind each distribution of Table 3, by name."""
    wages = found.w * found.fixed
    costs = found.C + wages
    sales = found.sales
    importing, exporting = found.network.imports > 0.5, found.network.exports > 0.5
    formed = found.network.p > 0.5
    return {
        SUPPLIERS.name: found.suppliers,
        BUYERS.name: found.buyers,
        LABOUR.name: (found.s_labour * found.C + wages) / costs,
        INPUT.name: (found.link_sales / costs[found.buyer])[formed],
        IMPORT.name: found.s_foreign[importing],
        IMPORT_TOTAL.name: found.foreign_total,
        EXPORT.name: (found.exports / sales)[exporting],
        EXPORT_TOTAL.name: found.export_total,
    }


def numbers(found: Flows) -> dict[str, float]:
    """Return the single numbers of Table 3, by name."""
    return {
        IMPORTERS.name: float(found.network.imports.mean()),
        EXPORTERS.name: float(found.network.exports.mean()),
        EXPORT_RATIO.name: float(found.exports.sum()) / found.E,
        CONTENT.name: float(found.home @ found.foreign_total) / found.E,
    }


def table_3(found: Flows) -> dict[str, float]:
    """Return Table 3: percentiles by "name, 50th percentile" and so on, and single numbers."""
    values, single = distributions(found), numbers(found)
    table: dict[str, float] = {}
    for row in TABLE_3:
        if isinstance(row, Number):
            table[row.name] = single[row.name]
        else:
            heights = np.percentile(values[row.name], LEVELS) if values[row.name].size else np.full(3, np.nan)
            table |= {label: float(height) for label, height in zip(labels(row), heights, strict=True)}
    return table


def labels(row: Distribution | Number) -> list[str]:
    """Return the labels of a row of Table 3 or 4, one for each of its numbers."""
    return [row.name] if isinstance(row, Number) else [f"{row.name}, {level}th percentile" for level in LEVELS]


def targeted(found: Flows) -> Vector:
    """Return the 36 moments that the paper's estimation matches, shape (36,); see `names` and `data`."""
    values, single = distributions(found), numbers(found)
    moments: list[float] = []
    for row in TABLE_3:
        if isinstance(row, Number):
            moments.append(single[row.name])
        else:
            moments += _fractions(values[row.name], row.data)
    return np.array(moments)


def names() -> list[str]:
    """Return the names of the 36 moments, in order."""
    bins = ("up to the 50th", "50th to 75th", "75th to 95th", "beyond the 95th")
    found: list[str] = []
    for row in TABLE_3:
        found += [row.name] if isinstance(row, Number) else [f"{row.name}, {part}" for part in bins]
    return found


def data() -> Vector:
    """Return the 36 moments in the data, shape (36,)."""
    found: list[float] = []
    for row in TABLE_3:
        found += [row.data] if isinstance(row, Number) else BINS
    return np.array(found)


def table_4(found: Flows) -> dict[str, float]:
    """Return the 26 numbers of Table 4, by name; NaN where there is nothing to correlate or to share."""
    formed = found.network.p > 0.5
    supplier, buyer = found.network.pairs.supplier[formed], found.buyer[formed]
    sales = found.sales
    importing, exporting = found.network.imports > 0.5, found.network.exports > 0.5
    labour = found.s_labour * found.C + found.w * found.fixed
    of = (
        (found.s_foreign * found.C)[importing],
        found.exports[exporting],
        labour,
        found.purchases,
        found.network_sales,
        found.home,
        sales,
        found.link_sales[formed],
    )
    measured = [
        _correlation(found.suppliers[buyer], found.buyers[supplier]),
        _correlation(sales[buyer], sales[supplier]),
    ]
    for amounts in of:
        measured += _concentration(amounts)
    return {row.name: value for row, value in zip(TABLE_4, measured, strict=True)}


def _fractions(values: Vector, cuts: tuple[float, ...]) -> list[float]:
    """Return which fraction of the values falls into each bin; a value at a cut belongs below it."""
    if not values.size:
        return [0.0] * (len(cuts) + 1)
    counts = np.bincount(np.searchsorted(cuts, values, side="left"), minlength=len(cuts) + 1)
    return [float(share) for share in counts / values.size]


def _concentration(amounts: Vector) -> list[float]:
    """Return what share of the total the top 1, 5 and 10 percent have; at least one of them."""
    total = float(amounts.sum())
    if not amounts.size or total <= 0:
        return [float("nan")] * len(TOPS)
    ordered = np.sort(amounts)[::-1]
    return [float(ordered[: max(1, round(amounts.size * top / 100))].sum()) / total for top in TOPS]


def _correlation(one: Vector, two: Vector) -> float:
    if one.size < 2 or np.ptp(one) == 0 or np.ptp(two) == 0:
        return float("nan")
    return float(np.corrcoef(one, two)[0, 1])
