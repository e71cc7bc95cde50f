"""Work in a process of its own, so that outside software that crashes or hangs costs one cell and not the run."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from endonet.formulations.errors import EndonetError

START = 60.0  # seconds that starting a process and importing may take on a busy machine


class LostError(EndonetError):
    """The process died, or did not answer in time and was ended."""


class _Hand:
    """The process, kept for the next piece of work until it is lost."""

    executor: ProcessPoolExecutor | None = None
    children: tuple[Any, ...] = ()


def call(work: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
    """Return what a function of a module returns for arguments, computed in another process.

    A process that may have no children, as Dask's workers, does the work itself.

    Parameters
    ----------
    seconds : float
        After which the process is ended, besides what starting it takes.

    Raises
    ------
    LostError
        If the process dies or does not answer in time.
    """
    if multiprocessing.current_process().daemon:
        return work(*arguments)
    if _Hand.executor is None:
        _Hand.executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_deaf)
    before = set(multiprocessing.active_children())
    try:
        answer = _Hand.executor.submit(work, *arguments)
        started = tuple(set(multiprocessing.active_children()) - before)
        _Hand.children = _Hand.children or started
        return answer.result(timeout=seconds + START)
    except TimeoutError:
        end()
        raise LostError(f"it did not answer within {seconds:g} s and was ended") from None
    except BrokenProcessPool:
        end()
        raise LostError("its process died") from None
    except KeyboardInterrupt:
        end()
        raise


def close() -> None:
    """Let the process go, once nothing is left for it to do."""
    if _Hand.executor is not None:
        _Hand.executor.shutdown()
    _Hand.executor, _Hand.children = None, ()


def end() -> None:
    """End the process, whatever it is doing."""
    executor, children = _Hand.executor, _Hand.children
    _Hand.executor, _Hand.children = None, ()
    if executor is not None:
        executor.shutdown(wait=False, cancel_futures=True)
    for child in children:
        child.kill()
        child.join()


def _deaf() -> None:
    """Let the parent alone hear Ctrl-C, and decide."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
