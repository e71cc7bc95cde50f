"""The table of what is known of the bundled instances keeps in step with the bounds it is made of."""

from __future__ import annotations

from pathlib import Path

from endonet.instances import baseline, catalogue
from endonet.instances.bounds import bounds

REMEDY = "run `python -m endonet.instances.baseline`"


def test_the_page_is_what_the_bounds_say() -> None:
    assert baseline.path().read_text(encoding="utf-8") == baseline.table(), REMEDY


def test_every_instance_has_a_row_with_its_numbers() -> None:
    lines = baseline.table().splitlines()
    for entry in catalogue.names():
        short = entry.name.partition("/")[2]
        row = next(line for line in lines if line.startswith(f"| `{short}` |"))
        known = bounds(entry.name)
        if known.primal is not None:
            assert f"{known.primal.value:.12g}" in row
            assert known.primal.method in row
        if known.dual is not None:
            assert f"{known.dual.value:.12g}" in row


def test_it_is_written_where_one_says(tmp_path: Path) -> None:
    assert baseline.write(tmp_path / "b.md").read_text(encoding="utf-8") == baseline.table()
