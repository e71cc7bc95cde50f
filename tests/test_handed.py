"""Models handed to SCIP: every variable comes back, whatever the reader adds of its own."""

from __future__ import annotations

import pyomo.environ as pyo
import pytest

from endonet.solvers import handed
from endonet.solvers.solution import StoppedBy

pytest.importorskip("pyscipopt")


@pytest.mark.parametrize(
    ("objective", "best"),
    [
        (lambda x, y: x + 2 * y, 3),
        (lambda x, y: x + 2 * y + 7, 10),
        (lambda x, y: x * y, 1),
        (lambda x, y: x * y + 7, 8),
    ],
    ids=["linear", "linear with a constant", "nonlinear", "nonlinear with a constant"],
)
def test_every_objective_comes_back(objective, best):
    model = pyo.ConcreteModel()
    model.x = pyo.Var(domain=pyo.Binary)
    model.y = pyo.Var(bounds=(0, 1.5))
    model.objective = pyo.Objective(expr=objective(model.x, model.y), sense=pyo.maximize)
    model.together = pyo.Constraint(expr=model.x + model.y <= 2)
    answer = handed.Scip(model, 1e-9, 0).solve(None)
    assert answer.stopped_by is StoppedBy.FINISHED
    assert answer.objective == pytest.approx(best, abs=1e-7)
    assert answer.bound == pytest.approx(best, abs=1e-7)
    assert pyo.value(model.objective) == pytest.approx(best, abs=1e-7)
