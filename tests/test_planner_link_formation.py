"""Link formation by artificial and duplicate firms (paper 001, footnote 6) against trying all firms and links."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from economies import best_by_trying_all
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import endonet as en
from endonet.formulations.planner.link_formation import LinkFormation, artificial_firms, duplicate_firms
from endonet.formulations.planner.rows import LinearRow

SHARE, PRODUCTIVITY = 0.8, 0.3  # carriers that show


def small(seed: int, n: int = 3, degree: int = 2, rows: tuple[LinearRow, ...] = ()) -> en.PlannerProblem:
    draw = np.random.default_rng(seed)
    Omega = np.zeros((n, n))
    for j in range(n):
        Omega[draw.choice(n, degree, replace=False), j] = draw.uniform(0.5, 2, degree)
    z, alpha = draw.uniform(0.8, 1.3, n), draw.uniform(0.3, 0.7, n)
    f = draw.uniform(0.01, 0.1, n)
    return en.PlannerProblem(Omega, z, A=1.1, L=1.5, f=f, alpha=alpha, sigma=4.0, epsilon=3.0, constraints=rows)


def choices(problem: en.PlannerProblem):  # type: ignore[no-untyped-def]
    """Yield firms and links, the links between firms that operate."""
    Omega = problem.Omega.tocoo()
    for firms in itertools.product((0, 1), repeat=problem.n):
        open_links = [firms[i] and firms[j] for i, j in zip(Omega.row, Omega.col, strict=True)]
        for links in itertools.product(*[(0, 1) if is_open else (0,) for is_open in open_links]):
            yield np.array(firms, np.int8), np.array(links, np.int8)


def output(
    problem: en.PlannerProblem,
    cost: NDArray[np.float64],
    firms: NDArray[np.int8],
    links: NDArray[np.int8],
    carriers: tuple[float, float] | None = None,
) -> float:
    """Return Y of firms and links, by iterating on (7) with δ: no code of the package but the data."""
    Omega = problem.Omega.tocoo()
    share, productivity = carriers or (1.0, 0.0)
    e, s = problem.epsilon - 1, problem.sigma - 1
    q = np.full(problem.n, 50.0) * firms
    for _ in range(4000):
        y = np.zeros(problem.n)
        np.add.at(y, Omega.col, Omega.data * links * (q[Omega.row] ** e) ** share)
        before, q = q, problem.A * problem.z * firms * y ** (problem.alpha / e)
        if np.abs(q - before).max() <= 1e-15 * q.max():
            break
    demand = np.sum(q**s) + np.sum(links * (problem.A * productivity) ** s * q[Omega.row] ** (s * share))
    return float(demand ** (1 / s) * (problem.L - problem.f @ firms - cost @ links))


def best(problem: en.PlannerProblem, cost: NDArray[np.float64], carriers: tuple[float, float] | None = None):  # type: ignore[no-untyped-def]
    return max(
        ((output(problem, cost, firms, links, carriers), firms, links) for firms, links in choices(problem)),
        key=lambda entry: entry[0],
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_duplicates_are_the_choice_of_links(seed: int) -> None:
    problem = small(seed)
    cost = np.random.default_rng(seed).uniform(0, 0.08, problem.links)
    formation = duplicate_firms(problem, cost)
    value, firms, links = best(problem, cost)
    solution = en.solve(formation.problem, "enumeration")
    assert solution.value == pytest.approx(value, rel=1e-9)
    assert [side.tolist() for side in formation.formed(solution.decision)] == [firms.tolist(), links.tolist()]
    theta = formation.decision(firms, links)
    assert formation.problem.evaluate(theta).value == pytest.approx(value, rel=1e-9)
    assert formation.problem.evaluate(theta).feasible


def test_every_choice_of_links_is_worth_what_its_version_is() -> None:
    problem = small(4)
    cost = np.linspace(0, 0.05, problem.links)
    formation = duplicate_firms(problem, cost)
    tried = 0
    for firms, links in choices(problem):
        bare = np.bincount(formation.buyer, weights=links, minlength=problem.n) == 0
        if np.any(bare & (firms == 1)):
            continue  # a firm without links makes nothing; there is no version for that
        outcome = formation.problem.evaluate(formation.decision(firms, links))
        assert outcome.feasible
        assert outcome.value == pytest.approx(output(problem, cost, firms, links), rel=1e-9, abs=1e-12)
        tried += 1
    assert tried > 20


@pytest.mark.parametrize("seed", [1, 2])
def test_carriers_are_firms_on_links(seed: int) -> None:
    problem = small(seed)
    cost = np.random.default_rng(seed).uniform(0, 0.08, problem.links)
    formation = artificial_firms(problem, cost, SHARE, PRODUCTIVITY)
    for firms, links in itertools.islice(choices(problem), 0, None, 7):
        outcome = formation.problem.evaluate(formation.decision(firms, links))
        assert outcome.value == pytest.approx(
            output(problem, cost, firms, links, (SHARE, PRODUCTIVITY)), rel=1e-9, abs=1e-12
        )
    value, firms, links = best(problem, cost, (SHARE, PRODUCTIVITY))
    solution = en.solve(formation.problem)
    assert solution.status == "optimal"
    # A carrier whose buyer is idle could still sell to households; none of these optima has one.
    assert solution.value == pytest.approx(value, rel=1e-8)
    assert [side.tolist() for side in formation.formed(solution.decision)] == [firms.tolist(), links.tolist()]


def test_thin_carriers_tend_to_the_planner_of_links() -> None:
    problem = small(5)
    cost = np.full(problem.links, 0.03)
    exact, firms, links = best(problem, cost)
    distances = []
    for share, productivity in ((0.9, 0.1), (0.99, 0.01), (0.999, 0.001)):
        formation = artificial_firms(problem, cost, share, productivity)
        solution = en.solve(formation.problem)
        distances.append(abs(solution.value / exact - 1))
    assert distances[1] < 0.2 * distances[0]  # of first order in 1 − α_k
    assert distances[2] < 0.2 * distances[1]
    assert distances[2] < 5e-3
    assert [side.tolist() for side in formation.formed(solution.decision)] == [firms.tolist(), links.tolist()]


def test_rows_count_all_versions_of_a_firm() -> None:
    budget = LinearRow([0, 1, 2], [1, 1, 1], "<=", 2)
    problem = small(3, rows=(budget, LinearRow([1], [1], "==", 1)))
    cost = np.full(problem.links, 0.001)
    formation = duplicate_firms(problem, cost)
    allowed = [
        output(problem, cost, firms, links) for firms, links in choices(problem) if firms.sum() <= 2 and firms[1] == 1
    ]
    assert best_by_trying_all(formation.problem) == pytest.approx(max(allowed), rel=1e-9)
    artificial = artificial_firms(problem, cost).problem
    assert artificial.rows.count == 2
    assert artificial.evaluate(np.ones(artificial.n)).violations


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 3), st.data())
def test_decisions_map_back_and_forth(seed: int, n: int, degree: int, data: st.DataObject) -> None:
    problem = small(seed, n, min(degree, n))
    draw = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    for formation in (duplicate_firms(problem, 0.01), artificial_firms(problem, 0.01)):
        firms = (draw.random(n) < 0.7).astype(np.int8)
        links = (draw.random(problem.links) < 0.6) & (firms[formation.supplier] == 1) & (firms[formation.buyer] == 1)
        bare = np.bincount(formation.buyer, weights=links, minlength=n) == 0
        if formation.stands_for.min() >= 0:
            firms[bare] = 0
            links &= (firms[formation.supplier] == 1) & (firms[formation.buyer] == 1)
            bare = np.bincount(formation.buyer, weights=links, minlength=n) == 0
            if np.any(bare & (firms == 1)):
                with pytest.raises(en.InputError, match="no version"):
                    formation.decision(firms, links.astype(int))
                continue
        theta = formation.decision(firms, links.astype(int))
        back = formation.formed(theta)
        assert back[0].tolist() == firms.tolist()
        assert back[1].tolist() == links.astype(int).tolist()
        assert not formation.problem.rows.violated(theta.astype(float)).size


def test_wrong_input_is_named() -> None:
    problem = small(1)
    wide = en.PlannerProblem(np.ones((30, 30)), np.ones(30), f=0.01)
    with pytest.raises(en.InputError, match="artificial_firms"):
        duplicate_firms(wide, 0.01)
    for build in (duplicate_firms, artificial_firms):
        with pytest.raises(en.InputError, match=r"cost\[0\]"):
            build(problem, -1.0)
        with pytest.raises(en.InputError, match="cost"):
            build(problem, [0.1, 0.2])
        with pytest.raises(en.InputError, match="cost"):
            build(problem, "dear")
    with pytest.raises(en.InputError, match="alpha"):
        artificial_firms(problem, 0.01, share=1.0)
    with pytest.raises(en.InputError, match="productivity"):
        artificial_firms(problem, 0.01, productivity=0.0)
    formation: LinkFormation = duplicate_firms(problem, 0.01)
    with pytest.raises(en.InputError, match="links"):
        formation.decision([1, 1, 1], [1])
    with pytest.raises(en.InputError, match="ends"):
        formation.decision([0, 0, 0], np.ones(problem.links))
