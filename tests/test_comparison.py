"""A comparison lays answers side by side and never lets two contradicting proofs pass."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from economies import best_by_trying_all, economy

import endonet as en
from endonet import api
from endonet.formulations.errors import EndonetError, InputError, UnknownNameError
from endonet.plain import to_json
from endonet.solvers.base import Solver
from endonet.solvers.comparison import compare, differences
from endonet.solvers.solution import Finding, Proves, Status, StoppedBy


@dataclass(frozen=True, kw_only=True)
class Canned(Solver[Any]):
    """Gives the answer it was made with."""

    name: ClassVar[str] = "canned"
    title: ClassVar[str] = "A canned answer"
    proves: ClassVar[Proves] = Proves.GLOBAL_OPTIMUM

    answer: Any = None

    def run(self, problem: Any, formulation: str | None) -> Finding:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class Outside(Canned):
    name = "outside"
    packages = ("numpy",)


class Absent(Canned):
    name = "absent"
    packages = ("no_such_package",)
    remedy = "pip install no-such-package"


class Choosy(Canned):
    name = "choosy"

    def refuses(self, problem: Any) -> str:
        return "it wants a bigger one"


def truth(problem: Any) -> tuple[np.ndarray, float]:
    """Return the best decision and its value."""
    value = best_by_trying_all(problem)
    for code in range(2**problem.n):
        theta = np.array([code >> j & 1 for j in range(problem.n)])
        if problem.evaluate(theta).value == value:
            return theta, value
    raise AssertionError


def claim(theta: Any, bound: float | None = None, status: Status = Status.OPTIMAL, **more: Any) -> Finding:
    return Finding(theta, status, bound=bound, **more)


@pytest.fixture
def costly() -> Any:
    return economy(2, f=0.12)


def test_errors_are_measured_against_the_proven_optimum(costly: Any) -> None:
    best, value = truth(costly)
    worse = best.copy()
    worse[0] = 1 - worse[0]
    table = compare(costly, [Canned(answer=claim(worse, status=Status.STATIONARY)), Canned(answer=claim(best, value))])
    heuristic, exact = table.rows
    assert table.optimum == value
    assert table.proved_by == "canned"
    assert exact.error == 0
    assert exact.differs == 0
    assert heuristic.differs == 1
    assert heuristic.error == pytest.approx((value - costly.evaluate(worse).value) / value)
    assert not table.contradictions


def test_without_a_proof_nothing_is_an_error(costly: Any) -> None:
    best, value = truth(costly)
    table = compare(costly, [Canned(answer=claim(best, 1.1 * value, Status.FEASIBLE))])
    assert table.optimum is None
    assert table.rows[0].error is None
    assert table.rel_gap == pytest.approx(0.1)
    assert "gap" in str(table)


def test_a_value_beyond_a_bound_refutes_the_bound_and_not_the_proof(costly: Any) -> None:
    best, value = truth(costly)
    worse = best.copy()
    worse[0] = 1 - worse[0]
    liar = Outside(answer=claim(worse, costly.evaluate(worse).value))
    table = compare(costly, [liar, Canned(answer=claim(best, value, certificate={"proof": 1}))])
    (sentence,) = table.contradictions
    assert "the bound" in sentence
    assert f"of outside is false: canned's decision is worth {value:.12g}" in sentence
    assert (table.optimum, table.proved_by, table.best_bound) == (value, "canned", value)
    assert table.rows[0].refuted == sentence
    assert not table.rows[0].proof
    assert table.rows[1].proof
    for shown in (str(table), table._repr_html_()):
        assert "CONTRADICTION" in shown
        assert "REFUTED" in shown
        assert "proved by canned" in shown


def test_a_heuristic_can_refute_a_bound_and_then_nothing_is_proved(costly: Any) -> None:
    best, _ = truth(costly)
    worse = best.copy()
    worse[0] = 1 - worse[0]
    liar = claim(worse, costly.evaluate(worse).value)
    table = compare(costly, [Canned(answer=liar), Outside(answer=claim(best, status=Status.LOCAL))])
    assert table.contradictions
    assert table.optimum is None
    assert table.best_bound is None
    assert "no solver proved a bound" in str(table)


def test_the_optimum_is_credited_to_a_certificate_and_then_to_the_tighter_bound(costly: Any) -> None:
    best, value = truth(costly)
    sharp, blunt = claim(best, value), claim(best, value * (1 + 5e-10))
    proved = claim(best, value * (1 + 4e-10), certificate={"proof": 1})
    table = compare(costly, [Outside(answer=sharp), Canned(answer=proved)])
    assert (table.proved_by, table.certified) == ("canned", True)
    table = compare(costly, [Outside(answer=blunt), Canned(answer=sharp)])
    assert (table.proved_by, table.certified) == ("canned", False)
    assert "claimed, without a certificate, by canned" in str(table)


def test_who_claims_is_named_with_the_formulation(costly: Any) -> None:
    best, value = truth(costly)

    class Forms(Outside):
        formulations = ("lifted", "reduced")

    table = compare(
        costly, [(Forms(answer=claim(best, value / 2, Status.FEASIBLE)), "reduced"), Canned(answer=claim(best, value))]
    )
    assert "outside:reduced: the solver claims the bound" in table.contradictions[0]
    table = compare(costly, [(Forms(answer=claim(best, value)), "reduced")])
    assert table.proved_by == "outside:reduced"


def test_a_better_decision_within_the_bound_stands_for_the_optimum(costly: Any) -> None:
    best, value = truth(costly)
    worse = np.ones(costly.n, dtype=int)
    rough = Canned(rel_gap=100.0, answer=claim(worse, value, certificate={"proof": 1}))
    table = compare(costly, [rough, Outside(answer=claim(best, status=Status.LOCAL))])
    assert (table.optimum, table.proved_by) == (value, "canned")
    assert [row.error for row in table.rows] == [pytest.approx((value - costly.evaluate(worse).value) / value), 0]


def test_claims_that_no_decision_settles_prove_nothing(costly: Any) -> None:
    table = compare(
        costly, [Canned(answer=Finding(None, Status.INFEASIBLE)), Canned(answer=Finding(None, Status.UNBOUNDED))]
    )
    assert len(table.contradictions) == 1
    assert "Nothing is proved" in str(table)


def test_a_claim_that_the_evaluator_refutes_is_a_contradiction(costly: Any) -> None:
    best, value = truth(costly)
    table = compare(costly, [Canned(answer=claim(best, 2 * value, claimed_value=2 * value))])
    assert "the evaluator finds" in table.contradictions[0]
    assert "REFUTED" in str(table)


def test_infeasible_against_a_feasible_decision_is_a_contradiction(costly: Any) -> None:
    best, value = truth(costly)
    table = compare(costly, [Canned(answer=Finding(None, Status.INFEASIBLE)), Canned(answer=claim(best, value))])
    assert "infeasible is false" in table.contradictions[0]
    assert table.optimum == value


def test_rounding_of_an_outside_solver_is_a_note(costly: Any) -> None:
    best, value = truth(costly)
    worse = best.copy()
    worse[0] = 1 - worse[0]
    bound = value * (1 - 1e-8)
    sloppy = claim(worse, bound, Status.FEASIBLE)
    table = compare(costly, [Outside(answer=sloppy), Canned(answer=claim(best, value))])
    assert not table.contradictions
    assert "tolerance" in table.notes[0]
    table = compare(costly, [Canned(answer=sloppy), Canned(answer=claim(best, value))])
    assert table.contradictions


def test_who_cannot_answer_is_a_row_with_the_reason(costly: Any) -> None:
    best, value = truth(costly)
    table = compare(
        costly,
        [
            Absent(),
            Choosy(),
            Canned(answer=EndonetError("it broke")),
            Canned(answer=RuntimeError("it broke badly")),
            (Canned(), "lifted"),
            Canned(answer=claim(best, value)),
        ],
    )
    assert [row.status for row in table.rows] == ["unavailable", "refused", "failed", "failed", "failed", "optimal"]
    for row, reason in zip(
        table.rows, ["no-such-package", "bigger", "it broke", "RuntimeError", "leave"], strict=False
    ):
        assert reason in row.reason
        assert reason in str(table).replace("\n", " ")


def test_after_an_interruption_the_rest_is_skipped(costly: Any) -> None:
    best, value = truth(costly)
    stopped = claim(best, 2 * value, Status.FEASIBLE, stopped_by=StoppedBy.INTERRUPTED)
    table = compare(costly, [Canned(answer=stopped), Canned(answer=claim(best, value))])
    assert [row.status for row in table.rows] == ["feasible", "skipped"]


def test_it_is_plain_json(costly: Any) -> None:
    best, value = truth(costly)
    table = compare(costly, [Absent(), Canned(answer=claim(best, value))])
    read = json.loads(to_json(table.to_dict()))
    assert read["optimum"] == value
    assert read["rows"][1]["decision"] == {"theta": best.tolist()}
    assert read["rows"][0]["value"] is None


def test_solutions_are_found_by_name(costly: Any) -> None:
    best, value = truth(costly)
    table = compare(costly, [Canned(answer=claim(best, value))])
    assert table["canned"].value == value
    with pytest.raises(KeyError):
        table["other"]


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ({"theta": [1, 0, 1]}, {"theta": [1, 1, 0]}, 2),
        ({"s": 3, "x": [1]}, {"s": 4, "x": [1]}, 1),
        ({"order": [1, 2]}, {"order": [1, 2, 3]}, 1),
        ({"a": 1}, {"b": 1}, 2),
    ],
)
def test_decisions_of_any_family_are_compared_entry_by_entry(one: Any, other: Any, count: int) -> None:
    assert differences(one, other) == count


def test_the_front_door_takes_names_and_offers_the_nearest(costly: Any) -> None:
    with pytest.raises(UnknownNameError, match="did you mean reshaping"):
        en.compare(costly, ["reshapping"])


def test_one_name_is_one_solver_and_a_problem_may_be_named(costly: Any, tmp_path: Any) -> None:
    path = tmp_path / "costly.json"
    en.save(costly, path)
    assert [row.solver for row in en.compare(path, "reshaping").rows] == ["reshaping"]
    assert en.compare(costly, api.solver("planner", "reshaping")).rows[0].solver == "reshaping"
    for wrong in ([3], 3):
        with pytest.raises(InputError, match="3 is no solver"):
            en.compare(costly, wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="take no more options"):
        en.compare(costly, api.solver("planner", "reshaping"), time_limit=3)


def test_an_option_that_a_solver_lacks_is_a_note_and_one_that_all_lack_an_error(costly: Any) -> None:
    table = en.compare(costly, ["reshaping", "certified"], node_limit=5)
    assert [row.status for row in table.rows][1] == "optimal"
    assert table.notes == ("reshaping has no option node_limit; it ran without",)
    assert table["certified"].options["node_limit"] == 5
    with pytest.raises(InputError, match="max_iteration: none of these solvers"):
        en.compare(costly, ["reshaping", "certified"], max_iteration=5)
