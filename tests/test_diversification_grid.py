"""Maps over (μ0, ρ0) against the single problem, point by point."""

from __future__ import annotations

import numpy as np
import pytest
from chains import chain

import endonet as en
from endonet.solvers.diversification.grid import map_equilibrium, map_planner

AXIS = np.array([0.0, 0.1, 0.35, 0.6, 0.9, 0.99, 1.0])


@pytest.mark.parametrize("c", ["1/25", "1/250"])
def test_a_map_is_the_single_problem_at_every_point(c: str) -> None:
    firms, planner = map_equilibrium(AXIS, AXIS, 5, 1, c), map_planner(AXIS, AXIS, 5, 1, c)
    assert (planner.W >= firms.W - 1e-14).all()
    for i, mu0 in enumerate(AXIS):
        for j, rho0 in enumerate(AXIS):
            problem = chain(5, float(mu0), float(rho0), c)
            for found, formulation in ((firms, "equilibrium"), (planner, "planner")):
                solution = en.solve(problem, "certified", formulation)
                assert found.W[i, j] == pytest.approx(solution.value, abs=1e-13)
                assert problem.evaluate(found.path[i, j]).value == pytest.approx(solution.value, abs=1e-13)
                outcome = problem.evaluate(found.path[i, j])
                assert found.risk[i, j] == pytest.approx(outcome.mean_disruption[-1], rel=1e-12, abs=1e-300)


def test_points_outside_are_refused() -> None:
    with pytest.raises(en.InputError, match=r"mu0\[1\]"):
        map_planner([0.5, 1.5], [0.5])
