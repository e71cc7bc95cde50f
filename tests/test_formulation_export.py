"""Formulations on paper and in files: what `show` prints and what other software reads from `export`."""

from __future__ import annotations

import contextlib
import itertools
import math
import re

import chains
import choices
import cvxpy as cp
import digraphs
import economies
import highspy
import numpy as np
import pyomo.environ as pyo
import pytest
import set_choices
import sourcing_economies
from matplotlib.mathtext import MathTextParser
from model_files import read_cbf, read_gams

import endonet as en
from endonet import api
from endonet.formulations import show
from endonet.formulations.contracts import Equation
from endonet.formulations.errors import InputError, NotApplicableError
from endonet.formulations.export import export
from endonet.formulations.planner.problem import PlannerProblem
from endonet.formulations.planner.rows import LinearRow
from endonet.formulations.structure import structure

NAMES = [f"{family}/{name}" for family, members in api.formulations_by_family().items() for name in members]
PLANNER = ["planner/primal", "planner/reduced", "planner/lifted", "planner/reshaped"]
CONIC = ["planner/primal", "planner/lifted"]
LINEAR = ["ordering/dicycle", "ordering/position", "diversification/planner"]

# Problems of each family of which every formulation takes one.
TAKEN = {
    "planner": [economies.TINY["plain"]],
    "ordering": [lambda: digraphs.digraph(3)],
    "diversification": [lambda: chains.chain(3), *chains.TINY.values()],
    "suppliers": list(set_choices.TINY.values()),
    "sourcing": [
        *choices.TINY.values(),
        lambda: sourcing_economies.economy(1),
        lambda: sourcing_economies.economy(1, initiator="supplier"),
    ],
}


def best_of(problem):
    """The optimum, by evaluating every decision."""
    outcomes = (problem.evaluate(theta) for theta in itertools.product([0, 1], repeat=problem.n))
    return max(outcome.value for outcome in outcomes if outcome.feasible)


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

    @pytest.mark.parametrize("name", ["planner/primal", "planner/lifted", "planner/reduced"])
    def test_gams_read_back_and_solved_again(self, name, problem, tmp_path):
        pyscipopt = pytest.importorskip("pyscipopt")
        form = api.formulation(name)
        model = read_gams(export(form.build(problem), tmp_path / "model.gms"))
        scip = pyscipopt.Model()
        scip.hideOutput()
        scip.readProblem(str(export(model, tmp_path / "model.nl")))
        scip.setParam("limits/time", 20)
        scip.optimize()
        assert scip.getStatus() == "optimal"
        assert form.output(problem, scip.getObjVal()) == pytest.approx(best_of(problem), rel=1e-4)

    @pytest.mark.parametrize("name", CONIC)
    def test_cbf_read_back_and_solved_again(self, name, problem, tmp_path):
        """One cone program for each decision: the best of them is the optimum, as the evaluator knows it."""
        form = api.formulation(name)
        read = read_cbf(export(form.build(problem, "cvxpy"), tmp_path / "model.cbf"))
        assert len(read.integers) == problem.n
        assert form.output(problem, read.best_integer()) == pytest.approx(best_of(problem), rel=1e-6)
        relaxed = read_cbf(export(form.build(problem, "cvxpy", relaxed=True), tmp_path / "relaxed.cbf"))
        assert relaxed.integers == []
        assert form.output(problem, relaxed.best()) >= best_of(problem) * (1 - 1e-7)

    def test_cbf_holds_every_kind_of_cone(self, tmp_path):
        """max x + y + z/2 with (x, y) in a disc of radius 5 around 0, exp(z) ≤ 2 and z ≥ −1, plus 3."""
        x, y, z = cp.Variable(name="x"), cp.Variable(name="y"), cp.Variable(name="z")
        rows = [cp.norm(cp.hstack([x, y])) <= 5, cp.exp(z) <= 2, z >= -1]
        file = export(cp.Problem(cp.Maximize(x + y + z / 2 + 3), rows), tmp_path / "disc.cbf")
        assert "@" not in file.read_text()
        assert read_cbf(file).best() == pytest.approx(5 * np.sqrt(2) + np.log(2) / 2 + 3, rel=1e-7)
        discs = cp.Variable((2, 3))
        file = export(
            cp.Problem(cp.Minimize(cp.sum(discs)), [cp.SOC(np.array([1, 2, 3]), discs)]), tmp_path / "soc.cbf"
        )
        assert file.read_text().count("\nQ 3") == 3
        assert "VER\n1\n" in file.read_text()
        assert read_cbf(file).best() == pytest.approx(-6 * np.sqrt(2), rel=1e-7)

    def test_what_cbf_cannot_hold(self, linear, tmp_path):
        with pytest.raises(InputError, match="no CVXPY problem"):
            export(linear, tmp_path / "knapsack.cbf")
        x = cp.Variable()
        with pytest.raises(InputError, match="rules of convexity"):
            export(cp.Problem(cp.Maximize(x**2)), tmp_path / "square.cbf")
        X = cp.Variable((2, 2), PSD=True)
        with pytest.raises(InputError, match="cone of the kind"):
            export(cp.Problem(cp.Minimize(cp.trace(X))), tmp_path / "psd.cbf")
        with pytest.raises(InputError, match="a parameter of it has no value"):
            export(cp.Problem(cp.Minimize(x), [x >= cp.Parameter()]), tmp_path / "open.cbf")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("ending", [".lp", ".mps"])
    @pytest.mark.parametrize("name", LINEAR)
    def test_linear_formulations_read_back_and_solved_again(self, name, ending, tmp_path):
        form = api.formulation(name)
        problem = digraphs.digraph(3, n=5) if name.startswith("ordering") else chains.chain(3)
        best = {"ordering": digraphs.best_order_by_trying_all, "diversification": chains.best_by_trying_all}
        file = export(form.build(problem), tmp_path / f"model{ending}")
        highs = highspy.Highs()
        highs.silent()
        highs.readModel(str(file))
        highs.run()
        found = abs(highs.getInfo().objective_function_value)
        assert found == pytest.approx(best[problem.family](problem), rel=1e-9)

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
        with pytest.raises(InputError, match=r"use one of \.nl, \.gms, \.lp, \.mps, \.cbf"):
            export(linear, tmp_path / name)

    def test_a_row_that_nothing_satisfies(self, linear, tmp_path):
        linear.take[0].fix(1)
        linear.never = pyo.Constraint(expr=linear.take[0] <= 0)
        with pytest.raises(InputError, match=r"never.*no choice of its variables"):
            export(linear, tmp_path / "model.nl")
        assert list(tmp_path.iterdir()) == []

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

    @pytest.mark.parametrize("name", NAMES)
    def test_markdown_holds_everything(self, name):
        form = api.formulation(name)
        shown = show.markdown(form)
        assert shown.count("\n$$\n") == 2 * len(form.equations)
        for equation in form.equations:
            assert show.symbols_to_latex(equation.latex) in shown
            assert not equation.component or f"`{equation.component}`" in shown

    def test_markup_in_words_is_escaped(self):
        class Odd(type(api.formulation("planner/primal"))):
            symbols = (("a|b", "[x] * |y| _z_ $"),)

        assert r"$a\vert b$ | \[x\] \* \|y\| \_z\_ \$ |" in show.markdown(Odd())


class TestStructure:
    def test_a_model_counted_by_hand(self, problem):
        """``problem`` has 3 firms, 7 links and one row on θ; α_j κ is .8, 1 and .6: one chord, no bundle."""
        counted = structure(api.formulation("planner/lifted"), problem)
        assert (counted.binaries, counted.integers, counted.continuous) == (3, 0, 3 * 3 + 2)
        assert counted.rows == 2 + 3 + 3 * 4 + 1  # T and M; inputs; supply, demand and both "on"; the row
        assert counted.equalities == 2 + 3
        assert counted.inequalities == counted.rows - counted.equalities
        assert counted.nonlinear_rows == 3 + 2  # supply, and demand where α_j κ < 1
        # T, M, inputs, supply, demand, demand of the firm with a chord, supply and demand "on", the row
        assert counted.nonzeros == (3 + 1) + (3 + 1) + (7 + 3) + 3 * 3 + 2 * 3 + 2 + 2 * 3 * 2 + 3
        assert counted.nonlinear_objective
        assert (counted.math_class, counted.relaxation) == ("convex MINLP", "convex")

    def test_a_cone_program_counted_by_hand(self, problem):
        counted = structure(api.formulation("planner/lifted"), problem, "cvxpy")
        assert counted.cones == {"power": 1 + 3 + 2}  # objective, supply, demand where α_j κ < 1
        assert counted.equalities == 2 + 3
        assert counted.rows == counted.equalities + counted.inequalities + 3 * 6
        assert counted.variables == counted.binaries + counted.continuous == 3 + 3 * 3 + 3

    @pytest.mark.parametrize("name", NAMES)
    def test_every_formulation_can_be_counted(self, name):
        found = ()
        for make in TAKEN[name.partition("/")[0]]:
            made = make()
            with contextlib.suppress(NotApplicableError):  # one formulation need not write every problem of its family
                found = en.structure(made, name)
                assert found[0] in en.structure(made)
        assert {entry.formulation for entry in found} == {name}
        assert {entry.language for entry in found} == {m.value for m in api.formulation(name).modellers}
        for entry in found:
            assert entry.variables == entry.binaries + entry.integers + entry.continuous
            assert entry.rows >= entry.equalities >= 0

    def test_a_linear_model_counted_by_closed_form(self):
        n = 6
        counted = structure(api.formulation("ordering/dicycle"), digraphs.digraph(4, n=n))
        assert counted.binaries == counted.variables == math.comb(n, 2)
        assert counted.rows == counted.inequalities == math.comb(n, 3)
        assert counted.nonzeros == 3 * math.comb(n, 3)
        assert (counted.nonlinear_rows, counted.nonlinear_objective) == (0, False)

    def test_a_formulation_of_another_family(self):
        with pytest.raises(InputError, match="does not write ordering problems; use one of dicycle"):
            en.structure("ordering/appendix-b", "planner/lifted")
