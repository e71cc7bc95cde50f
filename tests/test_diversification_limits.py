"""Limits and Ctrl-C: the best path so far comes back with a bound that holds; work in parts is work at once."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from chains import best_paths, chain

import endonet as en
from endonet.formulations.diversification.bounds import Limits
from endonet.solvers.diversification import certified, grid, labels


@pytest.fixture(autouse=True)
def _ctrl_c_is_heeded() -> Iterator[None]:
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def pressing(function: Any, times: int) -> Any:
    """Return a function that presses Ctrl-C at its ``times``-th call and then does its work."""
    calls = iter(range(1, 10**9))

    def pressed(*arguments: Any, **more: Any) -> Any:
        if next(calls) == times:
            signal.raise_signal(signal.SIGINT)
        return function(*arguments, **more)

    return pressed


@pytest.mark.parametrize(("name", "times"), [("labels", 1), ("labels", 2), ("potentials", 1)])
@pytest.mark.parametrize("rows", [{}, {"risk_target": "1/8"}])
def test_ctrl_c_returns_the_best_so_far(
    monkeypatch: pytest.MonkeyPatch, name: str, times: int, rows: dict[str, Any]
) -> None:
    problem = chain(3, "4/5", "1/5", "1/50", **rows)
    optimum = en.solve(problem).value
    monkeypatch.setattr(certified, name, pressing(getattr(certified, name), times))
    monkeypatch.setattr(certified.Certified, "prepare", lambda self: None)
    solution = en.solve(problem, "certified")
    assert (solution.status, solution.stopped_by) == ("feasible", "interrupted")
    assert solution.value <= optimum + 1e-15
    assert solution.bound >= optimum - 1e-15
    en.check(problem, solution)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_given_decision_is_kept_when_time_runs_out() -> None:
    problem = chain(3, "4/5", "1/5", "1/50")
    best = en.solve(problem)
    solution = en.solve(problem, "certified", time_limit=1e-9, initial=best.decision)
    assert (solution.status, solution.stopped_by) == ("feasible", "time_limit")
    assert solution.decision.path == best.decision.path
    assert solution.value == best.value


def test_a_first_pass_is_a_path_and_nearly_the_best() -> None:
    for seed in range(8):
        draw = np.random.default_rng(seed)
        problem = chain(3, int(draw.integers(1, 10)) / 10, int(draw.integers(0, 10)) / 10, "1/20")
        limits = Limits(problem)
        found = labels.labels(limits, width=2)
        assert found is not None
        path = labels.path_of(limits, found)
        assert problem.evaluate(path).value * 3 == pytest.approx(found.incumbent, rel=1e-12)
        best, _ = best_paths(problem)
        assert found.incumbent / 3 <= float(best) + 1e-12


@pytest.mark.parametrize("rows", [{}, {"risk_target": "1/2"}, {"caps": [3, 2, 4, 1]}])
def test_small_parts_change_nothing(monkeypatch: pytest.MonkeyPatch, rows: dict[str, Any]) -> None:
    problem = chain(4, "9/10", "1/3", ["1/100", "1/50", "1/200", "1/80"], **rows)
    whole = en.solve(problem)
    monkeypatch.setattr(labels, "BLOCK", 1)
    parts = en.solve(problem)
    assert parts.to_dict()["certificate"] == whole.to_dict()["certificate"]
    assert (parts.decision, parts.value, parts.bound) == (whole.decision, whole.value, whole.bound)


def test_a_map_stops_between_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "ROWS", 2)
    monkeypatch.setattr(grid, "_equilibria", pressing(grid._equilibria, 2))
    axis = np.linspace(0.05, 0.95, 7)
    found = grid.map_equilibrium(axis, axis, 4)
    whole = np.isfinite(found.W).all(axis=1)
    assert whole.sum() == 4
    assert np.isnan(found.W[~whole]).all()
    assert not found.path[~whole].any()
    monkeypatch.undo()
    again = grid.map_equilibrium(axis, axis, 4)
    np.testing.assert_array_equal(found.W[whole], again.W[whole])


@pytest.mark.parametrize("c", [["1/25", "1/250", "1/40", "1/9", "1/100"], "1/1000", "5"])
def test_maps_of_layers_that_differ(c: Any) -> None:
    mu, rho = [0.0, 0.3, 0.85, 0.999, 1.0], [0.0, 1e-9, 0.07, 0.5, 0.97, 1 - 1e-12, 1.0]
    firms, planner = grid.map_equilibrium(mu, rho, 5, 1, c), grid.map_planner(mu, rho, 5, 1, c)
    for i, mu0 in enumerate(mu):
        for j, rho0 in enumerate(rho):
            problem = chain(5, mu0, rho0, c)
            for found, formulation in ((firms, "equilibrium"), (planner, "planner")):
                solution = en.solve(problem, "certified", formulation)
                assert found.W[i, j] == pytest.approx(solution.value, rel=1e-12, abs=1e-13)
                assert problem.evaluate(found.path[i, j]).value == pytest.approx(solution.value, abs=1e-13)


def test_a_long_search_stops_in_time() -> None:
    problem = chain(30, "9/10", "1/2", "1/100000")  # takes minutes
    solution = en.solve(problem, time_limit=0.3)
    assert solution.stopped_by == "time_limit"
    assert solution.value is not None
    assert math.isfinite(solution.bound)
    assert solution.bound >= solution.value
    en.check(problem, solution)


@pytest.mark.parametrize("K", [100, 1000])
def test_as_many_layers_as_are_allowed(K: int) -> None:
    long = en.ChainProblem(K=K, mu0="1/2", rho0="3/10")
    solution = en.solve(long)
    assert solution.status.value == "optimal"
    en.check(long, solution)
    lone = en.solve(en.ChainProblem(K=30, mu0="1/2", rho0="3/10"))
    assert solution.decision.path[:1] == lone.decision.path[:1]
