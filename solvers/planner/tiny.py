"""The tiny economy on which kernels are compiled before the clock starts."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow


def tiny_economy() -> PlannerProblem:
    """Return three firms in two loops, with σ ≠ ε and a row, so that every branch of a kernel has its types."""
    return PlannerProblem(
        Omega=sp.csc_array(np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])),
        z=np.array([1.0, 1.1, 0.9]),
        f=np.full(3, 0.01),
        sigma=5,
        epsilon=4,
        constraints=(LinearRow([0, 1, 2], [1.0, 1.0, 1.0], "<=", 3.0),),
    )
