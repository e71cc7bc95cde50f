"""What a formulation of one instance is made of: variables, rows, nonzeros, cones, and the class of the program.

A Pyomo model is counted as it stands in an .nl file, whose header AMPL defines: nonzeros are those of the Jacobian, and
a row is nonlinear if any variable enters it nonlinearly. A CVXPY model is counted as the cone program that solvers get,
with the auxiliary variables and rows of CVXPY's own rewriting.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from endonet.formulations.conic import NONNEGATIVE, ZERO, cone_program
from endonet.formulations.contracts import Formulation, Modeller


@dataclass(frozen=True)
class Structure:
    """Counts of one model.

    Attributes
    ----------
    formulation : str
    language : str
        ``pyomo`` or ``cvxpy``.
    math_class, relaxation : str
        The class of the program, and whether it is ``convex`` once its integers are relaxed.
    variables, binaries, integers, continuous : int
        Those that stand in the objective or in a row; integers beside the binaries.
    rows, equalities, inequalities : int
        A row with two finite sides that differ is one inequality.
    nonlinear_rows : int
        Rows in which some variable enters nonlinearly; 0 for a cone program, whose cones stand in ``cones``.
    nonzeros : int
        Of the Jacobian of the rows; for a cone program, of its matrix.
    nonlinear_objective : bool
    cones : dict of str to int
        Cone programs only: how many of each kind, such as ``power``, beside the linear rows.
    """

    formulation: str
    language: str
    math_class: str
    relaxation: str
    variables: int
    binaries: int
    integers: int
    continuous: int
    rows: int
    equalities: int
    inequalities: int
    nonlinear_rows: int
    nonzeros: int
    nonlinear_objective: bool
    cones: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as a JSON-ready dictionary."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def structure(formulation: Formulation[Any], problem: Any, modeller: Modeller | str = Modeller.PYOMO) -> Structure:
    """Build a formulation of a problem and count what it is made of.

    Parameters
    ----------
    formulation : Formulation
    problem : Problem
        Of the formulation's family.
    modeller : {"pyomo", "cvxpy"}

    Raises
    ------
    InputError, NotApplicableError
        If the formulation cannot be written in that language, or does not take the problem.
    """
    model = formulation.build(problem, modeller)
    count = _of_cones if modeller == Modeller.CVXPY else _of_pyomo
    return count(formulation, model)


def _of_pyomo(formulation: Formulation[Any], model: Any) -> Structure:
    from pyomo.repn.plugins.nl_writer import NLWriter

    file = io.StringIO()
    written = NLWriter().write(model, file, linear_presolve=False, scale_model=False)
    head = [[int(word) for word in line.split("#")[0].split()] for line in file.getvalue().split("\n", 10)[1:8]]
    variables, rows, _, _, equalities = head[0][:5]
    nonlinear_rows, nonlinear_objectives = head[1][:2]
    binaries = sum(variable.is_binary() for variable in written.variables)
    integers = sum(variable.is_integer() for variable in written.variables) - binaries
    return Structure(
        formulation=formulation.name,
        language=Modeller.PYOMO.value,
        math_class=formulation.math_class.value,
        relaxation="convex" if formulation.relaxation_convex else "nonconvex",
        variables=variables,
        binaries=binaries,
        integers=integers,
        continuous=variables - binaries - integers,
        rows=rows,
        equalities=equalities,
        inequalities=rows - equalities,
        nonlinear_rows=nonlinear_rows,
        nonzeros=head[6][0],
        nonlinear_objective=bool(nonlinear_objectives),
        cones={},
    )


def _of_cones(formulation: Formulation[Any], model: Any) -> Structure:
    program = cone_program(model)
    rows: Counter[str] = Counter()
    for cone in program.cones:
        rows[cone.kind] += cone.size
    n, binaries, integers = program.c.size, program.binaries.size, program.integers.size
    return Structure(
        formulation=formulation.name,
        language=Modeller.CVXPY.value,
        math_class=formulation.math_class.value,
        relaxation="convex" if formulation.relaxation_convex else "nonconvex",
        variables=n,
        binaries=binaries,
        integers=integers - binaries,
        continuous=n - integers,
        rows=program.b.size,
        equalities=rows[ZERO],
        inequalities=rows[NONNEGATIVE],
        nonlinear_rows=0,
        nonzeros=program.A.nnz,
        nonlinear_objective=False,
        cones=dict(Counter(c.kind for c in program.cones if c.kind not in (ZERO, NONNEGATIVE))),
    )
