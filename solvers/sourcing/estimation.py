"""The method of simulated moments (paper 002, section 4.3): global, then local search on common random numbers.

    Φ̂ = arg min over Φ of (m − m̂(Φ))′ W (m − m̂(Φ))                                                          (18), (19)

The simulator keeps its random numbers while Φ changes, so that the objective is a function; it still jumps where a firm
changes bins. The global search is SciPy's differential evolution over a box. The local ones are least squares by its
trust-region method, whose differences are taken over steps so wide that many firms change bins, narrower and narrower,
and last Nelder and Mead's simplex, which needs none. Every evaluation goes through a memory: with one that is
kept in a file, an interrupted estimation that is started again repeats its steps from memory and goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, differential_evolution, least_squares, minimize

from endonet.formulations.errors import InputError

Vector = NDArray[np.float64]
FAILED = 1e6  # the objective where the simulated economy has no equilibrium
DIGITS = 12
STEPS = (0.05, 0.02, 0.005)  # of differences, as parts of the box
SLOPES = 12  # Jacobians for each of them at most


class Memory(Protocol):
    """What keeps evaluations: `endonet.reports.ledger.Ledger`, or anything with these two methods."""

    def get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what was found for a key, or None."""

    def add(self, key: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
        """Keep what was found for a key."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """What an estimation found.

    Attributes
    ----------
    parameters : dict
        By name.
    objective : float
        (m − m̂)′ W (m − m̂) there.
    moments : array
        m̂ there.
    simulated, remembered : int
        Evaluations that were made, and that came from memory.
    finished : bool
        False if a time limit ended the search; the best so far is given.
    """

    parameters: dict[str, float]
    objective: float
    moments: Vector
    simulated: int
    remembered: int
    finished: bool


class _OutOfTimeError(Exception):
    pass


class _Objective:
    """The objective of (19) with a memory, and the best point seen."""

    def __init__(
        self,
        simulate: Callable[[dict[str, float]], ArrayLike | None],
        names: Sequence[str],
        target: Vector,
        weight: Vector,
        memory: Memory | None,
        setting: Mapping[str, Any],
        deadline: float | None,
        show: Callable[..., None] | None,
    ) -> None:
        self.simulate, self.names, self.target, self.weight = simulate, tuple(names), target, weight
        self.memory, self.setting, self.deadline, self.show = memory, dict(setting), deadline, show
        self.simulated = self.remembered = 0
        self.best: tuple[float, dict[str, float], Vector] | None = None

    def __call__(self, point: Vector) -> float:
        """Return the objective at a point."""
        gap = self.gap(point)
        return FAILED if gap is None else float(gap @ self.weight @ gap)

    def gap(self, point: Vector) -> Vector | None:
        """Return m − m̂ at a point, None where there is no equilibrium; a file can hold the 12 digits of parameters."""
        parameters = {name: float(f"{x:.{DIGITS}g}") for name, x in zip(self.names, point, strict=True)}
        key = {"setting": self.setting, "parameters": parameters}
        known = None if self.memory is None else self.memory.get(key)
        if known is None:
            if self.deadline is not None and time.perf_counter() > self.deadline:
                raise _OutOfTimeError
            moments = self.simulate(parameters)
            self.simulated += 1
            listed = None if moments is None else np.asarray(moments, dtype=np.float64).tolist()
            known = {"moments": listed}
            if self.memory is not None:
                known = self.memory.add(key, known)
        else:
            self.remembered += 1
        if known["moments"] is None:
            return None
        found = np.array(known["moments"], dtype=np.float64)
        if found.shape != self.target.shape:
            raise InputError("simulate", f"it returns {found.shape} moments", f"give {self.target.size} of them")
        if not np.isfinite(found).all():
            return None
        gap = self.target - found
        value = float(gap @ self.weight @ gap)
        if self.best is None or value < self.best[0]:
            self.best = value, parameters, found
        if self.show is not None:
            self.show(evaluations=self.simulated + self.remembered, best=self.best[0])
        return gap


def estimate(
    simulate: Callable[[dict[str, float]], ArrayLike | None],
    bounds: Mapping[str, tuple[float, float]],
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    population: int = 8,
    generations: int = 40,
    polish: int = 800,
    start: Mapping[str, float] | None = None,
    seed: int = 0,
    memory: Memory | None = None,
    setting: Mapping[str, Any] | None = None,
    time_limit: float | None = None,
    show: Callable[..., None] | None = None,
) -> Estimate:
    """Estimate parameters by the method of simulated moments.

    Parameters
    ----------
    simulate : callable
        From a mapping of parameters to moments, on random numbers that stay; None where there is no equilibrium.
    bounds : mapping
        (lowest, highest) of each parameter in the global search; the local one may leave the box.
    target : array_like of shape (q,)
        The moments m in the data.
    weight : array_like of shape (q, q), optional
        W, symmetric and positive semidefinite; the identity if left out, as in the paper.
    population : int
        Points of the global search for each parameter.
    generations : int
        Of the global search; 0 leaves it out, and the local one begins at ``start`` or the middle of the box.
    polish : int
        Evaluations of the simplex at most; 0 leaves the local search out.
    start : mapping, optional
        A point to begin with.
    seed : int
        Of the global search.
    memory : Memory, optional
        Keeps evaluations by ``setting`` and parameters, so that a search can be resumed.
    setting : mapping, optional
        What else the moments depend on (size, seed of the draws, …); part of the keys in memory.
    time_limit : float, optional
        In seconds; what memory holds costs none.
    show : callable, optional
        Called with named numbers after each evaluation.

    Raises
    ------
    InputError
        If an argument is outside its domain.
    """
    wanted = np.asarray(target, dtype=np.float64)
    if wanted.ndim != 1 or not np.isfinite(wanted).all():
        raise InputError("target", "it is no list of finite numbers", "give the moments of the data")
    W = np.eye(wanted.size) if weight is None else np.asarray(weight, dtype=np.float64)
    if W.shape != (wanted.size, wanted.size):
        raise InputError("weight", f"its shape is {W.shape}", f"give {wanted.size} × {wanted.size} numbers")
    heights, directions = np.linalg.eigh(W) if np.array_equal(W, W.T) else (np.array([-1.0]), W)
    if not heights.size or heights.min() < -1e-12 * max(heights.max(), 0.0):
        raise InputError("weight", "it is not symmetric and positive semidefinite", "give a weighting matrix")
    root = np.sqrt(np.maximum(heights, 0.0))[:, None] * directions.T
    names = list(bounds)
    for name, (low, high) in bounds.items():
        if not low < high or not np.isfinite([low, high]).all():
            raise InputError(f"bounds.{name}", f"({low}, {high}) is no interval", "give lowest < highest")
    unknown = [name for name in start or {} if name not in bounds]
    if unknown or (start is not None and len(start) != len(names)):
        raise InputError("start", "it does not give exactly the parameters of bounds", f"give {', '.join(names)}")
    for name, number in (("population", population), ("generations", generations), ("polish", polish)):
        if number < 0:
            raise InputError(name, f"{number} is negative", "give a number ≥ 0")
    deadline = None if time_limit is None else time.perf_counter() + time_limit
    objective = _Objective(simulate, names, wanted, W, memory, setting or {}, deadline, show)
    box = np.array([bounds[name] for name in names], dtype=np.float64)
    point = box.mean(axis=1) if start is None else np.array([start[name] for name in names], dtype=np.float64)
    finished = True
    try:
        if generations:
            found = differential_evolution(
                objective,
                Bounds(box[:, 0], box[:, 1]),
                maxiter=generations,
                popsize=population,
                init="sobol",
                x0=None if start is None else np.clip(point, box[:, 0], box[:, 1]),
                rng=seed,
                tol=1e-8,
                polish=False,
            )
            point = found.x
        else:
            objective(point)
        if polish:
            point = _least_squares(objective, root, point, box)
            simplex = np.vstack([point, point + 0.02 * np.diag(box[:, 1] - box[:, 0])])
            options: Any = {
                "maxfev": polish,
                "xatol": 1e-6,
                "fatol": 1e-12,
                "initial_simplex": simplex,
                "adaptive": True,
            }
            minimize(objective, point, method="Nelder-Mead", options=options)
    except (_OutOfTimeError, KeyboardInterrupt):
        finished = False
    if objective.best is None and not finished:
        raise InputError("time_limit", "it ended before the first economy was simulated", "allow more time")
    if objective.best is None:
        raise InputError("bounds", "no economy in them has an equilibrium that was found", "move or widen them")
    value, parameters, moments = objective.best
    return Estimate(parameters, value, moments, objective.simulated, objective.remembered, finished)


def _least_squares(objective: _Objective, root: Vector, point: Vector, box: Vector) -> Vector:
    """Return the best of the points that least squares reaches, one width of differences after the other."""
    low, width = box[:, 0], box[:, 1] - box[:, 0]

    def weighted(place: Vector) -> Vector:
        gap = objective.gap(low + (place - 1) * width)
        return np.full(len(root), math.sqrt(FAILED / len(root))) if gap is None else root @ gap

    for step in STEPS:
        # Places are around 1, since the steps of differences are relative to them.
        steps = np.full(low.size, step)
        found = least_squares(weighted, 1 + (point - low) / width, diff_step=steps, max_nfev=SLOPES, xtol=1e-6)
        if 2 * found.cost <= objective(point):
            point = low + (found.x - 1) * width
    return point
