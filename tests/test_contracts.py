"""One conformance suite over every listed solver and formulation; a new one is tested by being listed."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import chains
import choices
import digraphs
import economies
import networkx as nx
import numpy as np
import pytest
import set_choices
import sourcing_economies
from economies import economy

import endonet as en
from endonet import api, catalogue, options, promises
from endonet.formulations.contracts import Formulation, MathClass, Modeller, Sense
from endonet.formulations.errors import InputError, NotApplicableError, UnavailableError, UnknownNameError
from endonet.formulations.planner.rows import LinearRow
from endonet.instances.planner.graphs import from_networkx
from endonet.instances.suppliers.generators import scenarios
from endonet.plain import to_json
from endonet.solvers.base import Solver
from endonet.solvers.solution import Finding, Proves, Solution, Status, StoppedBy

# Problems small enough to try every decision, for each family that lists solvers.
CASES: dict[str, Any] = {
    "planner": economies.TINY,
    "diversification": chains.TINY,
    "ordering": digraphs.TINY_DIGRAPHS,
    "suppliers": set_choices.TINY,
    "sourcing": choices.TINY,
}
BEST = {
    "planner": economies.best_by_trying_all,
    "diversification": chains.best_by_trying_all,
    "ordering": digraphs.best_order_by_trying_all,
    "suppliers": set_choices.best_by_trying_all,
    "sourcing": choices.best_by_trying_all,
}
# One problem of each family for each kind of test below.
LARGER: dict[str, Any] = {
    "planner": lambda: economy(7, n=12),
    "diversification": lambda: chains.chain(6),
    "ordering": lambda: digraphs.digraph(7, n=12),
    "suppliers": lambda: scenarios(20, count=100, seed=7, cost="1/250", failing="3/5"),
    "sourcing": lambda: choices.choice(7, K=12),
}
STARTS: dict[str, Any] = {
    "planner": lambda: (economy(8), np.ones(6, dtype=int)),
    "diversification": lambda: (chains.chain(2), [1, 1]),
    "ordering": lambda: (digraphs.digraph(8), np.arange(digraphs.digraph(8).n)),
    "suppliers": lambda: (set_choices.choice(), [0, 2]),
    "sourcing": lambda: (choices.choice(8), np.ones((2, 6), dtype=int)),
}
# Formulations of economies, in a family whose problems above are firms' choices.
BUILT: dict[str, Any] = {
    "sourcing/firm": lambda: sourcing_economies.economy(1),
    "sourcing/equilibrium": lambda: sourcing_economies.economy(1),
    "sourcing/planner": lambda: sourcing_economies.economy(1),
    "sourcing/supplier-equilibrium": lambda: sourcing_economies.economy(1, initiator="supplier"),
}
PAIRS = ((0, 1), (1, 2), (0, 2))
IMPOSSIBLE: dict[str, Any] = {
    "planner": lambda: economy(9, rows=tuple(LinearRow(pair, [1, 1], "==", 1) for pair in PAIRS)),
    "diversification": lambda: chains.chain(2, risk_target="1/100", caps=[2, 2]),
}

SOLVERS = [(family, name) for family, members in api.solvers_by_family().items() for name in members]
RUNS = [(family, name, case) for family, name in SOLVERS for case in CASES[family]]
FORMULATIONS = [f"{family}/{name}" for family, members in api.formulations_by_family().items() for name in members]

# Outside solvers keep constraints to about 1e-6 only; a bound with a certificate is held to rounding.
OWN, OUTSIDE = 1e-9, 1e-6

every_solver = pytest.mark.parametrize(("family", "name"), SOLVERS)
every_run = pytest.mark.parametrize(("family", "name", "case"), RUNS)
every_formulation = pytest.mark.parametrize("reference", FORMULATIONS)

solved: dict[tuple[str, str, str], Solution] = {}
optima: dict[tuple[str, str], float] = {}


def run(family: str, name: str, case: str) -> tuple[Any, Solution, float]:
    """Solve a case once for all tests; return the problem, the answer and the optimum."""
    problem = CASES[family][case]()
    solver = api.solver(family, name)
    _skip_unless_possible(solver, problem)
    if (family, name, case) not in solved:
        solved[family, name, case] = solver.solve(problem)
    if (family, case) not in optima:
        optima[family, case] = BEST[family](problem)
    return problem, solved[family, name, case], optima[family, case]


def _skip_unless_possible(solver: Solver[Any], problem: Any) -> None:
    reason = solver.unavailable() or solver.refuses(problem)
    if reason:
        pytest.skip(reason)


@every_solver
def test_a_solver_declares_itself(family: str, name: str) -> None:
    kind = api.solver_class(family, name)
    assert kind.name == name
    assert kind.title
    assert isinstance(kind.proves, Proves)
    assert isinstance(kind.deterministic, bool)
    assert set(kind.formulations) <= set(api.formulations_by_family()[family])
    assert not kind.packages or kind.remedy


@every_solver
def test_options_are_frozen_typed_and_documented(family: str, name: str) -> None:
    kind = api.solver_class(family, name)
    solver = kind()
    for field in options.own_fields(kind):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(solver, field.name, None)
        assert field.name in (kind.__doc__ or ""), f"the docstring of {kind.__name__} does not explain {field.name}"
        default = getattr(solver, field.name)
        if isinstance(default, (bool, int, float, str)):
            assert options.parse(kind, [f"{field.name}={default}"]) == {field.name: default}


@every_solver
@pytest.mark.parametrize(
    "wrong",
    [
        {"time_limit": 0},
        {"time_limit": "3"},
        {"time_limit": True},
        {"rel_gap": -1},
        {"rel_gap": float("nan")},
        {"rel_gap": "a"},
        {"rel_gap": None},
        {"threads": -1},
        {"threads": 2.5},
        {"seed": "a"},
        {"log": "yes"},
    ],
)
def test_senseless_options_are_refused(family: str, name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        api.solver(family, name, **wrong)


@every_solver
def test_options_of_another_type_are_refused(family: str, name: str) -> None:
    kind = api.solver_class(family, name)
    for field in options.own_fields(kind):
        if isinstance(field.default, (int, float)) or str(field.type).startswith(("int", "float")):
            with pytest.raises(InputError, match=field.name):
                kind(**{field.name: "many"})
            if "int" in str(field.type):
                with pytest.raises(InputError, match="whole number"):
                    kind(**{field.name: 2.5})


@every_solver
def test_numbers_of_numpy_are_numbers(family: str, name: str) -> None:
    solver = api.solver(family, name, time_limit=np.float32(0.5), seed=np.int64(3), threads=np.int8(1))
    assert (solver.time_limit, solver.seed, solver.threads) == (0.5, 3, 1)
    assert type(solver.seed) is int


@every_solver
def test_an_option_that_does_not_exist_is_refused(family: str, name: str) -> None:
    with pytest.raises(InputError, match="no such option"):
        api.solver(family, name, nonsense=1)


@every_run
def test_the_value_is_the_evaluators(family: str, name: str, case: str) -> None:
    problem, solution, _ = run(family, name, case)
    assert not solution.contradicted
    assert solution.value is not None
    outcome = problem.evaluate(solution.decision)
    assert outcome.feasible
    assert solution.value == outcome.value


@every_run
def test_the_answer_is_of_the_promised_kind(family: str, name: str, case: str) -> None:
    _, solution, _ = run(family, name, case)
    kind = api.solver_class(family, name)
    if solution.status is Status.NOT_CONVERGED:
        assert solution.notes, "a note says how the decision was chosen"
        assert not promises.kept(kind.proves, solution)
    else:
        assert promises.kept(kind.proves, solution)


@every_run
def test_the_optimum_lies_between_value_and_bound(family: str, name: str, case: str) -> None:
    problem, solution, optimum = run(family, name, case)
    better = 1.0 if problem.sense is Sense.MAXIMISE else -1.0
    outside = api.solver_class(family, name).packages and solution.certificate is None
    slack = (OUTSIDE if outside else OWN) * optimum
    assert better * (solution.value - optimum) <= 1e-12 * optimum
    if solution.bound is not None:
        assert better * (solution.bound - optimum) >= -slack
    if solution.status is Status.OPTIMAL:
        assert better * (solution.value - optimum) >= -slack - 1e-9 * optimum


@every_run
def test_status_and_bound_agree(family: str, name: str, case: str) -> None:
    _, solution, _ = run(family, name, case)
    proves = api.solver_class(family, name).proves
    if solution.status in (Status.OPTIMAL, Status.FEASIBLE):
        assert solution.bound is not None
        assert solution.rel_gap is not None
    elif solution.status in (Status.LOCAL, Status.STATIONARY):
        assert solution.bound is None
    if proves not in (Proves.GLOBAL_OPTIMUM, Proves.BOUND):
        assert solution.bound is None


@every_run
def test_a_solution_survives_a_file_and_the_check(family: str, name: str, case: str, tmp_path: Any) -> None:
    problem, solution, _ = run(family, name, case)
    path = tmp_path / "solution.json"
    en.save_solution(solution, path)
    json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    read = en.load_solution(path, problem)
    assert (read.status, read.value, read.bound, read.decision.tolist()) == (
        solution.status,
        solution.value,
        solution.bound,
        solution.decision.tolist(),
    )
    if solution.certificate is not None or solution.bound is None:
        en.check(problem, read)
    else:
        with pytest.raises(en.VerificationError, match="certificate"):
            en.check(problem, read)


FALSE_CLAIMS: dict[str, dict[str, Any]] = {
    "another problem": {"fingerprint": "0" * 64},
    "contradicted": {"contradicted": "another decision is better"},
    "rel_gap": {"rel_gap": 0.5},
    "no share": {"options": {"rel_gap": "none"}},
}


@every_solver
@pytest.mark.parametrize("why", FALSE_CLAIMS)
def test_a_check_names_what_does_not_follow(family: str, name: str, why: str) -> None:
    for case in CASES[family]:
        if api.solver(family, name).refuses(CASES[family][case]()):
            continue
        problem, solution, _ = run(family, name, case)
        if solution.status is Status.OPTIMAL and solution.certificate is not None and solution.value is not None:
            with pytest.raises(en.VerificationError, match=why):
                en.check(problem, dataclasses.replace(solution, **FALSE_CLAIMS[why]))
            return
    pytest.skip("it certifies none of these cases, so that a check refuses it for want of a certificate")
    json.loads(to_json(solution.to_dict(certificate=False)))


@every_solver
def test_the_same_seed_gives_the_same_answer(family: str, name: str) -> None:
    case = next(iter(CASES[family]))
    problem, first, _ = run(family, name, case)
    solver = api.solver(family, name, seed=0)
    if not solver.deterministic:
        pytest.skip("declared as not deterministic")
    again = solver.solve(problem)
    assert (again.value, again.bound, again.encoded_decision) == (first.value, first.bound, first.encoded_decision)


@every_solver
def test_no_time_at_all_is_no_error(family: str, name: str) -> None:
    problem = LARGER[family]()
    solver = api.solver(family, name, time_limit=1e-6)
    _skip_unless_possible(solver, problem)
    solution = solver.solve(problem)
    assert not solution.contradicted
    if solution.value is not None and solution.bound is not None:
        better = 1.0 if problem.sense is Sense.MAXIMISE else -1.0
        assert better * (solution.bound - solution.value) >= -1e-9 * solution.value
    if solution.stopped_by is StoppedBy.TIME_LIMIT:
        assert solution.status is not Status.INFEASIBLE


@every_solver
def test_an_initial_decision_is_taken(family: str, name: str) -> None:
    problem, start = STARTS[family]()
    solver = api.solver(family, name, initial=start)
    _skip_unless_possible(solver, problem)
    solution = solver.solve(problem)
    assert not solution.contradicted
    assert solution.value is not None
    assert solution.options["initial"] == "given"


@every_solver
def test_infeasible_is_claimed_only_with_a_proof(family: str, name: str) -> None:
    if family not in IMPOSSIBLE:
        pytest.skip("every decision of this family is feasible")
    problem = IMPOSSIBLE[family]()
    solver = api.solver(family, name)
    _skip_unless_possible(solver, problem)
    solution = solver.solve(problem)
    if solver.proves is Proves.GLOBAL_OPTIMUM:
        assert solution.status is Status.INFEASIBLE
        assert promises.kept(solver.proves, solution)
    else:
        assert solution.status in (Status.NO_SOLUTION, Status.INFEASIBLE)
    assert solution.decision is None


def test_every_solver_is_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    family, name = SOLVERS[0]
    kind = api.solver_class(family, name)
    monkeypatch.setattr(kind, "packages", ("no_such_package",))
    monkeypatch.setattr(kind, "remedy", "pip install no-such-package")
    entries = {(entry["family"], entry["name"]): entry for entry in catalogue.solvers()}
    assert set(entries) == set(SOLVERS)
    assert "pip install no-such-package" in entries[family, name]["unavailable"]
    with pytest.raises(UnavailableError, match="no-such-package"):
        kind().solve(next(iter(CASES[family].values()))())


@every_solver
def test_an_unknown_formulation_is_refused(family: str, name: str) -> None:
    solver = api.solver(family, name)
    problem = next(iter(CASES[family].values()))()
    _skip_unless_possible(solver, problem)
    with pytest.raises(InputError, match="formulation"):
        solver.solve(problem, "nonsense")


@every_formulation
def test_a_formulation_explains_itself(reference: str) -> None:
    formulation = api.formulation(reference)
    assert isinstance(formulation, Formulation)
    assert formulation.name == reference
    assert formulation.title
    assert formulation.source
    assert isinstance(formulation.math_class, MathClass)
    assert formulation.symbols
    assert formulation.equations
    assert all(equation.label and equation.latex and equation.says for equation in formulation.equations)
    assert formulation.latex().startswith("\\begin{align*}")


@every_formulation
def test_a_formulation_builds_in_every_language_it_names(reference: str) -> None:
    formulation = api.formulation(reference)
    assert formulation.modellers
    for modeller in formulation.modellers:
        assert isinstance(modeller, Modeller)
        family = reference.partition("/")[0]
        built = []
        for case in (BUILT[reference],) if reference in BUILT else CASES[family].values():
            try:
                built.append(formulation.build(case(), modeller))
            except NotApplicableError:  # one formulation need not write every problem of its family
                continue
        assert built
        assert None not in built


def test_the_verbs_take_names_and_refuse_what_is_no_problem() -> None:
    solution = en.solve("planner/figure1", solver="certified")
    assert solution.status is Status.OPTIMAL
    assert en.check("planner/figure1", solution).value == solution.value
    problem = economy(1)
    with pytest.raises(InputError, match="a PlannerProblem is no solution"):
        en.check(problem, problem)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="an int is no problem"):
        en.solve(3)
    with pytest.raises(InputError, match="3 is no solver"):
        en.solve(problem, 3)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="planner/figure1"):
        en.solve("planner/figur1")


def test_rows_and_weights_of_the_wrong_kind_are_clear() -> None:
    row = LinearRow([0], [1], "==", 1)
    problem = economy(1, rows=row)  # type: ignore[arg-type]
    assert problem.constraints == (row,)
    assert ", 1 row," in repr(problem)
    with pytest.raises(InputError, match="constraints: 5 is no list of rows"):
        economy(1, rows=5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="1 coefficient for 2 firms"):
        LinearRow([0, 1], [1], "<=", 1)
    with pytest.raises(InputError, match="did you mean '=='"):
        LinearRow([0], [1], "=", 1)
    graph = nx.DiGraph([(0, 1), (1, 0)])
    graph.edges[0, 1]["weight"] = "bad"
    with pytest.raises(InputError, match=r"Omega\[0, 1\]: the edge's weight 'bad'"):
        en.PlannerProblem(graph, z=[1, 1])
    with pytest.raises(InputError, match="weight 'bad'"):
        from_networkx(graph, z=[1, 1])


def test_a_decision_is_never_called_no_solution() -> None:
    class Odd(Solver[Any]):
        name, title, proves = "odd", "Finds a decision and calls it none", Proves.NOTHING

        def run(self, problem: Any, formulation: str | None) -> Finding:
            return Finding(np.ones(problem.n, dtype=int), Status.NO_SOLUTION, StoppedBy.ERROR)

    assert Odd().solve(economy(1)).status is Status.NOT_CONVERGED
