"""Random set choices, each from a seed; all numbers are short rationals, so that ties can occur."""

from __future__ import annotations

import random
from fractions import Fraction

from endonet.formulations.errors import InputError
from endonet.formulations.suppliers.law import Region
from endonet.formulations.suppliers.problem import SupplierProblem

LICENCE = "MIT"


def independent(n: int = 12, seed: int = 0, cost: str = "1/25", parts: int = 20) -> SupplierProblem:
    """Return n suppliers that fail independently, with risks among the multiples of 1/parts inside (0, 1)."""
    draw = _source(n, seed)
    risk = [Fraction(draw.randrange(1, parts), parts) for _ in range(n)]
    return _problem(f"independent-{n}", f"{n} independent suppliers, seed {seed}", risk=risk, c=cost)


def scenarios(n: int = 12, count: int = 40, seed: int = 0, cost: str = "1/25", failing: str = "2/5") -> SupplierProblem:
    """Return ``count`` equally likely scenarios, in which each supplier fails with probability ``failing``."""
    draw = _source(n, seed)
    chance = Fraction(failing)
    rows = [[int(draw.randrange(chance.denominator) < chance.numerator) for _ in range(n)] for _ in range(count)]
    text = f"{n} suppliers in {count} equally likely scenarios, seed {seed}"
    return _problem(f"scenarios-{n}", text, risk=rows, probability=[Fraction(1, count)] * count, c=cost)


def regions(n: int = 12, groups: int = 3, seed: int = 0, cost: str = "1/25", parts: int = 20) -> SupplierProblem:
    """Return suppliers spread over regions with common Beta draws, own risks and fees."""
    draw = _source(n, seed)
    own = [Fraction(draw.randrange(0, parts // 4), parts) for _ in range(n)]
    fees = [Fraction(draw.randrange(0, 6), 500) for _ in range(n)]
    listed = []
    for g in range(groups):
        mu, rho = (Fraction(draw.randrange(1, parts), parts) for _ in range(2))
        listed.append(Region(tuple(range(g, n, groups)), mu, rho))
    text = f"{n} suppliers in {groups} regions, with own risks and fees, seed {seed}"
    return _problem(f"regions-{n}", text, risk=own, regions=listed, fees=fees, c=cost)


def _source(n: int, seed: int) -> random.Random:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise InputError("n", f"{n!r} is no number of suppliers", "give an integer ≥ 1")
    return random.Random(seed)


def _problem(name: str, text: str, **data: object) -> SupplierProblem:
    return SupplierProblem(**data, name=name, description=text, source="endonet", licence=LICENCE)  # type: ignore[arg-type]
