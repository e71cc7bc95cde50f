"""Random chains, each from a seed; all numbers are short rationals, so that ties can occur."""

from __future__ import annotations

import random
from fractions import Fraction

from endonet.formulations.diversification.problem import ChainProblem
from endonet.formulations.errors import InputError

PAPER = "Titton (2024), Endogenous Fragility in Opaque Supply Chains"
LICENCE = "MIT"


def uniform(K: int = 10, seed: int = 0, cost: str = "1/25", parts: int = 100) -> ChainProblem:
    """Return a chain with π = 1, one cost c, and μ0, ρ0 drawn from the multiples of 1/parts inside (0, 1)."""
    draw = _source(K, seed)
    mu0, rho0 = (Fraction(draw.randrange(1, parts), parts) for _ in range(2))
    return _chain(K, mu0, rho0, Fraction(1), Fraction(cost), f"uniform-{K}", f"One cost for {K} layers, seed {seed}")


def varied(K: int = 10, seed: int = 0, parts: int = 100) -> ChainProblem:
    """Return a chain whose layers differ: π_k from 1/2 to 3/2, c_k from 1/200 to 1/10."""
    draw = _source(K, seed)
    mu0, rho0 = (Fraction(draw.randrange(1, parts), parts) for _ in range(2))
    pi = tuple(Fraction(draw.randrange(10, 31), 20) for _ in range(K))
    c = tuple(Fraction(draw.randrange(1, 21), 200) for _ in range(K))
    return _chain(K, mu0, rho0, pi, c, f"varied-{K}", f"Profits and costs differ between {K} layers, seed {seed}")


def _source(K: int, seed: int) -> random.Random:
    if not isinstance(K, int) or K < 1:
        raise InputError("K", f"{K!r} is no number of layers", "give an integer ≥ 1")
    return random.Random(seed)


def _chain(K: int, mu0: Fraction, rho0: Fraction, pi: object, c: object, name: str, text: str) -> ChainProblem:
    return ChainProblem(K, mu0, rho0, pi, c, name=name, description=text, source="endonet", licence=LICENCE)  # type: ignore[arg-type]
