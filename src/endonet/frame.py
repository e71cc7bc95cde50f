"""The frame around every command: exit status, one-line errors and warnings, a clean standard output.

Exit status
    0  an answer of the kind the solver promises (a proved `infeasible` too)
    1  a fault of endonet itself
    2  bad input or usage: one line on standard error that names the field and the fix
    3  a limit, a cycle or an interruption before that
    4  a claim that failed verification
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import TextIO

import click

from endonet.formulations.errors import EconomyWarning, EndonetError, VerificationError

ANSWERED, FAULT, BAD_INPUT, UNFINISHED, REFUTED = 0, 1, 2, 3, 4
BROKEN_PIPE = 141
DEBUG = "ENDONET_DEBUG"
COMPLETION = "_ENDONET_COMPLETE"


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; only a fault under ``ENDONET_DEBUG`` shows a traceback."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", EconomyWarning)
        warnings.showwarning = _show_warning
        try:
            status = command.main(args=arguments, prog_name="endonet", standalone_mode=False)
            sys.stdout.flush()
            return status if isinstance(status, int) else ANSWERED
        except BrokenPipeError:
            return _reader_left()
        except SystemExit:
            # Besides completion for shells, click exits by itself only where it meets a broken pipe.
            if COMPLETION in os.environ:
                raise
            return _reader_left()
        except (click.exceptions.Abort, KeyboardInterrupt):
            return _fail("interrupted", UNFINISHED)
        except click.ClickException as error:
            return _fail(_usage(error), BAD_INPUT)
        except VerificationError as error:
            return _fail(f"CLAIM NOT VERIFIED: {error}", REFUTED)
        except EndonetError as error:
            return _fail(str(error), BAD_INPUT)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            return _fail(f"{where}{error.strerror or error}; check the path and its permissions", BAD_INPUT)
        except MemoryError:
            return _fail("memory ran out; take a smaller problem or a solver that needs less", UNFINISHED)
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            return _fail(
                f"a fault of endonet, not of your input: {type(error).__name__}: {error}; "
                f"`endonet --debug …` or {DEBUG}=1 shows the traceback",
                FAULT,
            )


def end_quietly() -> None:
    """Let Ctrl-C no longer change the exit status: taking the libraries down can last a second."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def stdout_kept_clean() -> Iterator[None]:
    """Send to standard error whatever is printed meanwhile, also by compiled solvers that write to the descriptor."""
    sys.stdout.flush()
    with contextlib.redirect_stdout(sys.stderr):
        try:
            saved = os.dup(1)
        except OSError:  # standard output is closed
            yield
            return
        try:
            os.dup2(2, 1)
            yield
        finally:
            os.dup2(saved, 1)
            os.close(saved)


def _reader_left() -> int:
    """Python flushes standard output once more at exit, which would complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return BROKEN_PIPE


def _fail(message: str, status: int) -> int:
    with contextlib.suppress(OSError):
        print(f"endonet: error: {_one_line(message)}", file=sys.stderr)
    return status


def _usage(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    remedy = f"see `{context.command_path} --help`" if context is not None else "see `endonet --help`"
    return f"{message}; {remedy}"


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del filename, lineno, file, line
    kind = "" if category.__module__.startswith("endonet") else f"{category.__name__}: "
    print(f"endonet: warning: {kind}{_one_line(str(message))}", file=sys.stderr)


def _one_line(text: str) -> str:
    return " ".join(text.split())
