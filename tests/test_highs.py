"""HiGHS in one process with other users of it: nobody's number of threads stops another, and nothing is printed."""

from __future__ import annotations

import subprocess
import sys

import highspy
import numpy as np
import pytest

import endonet as en
from endonet.solvers import highs

GREETING = """
from endonet.solvers.highs import serial
serial({}).run()
"""
PROBLEMS = {
    "certified": "planner/figure1",
    "milp": "sourcing/figure-3",
    "highs": "diversification/low-10",
}


@pytest.fixture
def pool(request):
    """A pool of so many threads, made by somebody else."""
    highspy.Highs.resetGlobalScheduler(True)
    other = highspy.Highs()
    other.setOptionValue("output_flag", False)
    other.setOptionValue("threads", request.param)
    other.addVar(0.0, 1.0)
    assert other.run() == highspy.HighsStatus.kOk
    yield request.param
    highspy.Highs.resetGlobalScheduler(True)


@pytest.mark.parametrize("pool", [1, 2, 3], indirect=True)
@pytest.mark.parametrize(("solver", "name"), PROBLEMS.items())
@pytest.mark.parametrize("threads", [0, 1, 2])
def test_a_pool_of_any_size_serves_every_solver(pool, solver, name, threads):
    assert en.solve(name, solver, threads=threads).status == "optimal"


@pytest.mark.parametrize("pool", [1, 3], indirect=True)
def test_orders_are_proved_whatever_the_pool(pool):
    assert en.solve("ordering/sparse-40", "certified").status == "optimal"


def test_it_says_nothing():
    said = subprocess.run([sys.executable, "-c", GREETING], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("", "")


def test_a_serial_run_minimises():
    program = highs.serial({"presolve": "off"})
    program.addVars(2, np.zeros(2), np.ones(2))
    program.changeColsCost(2, np.arange(2, dtype=np.int32), np.array([-1.0, -2.0]))
    program.addRow(-highspy.kHighsInf, 1.5, 2, np.arange(2, dtype=np.int32), np.ones(2))
    program.run()
    assert program.getModelStatus() == highspy.HighsModelStatus.kOptimal
    assert program.getInfo().objective_function_value == pytest.approx(-2.5)
