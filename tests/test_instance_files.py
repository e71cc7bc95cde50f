"""Instance and solution files: what is written reads back bit by bit, and whatever is broken is one clear error."""

from __future__ import annotations

import copy
import gzip
import json
import os
import pickle
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import endonet as en
from endonet.formulations.errors import UnknownNameError
from endonet.instances import atomic, files, formats
from endonet.instances.planner.generators import sparse_weighted, table1
from endonet.solvers.solution import Solution, Status, StoppedBy

ENDINGS = ("json", "json.gz", "npz")
LOOSE = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

pytestmark = pytest.mark.filterwarnings("ignore::endonet.formulations.errors.EconomyWarning")


def rich_problem() -> en.PlannerProblem:
    """An economy that uses every field of the format."""
    return en.PlannerProblem(
        Omega=[[0.1, 1, 0.5], [1, 0, 0], [0.3, 1, 0]],
        z=[1.0, 1.2, 1 / 3],
        A=1.1,
        L=2.0,
        f=[0.0, -0.0, 0.01],
        alpha=[0.5, 0.25, 0.1],
        sigma=4.5,
        epsilon=3.1,
        constraints=[en.LinearRow([2, 0], [1, -0.5], "<=", 1), en.LinearRow([1], [1], "==", 1)],
        name="réseau",
        description="three firms, Ω",
        source="here",
        licence="MIT",
    )


def valid_fields() -> dict[str, Any]:
    return {
        "family": "planner",
        "version": 1,
        "name": "valid",
        "n": 3,
        "links": {"supplier": [1, 2, 0, 0], "buyer": [0, 0, 1, 2], "weight": [1.0, 0.5, 2, 1]},
        "z": [1.0, 1.2, 0.9],
        "A": 1.0,
        "L": 1,
        "f": [0.01, 0.02, 0],
        "alpha": 0.5,
        "sigma": 5,
        "epsilon": 4.0,
        "constraints": [{"firms": [0, 2], "coefficients": [1, 1], "sense": "<=", "rhs": 1}],
    }


def same(one: en.PlannerProblem, other: en.PlannerProblem) -> bool:
    texts = ("name", "description", "source", "licence")
    return one.fingerprint == other.fingerprint and all(getattr(one, t) == getattr(other, t) for t in texts)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_field_survives_a_round_trip(tmp_path: Path, ending: str) -> None:
    problem = rich_problem()
    en.save(problem, tmp_path / f"a.{ending}")
    back = en.load(tmp_path / f"a.{ending}")
    assert same(problem, back)
    assert [str(row) for row in back.constraints] == [str(row) for row in problem.constraints]


@given(st.integers(1, 12), st.integers(0, 10**6), st.sampled_from(ENDINGS))
@settings(LOOSE, max_examples=40)
def test_any_economy_survives_a_round_trip(tmp_path: Path, n: int, seed: int, ending: str) -> None:
    problem = sparse_weighted(n, seed)
    en.save(problem, tmp_path / f"a.{ending}")
    assert same(problem, en.load(tmp_path / f"a.{ending}"))


def test_equal_numbers_are_written_once_and_unit_weights_not_at_all(tmp_path: Path) -> None:
    en.save(table1(8, seed=1), tmp_path / "a.json")
    fields = json.loads((tmp_path / "a.json").read_text())
    assert fields["f"] == 0.1 / 8
    assert fields["alpha"] == 0.5
    assert set(fields["links"]) == {"supplier", "buyer"}
    assert "constraints" not in fields
    en.save(rich_problem(), tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text())["f"] == [0.0, -0.0, 0.01]


def test_the_contents_and_not_the_ending_decide_how_a_file_is_read(tmp_path: Path) -> None:
    problem = rich_problem()
    for ending in ENDINGS:
        en.save(problem, tmp_path / f"a.{ending}")
        (tmp_path / f"a.{ending}").rename(tmp_path / "b.json")
        assert same(problem, en.load(tmp_path / "b.json"))


def test_links_may_stand_in_any_order(tmp_path: Path) -> None:
    fields = valid_fields()
    order = [2, 0, 3, 1]
    fields["links"] = {key: [values[k] for k in order] for key, values in fields["links"].items()}
    (tmp_path / "a.json").write_text(json.dumps(fields))
    (tmp_path / "b.json").write_text(json.dumps(valid_fields()))
    assert en.load(tmp_path / "a.json").fingerprint == en.load(tmp_path / "b.json").fingerprint


WRONG = {
    "unknown field": ({"alhpa": 0.5}, "alhpa", "did you mean 'alpha'"),
    "unknown family": ({"family": "planer"}, "family", "did you mean 'planner'"),
    "unknown version": ({"version": 2}, "version", "reads version 1"),
    "version with a point": ({"version": 1.0}, "version", "1.0 has a decimal point; write 1"),
    "version as text": ({"version": "1"}, "version", "not a whole number"),
    "huge n": ({"n": 10**12}, "z", "3 entries for 1000000000000 firms"),
    "n of absurd size": ({"n": 10**5000 // 10**4995}, "z", "3 entries"),
    "n with a point": ({"n": 3.0}, "n", "3.0 has a decimal point; write 3"),
    "fractional n": ({"n": 3.5}, "n", "not a whole number"),
    "boolean n": ({"n": True}, "n", "not a whole number"),
    "no firm": ({"n": 0}, "n", "too small"),
    "short z": ({"z": [1.0, 1.2]}, "z", "2 entries for 3 firms"),
    "boolean z": ({"z": [1.0, True, 1.2]}, "z[1]", "True is not a number"),
    "text z": ({"z": [1.0, "1.2", 1.2]}, "z[1]", "'1.2' is not a number"),
    "null z": ({"z": [1.0, None, 1.2]}, "z[1]", "None is not a number"),
    "nested z": ({"z": [1.0, [1.0], 1.2]}, "z[1]", "a list is not a number"),
    "scalar z": ({"z": 1.0}, "z", "is no list"),
    "negative z": ({"z": [1.0, -1.2, 1.2]}, "z[1]", "not positive"),
    "huge z": ({"z": [1.0, 10**400, 1.2]}, "z[1]", "beyond the range"),
    "boolean f": ({"f": True}, "f", "not a number"),
    "negative f": ({"f": -0.1}, "f[0]", "negative"),
    "short alpha": ({"alpha": [0.5, 0.5]}, "alpha", "2 entries for 3 firms"),
    "alpha of one": ({"alpha": 1}, "alpha[0]", "outside (0, 1)"),
    "sigma of one": ({"sigma": 1}, "sigma", "not greater than 1"),
    "text sigma": ({"sigma": "5"}, "sigma", "not a number"),
    "links as list": ({"links": []}, "links", "a list is no object"),
    "object as text": ({"name": {}}, "name", "an object is not text"),
    "unknown link field": ({"links": {"supplier": [], "buyer": [], "wieght": []}}, "links.wieght", "'weight'"),
    "no buyers": ({"links": {"supplier": [0]}}, "links.buyer", "missing"),
    "uneven links": ({"links": {"supplier": [0, 1], "buyer": [1]}}, "links.buyer", "1 entry for 2 links"),
    "float index": ({"links": {"supplier": [0, 1.0], "buyer": [1, 0]}}, "links.supplier[1]", "1.0 is not a whole"),
    "boolean index": ({"links": {"supplier": [0, True], "buyer": [1, 0]}}, "links.supplier[1]", "True is not"),
    "negative index": ({"links": {"supplier": [0, -1], "buyer": [1, 0]}}, "links.supplier[1]", "no index -1"),
    "index n": ({"links": {"supplier": [0, 1], "buyer": [1, 3]}}, "links.buyer[1]", "0 to 2"),
    "huge index": ({"links": {"supplier": [0, 10**30], "buyer": [1, 0]}}, "links.supplier[1]", "no index 1000"),
    "duplicate link": ({"links": {"supplier": [0, 1, 0], "buyer": [1, 0, 1]}}, "links.buyer[2]", "already stands at 0"),
    "negative weight": ({"links": {"supplier": [0], "buyer": [1], "weight": [-1]}}, "links.weight[0]", "negative"),
    "boolean weight": ({"links": {"supplier": [0], "buyer": [1], "weight": [True]}}, "links.weight[0]", "not a number"),
    "name as number": ({"name": 3}, "name", "not text"),
    "half a surrogate": ({"name": "\ud800"}, "name", "surrogate"),
    "constraints as object": ({"constraints": {}}, "constraints", "no list"),
    "row as list": ({"constraints": [[]]}, "constraints[0]", "no object"),
    "row without firms": ({"constraints": [{"coefficients": []}]}, "constraints[0].firms", "missing"),
    "row without rhs": (
        {"constraints": [{"firms": [0], "coefficients": [1], "sense": "<="}]},
        "constraints[0].rhs",
        "missing",
    ),
    "row with one equals sign": (
        {"constraints": [{"firms": [0], "coefficients": [1], "sense": "=", "rhs": 1}]},
        "constraints[0].sense",
        "did you mean '=='?",
    ),
    "row with a strange sense": (
        {"constraints": [{"firms": [0], "coefficients": [1], "sense": "<", "rhs": 1}]},
        "constraints[0].sense",
        "did you mean '<='",
    ),
    "row with a firm twice": (
        {"constraints": [{"firms": [0, 0], "coefficients": [1, 1], "sense": "<=", "rhs": 1}]},
        "constraints[0].firms",
        "twice",
    ),
    "row with an unknown firm": (
        {"constraints": [{"firms": [3], "coefficients": [1], "sense": "<=", "rhs": 1}]},
        "constraints[0].firms[0]",
        "0 to 2",
    ),
    "empty row": ({"constraints": [{"firms": [], "coefficients": [], "sense": "<=", "rhs": 1}]}, None, "no firm"),
    "contradictory rows": (
        {"constraints": [{"firms": [0], "coefficients": [1], "sense": ">=", "rhs": 2}]},
        "constraints[0]",
        "no choice satisfies",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_field_is_one_error_that_names_file_and_field(tmp_path: Path, case: str) -> None:
    changes, field, says = WRONG[case]
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(valid_fields() | changes))
    with pytest.raises(en.InputError) as caught:
        en.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert says in message
    assert "\n" not in message
    if field is not None:
        assert caught.value.field == field
    assert str(pickle.loads(pickle.dumps(caught.value))) == message


@pytest.mark.parametrize("field", ["family", "version", "n", "z", "links", "f", "alpha", "sigma", "epsilon"])
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    fields = valid_fields()
    del fields[field]
    (tmp_path / "a.json").write_text(json.dumps(fields))
    with pytest.raises(en.InputError, match=f"{field}: it is missing"):
        en.load(tmp_path / "a.json")


@pytest.mark.parametrize("field", ["A", "L", "constraints", "name", "links.weight"])
def test_what_may_be_left_out(tmp_path: Path, field: str) -> None:
    fields = valid_fields()
    holder, _, key = field.rpartition(".")
    del (fields[holder] if holder else fields)[key]
    (tmp_path / "a.json").write_text(json.dumps(fields))
    problem = en.load(tmp_path / "a.json")
    assert (problem.A, problem.L) == (1.0, 1.0)


BROKEN = {
    "empty": (b"", "it is empty"),
    "blank": (b" \n ", "it is empty"),
    "truncated": (json.dumps(valid_fields()).encode()[:100], "no JSON at line 1"),
    "two objects": (b"{}{}", "Extra data"),
    "a list": (b"[1, 2]", "one JSON object"),
    "a number": (b"3", "one JSON object"),
    "binary": (bytes(range(256)), "neither JSON in UTF-8"),
    "Latin 1": ('{"name": "é"}'.encode("latin-1"), "neither JSON in UTF-8"),
    "NaN": (b'{"family": "planner", "n": NaN}', "NaN"),
    "Infinity": (b'{"family": "planner", "z": [-Infinity]}', "-Infinity"),
    "a key twice": (b'{"family": "planner", "n": 1, "n": 2}', "n: the field stands twice"),
    "deep": (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply"),
    "a long number": (b'{"n": ' + b"9" * 10_000 + b"}", "too many digits"),
    "cut gzip": (gzip.compress(json.dumps(valid_fields()).encode())[:-20], "gzip data are broken"),
    "bad gzip": (b"\x1f\x8b" + b"\0" * 40, "gzip data are broken"),
    "bad zip": (b"PK\x03\x04" + b"\0" * 40, "archive is broken"),
    "a pickle": (pickle.dumps({"family": "planner"}), "neither JSON"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_error_that_names_it(tmp_path: Path, case: str) -> None:
    data, says = BROKEN[case]
    path = tmp_path / "broken.json"
    path.write_bytes(data)
    with pytest.raises(en.InputError) as caught:
        en.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)


def test_a_byte_order_mark_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(valid_fields()).encode())
    assert en.load(tmp_path / "a.json").n == 3


def test_a_gzip_bomb_is_not_decompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "JSON_LIMIT", 2**20)
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(b" " * 2**24))
    with pytest.raises(en.InputError, match="longer than 1 MiB"):
        en.load(tmp_path / "bomb.json.gz")


def _npz(path: Path, **changes: Any) -> Path:
    links = valid_fields()["links"]
    arrays = {
        "family": np.array("planner"),
        "version": np.array(1),
        "n": np.array(3),
        "links.supplier": np.array(links["supplier"]),
        "links.buyer": np.array(links["buyer"]),
        "z": np.ones(3),
        **{key: np.array(valid_fields()[key]) for key in ("f", "alpha", "sigma", "epsilon")},
    }
    kept = {name: value for name, value in (arrays | changes).items() if value is not None}
    np.savez(path, **kept)
    return path


NPZ_WRONG = {
    "objects": ({"z": np.array([1, "a", None], dtype=object)}, "store numbers or text"),
    "complex": ({"z": np.ones(3, complex)}, "store numbers or text"),
    "matrix": ({"z": np.ones((3, 1))}, "shape is (3, 1)"),
    "booleans": ({"z": np.ones(3, bool)}, "type is bool"),
    "float indices": ({"links.supplier": np.ones(4)}, "type is float64"),
    "huge indices": ({"links.supplier": np.array([1, 2, 0, 2**64 - 1], np.uint64)}, "no index 18446744073709551615"),
    "infinite": ({"z": np.array([1, np.inf, 1])}, "z[1]"),
    "text as number": ({"sigma": np.array("5")}, "not a number"),
    "missing": ({"z": None}, "z: it is missing"),
    "unknown": ({"zz": np.ones(3)}, "no such field"),
    "group and array": ({"links": np.ones(3)}, "links"),
    "bad JSON inside": ({"constraints.json": np.array("[{]")}, "no JSON"),
    "number for JSON": ({"constraints.json": np.ones(2)}, "no JSON text"),
}


@pytest.mark.parametrize("case", NPZ_WRONG)
def test_a_wrong_npz_is_one_error(tmp_path: Path, case: str) -> None:
    changes, says = NPZ_WRONG[case]
    with pytest.raises(en.InputError) as caught:
        en.load(_npz(tmp_path / "a.npz", **changes))
    assert says in str(caught.value)


def test_other_number_types_are_read_from_npz(tmp_path: Path) -> None:
    path = _npz(tmp_path / "a.npz", z=np.ones(3, ">f4"), sigma=np.array(5, np.int8))
    problem = en.load(path)
    assert problem.z.dtype == np.float64
    assert problem.sigma == 5.0


def test_an_npz_header_that_promises_more_than_the_file_holds_allocates_nothing(tmp_path: Path) -> None:
    _npz(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as source, zipfile.ZipFile(tmp_path / "b.npz", "w") as target:
        for entry in source.namelist():
            data = source.read(entry)
            if entry == "z.npy":
                data = data.replace(b"(3,), }             ", b"(30000000000000,), }")
            target.writestr(entry, data)
    with pytest.raises(en.InputError, match="z: 30000000000000 entries do not fit"):
        en.load(tmp_path / "b.npz")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "NPZ_LIMIT", 2**20)
    np.savez_compressed(tmp_path / "a.npz", z=np.zeros(2**20))
    with pytest.raises(en.InputError, match="unpacks to over"):
        en.load(tmp_path / "a.npz")


def test_folders_and_missing_files_are_clear(tmp_path: Path) -> None:
    with pytest.raises(en.InputError, match="it is a folder"):
        en.load(tmp_path)
    with pytest.raises(en.InputError, match="there is no such file"):
        en.load(tmp_path / "none.json")
    with pytest.raises(UnknownNameError, match=r"did you mean .*planner/us-71"):
        en.load("planner/us71")
    with pytest.raises(UnknownNameError, match="planner/us-15"):
        en.load("us-15")
    for nothing in ("", "a\0b"):
        with pytest.raises(en.InputError):
            en.load(nothing)
    with pytest.raises(en.InputError, match="3 is no path"):
        en.load(3)  # type: ignore[arg-type]


@given(st.sampled_from(ENDINGS), st.data())
@settings(LOOSE, max_examples=300)
def test_damaged_bytes_never_raise_anything_but_an_input_error(
    tmp_path: Path, ending: str, data: st.DataObject
) -> None:
    path = tmp_path / f"a.{ending}"
    en.save(rich_problem(), path)
    raw = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw)))]
    for _ in range(data.draw(st.integers(0, 4))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(raw))
    _load_or_refuse(path)


STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([10**12, -(10**30), 10**400, 0.5, -1.0, 1e308, -1e308, 5e-324, "", "x", "planner", [], {}, [[]]]),
    st.lists(
        st.one_of(st.integers(-1, 4), st.floats(allow_nan=False, allow_infinity=False), st.booleans()), max_size=4
    ),
)


@given(st.data())
@settings(LOOSE, max_examples=400)
def test_strange_values_never_raise_anything_but_an_input_error(tmp_path: Path, data: st.DataObject) -> None:
    fields = copy.deepcopy(valid_fields())
    for _ in range(data.draw(st.integers(1, 2))):
        holder: Any = fields
        key: Any = data.draw(st.sampled_from(sorted(fields)))
        while isinstance(holder[key], (dict, list)) and holder[key] and data.draw(st.booleans()):
            holder = holder[key]
            key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else list(range(len(holder)))))
        holder[key] = data.draw(STRANGE)
    (tmp_path / "a.json").write_text(json.dumps(fields))
    _load_or_refuse(tmp_path / "a.json")


def _load_or_refuse(path: Path) -> None:
    try:
        problem = en.load(path)
    except en.InputError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017 - valid problems pass too
    else:
        assert isinstance(problem, en.PlannerProblem)


def test_the_ending_chooses_the_format_and_others_are_refused(tmp_path: Path) -> None:
    with pytest.raises(en.InputError, match=r"end its name in \.json"):
        en.save(rich_problem(), tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_an_instance_too_long_to_read_back_as_json_is_sent_to_npz(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "JSON_LIMIT", 100)
    with pytest.raises(en.InputError, match=r"end its name in \.npz"):
        en.save(rich_problem(), tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []
    en.save(rich_problem(), tmp_path / "a.npz")
    monkeypatch.undo()
    assert same(en.load(tmp_path / "a.npz"), rich_problem())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no named pipes")
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_instance_can_come_through_a_pipe(tmp_path: Path, pack: Any) -> None:
    os.mkfifo(tmp_path / "pipe")
    data = pack(json.dumps(valid_fields()).encode())
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,), daemon=True)
    writer.start()
    assert en.load(tmp_path / "pipe").n == 3
    writer.join(timeout=5)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(stream: Any) -> None:
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic.write(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_permissions_follow_the_umask_and_then_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    previous = os.umask(0o027)
    try:
        en.save(rich_problem(), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        en.save(rich_problem(), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(previous)


def test_symbolic_links_are_followed_and_missing_folders_named(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("{}")
    (tmp_path / "link.json").symlink_to("real.json")
    en.save(rich_problem(), tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert en.load(tmp_path / "real.json").n == 3
    with pytest.raises(en.InputError, match="cannot be written"):
        en.save(rich_problem(), tmp_path / "none" / "a.json")


def solved(problem: en.PlannerProblem, **changes: Any) -> Solution:
    theta = np.array([1, 1, 0], dtype=np.int8)
    value = problem.evaluate(theta).value
    known: dict[str, Any] = {
        "family": problem.family,
        "instance": problem.name,
        "fingerprint": problem.fingerprint,
        "solver": "certified",
        "formulation": None,
        "status": Status.FEASIBLE,
        "stopped_by": StoppedBy.NODE_LIMIT,
        "value": value,
        "bound": value * 1.25,
        "rel_gap": 0.25,
        "decision": theta,
        "encoded_decision": problem.encode_decision(theta),
        "certificate": {"leaves": [{"pi": [0.1, 1 / 3]}]},
        "wall_time": 0.123456789,
        "setup_time": 0.0,
        "raw_status": "raw",
        "notes": ("one", "deux ≤"),
        "contradicted": "",
        "options": {"rel_gap": 1e-9, "initial": None},
        "statistics": {"nodes": 3},
        "versions": {"endonet": "0.1.0"},
    }
    return Solution(**(known | changes))


@pytest.mark.parametrize("ending", ["json", "json.gz"])
def test_a_solution_survives_a_round_trip(tmp_path: Path, ending: str) -> None:
    problem = rich_problem()
    solution = solved(problem)
    en.save_solution(solution, tmp_path / f"s.{ending}")
    back = en.load_solution(tmp_path / f"s.{ending}", problem)
    assert back.to_dict() == solution.to_dict()
    assert back.decision.tolist() == [1, 1, 0]
    assert back.decision.dtype == np.int8
    assert en.load_solution(solution.to_dict(), problem).to_dict() == solution.to_dict()
    without = en.load_solution(tmp_path / f"s.{ending}")
    assert without.decision is None
    assert without.encoded_decision == {"theta": [1, 1, 0]}


def test_what_json_lacks_is_written_all_the_same(tmp_path: Path) -> None:
    problem = rich_problem()
    statistics = {"best": float("inf"), "array": np.arange(3), "scalar": np.float64(0.1), "nan": [float("nan")]}
    solution = solved(problem, value=0.0, rel_gap=float("inf"), statistics=statistics, decision=None)
    en.save_solution(solution, tmp_path / "s.json")
    back = en.load_solution(tmp_path / "s.json", problem)
    assert back.rel_gap == float("inf")
    assert back.statistics == {"best": "Infinity", "array": [0, 1, 2], "scalar": 0.1, "nan": ["NaN"]}


def test_a_contradicted_claim_stays_one(tmp_path: Path) -> None:
    problem = rich_problem()
    en.save_solution(solved(problem, contradicted="it is not so"), tmp_path / "s.json")
    assert en.load_solution(tmp_path / "s.json", problem).contradicted == "it is not so"


WRONG_SOLUTIONS = {
    "unknown status": ({"status": "optimum"}, "did you mean 'optimal'"),
    "unknown stop": ({"stopped_by": "boredom"}, "stopped_by"),
    "another problem": ({"fingerprint": "00"}, "belongs to another problem"),
    "another family": ({"family": "sourcing"}, "does not fit a planner problem"),
    "unknown field": ({"theta": []}, "no such field"),
    "boolean value": ({"value": True}, "value: True is not a number"),
    "text bound": ({"bound": "1"}, "bound: '1' is not a number"),
    "optimum without bound": ({"status": "optimal", "bound": None}, "bound: an optimum has one"),
    "no solution with a decision": ({"status": "no_solution"}, "decision: the status is no_solution"),
    "no solution with a value": ({"status": "no_solution", "decision": None}, "value: the status is no_solution"),
    "another part of a decision": ({"decision": {"theta": [1, 1, 0], "x": 1}}, "decision.x"),
    "long decision": ({"decision": {"theta": [1, 1, 0, 1]}}, "theta"),
    "half decision": ({"decision": {"theta": [1, 0.5, 0]}}, "theta[1]"),
    "huge decision": ({"decision": {"theta": [1, 10**400, 0]}}, "not a number"),
    "decision as list": ({"decision": [1, 1, 0]}, "decision: a list is no object"),
    "negative time": ({"wall_time": -1}, "wall_time"),
    "certificate as list": ({"certificate": []}, "certificate: a list is no object"),
    "notes as text": ({"notes": "one"}, "notes: 'one' is no list"),
    "note as number": ({"notes": [1]}, "notes[0]: 1 is not text"),
    "version as number": ({"versions": {"numpy": 2}}, "versions.numpy: 2 is not text"),
}


@pytest.mark.parametrize("case", WRONG_SOLUTIONS)
def test_a_wrong_solution_is_one_error(tmp_path: Path, case: str) -> None:
    changes, says = WRONG_SOLUTIONS[case]
    problem = rich_problem()
    path = tmp_path / "s.json"
    path.write_text(json.dumps(solved(problem).to_dict() | changes))
    with pytest.raises(en.InputError) as caught:
        en.load_solution(path, problem)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)


@given(st.data())
@settings(LOOSE, max_examples=150)
def test_strange_solutions_never_raise_anything_but_an_input_error(data: st.DataObject) -> None:
    problem = rich_problem()
    fields = solved(problem).to_dict()
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(STRANGE)
    try:
        solution = en.load_solution(fields, problem)
    except en.InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - valid solutions pass too
    else:
        assert isinstance(solution, Solution)


def test_a_solution_is_json_only(tmp_path: Path) -> None:
    with pytest.raises(en.InputError, match="ending names no format"):
        en.save_solution(solved(rich_problem()), tmp_path / "s.npz")


def test_exact_families_get_decimals() -> None:
    from decimal import Decimal

    assert formats.parse('{"x": 0.1, "n": 3}', exact=True) == {"x": Decimal("0.1"), "n": 3}
    assert files.INSTANCE_ENDINGS == (".json", ".json.gz", ".npz")


LARGE = """
import resource, sys
import numpy as np, scipy.sparse as sp
import endonet as en

n, degree, path = 10**6, 20, sys.argv[2]
if sys.argv[1] == "write":
    rng = np.random.default_rng(0)
    gap = n // degree - 1
    steps = np.sort(rng.integers(0, gap, (n, degree)) + np.arange(degree) * gap, axis=1)
    supplier = np.sort((np.arange(n)[:, None] + 1 + steps) % n, axis=1).ravel()
    Omega = sp.csc_array((rng.random(n * degree) + 0.5, supplier, np.arange(0, n * degree + 1, degree)), shape=(n, n))
    en.save(en.PlannerProblem(Omega, z=np.exp(0.39 * rng.standard_normal(n)), f=rng.random(n) / n / 10), path)
else:
    problem = en.load(path)
    outcome = problem.evaluate(np.ones(n))
    print(problem.links, int(outcome.producing.sum()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
def test_a_million_firms_with_twenty_million_links_fit_in_four_gigabytes(tmp_path: Path) -> None:
    path = str(tmp_path / "large.npz")
    run = [sys.executable, "-c", LARGE]
    subprocess.run([*run, "write", path], check=True)
    answer = subprocess.run([*run, "read", path], check=True, capture_output=True, text=True).stdout.split()
    assert (int(answer[0]), int(answer[1])) == (20_000_000, 1_000_000)
    assert float(answer[2]) < 4
