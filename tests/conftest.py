"""Fixtures that several test files share."""

from __future__ import annotations

import pytest
from economies import TINY, best_by_trying_all, economy

from endonet.formulations.planner.problem import PlannerProblem


@pytest.fixture(params=TINY, scope="session")
def tiny(request: pytest.FixtureRequest) -> tuple[PlannerProblem, float]:
    """A tiny economy and its optimum."""
    problem = TINY[request.param]()
    return problem, best_by_trying_all(problem)


@pytest.fixture
def problem() -> PlannerProblem:
    """One tiny economy."""
    return economy(1)
