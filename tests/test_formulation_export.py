"""Formulations on paper and in files: what `show` prints and what other software reads from `export`."""

from __future__ import annotations

import itertools
import re

import highspy
import numpy as np
import pyomo.environ as pyo
import pytest
from matplotlib.mathtext import MathTextParser

from endonet import api
from endonet.formulations import show
from endonet.formulations.contracts import Equation
from endonet.formulations.errors import InputError
from endonet.formulations.export import export
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow

NAMES = [f"{family}/{name}" for family, members in api.formulations_by_family().items() for name in members]
PLANNER = ["planner/primal", "planner/reduced", "planner/lifted", "planner/reshaped"]


@pytest.fixture
def problem():
    """Three firms of which the best choice operates two, with increasing returns in demand for some (α_j κ > 1)."""
    return PlannerProblem(
        Omega=[[0.0, 1.0, 0.5], [1.0, 0.0, 1.0], [0.7, 0.2, 0.3]],
        z=[1.0, 1.2, 0.6],
        L=1.0,
        f=[0.05, 0.1, 0.2],
        alpha=[0.4, 0.5, 0.3],
        sigma=7.0,
        epsilon=4.0,
        constraints=[LinearRow([0, 1, 2], [1, 1, 1], ">=", 1)],
    )


@pytest.fixture
def linear():
    """A knapsack, whose optimum 11 is found by hand: items 0 and 2 of values 6, 5, 5 and weights 3, 3, 2, room 5."""
    model = pyo.ConcreteModel()
    model.take = pyo.Var(range(3), domain=pyo.Binary)
    model.worth = pyo.Objective(expr=6 * model.take[0] + 5 * model.take[1] + 5 * model.take[2], sense=pyo.maximize)
    model.room = pyo.Constraint(expr=3 * model.take[0] + 3 * model.take[1] + 2 * model.take[2] <= 5)
    return model


class TestExport:
    @pytest.mark.parametrize("name", PLANNER)
    def test_nl_survives_the_journey_to_another_solver(self, name, problem, tmp_path):
        pyscipopt = pytest.importorskip("pyscipopt")
        form = api.formulation(name)
        file = export(form.build(problem), tmp_path / "model.nl")
        scip = pyscipopt.Model()
        scip.hideOutput()
        scip.readProblem(str(file))
        scip.setParam("limits/time", 20)
        scip.optimize()
        best = max(problem.evaluate(theta).value for theta in itertools.product([0, 1], repeat=3) if any(theta))
        found = form.output(problem, scip.getObjVal())
        if name == "planner/reshaped":  # a relaxation: its maximum over the cube is at least that over the corners
            assert found >= best * (1 - 1e-5)
        else:
            assert scip.getStatus() == "optimal"
            assert found == pytest.approx(best, rel=1e-4)

    def test_nl_comes_with_names_if_asked(self, problem, tmp_path):
        model = api.formulation("planner/lifted").build(problem)
        export(model, tmp_path / "plain.nl")
        assert [file.name for file in tmp_path.iterdir()] == ["plain.nl"]
        export(model, tmp_path / "named.nl", names=True)
        columns = (tmp_path / "named.col").read_text().split()
        assert set(columns) == {v.name for v in model.component_data_objects(pyo.Var)}
        assert "constraint_supply[0]" in (tmp_path / "named.row").read_text().split()

    @pytest.mark.parametrize("ending", [".lp", ".mps"])
    def test_linear_models_in_linear_formats(self, ending, linear, tmp_path):
        file = export(linear, tmp_path / f"knapsack{ending}")
        highs = highspy.Highs()
        highs.silent()
        highs.readModel(str(file))
        highs.run()
        assert abs(highs.getInfo().objective_function_value) == pytest.approx(11)

    def test_gams(self, problem, tmp_path):
        program = export(api.formulation("planner/primal").build(problem), tmp_path / "primal.gms").read_text()
        assert re.search(r"SOLVE \w+ USING minlp maximizing", program, re.IGNORECASE)
        assert "constraint_goods" in program

    @pytest.mark.parametrize("ending", [".lp", ".mps"])
    def test_nonlinear_models_do_not_fit_linear_formats(self, ending, problem, tmp_path, capfd):
        model = api.formulation("planner/reduced").build(problem)
        with pytest.raises(InputError, match=rf"{ending} cannot hold a nonlinear model; write it as .nl or .gms"):
            export(model, tmp_path / f"reduced{ending}")
        assert list(tmp_path.iterdir()) == []
        assert capfd.readouterr() == ("", "")

    def test_a_failure_leaves_the_old_file_alone(self, problem, tmp_path):
        file = tmp_path / "reduced.lp"
        file.write_text("old")
        with pytest.raises(InputError):
            export(api.formulation("planner/reduced").build(problem), file)
        assert file.read_text() == "old"
        assert list(tmp_path.iterdir()) == [file]

    @pytest.mark.parametrize("name", ["model.txt", "model", "nl"])
    def test_unknown_endings(self, name, linear, tmp_path):
        with pytest.raises(InputError, match=r"use one of \.nl, \.lp, \.mps, \.gms"):
            export(linear, tmp_path / name)

    def test_what_cannot_be_written(self, problem, linear, tmp_path):
        with pytest.raises(InputError, match="no Pyomo model"):
            export(api.formulation("planner/lifted").build(problem, "cvxpy"), tmp_path / "model.nl")
        with pytest.raises(InputError, match="cannot be written"):
            export(linear, tmp_path / "nowhere" / "model.nl")

    def test_the_ending_may_be_upper_case_and_the_file_is_replaced(self, linear, tmp_path):
        file = tmp_path / "model.LP"
        file.write_text("old")
        assert export(linear, str(file)) == file
        assert "take" in file.read_text()


class TestShow:
    @pytest.mark.parametrize("name", NAMES)
    def test_text_holds_everything(self, name):
        form = api.formulation(name)
        shown = show.text(form)
        assert form.name in shown
        assert form.title in shown
        assert form.math_class.value in shown
        words = " ".join(shown.split())
        for equation in form.equations:
            assert equation.label in words
            assert equation.says in words
            assert equation.component in words
        for _, meaning in form.symbols:
            assert " ".join(meaning.split()) in words
        assert "\\" not in shown

    @pytest.mark.parametrize("name", NAMES)
    def test_latex_is_well_formed(self, name):
        form = api.formulation(name)
        document = show.latex(form)
        assert document.startswith(r"\documentclass")
        assert document.rstrip().endswith(r"\end{document}")
        bare = re.sub(r"\\[\\{}]", "", document)
        assert bare.count("{") == bare.count("}")
        begun, ended = (re.findall(rf"\\{word}{{([a-z*]+)}}", document) for word in ("begin", "end"))
        assert sorted(begun) == sorted(ended)
        assert len(re.findall(r"(?<!\\)\$", document)) % 2 == 0
        assert document.isascii() or not re.search(r"[Ͱ-Ͽ∀-⋿]", document)
        assert show.latex(form, document=False) in document

    @pytest.mark.parametrize("name", PLANNER)
    def test_every_equation_and_symbol_can_be_typeset(self, name):
        form = api.formulation(name)
        typeset = MathTextParser("path")
        for source in [e.latex for e in form.equations] + [symbol for symbol, _ in form.symbols]:
            typeset.parse(f"${show.symbols_to_latex(source)}$")

    @pytest.mark.parametrize(
        ("latex", "expected"),
        [
            (r"\theta_j \in \{0, 1\}", "θ_j ∈ {0, 1}"),
            (r"\left( \sum_i x_{ij}^{\rho} \right)^{1/\rho}", "( Σ_i x_ij^ρ )^(1/ρ)"),
            (r"\frac{a_i}{b}", "a_i/b"),
            (r"\frac{a + b}{c}", "(a + b)/c"),
            (r"y^{\alpha_j\kappa}", "y^(α_j κ)"),
            (r"\bar{q}_j \leq \infty", "q̄_j ≤ ∞"),
            (r"\max\; \mathcal{P}", "max P"),
            (r"x_{i,j}", "x_i,j"),
            (r"\sqrt{x}", "√x"),
        ],
    )
    def test_plain(self, latex, expected):
        assert show.plain(latex) == expected

    def test_words_are_escaped(self):
        assert show.words_to_latex("a_j ≤ 50 % of θ & {σ}") == r"a\_j $\leq$ 50 \% of $\theta$ \& \{$\sigma$\}"

    def test_contracts_own_latex_is_an_align(self):
        form = api.formulation("planner/lifted")
        assert form.latex().startswith(r"\begin{align*}")
        assert form.latex().count(r"\text{") == len(form.equations)

    def test_an_equation_without_component_shows_no_brackets(self, problem):
        form = api.formulation("planner/primal")

        class Bare(type(form)):
            equations = (Equation("(1)", "x = y", "a definition"),)
            symbols = ()

        assert "[" not in show.text(Bare()).partition("Equations")[2]
        assert np.array_equal(Bare().build(problem).firms, [0, 1, 2])
