"""The cells of the report `benchmark`: which economies, and one way of solving one of them.

Economies come in groups over n, each from a recipe; bundled ones can be added by name. A measurement is that of
`speed_cells`; what outside software does runs in a process of its own, which is ended if it overstays its limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from endonet.formulations.errors import EndonetError, NotApplicableError, UnavailableError
from endonet.formulations.planner.problem import PlannerProblem
from endonet.reports import apart, speed_cells, ways
from endonet.reports.speed_cells import Economy
from endonet.reports.ways import Way

SWITCHES = ("big-m", "gdp")  # the same program with a weaker switch; `formulations-compared` is about them
OVERSTAY = 3.0  # times its limit, and a little: whoever takes longer is ended
NO_ANSWER = {"value": None, "bound": None, "rel_gap": None, "decision": None, "contradicted": "", "nodes": None}

Found = dict[str, Any]


@dataclass(frozen=True)
class Parameters:
    """The size of the experiment.

    Attributes
    ----------
    table1, calibrated, sparse, budget : numbers of firms of each group
    draws : economies of each size
    time_limit : seconds for each answer
    """

    table1: tuple[int, ...] = (8, 20)
    calibrated: tuple[int, ...] = (30, 100, 300)
    sparse: tuple[int, ...] = (10, 30)
    budget: tuple[int, ...] = (30,)
    draws: int = 2
    time_limit: float = 1.0


FULL = Parameters(
    table1=(8, 12, 16, 20, 24, 28),
    calibrated=(30, 100, 300, 1000, 3000, 10_000),
    sparse=(10, 20, 40, 80, 160),
    budget=(30, 100, 300, 1000),
    draws=5,
    time_limit=60.0,
)


@dataclass(frozen=True)
class Item:
    """One economy of the benchmark: a recipe, or a bundled economy's name."""

    group: str
    n: int
    draw: int
    recipe: Economy | str

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return self.recipe if isinstance(self.recipe, str) else f"{self.group}, n = {self.n}, draw {self.draw}"


GROUPS = {
    "Table 1": "random economies of the paper's Table 1, σ = ε = 6",
    "calibrated": "economies calibrated as in the paper's Table 3, σ = ε = 5",
    "sparse": "random sparse weighted economies with σ = 8, ε = 4, own f and α: ακ > 1 for many firms",
    "budget": "calibrated economies of which at most two fifths of the firms may operate",
    "bundled": "economies that come with the package",
}


def items(parameters: Parameters, seed: int, bundled: Sequence[str] = ()) -> list[Item]:
    """Return every economy, group by group, small ones first."""

    def group(name: str, kind: str, sizes: Sequence[int], sigma: float, epsilon: float, rows: str = "") -> list[Item]:
        made = ((n, d) for n in sorted(sizes) for d in range(parameters.draws))
        return [Item(name, n, d, Economy(kind, n, d, seed, sigma, epsilon, rows)) for n, d in made]

    found = group("Table 1", "table1", parameters.table1, 6.0, 6.0)
    found += group("calibrated", "calibrated", parameters.calibrated, 5.0, 5.0)
    found += group("sparse", "sparse", parameters.sparse, 8.0, 4.0)
    found += group("budget", "calibrated", parameters.budget, 5.0, 5.0, "budget")
    found += [Item("bundled", build(name).n, d, name) for d, name in enumerate(bundled)]
    return found


@lru_cache(maxsize=4)
def build(recipe: Economy | str) -> PlannerProblem:
    """Return the economy of a recipe or a name.

    Raises
    ------
    InputError
        If there is no such bundled economy, or it is of another family.
    """
    if isinstance(recipe, Economy):
        return recipe.build()
    from endonet.formulations.errors import InputError
    from endonet.instances.files import load

    problem = load(recipe)
    if not isinstance(problem, PlannerProblem):
        raise InputError("instances", f"{recipe} is no planner's economy", "give names such as planner/us-71")
    return problem


def key(item: Item, way: Way, time_limit: float, rel_gap: float, seed: int) -> Found:
    """Return all that the numbers of a cell depend on."""
    recipe: Any = item.recipe
    recipe = {"name": recipe, "fingerprint": build(recipe).fingerprint} if isinstance(recipe, str) else asdict(recipe)
    return {
        "report": "benchmark",
        "economy": recipe,
        "way": asdict(way),
        "time_limit": time_limit,
        "rel_gap": rel_gap,
        "seed": seed,
        "repeats": [speed_cells.REPEATS, speed_cells.ENOUGH],
        "versions": ways.versions(way),
        "place": {name: value for name, value in speed_cells.place().items() if name != "versions"},
    }


def measure(item: Item, way: Way, options: Mapping[str, Any]) -> Found:
    """Return what a way finds, or why it finds nothing; never an error but an interruption."""
    try:
        if not ways.outside(way):
            return _observed(item, way, options)
        patience = OVERSTAY * options["time_limit"] + 30.0
        found: Found = apart.call(_observed, item, way, options, seconds=patience)
        return found
    except apart.LostError as error:
        return NO_ANSWER | {"status": "crashed", "stopped_by": "error", "seconds": None, "reason": str(error)}


def _observed(item: Item, way: Way, options: Mapping[str, Any]) -> Found:
    try:
        problem = build(item.recipe)
        reason = ways.kind(way)(**options).refuses(problem)
        if reason:
            return _refused(reason)
        _, found = speed_cells.observe(problem, way, options)
    except (NotApplicableError, UnavailableError) as error:  # known only once the model is there, as for trial licences
        return _refused(str(error))
    except EndonetError as error:
        return NO_ANSWER | {"status": "failed", "stopped_by": "error", "seconds": None, "reason": str(error)}
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return NO_ANSWER | {"status": "crashed", "stopped_by": "error", "seconds": None, "reason": reason}
    return found | {"reason": ""}


def _refused(reason: str) -> Found:
    return NO_ANSWER | {"status": "refused", "stopped_by": "", "seconds": None, "reason": reason}


def plan(chosen: Sequence[Item], taken: Sequence[Way]) -> Iterator[tuple[Item, Way]]:
    """Yield every cell in the order of measuring."""
    for item in chosen:
        for way in taken:
            yield item, way
