"""Functions for the worker's process that tell news on their way."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from endonet.formulations.errors import NotApplicableError
from endonet.formulations.planner.building import ceiling
from endonet.solvers.planner.outside import Answer
from endonet.solvers.solution import StoppedBy
from endonet.solvers.worker import tell


def telling(seconds: float) -> str:
    """Tell 1 and 2, then take so many seconds."""
    tell(1)
    tell(2)
    time.sleep(seconds)
    return "done"


def dying(task: Any) -> None:
    """Tell that every firm operates, and a bound; then die as software does that corrupts its memory."""
    everyone = np.ones(task.problem.n, np.int8)
    tell(Answer("", StoppedBy.TIME_LIMIT, everyone, dual=ceiling(task.problem).Q * task.problem.L))
    os.abort()


def refusing(what: str) -> None:
    """Refuse, as an adapter does whose licence does not allow a model of that size."""
    raise NotApplicableError(f"{what} is too large")
