"""Writing a model to a file that other software reads: .nl, .gms, .lp, .mps, .cbf.

    .nl    AMPL's format, for any model: SCIP, BARON, Bonmin, Couenne, Ipopt, Knitro, SHOT …
    .gms   a GAMS program, for any model
    .lp    CPLEX's format, linear and quadratic models only
    .mps   linear and quadratic models only
    .cbf   the Conic Benchmark Format, for CVXPY models: second-order, exponential and power cones, integer or not

The file is written in full or not at all: to a temporary name in the same folder, then moved.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from endonet.formulations.conic import cone_program, to_cbf
from endonet.formulations.contracts import Modeller
from endonet.formulations.errors import InputError

ENDINGS = (".nl", ".gms", ".lp", ".mps", ".cbf")
CONIC = ".cbf"
PYOMO_FORMATS = {".lp": "cpxlp", ".mps": "mps", ".gms": "gams"}


def export(model: Any, path: str | os.PathLike[str], names: bool = False) -> Path:
    """Write a model to a file whose ending names the format.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel or cvxpy.Problem
        What ``build`` of a formulation returns; Pyomo for .nl, .gms, .lp and .mps, CVXPY for .cbf.
    path : path
        Ends with .nl, .gms, .lp, .mps or .cbf.
    names : bool, default False
        For .nl, which has no names: write the variables' and the rows' names beside it, to .col and .row, as AMPL does.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the ending is unknown, the model is not in the modelling language of the format, the format cannot hold it (a
        nonlinear model in .lp or .mps), or the folder cannot be written to.
    """
    target, ending = Path(path), check_ending(path)
    if ending == CONIC:
        program = cone_program(model)
        _write_atomically({target: lambda file: _write_text(to_cbf(program, target.stem), file)})
        return target
    if not hasattr(model, "component_data_objects"):
        raise InputError("model", "it is no Pyomo model", "build the formulation with modeller='pyomo'")
    if ending == ".nl":
        _write_nl(model, target, names)
    else:
        _write_atomically({target: lambda file: _write_through_pyomo(model, file, ending)})
    return target


def check_ending(path: str | os.PathLike[str]) -> str:
    """Return the ending of a file in lower case.

    Raises
    ------
    InputError
        If no format has it.
    """
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in ENDINGS:
        raise InputError("file", f"{target.name!r} has no ending that is known", f"use one of {', '.join(ENDINGS)}")
    return ending


def language(path: str | os.PathLike[str]) -> Modeller:
    """Return the modelling language in which a formulation is to be built for a file.

    Raises
    ------
    InputError
        If no format has its ending.
    """
    return Modeller.CVXPY if check_ending(path) == CONIC else Modeller.PYOMO


def _write_text(text: str, file: Path) -> None:
    file.write_text(text, encoding="utf-8")


def _write_nl(model: Any, target: Path, names: bool) -> None:
    from pyomo.common.errors import InfeasibleConstraintException
    from pyomo.repn.plugins.nl_writer import NLWriter

    def fill(*files: Path) -> None:
        with contextlib.ExitStack() as stack:
            streams: list[TextIO] = [stack.enter_context(file.open("w", encoding="utf-8")) for file in files]
            options = {"symbolic_solver_labels": names, "linear_presolve": False, "scale_model": False}
            try:
                NLWriter().write(model, *streams, **options)
            except InfeasibleConstraintException as error:
                raise InputError("model", str(error).rstrip("."), "no choice of its variables satisfies it") from None

    if not names:
        _write_atomically({target: fill})
        return
    row, col = target.with_suffix(".row"), target.with_suffix(".col")
    _write_together([target, row, col], fill)


def _write_through_pyomo(model: Any, file: Path, ending: str) -> None:
    from pyomo.opt import ProblemFormat

    labels = {"symbolic_solver_labels": True}
    try:
        model.write(str(file), format=ProblemFormat(PYOMO_FORMATS[ending]), io_options=labels)
    except (ValueError, RuntimeError) as error:
        if "nonlinear" not in str(error).lower() and "degree" not in str(error).lower():
            raise
        raise InputError(
            "file", f"the format {ending} cannot hold a nonlinear model", "write it as .nl or .gms"
        ) from None


def _write_atomically(jobs: dict[Path, Callable[[Path], None]]) -> None:
    for target, fill in jobs.items():
        _write_together([target], fill)


def _write_together(targets: list[Path], fill: Callable[..., None]) -> None:
    """Let ``fill`` write temporary files beside the targets, then move them there; leave nothing behind on failure."""
    mark = secrets.token_hex(8)
    drafts = [target.with_name(f".{mark}{target.suffix}") for target in targets]
    try:
        fill(*drafts)
        for draft, target in zip(drafts, targets, strict=True):
            os.replace(draft, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError("file", f"{targets[0]} cannot be written ({reason})", "check the folder") from None
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)
