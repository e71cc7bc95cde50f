"""The benchmark library: families that are what they say, statistics, bounds, kept proofs, ``.solu`` files."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import endonet as en
from endonet import rerun
from endonet.formulations.contracts import Sense
from endonet.instances import baseline, bounds, catalogue, files
from endonet.instances.baseline import Known, Verdict
from endonet.instances.bounds import Bound, Bounds, Refutation
from endonet.instances.planner import GENERATORS, bundle, families, library
from endonet.instances.planner.statistics import convexity, statistics

PLANNER = [entry for entry in files.names() if entry.family == "planner"]
GENERATED = sorted(library.GENERATED)
KEPT = sorted(rerun.proof("planner/x").parent.glob("*.json.gz"))
MEGABYTE = 2**20


def problem_of(name: str) -> Any:
    return en.load(f"planner/{name}")


def test_there_are_instances_of_every_size_and_kind() -> None:
    assert len(PLANNER) >= 60
    sizes = [entry.size["n"] for entry in PLANNER]
    assert min(sizes) == 2
    assert max(sizes) == 10_000
    for decade in range(4):
        assert sum(10**decade <= size < 10 ** (decade + 1) for size in sizes) >= 5
    kinds = [baseline.status(bounds.bounds(entry.name)) for entry in PLANNER]
    assert kinds.count(Known.BEST) >= 12, "some are open for our solvers too"
    assert kinds.count(Known.INFEASIBLE) >= 5
    assert kinds.count(Known.OPTIMUM) >= 40
    index = catalogue.read_data("planner", "index.json")
    shapes = {convexity(line["statistics"]) for line in index.values()}
    assert shapes == {"≤ 1", "> 1", "both"}
    assert sum(line["statistics"]["rows"] > 0 for line in index.values()) >= 15


@pytest.mark.parametrize("name", [entry.name for entry in PLANNER])
def test_what_the_index_says_of_an_instance_is_so(name: str) -> None:
    problem = en.load(name)
    line = catalogue.read_data("planner", "index.json")[name.removeprefix("planner/")]
    found = statistics(problem)
    assert line["statistics"] == found
    known = bounds.bounds(name)
    assert baseline.status(known) is not Known.UNKNOWN
    if known.infeasible is not None:
        return
    assert known.primal is not None
    assert known.dual is not None
    outcome = problem.evaluate(problem.decode_decision(known.primal.decision))
    assert outcome.feasible
    assert outcome.value == pytest.approx(known.primal.value, rel=known.primal.tolerance)
    slack = known.primal.tolerance + known.dual.tolerance
    assert known.primal.value <= known.dual.value * (1 + slack)
    for side in (known.primal, known.dual):
        assert side.method
        assert side.version
        assert len(side.date) == 10


def test_statistics_say_what_the_words_mean() -> None:
    problem = en.PlannerProblem(
        Omega=[[0.5, 2, 0, 1], [0, 0, 3, 0], [0, 1, 0, 0], [1, 0, 0, 0]],
        z=[1, np.e, 1, np.e],
        L=2.0,
        f=[0.1, 0.2, 0.3, 0.4],
        alpha=[0.2, 0.4, 0.6, 0.8],
        sigma=4,
        epsilon=3,
        constraints=[en.LinearRow([0, 1], [1, 1], "<=", 1), en.LinearRow([3], [1], ">=", 0)],
    )
    found = statistics(problem)
    assert (found["n"], found["links"], found["self_links"], found["density"]) == (4, 6, 1, 0.375)
    assert found["in_degree"] == [1, 1, 1.5, 2, 2]
    assert found["out_degree"] == [1, 1, 1, 1.5, 3]
    assert (found["components"], found["largest_component"]) == (2, 2)
    assert (found["weights"], found["alpha"]) == ([0.5, 3], [0.2, 0.8])
    assert (found["sd_log_z"], found["fixed_cost"]) == (0.5, 0.5)
    assert found["alpha_kappa"] == [0.3, 1.2]
    assert convexity(found) == "both"
    assert (found["rows"], found["row_nonzeros"], found["senses"]) == (2, 3, {"<=": 1, ">=": 1})


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_a_kept_answer_passes_the_check_and_proves_what_is_on_record(path: Path) -> None:
    assert path.stat().st_size <= rerun.PROOF_LIMIT
    name = f"planner/{path.name.removesuffix('.json.gz')}"
    problem = en.load(name)
    solution = en.load_solution(path, problem)
    if problem.links < 10_000:  # the others are checked with `slow`
        en.check(problem, solution)
    known = bounds.bounds(name)
    sense = Sense(problem.sense)
    judgement = baseline.judge(known, sense, solution.value, solution.bound, solution.status == "infeasible")
    assert judgement.verdict in (Verdict.UNCHANGED, Verdict.WEAKER), judgement.why


@pytest.mark.slow
@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_every_kept_answer_passes_the_check(path: Path) -> None:
    problem = en.load(f"planner/{path.name.removesuffix('.json.gz')}")
    en.check(problem, en.load_solution(path, problem))


def test_the_library_stays_small() -> None:
    data = catalogue.folder("planner")
    assert sum(path.stat().st_size for path in data.iterdir()) < MEGABYTE
    assert sum(path.stat().st_size for path in KEPT) < 1.5 * MEGABYTE
    assert len(KEPT) >= 50


# -- families ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERATED)
def test_the_list_is_what_the_generators_give(name: str) -> None:
    generator, arguments = library.GENERATED[name]
    recipe = catalogue.read_data("planner", "generated.json")[name]
    assert (recipe["generator"], recipe["arguments"]) == (generator, arguments)
    assert generator in GENERATORS


def test_identical_firms_have_their_optimum_in_closed_form() -> None:
    for n, more in ((9, {}), (12, {"sigma": 3.0, "epsilon": 6.0, "alpha": 0.3, "f_n": 1.4})):
        problem = families.identical(n, **more)
        values = [problem.evaluate(theta).value for theta in itertools.product((0, 1), repeat=n) if sum(theta) > 0]
        m = families.identical_best(problem)
        best = problem.evaluate(np.arange(n) < m).value
        assert best == pytest.approx(max(values), rel=1e-12)
    problem = problem_of("identical-150")
    by_number = [problem.evaluate(np.arange(150) < m).value for m in range(1, 151)]
    assert bounds.bounds("planner/identical-150").primal.value == max(by_number)  # type: ignore[union-attr]


def test_rotations_of_a_ring_tie() -> None:
    problem = families.ring(11)
    theta = np.array([1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1])
    values = [problem.evaluate(np.roll(theta, step)).value for step in range(11)]
    assert values == pytest.approx([values[0]] * 11, rel=1e-13)
    assert values[0] > 0
    assert np.all(np.diff(problem.Omega.indptr) == 3)


def test_twins_differ_by_a_hair() -> None:
    problem = families.twins(40, seed=3, spread=1e-7)
    Omega = problem.Omega.toarray()
    assert np.array_equal(Omega[:20], Omega[20:])
    assert np.array_equal(Omega[:, :20], Omega[:, 20:])
    ratio = problem.z[20:] / problem.z[:20]
    assert np.all((ratio <= 1) & (ratio > 1 - 2e-7))
    assert np.any(ratio < 1)


def test_clusters_hold_most_links() -> None:
    problem = families.clustered(120, 6, seed=2, quota=4)
    group = np.arange(120) // 20
    links = problem.Omega.tocoo()
    inside = np.mean(group[links.row] == group[links.col])
    assert inside > 0.8
    assert not np.any(links.row == links.col)
    assert [row.firms.tolist() for row in problem.constraints] == [list(range(20 * c, 20 * c + 20)) for c in range(6)]
    assert not problem.evaluate(np.ones(120)).feasible


def test_hubs_carry_the_trade_and_the_cost() -> None:
    problem = families.hubs(60, 5, seed=1, f_n=0.3)
    assert problem.f.sum() == pytest.approx(0.3)
    assert problem.f[0] == pytest.approx(10 * problem.f[-1])
    links = problem.Omega.tocoo()
    assert np.all((links.row < 5) | (links.col < 5))


def test_rows_of_a_budgeted_economy() -> None:
    problem = families.budgeted(
        "calibrated", {"n": 50, "seed": 1}, seed=2, most=9, least=2, pairs=12, knapsack=0.25, bailed=[7]
    )
    senses = statistics(problem)["senses"]
    assert senses["=="] == 1
    assert senses[">="] == 1
    knapsack = next(row for row in problem.constraints if row.coefficients.max() > 1)
    assert knapsack.rhs == np.floor(0.25 * knapsack.coefficients.sum())
    pairs = [tuple(row.firms.tolist()) for row in problem.constraints if row.firms.size == 2]
    assert len(pairs) == len(set(pairs)) > 8
    assert all(i < j for i, j in pairs)


def satisfied(problem: Any) -> bool:
    choices = itertools.product((0.0, 1.0), repeat=problem.n)
    return any(not problem.rows.violated(np.array(theta)).size for theta in choices)


def test_no_pigeons_fit() -> None:
    problem = families.pigeonhole(2)
    assert not satisfied(problem)
    without = en.PlannerProblem(problem.Omega, problem.z, f=problem.f, constraints=problem.constraints[1:])
    assert satisfied(without)
    third = families.pigeonhole(3)
    activity = third.rows.G @ np.full(third.n, 1 / 3)
    assert np.all(activity >= third.rows.lower - 1e-12)
    assert np.all(activity <= third.rows.upper + 1e-12)


def test_markets_are_split_exactly() -> None:
    answers = set()
    for seed in range(12):
        problem = families.market_split(8, 1 + seed % 2, seed)
        assert families.splits(problem) == satisfied(problem)
        answers.add(families.splits(problem))
    assert answers == {True, False}
    assert satisfied(families.market_split(9, 2, seed=4, planted=True))
    for name in ("market-split-20", "market-split-30"):
        assert not families.splits(problem_of(name))
    assert families.splits(problem_of("market-split-24-planted"))
    with pytest.raises(en.InputError, match="whole numbers"):
        families.splits(problem_of("bailout-14"))


def test_variants_keep_the_links() -> None:
    base, steep = problem_of("us-71"), problem_of("us-71-steep")
    assert np.array_equal(base.Omega.toarray(), steep.Omega.toarray())
    assert (steep.sigma, steep.epsilon) == (8, 4)
    assert problem_of("us-71-budget").constraints[0].rhs == 20
    assert problem_of("aus-114-dear").f.sum() == pytest.approx(0.5)


def test_bad_arguments_are_named() -> None:
    for make, field in (
        (lambda: families.twins(7), "n"),
        (lambda: families.clustered(10, 9), "clusters"),
        (lambda: families.hubs(5, 5), "count"),
        (lambda: families.formed("table1", {"n": 4}, "magic"), "way"),
        (lambda: families.pigeonhole(1), "n"),
        (lambda: families.ring(2), "n"),
    ):
        with pytest.raises(en.InputError, match=field):
            make()
    with pytest.raises(en.EndonetError, match="generator"):
        families.budgeted("calibratd", {"n": 10})


def test_what_an_argument_settles_is_recorded(tmp_path: Path) -> None:
    name, file = "planner/pigeonhole-12", tmp_path / "bounds.json"
    assert bounds.record_infeasible(name, "counting", proves="global optimum", file=file)
    assert not bounds.record_infeasible(name, "counting again", proves="global optimum", file=file)
    with pytest.raises(en.InputError, match="proves"):
        bounds.record_infeasible(name, "a guess", file=file)
    with pytest.raises(en.VerificationError, match="none exists"):
        bounds.record_bound(name, "dual", 1.0, "root", proves="bound", file=file)
    two = "planner/figure2"
    bounds.record_bound(two, "primal", en.load(two).evaluate([1, 0]).value, "try", decision=[1, 0], file=file)
    with pytest.raises(en.VerificationError, match="yet one worth"):
        bounds.record_infeasible(two, "wrong tree", proves="global optimum", file=file)


def test_a_name_that_needs_a_search_says_where_to() -> None:
    with pytest.raises(en.EndonetError, match="--rerun --record"):
        bundle.prove(["planner/calibrated-300"])


# -- .solu files and verdicts ------------------------------------------------------------------------------------------


def read_solu(text: str) -> dict[tuple[str, str], float | None]:
    """Read a .solu file as benchmark scripts do: marker, name, number."""
    found = {}
    for line in text.splitlines():
        marker, name, *number = line.split()
        assert marker in ("=opt=", "=best=", "=bestdual=", "=inf=", "=unkn=")
        assert (marker, name) not in found
        found[marker, name] = float(number[0]) if number else None
    return found


def test_the_solu_file_says_what_is_on_record() -> None:
    found = read_solu(baseline.solu(PLANNER))
    for entry in PLANNER:
        short, known = entry.name.removeprefix("planner/"), bounds.bounds(entry.name)
        kind = baseline.status(known)
        if known.infeasible is not None:
            assert found["=inf=", short] is None
            continue
        assert found[f"={kind}=", short] == known.primal.value  # type: ignore[union-attr]
        assert (("=bestdual=", short) in found) == (kind is Known.BEST)
        if kind is Known.BEST:
            assert found["=bestdual=", short] == known.dual.value  # type: ignore[union-attr]
    every = read_solu(baseline.solu(files.names()))
    assert ("=opt=", "planner/us-15") in every


def test_a_solu_file_in_the_units_of_a_model() -> None:
    entries = [entry for entry in PLANNER if entry.name in ("planner/us-15", "planner/weighted-5", "planner/figure2")]
    for name in ("planner/lifted", "planner/reduced", "planner/primal"):
        form: Any = en.formulation(name)
        found = read_solu(baseline.solu(entries, rerun.in_units_of(name, entries)))
        for entry in entries:
            problem, value = en.load(entry.name), bounds.bounds(entry.name).primal.value  # type: ignore[union-attr]
            objective = found["=opt=", entry.name.removeprefix("planner/")]
            assert form.output(problem, objective) == pytest.approx(value, rel=1e-13)
    with pytest.raises(en.InputError, match="planner instances"):
        rerun.in_units_of("planner/lifted", files.names())
    with pytest.raises(en.EndonetError, match="lifted"):
        rerun.in_units_of("planner/liftd", entries)


def side(value: float, tolerance: float = 1e-12) -> Bound:
    return Bound(value, "m", tolerance, "0", "2026-01-01")


CASES: list[tuple[float | None, float | None, bool, Verdict]] = [
    (10.0, 11.0, False, Verdict.UNCHANGED),
    (10.0 + 1e-13, 11.0 - 1e-13, False, Verdict.UNCHANGED),
    (10.5, 11.0, False, Verdict.BETTER_PRIMAL),
    (10.0, 10.7, False, Verdict.BETTER_DUAL),
    (10.5, 10.5, False, Verdict.BETTER_BOTH),
    (9.0, 10.5, False, Verdict.BETTER_DUAL),
    (9.0, 11.0, False, Verdict.WEAKER),
    (10.0, 12.0, False, Verdict.WEAKER),
    (10.0, None, False, Verdict.WEAKER),
    (None, None, False, Verdict.WEAKER),
    (11.1, None, False, Verdict.CONFLICT),
    (11.1, 12.0, False, Verdict.CONFLICT),
    (9.0, 9.9, False, Verdict.CONFLICT),
    (None, 9.9, False, Verdict.CONFLICT),
    (None, None, True, Verdict.CONFLICT),
]


@pytest.mark.parametrize(("value", "bound", "infeasible", "verdict"), CASES)
@pytest.mark.parametrize("sense", list(Sense))
def test_a_run_is_held_against_the_record(
    value: float | None, bound: float | None, infeasible: bool, verdict: Verdict, sense: Sense
) -> None:
    sign = 1 if sense is Sense.MAXIMISE else -1
    known = Bounds(side(sign * 10.0), side(sign * 11.0))
    given = [None if number is None else sign * number for number in (value, bound)]
    judgement = baseline.judge(known, sense, *given, infeasible)
    assert judgement.verdict is verdict
    assert bool(judgement.why) == (verdict is Verdict.CONFLICT)


def test_runs_of_instances_of_which_nothing_or_infeasibility_is_known() -> None:
    none, refuted = Bounds(), Bounds(infeasible=Refutation("m", "0", "2026-01-01"))
    maximise = Sense.MAXIMISE
    assert baseline.judge(none, maximise, 1.0, 2.0, False).verdict is Verdict.BETTER_BOTH
    assert baseline.judge(none, maximise, 1.0, None, False).verdict is Verdict.BETTER_PRIMAL
    assert baseline.judge(none, maximise, None, None, True).verdict is Verdict.PROVED_INFEASIBLE
    assert baseline.judge(refuted, maximise, None, None, True).verdict is Verdict.UNCHANGED
    assert baseline.judge(refuted, maximise, None, 3.0, False).verdict is Verdict.WEAKER
    assert baseline.judge(refuted, maximise, 1.0, 3.0, False).verdict is Verdict.CONFLICT
