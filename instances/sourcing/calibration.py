"""The economies of paper 002, section 4.3: Table 2's parameters on counter-based draws.

    φ_j = exp(−0.68 + 0.56 z),    α_kj, α_Fj, β_jF lognormal with one dispersion,    f_kj, f_Fj, f_jF with another

The paper does not state σ = 4, p_F = D_F = τ = α_L = β_H = 1 and L ≈ 0.73·n, nor that smoothing is all but absent;
with them its Tables 3 and 4 come out. Fixed costs are not scaled with n.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numba import njit

from endonet.formulations.errors import InputError
from endonet.formulations.sourcing.parallel import in_parts
from endonet.formulations.sourcing.problem import OpenEconomy, Smoothing, SourcingProblem
from endonet.instances.sourcing.draws import Draws, draw

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

LABOUR_PER_FIRM = 0.73
SMOOTHING = 1e-3
DIFFERENT = ("sigma", "L", "initiator", "open", "markups", "smoothing", "name", "description", "source", "licence")


@dataclass(frozen=True)
class Parameters:
    """Scale and dispersion (mean and standard deviation of the logarithm) of every distribution.

    The eight of Table 2 come first, with its estimates as defaults; φ is estimated from (17).

    Parameters
    ----------
    alpha_dom, alpha_F, beta_F : float
        Scales Φ_scale of α_kj, α_Fj, β_jF.
    disp : float
        Their common dispersion Φ_disp^(α,β), ≥ 0.
    f_dom, f_imp, f_exp : float
        Scales of f_kj, f_Fj, f_jF.
    f_disp : float
        Their common dispersion Φ_disp^f, ≥ 0.
    phi, phi_disp : float
        Scale and dispersion of φ_j.
    """

    alpha_dom: float = -3.20
    alpha_F: float = -0.97
    beta_F: float = -1.15
    disp: float = 0.93
    f_dom: float = -5.71
    f_imp: float = -2.94
    f_exp: float = -1.74
    f_disp: float = 3.05
    phi: float = -0.68
    phi_disp: float = 0.56

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
                raise InputError(field.name, f"{value!r} is no finite number", "give one")
            if field.name.endswith("disp") and value < 0:
                raise InputError(field.name, f"{value:g} is negative", "a dispersion is ≥ 0")


ESTIMATED = ("alpha_dom", "alpha_F", "beta_F", "disp", "f_dom", "f_imp", "f_exp", "f_disp")


def economy(
    n: int,
    K: int = 1000,
    seed: int = 0,
    parameters: Parameters | Mapping[str, float] | None = None,
    **more: Any,
) -> SourcingProblem:
    """Return an economy of n firms with up to K potential suppliers each; 12 bytes a potential link.

    Parameters
    ----------
    n, K, seed
        See `endonet.instances.sourcing.draws.draw`.
    parameters : Parameters or mapping, optional
        By default Table 2's.
    **more
        Fields of the problem that shall differ: sigma, L, open (None for a closed economy), smoothing, name, …

    Raises
    ------
    InputError
        If an argument is unknown or outside its range.
    """
    draws = draw(n, K, seed)
    given = _parameters(parameters)
    lognormal(draws.alpha, given.alpha_dom, given.disp, draws.alpha)
    lognormal(draws.f, given.f_dom, given.f_disp, draws.f)
    return _problem(draws, given, draws.alpha, draws.f, more)


def from_draws(
    draws: Draws, parameters: Parameters | Mapping[str, float] | None = None, **more: Any
) -> SourcingProblem:
    """Return an economy on draws that stay as they are, so that others can follow on the same random numbers."""
    given = _parameters(parameters)
    alpha, f = np.empty_like(draws.alpha), np.empty_like(draws.f)
    lognormal(draws.alpha, given.alpha_dom, given.disp, alpha)
    lognormal(draws.f, given.f_dom, given.f_disp, f)
    return _problem(draws, given, alpha, f, more)


def _problem(draws: Draws, given: Parameters, alpha: Any, f: Any, more: Mapping[str, Any]) -> SourcingProblem:
    unknown = [name for name in more if name not in DIFFERENT]
    if unknown:
        raise InputError(unknown[0], "a calibrated economy has no such field", f"known: {', '.join(DIFFERENT)}")
    for array in (draws.ptr, draws.supplier, alpha, f):
        array.setflags(write=False)  # read-only arrays are taken as they are
    abroad = OpenEconomy(
        alpha_F=np.exp(given.alpha_F + given.disp * draws.alpha_F),
        beta_F=np.exp(given.beta_F + given.disp * draws.beta_F),
        f_import=np.exp(given.f_imp + given.f_disp * draws.f_import),
        f_export=np.exp(given.f_exp + given.f_disp * draws.f_export),
    )
    ones = np.ones(draws.n)
    defaults: dict[str, Any] = {
        "sigma": 4.0,
        "L": LABOUR_PER_FIRM * draws.n,
        "open": abroad,
        "smoothing": Smoothing(relative=SMOOTHING),
        "name": f"sourcing/calibrated-{draws.n}-{draws.K}-{draws.seed}",
        "description": f"The calibrated economy of section 4.3, n={draws.n}, K={draws.K}, seed {draws.seed}",
        "source": "paper 002, section 4.3 and Table 2; L, σ and prices as in the notes of this module",
        "licence": "MIT",
    }
    if isinstance(more.get("smoothing"), Mapping):
        more = {**more, "smoothing": Smoothing(**more["smoothing"])}
    return SourcingProblem(
        phi=np.exp(given.phi + given.phi_disp * draws.phi),
        alpha_L=ones,
        beta_H=ones,
        ptr=draws.ptr,
        supplier=draws.supplier,
        alpha=alpha,
        f=f,
        **(defaults | dict(more)),
    )


def _parameters(given: Parameters | Mapping[str, float] | None) -> Parameters:
    if isinstance(given, Parameters):
        return given
    unknown = [name for name in given or {} if name not in {field.name for field in fields(Parameters)}]
    if unknown:
        known = ", ".join(field.name for field in fields(Parameters))
        raise InputError(f"parameters.{unknown[0]}", "there is no such parameter", f"known: {known}")
    return Parameters(**dict(given or {}))


def lognormal(z: Any, scale: float, disp: float, out: Any) -> None:
    """Fill ``out`` with exp(scale + disp z); ``out`` may be ``z``."""
    in_parts(z.size, z.size, lambda first, last: _lognormal(z[first:last], scale, disp, out[first:last]))


@njit(cache=True, nogil=True)
def _lognormal(z, scale, disp, out):
    for e in range(z.size):
        out[e] = np.exp(scale + disp * np.float64(z[e]))
