"""The reports on sourcing: the examples' equilibria, A_1(A_0) against them, and what the pages say."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import endonet as en
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.sourcing.problem import Smoothing, SourcingProblem
from endonet.instances import bounds, catalogue
from endonet.instances.sourcing.examples import example, jump
from endonet.instances.sourcing.generators import small
from endonet.reports import acyclic_trade, efficiency, global_sourcing, global_sourcing_cells, three_firms, uniqueness
from endonet.reports.correspondence import segments, smooth_excess, window
from endonet.reports.uniqueness_cells import work

# By hand from the paper's equations with another program: links from 1, A of every equilibrium.
KNOWN = {
    "unique": {(12, 13, 23): 1.1012264118},
    "jump": {},
    "buyers": {(21, 31): 0.5779336093, (21, 31, 32, 23): 0.2682806357},
    "suppliers": {(): 1.1560939594, (31, 13): 1.0712762630},
    "chain": {(13,): 0.7194094843, (12, 13, 23): 0.6838613540},
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_examples_have_the_equilibria_that_they_are_made_for(name: str) -> None:
    one = three_firms.case(name)
    found = {}
    for entry in one.solution.decision or ():
        formed = np.flatnonzero(entry.network.links)
        links = [10 * (one.problem.supplier[e] + 1) + one.problem.buyer[e] + 1 for e in formed]
        found[frozenset(map(int, links))] = entry.A
    assert found == pytest.approx({frozenset(links): A for links, A in KNOWN[name].items()}, rel=1e-9)


@pytest.mark.parametrize("name", KNOWN)
def test_no_equilibrium_of_an_example_hangs_on_a_third_decimal(name: str) -> None:
    for segment in segments(example(name)):
        if (A := segment.equilibrium) is not None:
            assert min(A / max(segment.low, 1e-300), segment.high / A) > 1.1


@pytest.mark.parametrize("name", KNOWN)
def test_segments_are_where_no_firm_deviates(name: str) -> None:
    problem = example(name)
    crossing = {segment.links.tobytes() for segment in segments(problem) if segment.equilibrium is not None}
    for mask in range(2**problem.m):
        links = (mask >> np.arange(problem.m)) & 1 == 1
        outcome: Any = problem.evaluate(links)
        assert outcome.equilibrium == (links.tobytes() in crossing)


def test_buyers_in_acyclic_networks_answer_every_guess_with_one_network() -> None:
    for name in ("unique", "jump"):
        found = segments(example(name))
        assert found[0].low == 0
        for left, right in itertools.pairwise(found):
            assert left.high == pytest.approx(right.low, rel=1e-12)
            assert left.excess(left.high) > right.excess(right.low), "A_1 falls where a link forms (Proposition 1)"


def test_smoothing_closes_the_jump_and_tends_to_it() -> None:
    steep = jump(Smoothing(absolute=1e-9))
    low, high = window(steep)
    plain = segments(jump())
    for A_0 in np.linspace(low, high, 40):
        raw = next(segment for segment in plain if segment.low <= A_0 < segment.high)
        assert smooth_excess(steep, float(A_0))[0] == pytest.approx(raw.excess(A_0), abs=1e-6)
    values = [smooth_excess(example("smoothed"), float(A_0))[0] for A_0 in np.linspace(low, high, 200)]
    assert values[0] > 0 > values[-1]
    assert (np.diff(values) < 0).all()


def test_the_correspondence_refuses_what_it_does_not_describe() -> None:
    with pytest.raises(NotApplicableError, match="closed"):
        segments(small(3, open=True))
    with pytest.raises(NotApplicableError, match="acyclic"):
        smooth_excess(example("buyers"), 1.0)
    with pytest.raises(InputError, match="chain"):
        example("chains")


def test_counts_of_a_cell_are_those_of_the_segments() -> None:
    key = {"initiator": "supplier", "cyclic": True, "n": 3, "fixed": 0.01, "open": False, "draws": [0, 12], "seed": 0}
    found = work(key)
    for draw, count in enumerate(found["counts"]):
        problem = small(3, draw, "supplier", True, share=1.0, fixed=0.01)
        assert count == sum(segment.equilibrium is not None for segment in segments(problem))


def test_the_window_of_footnote_11_does_not_depend_on_fixed_costs() -> None:
    dear = small(3, 97, "buyer", True, share=1.0, fixed=0.03)  # all links together cost more than all labour
    assert float(dear.f.sum()) > dear.L
    low, high = window(dear)
    assert (low, high) == window(small(3, 97, "buyer", True, share=1.0, fixed=1e-9))
    assert 0 < low < high


def test_the_acyclic_part_keeps_costs_and_input_shares() -> None:
    problem = acyclic_trade.economy(60, 5.0, 0.5, 3)
    outcome = acyclic_trade.fixed(problem)
    assert outcome.w == pytest.approx(1.0, abs=1e-9)
    assert np.allclose(outcome.c, 1.0, atol=1e-8)
    assert max(outcome.residuals.values()) < 1e-9
    violates = problem.supplier > problem.buyer
    rest = acyclic_trade.acyclic_part(problem, violates)
    assert rest.acyclic
    assert np.allclose(acyclic_trade.fixed_costs(rest), 1.0, atol=1e-12)
    power = problem.sigma - 1
    before = np.bincount(problem.buyer, problem.alpha**power, problem.n)
    after = np.bincount(rest.buyer, rest.alpha**power, rest.n)
    left = np.bincount(rest.buyer, minlength=rest.n) > 0
    assert np.allclose(before[left], after[left], atol=1e-12)
    dearer, autarky = acyclic_trade.changes(problem)
    assert autarky < dearer < 1


def test_one_firm_without_trade_earns_its_closed_form() -> None:
    """E = w L + E/σ and P = μ w s_L^(1/(1−σ)), so that E/P = L s_L^(1/(σ−1))."""
    labour = 0.4 ** (1 / 3)
    problem = SourcingProblem.from_links(
        [], [], [], [], phi=[1.0], alpha_L=[labour], beta_H=[1.0], sigma=4.0, L=1.0, open=_open(0.6 ** (1 / 3))
    )
    assert acyclic_trade.fixed(problem, trade=False).real_income == pytest.approx(labour, rel=1e-12)
    assert acyclic_trade.fixed(problem).real_income > labour


def _open(alpha_F: float) -> Any:
    from endonet.formulations.sourcing.problem import OpenEconomy

    return OpenEconomy(alpha_F=np.array([alpha_F]), beta_F=np.array([1.0]), D_F=1.0)


def test_where_the_data_are_looked_for_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="ENDONET_DATA"):
        global_sourcing_cells.folder(str(tmp_path))
    with pytest.raises(InputError, match="firms"):
        global_sourcing.Options(firms=0)
    with pytest.raises(InputError, match="sizes"):
        uniqueness.Options(sizes=(99,))
    with pytest.raises(InputError, match="upstream"):
        acyclic_trade.Options(upstream=2.0)


def test_how_much_an_equilibrium_loses_lies_between_two_numbers(tmp_path: Path) -> None:
    from sourcing_economies import economy, networks

    for closure in ("closed", "open"):
        problem = economy(3, 3, "supplier", "cyclic", closure, most=4, fixed=0.03)
        found = efficiency.efficiency(problem)
        decisions = networks(problem)
        outcomes = (
            problem.evaluate(z if closure == "closed" else {"links": z, "imports": M, "exports": X})
            for z, M, X in decisions
        )
        best = max(outcome.value for outcome in outcomes if outcome.feasible and outcome.value is not None)
        for _, _, real_income in found.entries:
            least, most = found.lost(real_income)
            assert least - 1e-9 <= 1 - real_income / best <= most + 1e-9
    page = efficiency.run(tmp_path, options=efficiency.Options(("sourcing/figure-2-none", "sourcing/figure-3")))
    text = page.read_text(encoding="utf-8")
    assert "no equilibrium" in text
    assert "21.5 %" in text
    assert (tmp_path / "efficiency.csv").read_text(encoding="utf-8").count("\n") == 4
    with pytest.raises(InputError, match="no economy"):
        efficiency.run(tmp_path, options=efficiency.Options(("planner/us-71",)))
    with pytest.raises(InputError, match="limit"):
        efficiency.Options(limit=0.0)


def test_pages_are_self_contained(tmp_path: Path) -> None:
    page = three_firms.run(tmp_path).read_text(encoding="utf-8")
    assert page.count("<svg") == 11
    assert "<script" not in page
    assert (tmp_path / "three-firms-buyers-b.png").is_file()
    assert (tmp_path / "three-firms.csv").read_text().count("\n") > 15


@pytest.mark.slow
def test_sweeps_resume_and_say_the_same(tmp_path: Path) -> None:
    options = uniqueness.Options(draws=10, sizes=(3,), costs=(0.01,))
    page = uniqueness.run(tmp_path, options=options).read_text(encoding="utf-8")
    csv = (tmp_path / "uniqueness.csv").read_text()
    uniqueness.run(tmp_path, options=options)
    assert (tmp_path / "uniqueness.csv").read_text() == csv
    assert "Buyers, acyclic" in page
    small_one = acyclic_trade.Options(firms=60, economies=2)
    page = acyclic_trade.run(tmp_path, options=small_one).read_text(encoding="utf-8")
    assert "0.7904" in page


@pytest.mark.slow
@pytest.mark.skipif(
    not (Path(__file__).resolve().parents[2] / "shared" / "data" / "aft2017").is_dir(), reason="no data here"
)
def test_the_67_countries_make_a_page(tmp_path: Path) -> None:
    options = global_sourcing.Options(firms=400, block=200)
    page = global_sourcing.run(tmp_path, options=options).read_text(encoding="utf-8")
    assert "firms with a certified optimum" in page
    assert "<script" not in page


FIGURES = {
    "figure-2": "unique",
    "figure-2-none": "jump",
    "figure-3": "buyers",
    "figure-4": "suppliers",
    "figure-5": "chain",
}


@pytest.mark.parametrize("figure", FIGURES)
def test_bundled_figures_come_with_all_their_equilibria(figure: str) -> None:
    problem = en.load(f"sourcing/{figure}")
    assert problem.fingerprint == example(FIGURES[figure]).fingerprint
    known = catalogue.read_data("sourcing", "equilibria.json")[figure]
    assert known["fingerprint"] == problem.fingerprint
    demands = sorted(entry["A"] for entry in known["equilibria"])
    assert demands == pytest.approx(sorted(KNOWN[FIGURES[figure]].values()), rel=1e-9)


@pytest.mark.parametrize("name", ["choice-pair", "choice-complements-16", "choice-substitutes-16"])
def test_bundled_choices_have_their_optima_within_their_bounds(name: str) -> None:
    problem = en.load(f"sourcing/{name}")
    known = bounds.bounds(f"sourcing/{name}")
    assert known.primal is not None
    assert known.dual is not None
    assert problem.evaluate(problem.decode_decision(known.primal.decision)).value == known.primal.value
    best = en.solve(problem, "subsets").value
    assert best is not None
    assert known.primal.value * (1 - 1e-12) <= best <= known.dual.value * (1 + 1e-12)
