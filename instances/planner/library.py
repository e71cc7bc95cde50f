"""The instances that are kept as generator, arguments and fingerprint: what the library holds beside files.

Names end in the number of firms that the generator is asked for; where links are chosen, the economy is larger.
``calibrated-…`` vary the paper's Table 3; ``steep`` means ακ > 1 (σ=8, ε=4).
"""

from __future__ import annotations

from typing import Any

STEEP = {"sigma": 8.0, "epsilon": 4.0}
DEAR = {"alpha": 0.55, "f_n": 0.15}

GENERATED: dict[str, tuple[str, dict[str, Any]]] = {
    # The paper's calibration (Table 3), larger and smaller, and the other parameters of Tables 12 and 13.
    "calibrated-100": ("calibrated", {"n": 100, "seed": 1}),
    "calibrated-300": ("calibrated", {"n": 300, "seed": 1}),
    "calibrated-1000": ("calibrated", {"n": 1000, "seed": 1}),
    "calibrated-3000": ("calibrated", {"n": 3000, "seed": 1}),
    "calibrated-10000": ("calibrated", {"n": 10_000, "seed": 1}),
    "calibrated-1000-epsilon-3": ("calibrated", {"n": 1000, "seed": 2, "epsilon": 3.0}),
    "calibrated-1000-alpha-75": ("calibrated", {"n": 1000, "seed": 3, "alpha": 0.75}),
    "calibrated-1000-steep": ("calibrated", {"n": 1000, "seed": 4, **STEEP}),
    "calibrated-10000-epsilon-3": ("calibrated", {"n": 10_000, "seed": 2, "epsilon": 3.0}),
    # Table 1's random economies beyond enumeration.
    "table1-24": ("table1", {"n": 24, "seed": 1}),
    "table1-50": ("table1", {"n": 50, "seed": 1}),
    "table1-100": ("table1", {"n": 100, "seed": 1, **DEAR}),
    "steep-20": ("table1", {"n": 20, "seed": 1, **DEAR, **STEEP}),
    "steep-60": ("table1", {"n": 60, "seed": 1, **DEAR, **STEEP}),
    "sigma-below-epsilon-60": ("table1", {"n": 60, "seed": 1, **DEAR, "sigma": 4.0, "epsilon": 8.0}),
    # Everything differs between firms.
    "weighted-2": ("sparse_weighted", {"n": 2, "seed": 3}),
    "weighted-3": ("sparse_weighted", {"n": 3, "seed": 1}),
    "weighted-5": ("sparse_weighted", {"n": 5, "seed": 1}),
    "weighted-60": ("sparse_weighted", {"n": 60, "seed": 1}),
    "weighted-200": ("sparse_weighted", {"n": 200, "seed": 1}),
    "weighted-200-steep": ("sparse_weighted", {"n": 200, "seed": 1, **STEEP}),
    "weighted-500-steep": ("sparse_weighted", {"n": 500, "seed": 2, **STEEP}),
    "weighted-500-epsilon-3": ("sparse_weighted", {"n": 500, "seed": 3, "sigma": 5.0, "epsilon": 3.0}),
    "weighted-2000": ("sparse_weighted", {"n": 2000, "seed": 1, "sigma": 5.0, "epsilon": 5.0}),
    "weighted-10000": ("sparse_weighted", {"n": 10_000, "seed": 1, "sigma": 5.0, "epsilon": 4.0}),
    # Dense networks.
    "complete-30": ("complete", {"n": 30, "seed": 1}),
    "complete-200": ("complete", {"n": 200, "seed": 1, "f_n": 0.3}),
    "rank-one-40": ("rank_one", {"n": 40, "seed": 1}),
    "rank-one-300-steep": ("rank_one", {"n": 300, "seed": 1, "f_n": 0.3, **STEEP}),
    # Symmetry and near ties.
    "identical-20": ("identical", {"n": 20}),
    "identical-150": ("identical", {"n": 150}),
    "ring-12": ("ring", {"n": 12}),
    "ring-30": ("ring", {"n": 30}),
    "ring-100": ("ring", {"n": 100}),
    "twins-20": ("twins", {"n": 20, "seed": 1}),
    "twins-200": ("twins", {"n": 200, "seed": 1}),
    "twins-1000": ("twins", {"n": 1000, "seed": 1, "spread": 1e-9}),
    "hub-and-spoke-60": ("hub_and_spoke", {"n": 60}),
    # Clusters and hubs.
    "clusters-40": ("clustered", {"n": 40, "clusters": 4, "seed": 1}),
    "clusters-200": ("clustered", {"n": 200, "clusters": 10, "seed": 1}),
    "clusters-1000": ("clustered", {"n": 1000, "clusters": 20, "seed": 1}),
    "clusters-200-quota": ("clustered", {"n": 200, "clusters": 10, "seed": 1, "quota": 6}),
    "hubs-100": ("hubs", {"n": 100, "count": 8, "seed": 1}),
    "hubs-1000": ("hubs", {"n": 1000, "count": 40, "seed": 1}),
    # Side constraints.
    "budget-60": (
        "budgeted",
        {"base": "sparse_weighted", "arguments": {"n": 60, "seed": 2, "sigma": 5.0, "epsilon": 4.0}, "most": 12},
    ),
    "budget-300": ("budgeted", {"base": "calibrated", "arguments": {"n": 300, "seed": 2}, "most": 60}),
    "budget-3000": ("budgeted", {"base": "calibrated", "arguments": {"n": 3000, "seed": 2}, "most": 300}),
    "exclusion-30": ("budgeted", {"base": "calibrated", "arguments": {"n": 30, "seed": 2}, "pairs": 40}),
    "exclusion-100": ("budgeted", {"base": "calibrated", "arguments": {"n": 100, "seed": 2}, "pairs": 200}),
    "knapsack-100": ("budgeted", {"base": "calibrated", "arguments": {"n": 100, "seed": 3}, "knapsack": 0.3}),
    "bailout-300": (
        "budgeted",
        {"base": "calibrated", "arguments": {"n": 300, "seed": 4}, "bailed": [3, 14, 15, 92, 65], "pairs": 30},
    ),
    "market-split-14-planted": ("market_split", {"n": 14, "rows": 2, "seed": 1, "planted": True}),
    "market-split-24-planted": ("market_split", {"n": 24, "rows": 2, "seed": 2, "planted": True}),
    # Links are chosen too.
    "links-table1-5": (
        "formed",
        {"base": "table1", "arguments": {"n": 5, "seed": 1, "f_n": 0.2}, "way": "artificial", "cost": 0.01, "seed": 1},
    ),
    "links-table1-20": (
        "formed",
        {"base": "table1", "arguments": {"n": 20, "seed": 1}, "way": "artificial", "cost": 0.002, "seed": 1},
    ),
    "links-us-15": (
        "formed",
        {
            "base": "variant",
            "arguments": {"base": "us-15-topology", "change": "fixed costs are 10 % of labour", "f_n": 0.1},
            "way": "artificial",
            "cost": 0.004,
            "seed": 1,
        },
    ),
    "links-calibrated-300": (
        "formed",
        {"base": "calibrated", "arguments": {"n": 300, "seed": 1}, "way": "artificial", "cost": 1e-4, "seed": 1},
    ),
    "versions-8": (
        "formed",
        {"base": "calibrated", "arguments": {"n": 8, "seed": 1}, "way": "duplicates", "cost": 0.01, "seed": 1},
    ),
    "versions-20": (
        "formed",
        {"base": "calibrated", "arguments": {"n": 20, "seed": 4}, "way": "duplicates", "cost": 0.005, "seed": 1},
    ),
    # Input–output economies with other parameters.
    "us-71-steep": ("variant", {"base": "us-71", "change": "σ=8 and ε=4 in place of the calibrated 5", **STEEP}),
    "us-71-budget": (
        "variant",
        {
            "base": "us-71",
            "change": "at most twenty sectors may operate",
            "constraints": [{"firms": [*range(71)], "coefficients": [1] * 71, "sense": "<=", "rhs": 20}],
        },
    ),
    "aus-114-dear": ("variant", {"base": "aus-114", "change": "fixed costs are half of labour", "f_n": 0.5}),
    "aus-114-topology-steep": ("variant", {"base": "aus-114-topology", "change": "σ=8 and ε=4", **STEEP}),
    # Rows that no choice satisfies.
    "pigeonhole-12": ("pigeonhole", {"holes": 3}),
    "pigeonhole-20": ("pigeonhole", {"holes": 4}),
    "pigeonhole-42": ("pigeonhole", {"holes": 6}),
    "market-split-20": ("market_split", {"n": 20, "rows": 3, "seed": 1}),
    "market-split-30": ("market_split", {"n": 30, "rows": 4, "seed": 1}),
    "labour-40": (
        "budgeted",
        {"base": "table1", "arguments": {"n": 40, "seed": 1, "f_n": 2.0}, "least": 21},
    ),
}
