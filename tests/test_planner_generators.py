"""Generators, the paper's figures and the readers of networks: what they promise holds."""

from __future__ import annotations

import itertools
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

import endonet as en
from endonet.instances.planner import degrees, draws, examples, generators, graphs


def ranked(problem: en.PlannerProblem) -> list[tuple[float, tuple[int, ...]]]:
    """Every feasible choice with its value, best first."""
    outcomes = ((problem.evaluate(theta), theta) for theta in itertools.product((0, 1), repeat=problem.n))
    return sorted(((outcome.value, theta) for outcome, theta in outcomes if outcome.feasible), reverse=True)


# The fingerprints pin the economies: a change of any number drawn from these seeds must be noticed.
PINNED = {
    "table1": (lambda: generators.table1(8, seed=7), "fb06d7b523fb55cf"),
    "calibrated": (lambda: generators.calibrated(200, seed=7), "5ceada227471fc0d"),
    "complete": (lambda: generators.complete(5, seed=7), "5dac195935bd57a4"),
    "rank_one": (lambda: generators.rank_one(5, seed=7), "20e909e8a93eb2cd"),
    "sparse_weighted": (lambda: generators.sparse_weighted(9, seed=7), "d592c721e8595ca7"),
}


@pytest.mark.parametrize("name", PINNED)
def test_the_same_seed_gives_the_same_economy(name: str) -> None:
    make, fingerprint = PINNED[name]
    assert make().fingerprint == make().fingerprint
    assert make().fingerprint.startswith(fingerprint)


def test_other_seeds_give_other_economies() -> None:
    assert len({generators.table1(8, seed=seed).fingerprint for seed in range(20)}) == 20
    assert generators.table1(8, seed=(1, 2)).fingerprint != generators.table1(8, seed=(2, 1)).fingerprint


@pytest.mark.parametrize("seed", [-1, "one", 1.5, None])
def test_bad_seeds_are_refused(seed: object) -> None:
    with pytest.raises(en.InputError, match="seed"):
        generators.table1(8, seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [1, 0, -3, 2.0, True, "8"])
def test_bad_sizes_are_refused(n: object) -> None:
    with pytest.raises(en.InputError, match="n: "):
        generators.table1(n)  # type: ignore[arg-type]


def test_table_1_has_five_expected_links_a_firm_and_is_strongly_connected() -> None:
    for n in (8, 10, 12, 14):
        problems = [generators.table1(n, seed=seed) for seed in range(60)]
        assert all(connected_components(p.Omega, connection="strong")[0] == 1 for p in problems)
        assert all(np.all(p.Omega.diagonal() == 0) for p in problems)
        degree = np.mean([p.links / n for p in problems])
        assert degree == pytest.approx(5, abs=0.25)  # strong connection favours links a little
    z = np.log(np.concatenate([generators.table1(14, sigma_z=0.44, seed=s).z for s in range(60)]))
    assert z.std() == pytest.approx(0.44, abs=0.03)
    assert z.mean() == pytest.approx(0, abs=0.05)


def test_table_1_gives_up_on_networks_that_are_never_strongly_connected() -> None:
    with pytest.raises(en.InputError, match="strongly connected"):
        generators.table1(1200)


def test_table_1s_grid_has_every_combination_once() -> None:
    problems = list(generators.table1_grid(8, draws_each=2, seed=3))
    assert len(problems) == 2 * 3**5
    keys = {(p.f[0] * 8, p.alpha[0], p.sigma, p.epsilon) for p in problems}
    assert len({(round(f, 12), a, s, e) for f, a, s, e in keys}) == 3**4
    assert len({p.fingerprint for p in problems}) == len(problems)
    assert (
        problems[10].fingerprint
        == generators.table1(8, f_n=0.05, sigma_z=0.34, alpha=0.45, sigma=6.0, epsilon=8.0, seed=(3, 5, 0)).fingerprint
    )


def test_the_calibrated_degrees_follow_the_mass_on_the_grid() -> None:
    n, xi = 6, 1.85
    grid = np.array([[(i + o - 1.0) ** -(xi + 1) for o in range(1, n)] for i in range(1, n)])
    expected = grid / grid.sum()
    rng = draws.generator(1)
    drawn = np.zeros((n - 1, n - 1))
    rounds = 40_000
    for _ in range(rounds // n):
        inward, outward = degrees.power_law(rng, n, xi)
        np.add.at(drawn, (inward - 1, outward - 1), 1)
    total = drawn.sum()
    error = np.abs(drawn / total - expected) / np.sqrt(expected * (1 - expected) / total)
    assert error.max() < 4.5  # standard errors, the largest of 25


def test_the_calibrated_economy_has_the_papers_size() -> None:
    problems = [generators.calibrated(seed=seed) for seed in range(12)]
    degree = [p.links / p.n for p in problems]
    assert np.mean(degree) == pytest.approx(3.3, abs=0.2)
    for p in problems:
        assert p.n == 1000
        assert np.all(np.diff(p.Omega.indptr) >= 1)
        assert np.all(p.Omega.diagonal() == 0)
        assert np.all(p.Omega.data == 1)
        assert p.f.sum() == pytest.approx(0.05)


def test_large_calibrated_economies_need_no_grid() -> None:
    problem = generators.calibrated(50_000, seed=1)
    assert 3 < problem.links / problem.n < 8


@given(st.integers(1, 30), st.integers(0, 10**6), st.booleans())
@settings(deadline=None, max_examples=60, derandomize=True)
def test_sparse_weighted_economies_can_produce(n: int, seed: int, self_links: bool) -> None:
    problem = generators.sparse_weighted(n, seed, self_links=self_links)
    assert np.all(np.diff(problem.Omega.indptr) >= 1)
    assert np.all(problem.evaluate(np.ones(n)).producing)
    if not self_links and n > 1:
        assert np.all(problem.Omega.diagonal() == 0)


def test_regular_networks_have_their_shapes() -> None:
    assert generators.complete(5).links == 20
    assert generators.complete(5, self_links=True).links == 25
    assert np.linalg.matrix_rank(generators.rank_one(6).Omega.toarray()) == 1
    star = generators.hub_and_spoke(5)
    assert star.links == 8
    assert star.evaluate([0, 1, 1, 1, 1]).value == 0
    assert generators.complete(3, sigma=7, epsilon=2, alpha=0.3).sigma == 7


@pytest.mark.parametrize(
    "problem",
    [
        generators.table1(8),
        generators.calibrated(50),
        generators.complete(4),
        generators.rank_one(4),
        examples.figure1(),
    ],
    ids=lambda problem: problem.name,
)
def test_every_economy_says_what_it_is(problem: en.PlannerProblem) -> None:
    assert problem.name
    assert problem.description
    assert problem.source
    assert problem.licence


def test_figure_1_operates_some_firms_in_a_loop() -> None:
    problem = examples.figure1()
    (_, best), *_ = ranked(problem)
    assert problem.n == 6
    assert 0 < sum(best) < 6
    assert np.array_equal(problem.evaluate(best).producing, np.array(best, dtype=bool))


def test_figure_2_is_a_saddle_with_its_top_at_the_better_firm() -> None:
    problem = examples.figure2()

    def relaxed(one: float, two: float) -> float:
        """V_R of the paper with a = 1, b = 0: θ_j scales z_j, and the fixed cost is f Σ θ."""
        theta = np.array([one, two])
        scaled = en.PlannerProblem(problem.Omega, z=problem.z * np.maximum(theta, 1e-9), f=problem.f * theta)
        return scaled.evaluate([1, 1]).value

    step = 0.01
    assert relaxed(1, 0) > relaxed(0, 1) > max(relaxed(0, 0), relaxed(1, 1))
    for corner in ((1.0, 0.0), (0.0, 1.0)):
        inward = [abs(c - step) for c in corner]
        assert relaxed(*corner) > relaxed(inward[0], corner[1])
        assert relaxed(*corner) > relaxed(corner[0], inward[1])
    for corner in ((0.0, 0.0), (1.0, 1.0)):
        inward = [abs(c - step) for c in corner]
        assert relaxed(*corner) < relaxed(inward[0], corner[1])
        assert relaxed(*corner) < relaxed(corner[0], inward[1])
    assert ranked(problem)[0][1] == (1, 0)


@pytest.mark.parametrize("panel", [1, 2, 3, 4])
def test_figure_3_operates_the_cluster_with_the_best_firm(panel: int) -> None:
    problem = examples.figure3(panel)
    best = ranked(problem)[0][1]
    top = problem.z.argmax() < 5
    assert best == ((1,) * 5 + (0,) * 5 if top else (0,) * 5 + (1,) * 5)
    assert problem.links == 2 * 20 + 2


def test_figure_4_reorganises_after_a_negligible_shock() -> None:
    before, after = examples.figure4(), examples.figure4(after=True)
    assert before.z[0] / after.z[0] - 1 == pytest.approx(0.001, abs=1e-5)
    (one, left), (second, _), *_ = ranked(before)
    (other, right), *_ = ranked(after)
    assert one > second
    assert left[0] == 1
    assert right[0] == 0
    assert sum(a != b for a, b in zip(left, right, strict=True)) >= 4
    assert abs(one / other - 1) < 5e-4

    def spread(problem: en.PlannerProblem, theta: tuple[int, ...]) -> list[float]:
        outcome = problem.evaluate(theta)
        active = outcome.producing
        return [float(np.std(np.log(values[active]))) for values in (outcome.q, outcome.y, outcome.l)]

    assert all(new < 1e-6 < 0.01 < old for old, new in zip(spread(before, left), spread(after, right), strict=True))


def test_figures_have_no_other_panels() -> None:
    with pytest.raises(en.InputError, match="panel"):
        examples.figure3(5)


def test_edge_lists_are_read_with_any_delimiter(tmp_path: Path) -> None:
    expected = en.PlannerProblem([[0, 1, 0.5], [1, 0, 0], [2, 0, 0]], z=[1, 2, 3])
    for mark in (" ", "\t", ",", ";", ", ", "|", "   "):
        lines = [
            "# a comment",
            "",
            *(mark.join(row) for row in (("0", "1"), ("0", "2", ".5"), ("1", "0"), ("2", "0", "2"))),
        ]
        (tmp_path / "a.txt").write_text("\n".join(lines))
        problem, names = graphs.read_edge_list(tmp_path / "a.txt", z=[1, 2, 3])
        assert problem.fingerprint == expected.fingerprint
        assert names == ["0", "1", "2"]


def test_labels_count_in_order_of_appearance(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('from,to\n"Steel, raw",Cars\nCars,"Steel, raw"\nCars,Bread\nBread,Cars\n')
    problem, names = graphs.read_edge_list(tmp_path / "a.csv", labels=True, header=True, seed=3, f=0.01)
    assert names == ["Steel, raw", "Cars", "Bread"]
    assert problem.Omega.toarray().tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert problem.fingerprint == graphs.from_matrix(problem.Omega, seed=3, f=0.01).fingerprint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no link"),
        ("0 1\n0", "line 2: it has 1 field;"),
        ("0 1 2 3", "it has 4 fields"),
        ("0 x", "'x' is no 0-based index"),
        ("0 -1", "'-1' is no 0-based index"),
        ("0 1 -2", "'-2' is no weight"),
        ("0 1 nan", "'nan' is no weight"),
        ("0 1\n1 0\n0 1", "line 3: the link already stands in line 1"),
        ("0 999999999", "far beyond"),
    ],
)
def test_wrong_edge_lists_name_the_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(en.InputError, match=says):
        graphs.read_edge_list(tmp_path / "a.txt")


def test_unreadable_edge_lists_are_named(tmp_path: Path) -> None:
    with pytest.raises(en.InputError, match="cannot be read"):
        graphs.read_edge_list(tmp_path / "none.txt")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(en.InputError, match="not UTF-8"):
        graphs.read_edge_list(tmp_path / "a.txt")


def test_graphs_and_matrices_agree() -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(["c", "a", "b"])
    graph.add_weighted_edges_from([("a", "b", 2.0), ("b", "c", 1.0), ("c", "a", 0.5)])
    problem, nodes = graphs.from_networkx(graph, z=[1.0, 2.0, 3.0], f=0.01)
    assert nodes == ["c", "a", "b"]
    matrix = sp.csr_array(np.array([[0, 0.5, 0], [0, 0, 2], [1, 0, 0]]))
    assert problem.fingerprint == graphs.from_matrix(matrix, z=[1.0, 2.0, 3.0], f=0.01).fingerprint
    nx.set_node_attributes(graph, {"c": 1.0, "a": 2.0, "b": 3.0}, "tfp")
    assert graphs.from_networkx(graph, z="tfp", f=0.01)[0].fingerprint == problem.fingerprint
    assert graphs.from_networkx(graph, seed=1)[0].fingerprint == graphs.from_networkx(graph, seed=1)[0].fingerprint


@pytest.mark.parametrize(
    ("graph", "says"),
    [
        (nx.Graph([(0, 1)]), "not directed"),
        (nx.MultiDiGraph([(0, 1), (0, 1)]), "multigraph"),
        (nx.DiGraph(), "no node"),
    ],
    ids=["undirected", "multigraph", "empty"],
)
def test_other_graphs_are_refused(graph: nx.Graph, says: str) -> None:
    with pytest.raises(en.InputError, match=says):
        graphs.from_networkx(graph)


def test_missing_attributes_and_odd_shapes_are_refused() -> None:
    with pytest.raises(en.InputError, match="no attribute"):
        graphs.from_networkx(nx.DiGraph([(0, 1), (1, 0)]), z="tfp")
    with pytest.raises(en.InputError, match="square"):
        graphs.from_matrix(np.ones((2, 3)))
