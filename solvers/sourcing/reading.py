"""A Pyomo model handed to SCIP by way of an .nl file, and the pairs of variables that lead back."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from endonet.formulations.errors import EndonetError


def read_model(model: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return a silent SCIP that holds the model, and the pairs (Pyomo variable, SCIP variable)."""
    import pyscipopt
    from pyomo.repn.plugins.nl_writer import NLWriter

    scip = pyscipopt.Model()
    scip.hideOutput()
    with tempfile.TemporaryDirectory(prefix="endonet-scip-") as folder:
        file = Path(folder) / "model.nl"
        with file.open("w", encoding="utf-8") as stream:
            columns = NLWriter().write(model, stream, linear_presolve=False, scale_model=False).variables
        scip.readProblem(str(file))
    pairs = []
    for variable in scip.getVars():
        match = re.fullmatch(r"[a-z](\d+)", variable.name)
        if match:
            pairs.append((columns[int(match[1])], variable))
    if len(pairs) != len(columns):
        raise EndonetError(f"SCIP read {len(pairs)} of {len(columns)} variables of the model")
    return scip, pairs
