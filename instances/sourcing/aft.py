"""The 67-country sourcing data of Antràs, Fort and Tintelnot (2017), read by path, and firms simulated from them.

    emp2dataformatlabv3.csv     one row for each country, the United States first
        fe                      log of the sourcing potential, the country's fixed effect; 0 at home
        distw, comlang_off      distance in thousands of kilometres; 1 where an official language is English
        control_of_corruption   index
        firm_count_rounded      firms that import from there; firms in all at home
        inputs_rounded          what they import, in millions of dollars
    additionalparamandmom.csv   σ, θ, and the numbers of firms and of importers

A firm i has productivity φ_i ~ Pareto(κ) above 1, and fixed costs

    f_ik = c · dist_k^d · l^(language_k) · exp(−g · corruption_k) · exp(s ε_ik),   ε ~ N(0, 1),   f = 0 at home

Draws are counter-based (Philox) and go firm by firm: the first firms are the same however many are drawn, and normals
come from uniforms by the inverse distribution, the same on every machine. The default parameters stand in a public
replication (github.com/loforteg/AFT2017-Replication) among the starting points of the authors' own search, and κ as
what it fixes beforehand. They are no estimates of this package's; a report compares what they imply with the data.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.interdependent import SourcingChoice

Vector = NDArray[np.float64]

COUNTRIES, NUMBERS = "emp2dataformatlabv3.csv", "additionalparamandmom.csv"
SOURCE = "Antràs, Fort and Tintelnot, The Margins of Global Sourcing, AER 107(9), 2017, replication data"


@dataclass(frozen=True, eq=False)
class AftData:
    """What the two files hold, the home country first.

    Attributes
    ----------
    countries : tuple of str
        ISO codes.
    xi : array, shape (K,)
        Sourcing potentials, exp(fe).
    distance, language, corruption : arrays, shape (K,)
    importers : array, shape (K,)
        Firms that source from each country; every firm at home.
    imports : array, shape (K,)
        In millions of dollars.
    sigma, theta : float
    firms, importing : int
        Firms in all, and those that import from anywhere.
    """

    countries: tuple[str, ...]
    xi: Vector
    distance: Vector
    language: Vector
    corruption: Vector
    importers: Vector
    imports: Vector
    sigma: float
    theta: float
    firms: int
    importing: int


@dataclass(frozen=True)
class AftParameters:
    """Market size, the parameters of mean fixed costs, their dispersion, and Pareto's κ; see the module.

    Attributes
    ----------
    B, cost, distance, language, corruption, dispersion, kappa : float
    """

    B: float = 0.1236
    cost: float = 0.0230
    distance: float = 0.1923
    language: float = 0.8647
    corruption: float = 0.3917
    dispersion: float = 0.9370
    kappa: float = 4.25


def read(folder: str | Path) -> AftData:
    """Return the data in a folder that holds the two files.

    Raises
    ------
    InputError
        If a file or a column is missing, or a number is none.
    """
    rows = _rows(Path(folder) / COUNTRIES)
    given = {row.get("param_name", ""): row for row in _rows(Path(folder) / NUMBERS)}

    def column(name: str) -> Vector:
        return np.array([_number(COUNTRIES, f"{name}[{place}]", row.get(name)) for place, row in enumerate(rows)])

    def number(name: str) -> float:
        return _number(NUMBERS, name, given.get(name, {}).get("param_value"))

    return AftData(
        countries=tuple(row["iso3"] for row in rows),
        xi=np.exp(column("fe")),
        distance=column("distw"),
        language=column("comlang_off"),
        corruption=column("control_of_corruption"),
        importers=column("firm_count_rounded"),
        imports=column("inputs_rounded"),
        sigma=number("sigma_param"),
        theta=number("theta_param"),
        firms=int(number("num_firms_total")),
        importing=int(number("num_importing_firms")),
    )


def simulate(
    data: AftData,
    firms: int,
    seed: int = 0,
    *,
    first: int = 0,
    parameters: AftParameters | None = None,
    countries: int | None = None,
    theta: float | None = None,
) -> SourcingChoice:
    """Return the choice of suppliers of simulated firms.

    Parameters
    ----------
    data : AftData
    firms : int
        How many firms to draw.
    seed : int
        The same seed gives the same firms.
    first : int, default 0
        The first firm's number, so that a large number can be drawn in parts.
    parameters : AftParameters, optional
    countries : int, optional
        Only the home country and those with the largest potentials, so many in all; each keeps its draws.
    theta : float, optional
        Another θ than the data's, as for substitutes.

    Raises
    ------
    InputError
        If a number is out of range.
    """
    given = parameters or AftParameters()
    K = data.xi.size
    if firms < 1 or first < 0:
        raise InputError("firms", f"{firms} firms from number {first} on", "give at least one firm, numbered from 0")
    if countries is not None and not 1 <= countries <= K:
        raise InputError("countries", f"{countries} is out of range", f"give 1 to {K}")
    phi, noise = _draws(seed, first, firms, K, given.kappa)
    mean = given.cost * data.distance**given.distance * given.language**data.language
    mean = mean * np.exp(-given.corruption * data.corruption)
    f = mean * np.exp(given.dispersion * noise)
    f[:, 0] = 0.0
    kept = np.arange(K) if countries is None else np.sort(np.argsort(-data.xi, kind="stable")[:countries])
    return SourcingChoice(
        sigma=data.sigma,
        theta=data.theta if theta is None else theta,
        phi=phi,
        xi=data.xi[kept],
        f=f[:, kept],
        B=given.B,
        suppliers=tuple(data.countries[k] for k in kept),
        name=f"aft2017-{kept.size}-{firms}-{seed}",
        description=f"{firms} simulated firms that source from {kept.size} countries",
        source=SOURCE,
    )


def _draws(seed: int, first: int, firms: int, K: int, kappa: float) -> tuple[Vector, Vector]:
    """Return productivities and standard normals; each firm has K + 1 numbers of the counter's sequence."""
    from scipy.special import ndtri

    width = 4 * -(-(K + 1) // 4)  # a counter of Philox gives four numbers
    generator = np.random.Generator(np.random.Philox(key=seed).advance(first * width // 4))
    uniform = generator.random((firms, width))
    # Uniforms are multiples of 2^-53 from 0 on; half a step keeps them inside (0, 1).
    uniform += 2.0**-54
    return (1.0 - uniform[:, 0]) ** (-1.0 / kappa), ndtri(uniform[:, 1 : K + 1])


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise InputError(
            "file",
            f"{path} cannot be read ({error.strerror or error})",
            f"give the folder of {COUNTRIES} and {NUMBERS}",
        ) from None
    if not rows:
        raise InputError("file", f"{path} holds no rows", "fetch it again")
    return rows


def _number(file: str, name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(name, f"{file} has {value!r:.40} there", "fetch the file again") from None
    return number
