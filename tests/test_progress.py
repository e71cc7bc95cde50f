"""Progress is for terminals: what is said, when, and what stays behind."""

from __future__ import annotations

import io
import time

import pytest

from endonet.solvers import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    monkeypatch.setattr(progress, "RENEWAL", 0.01)


def test_a_long_wait_is_explained_and_leaves_an_empty_line():
    terminal = Terminal()
    with progress.explained(True, "compiling", terminal):
        while "compiling" not in terminal.getvalue():
            time.sleep(0.01)
    assert terminal.getvalue().startswith("\r0.")
    assert terminal.getvalue().rpartition("\r")[0].rstrip(" ").endswith("\r")
    assert terminal.getvalue().endswith("\r")


@pytest.mark.parametrize(
    ("wanted", "stream"), [(False, Terminal()), (True, io.StringIO())], ids=["unwanted", "no terminal"]
)
def test_nobody_looks(wanted, stream):
    with progress.explained(wanted, "compiling", stream):
        time.sleep(0.1)
    assert stream.getvalue() == ""


def test_a_short_wait_needs_no_word(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    terminal = Terminal()
    with progress.explained(True, "compiling", terminal):
        pass
    assert terminal.getvalue() == ""


def test_an_exception_passes():
    with pytest.raises(KeyboardInterrupt), progress.explained(True, "compiling", Terminal()):
        raise KeyboardInterrupt


def test_parts_are_shown_with_six_digits():
    terminal = Terminal()
    with progress.Progress(True, stream=terminal) as shown:
        shown.show(best_bound=1.23456789, done="3/4")
    assert "best bound 1.23457 · done 3/4" in terminal.getvalue()
