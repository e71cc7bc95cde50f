"""The ordering problem: data, evaluation, the greedy order, local search, formulations, files, and benchmark tables."""

from __future__ import annotations

import re
from pathlib import Path

import networkx as nx
import numpy as np
import pyomo.environ as pyo
import pytest
import scipy.sparse as sp
from digraphs import best_order_by_trying_all, digraph

import endonet as en
from endonet.formulations.ordering import cover
from endonet.formulations.ordering.problem import OrderingProblem
from endonet.instances import bounds as record
from endonet.instances import catalogue
from endonet.instances.ordering import generators, graphs
from endonet.instances.planner import iotables
from endonet.reports import ordering as report
from endonet.solvers.ordering.eades import greedy_order
from endonet.solvers.ordering.insertion import search_dense
from endonet.solvers.solution import Status

DATA = Path(__file__).parents[1].parent / "shared" / "data"
LOLIB = DATA / "lolib"
OPTIMA: dict[str, int] = {}
if (LOLIB / "OPTIMA.md").is_file():
    text = (LOLIB / "OPTIMA.md").read_text()
    OPTIMA = {name: int(value) for name, value in re.findall(r"\| (N-\S+) \| \d+ \| (\d+) \|", text)}

benchmark = pytest.mark.skipif(not OPTIMA, reason=f"the tables of LOLIB are not in {LOLIB}")
tables = pytest.mark.skipif(
    not (DATA / "iotables").is_dir(), reason=f"the input-output tables are not in {DATA / 'iotables'}"
)
sparse_benchmark = pytest.mark.skipif(not (DATA / "mfas").is_dir(), reason=f"the digraphs are not in {DATA / 'mfas'}")


# -- data and evaluation -----------------------------------------------------------------------------------------------


def test_evaluation_by_hand() -> None:
    problem = OrderingProblem(W=sp.csr_array(np.array([[0, 3, 0], [1, 0, 2], [4, 0, 0.0]])))
    outcome = problem.evaluate([0, 1, 2])
    assert (outcome.value, outcome.forward_weight, problem.total) == (5.0, 5.0, 10.0)
    assert outcome.violators.tolist() == [[1, 0], [2, 0]]
    assert (outcome.share, outcome.share_of_links, outcome.links_violating) == (0.5, 0.5, 2)
    assert problem.evaluate([2, 0, 1]).value == 3.0
    assert problem.encode_decision([2, 0, 1]) == {"order": [2, 0, 1], "forward_weight": 7.0}


def test_the_diagonal_of_a_matrix_is_left_out() -> None:
    assert OrderingProblem(W=sp.csr_array(np.array([[9, 1], [0, 9.0]]))).links == 1


@pytest.mark.parametrize(
    ("W", "field"),
    [
        ([[0, -1], [1, 0]], r"W\[0, 1\]"),
        ([[0, np.nan], [1, 0]], r"W\[0, 1\]"),
        ([[0, 1, 2]], "square"),
        (np.zeros((0, 0)), "no node"),
        (np.zeros((3, 3)), "no link"),
        (nx.DiGraph([(0, 0), (0, 1)]), "self-loop"),
        (nx.Graph([(0, 1)]), "not directed"),
        (nx.DiGraph([(1, 2)]), "relabel"),
        ("nonsense", "matrix"),
        ([[0, 1e308, 1e308], [1e308, 0, 0], [0, 0, 0]], "range"),
    ],
)
def test_bad_data_is_named(W: object, field: str) -> None:
    with pytest.raises(en.InputError, match=field):
        OrderingProblem(W=W)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("order", "field"),
    [([0, 1], "shape"), ([0, 1, 1], r"order\[2\]: node 1 stands twice"), ([0, 1, 3], r"order\[2\]"), ("abc", "order")],
)
def test_a_bad_order_is_named(order: object, field: str) -> None:
    with pytest.raises(en.InputError, match=field):
        digraph(1, n=3).evaluate(order)  # type: ignore[arg-type]


def test_matrices_graphs_and_lists_are_one_problem() -> None:
    problem = digraph(4)
    dense = problem.W.toarray()
    graph = nx.DiGraph()
    graph.add_nodes_from(range(problem.n))
    graph.add_weighted_edges_from((int(i), int(j), dense[i, j]) for i, j in zip(*problem.W.nonzero(), strict=True))
    others = [
        OrderingProblem(W=dense),
        OrderingProblem(W=sp.coo_array(dense)),  # type: ignore[arg-type]
        OrderingProblem(W=graph),
        graphs.from_networkx(nx.relabel_nodes(graph, lambda i: f"firm {i}")),
        graphs.from_sparse(sp.csc_array(dense)),
        graphs.from_links(problem.n, problem.tails, problem.W.indices, problem.W.data),
    ]
    assert {other.fingerprint for other in others} == {problem.fingerprint}
    assert problem.W.tocoo().nnz == problem.links


# -- the greedy order and local search ---------------------------------------------------------------------------------


def test_the_worked_example_of_appendix_b() -> None:
    example = en.load("ordering/appendix-b")
    order = greedy_order(example, "links")
    assert order.tolist() == [0, 2, 1, 3, 4]  # A, C, B, D, E
    assert example.evaluate(order).violators.tolist() == [[3, 2]]  # D → C


@pytest.mark.parametrize("seed", range(6))
def test_versions_of_the_greedy_order_agree_where_they_should(seed: int) -> None:
    problem = digraph(seed, n=12, share=0.3)
    ones = OrderingProblem(W=problem.W.sign())
    assert greedy_order(ones, "links").tolist() == greedy_order(ones, "floor").tolist()
    assert greedy_order(problem, "links").tolist() == greedy_order(ones, "links").tolist()
    for delta in ("weights", "floor", "links"):
        for ties in ("oldest", "newest"):
            assert sorted(greedy_order(problem, delta, ties)) == list(range(12))


def slow_greedy(problem: OrderingProblem) -> list[int]:
    """The greedy order by exact weights, from its definition."""
    W = problem.W.toarray()
    left, right, alive = [], [], list(range(problem.n))
    sources, sinks = [], []
    while alive or sources or sinks:
        for u in list(alive):
            if not W[:, u].any():
                sources.append(u)
                alive.remove(u)
            elif not W[u].any():
                sinks.append(u)
                alive.remove(u)
        if sinks:
            u = sinks.pop(0)
            right.insert(0, u)
        elif sources:
            u = sources.pop(0)
            left.append(u)
        else:
            u = min(alive, key=lambda v: (W[:, v].sum() - W[v].sum(), v))
            alive.remove(u)
            left.append(u)
        W[u], W[:, u] = 0.0, 0.0
    return left + right


@pytest.mark.parametrize("seed", range(8))
def test_the_heap_takes_what_the_definition_takes(seed: int) -> None:
    problem = digraph(seed, n=14, share=0.9)
    assert problem.evaluate(greedy_order(problem)).value == problem.evaluate(slow_greedy(problem)).value


def test_an_acyclic_digraph_is_ordered_without_violation() -> None:
    W = sp.csr_array(np.triu(np.ones((30, 30)), 1))
    mixed = np.random.default_rng(0).permutation(30)
    problem = OrderingProblem(W=W[mixed][:, mixed])
    for name in ("eades", "local-search", "certified"):
        assert en.solve(problem, name).value == 0.0


@pytest.mark.parametrize("share", [0.1, 0.8])
def test_no_insertion_improves_a_local_optimum(share: float) -> None:
    problem = digraph(3, n=25, share=share)
    found = en.solve(problem, "local-search", kicks=5)
    assert found.status is Status.LOCAL
    for u in range(25):
        rest = [v for v in found.decision if v != u]
        for place in range(25):
            assert problem.evaluate([*rest[:place], u, *rest[place:]]).value >= found.value


def test_what_local_search_says_it_saves_it_saves() -> None:
    problem = digraph(9, n=20, share=0.9)
    D = (problem.W - problem.W.T).toarray()
    order = np.arange(20)
    before = problem.evaluate(order).value
    saved = search_dense(D, order, 20, 3, 1, 1e-9)
    assert problem.evaluate(order).value == before - saved


# -- formulations ------------------------------------------------------------------------------------------------------


def optimum(model: pyo.ConcreteModel) -> float:
    pyo.SolverFactory("appsi_highs").solve(model)
    return float(pyo.value(model.objective))


@pytest.mark.parametrize("name", ["dicycle", "cover", "position"])
@pytest.mark.parametrize("seed", range(3))
def test_formulations_have_the_optimum_of_trying_all(name: str, seed: int) -> None:
    problem = digraph(seed, share=0.5)
    formulation = en.formulation(f"ordering/{name}")
    model = formulation.build(problem)
    value = optimum(model)
    while name == "cover" and (cycles := cover.violated(model)):
        cover.add(model, cycles)
        value = optimum(model)
    assert value == pytest.approx(best_order_by_trying_all(problem), rel=1e-6)
    assert problem.evaluate(formulation.extract(model)).value == pytest.approx(value, rel=1e-6)
    assert optimum(formulation.build(problem, relaxed=True)) <= value * (1 + 1e-6)


def test_a_model_without_values_and_another_language_are_refused() -> None:
    formulation = en.formulation("ordering/dicycle")
    with pytest.raises(en.InputError, match="solve"):
        formulation.extract(formulation.build(digraph(1)))
    with pytest.raises(en.InputError, match="modeller"):
        formulation.build(digraph(1), "cvxpy")


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["json", "json.gz", "npz"])
def test_a_digraph_survives_a_file(tmp_path: Path, ending: str) -> None:
    problem = digraph(2, whole=False)
    en.save(problem, tmp_path / f"digraph.{ending}")
    assert en.load(tmp_path / f"digraph.{ending}").fingerprint == problem.fingerprint


TABLE = "0 3 1 0\n1 0 2 5\n0 0 7 2\n1 0 0 0\n"


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        "4\n" + TABLE,
        "a table of 4\n4\n" + TABLE,
        "a table\n" + TABLE,
        TABLE.replace("\n", " "),
        "\n4\n\n" + TABLE,
    ],
    ids=["bare", "with n", "title and n", "title", "one line", "blank lines"],
)
def test_a_lolib_table_is_recognised(tmp_path: Path, content: str) -> None:
    (tmp_path / "N-table").write_text(content)
    problem = en.load(tmp_path / "N-table")
    assert (problem.n, problem.total, problem.name) == (4, 15.0, "N-table")


def test_edge_lists_are_recognised(tmp_path: Path) -> None:
    (tmp_path / "plain.edges").write_text("# firms\n0 1\n1 2\n\n2 0\n0 2\n")
    (tmp_path / "weighted.edges").write_text("0,1,2.5\n1,2,1\n2,0,4\n2,1,1\n")
    assert en.load(tmp_path / "plain.edges").total == 4
    assert en.load(tmp_path / "weighted.edges").total == 8.5
    (tmp_path / "open").write_text("0 1\n1 0\n")
    with pytest.raises(en.InputError, match="--format"):
        en.load(tmp_path / "open")
    assert en.load(tmp_path / "open", format="edges").n == 2
    assert en.load(tmp_path / "open", format="lolib").n == 2
    with pytest.raises(en.InputError, match="did you mean edges"):
        en.load(tmp_path / "open", format="edge")


@pytest.mark.parametrize("title", ["", "a table\n"])
def test_tables_are_known_by_the_count_of_their_numbers(tmp_path: Path, title: str) -> None:
    rows = ["7 1 2 3", "4 0 5 6", "7 8 0 9", "1 2 3 -4"]  # the diagonal is ignored
    flat = " ".join(rows).split()
    layouts = ["\n".join(rows), "4\n" + "\n".join(rows), "4 " + " ".join(flat), "\n".join(["4", *flat])]
    for layout in layouts:
        (tmp_path / "table").write_text(title + layout)
        found = en.load(tmp_path / "table", format="lolib")
        assert (found.n, found.W.diagonal().any(), found.W[0, 3], found.W[3, 0]) == (4, False, 3.0, 1.0)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (TABLE[:-5], "cut short"),
        ("4\n" + TABLE[:-5], "cut short"),
        ("1 2 3 4 5\n1 2 3 4 5\n1 2 3 4 5\n1\n", "cut short"),
        (TABLE.replace("5", "-5"), "row 1, column 3: -5 is negative"),
        (TABLE.replace("5", "nan"), "no finite number"),
        ("0 1\n1 1\n1 2\n2 0\n", "line 2: a self-loop"),
        ("0 1 2\n1 2 -2\n2 0 1\n0 2 3\n", "line 2: -2 is negative"),
        ("0 1\n1 2\n0 1\n2 0\n", "line 3: the link from 0 to 1 already stands"),
        ("0 1\n1 2\n0 99999999999\n2 0\n", "without gaps"),
        ("0 1\n1 2\n0 1.5\n2 0\n", "line 3"),
        ("0 0 0 0\n" * 4, "no link"),
        ('{"family": "ordering", "version": 1, "n": 2, "arcs": {"from": [], "to": []}}', "no link"),
        ('{"family": "ordering", "version": 1, "n": 2, "arcs": {"from": [0], "to": [0]}}', "self-loop"),
        ('{"family": "ordering", "version": 1, "n": 2, "arcs": {"from": [0], "to": [1], "weight": [-1]}}', "negative"),
        ('{"family": "ordering", "version": 1, "n": 0, "arcs": {"from": [], "to": []}}', "n: 0 is too small"),
        ('{"family": "ordering", "version": 1, "n": 1000000000, "arcs": {"from": [0, 1], "to": [1, 0]}}', "2 links"),
        ("", "empty"),
        ("neither numbers nor JSON", "no JSON"),
    ],
)
def test_bad_files_are_one_clear_error(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(en.InputError, match=complaint):
        en.load(tmp_path / "file")


@pytest.mark.parametrize("name", ["appendix-b", "sparse-40", "sparse-60-weighted", "tournament-20", "firms-200"])
def test_bundled_digraphs_are_proved(name: str) -> None:
    problem = en.load(f"ordering/{name}")
    assert problem.name == f"ordering/{name}"
    solution = en.solve(problem)
    assert solution.status is Status.OPTIMAL
    en.check(problem, solution)


def test_recorded_bounds_hold_the_optimum_between_them() -> None:
    names = ["appendix-b", "sparse-40", "sparse-60-weighted", "tournament-20", "firms-200"]
    for name in names:
        known, problem = record.bounds(f"ordering/{name}"), en.load(f"ordering/{name}")
        assert known.primal is not None
        assert known.dual is not None
        assert catalogue.read_data("ordering", "bounds.json")[name]["fingerprint"] == problem.fingerprint
        assert problem.evaluate(known.primal.decision["order"]).value == known.primal.value
        assert known.dual.value <= known.primal.value <= known.dual.value * (1 + 1e-9)
    counted = en.solve(en.load("ordering/tournament-20"), "subsets")
    assert record.bounds("ordering/tournament-20").primal.value == counted.value


def test_generators_follow_their_seeds() -> None:
    for make in (generators.sparse, generators.tournament, generators.firms):
        assert make(30, seed=1).fingerprint == make(30, seed=1).fingerprint != make(30, seed=2).fingerprint


# -- benchmarks --------------------------------------------------------------------------------------------------------


def prove(path: Path) -> float:
    """Return the greatest weight above the diagonal, proved and checked."""
    problem = en.load(path)
    solution = en.solve(problem)
    assert solution.status is Status.OPTIMAL
    en.check(problem, solution)
    return float(solution.encoded_decision["forward_weight"])


@benchmark
@pytest.mark.parametrize("name", ["N-be75eec", "N-t65l11xx", "N-t70d11xxb", "N-tiw56n54", "N-stabu70"])
def test_known_optima(name: str) -> None:
    assert prove(LOLIB / name) == OPTIMA[name]


@benchmark
@pytest.mark.slow
def test_all_tables_of_lolib() -> None:
    for path in sorted(LOLIB.glob("N-*")):
        if not path.name.endswith("_150"):
            value = prove(path)
            assert value == OPTIMA.get(path.name, value)


@tables
@pytest.mark.slow
def test_the_uk_table_is_proved() -> None:
    table = iotables.read_table(DATA / "iotables" / "uk_2010_siot_domestic_basic.csv", iotables.UK, "UK 2010")
    problem = graphs.from_table(table)
    solution = en.solve(problem)
    assert problem.n == 127
    assert solution.status is Status.OPTIMAL
    en.check(problem, solution)


@sparse_benchmark
def test_a_sparse_benchmark_is_proved() -> None:
    problem = en.load(DATA / "mfas" / "de_Bruijn_n_100_d_5.edges")
    solution = en.solve(problem)
    assert solution.status is Status.OPTIMAL
    en.check(problem, solution)


@sparse_benchmark
@pytest.mark.slow
def test_the_hardest_sparse_benchmark_is_proved() -> None:
    problem = en.load(DATA / "mfas" / "de_Bruijn_n_100_d_3.edges")
    solution = en.solve(problem)
    assert (solution.status, solution.value) == (Status.OPTIMAL, 58.0)  # HiGHS finds the same by set cover
    en.check(problem, solution)


# -- other solvers, and the report -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["ip_ti", "ip_cg", "eades"])
def test_igraph_agrees(method: str) -> None:
    pytest.importorskip("igraph")
    problem = digraph(6, n=10)
    found, proved = en.solve(problem, "igraph", method=method), en.solve(problem)
    assert not found.contradicted
    assert found.value == proved.value or method == "eades"


def test_subsets_refuses_large_components() -> None:
    with pytest.raises(en.NotApplicableError, match="certified"):
        en.solve(digraph(1, n=30), "subsets")


def test_the_report_is_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [digraph(1), report.unweighted(digraph(2))]
    counted = [report.unweighted(problem) for problem in problems]
    parts = [("Firms", "Two of them.", problems), (report.COUNTED, "!", counted), ("None", "!", [])]
    monkeypatch.setattr(report, "sections", lambda full: iter(parts))
    monkeypatch.setattr(report, "LARGE", (300, 4.0))
    page = report.run(tmp_path).read_text()
    assert "18% at most" in page
    assert "igraph eades" in page
    assert "tiny-1" in page
    assert "<script" not in page
