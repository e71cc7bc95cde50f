"""A sweep over cells: each is computed once, kept in a ledger, and may be computed anywhere.

What a cell finds depends on its key alone. So it makes no difference to the numbers whether this process, several local
processes or a Dask cluster computes it, in which order, or how often a worker is lost and its cells begun again.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from endonet.formulations.errors import EndonetError, InputError, UnavailableError
from endonet.reports.ledger import Ledger, code
from endonet.solvers.progress import Progress

Key = Mapping[str, Any]
Found = dict[str, Any]
Work = Callable[[Key], Found]

AHEAD = 3  # tasks handed out for each worker, so that none waits for the next
PATIENCE = 10.0  # seconds for a scheduler to answer
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def sweep(
    work: Work,
    keys: Sequence[Key],
    ledger: Ledger,
    workers: int = 1,
    dask: str | None = None,
    label: str = "",
    together: int = 1,
) -> int:
    """Compute every cell that the ledger lacks, show on a terminal how far that is, and return how many there were.

    Parameters
    ----------
    work : function of a module, from a key to what it finds
    keys : in the order of computing
    workers : local processes; 1 computes in this one
    dask : address of a scheduler, such as ``tcp://10.0.0.1:8786``, to compute there instead
    together : how many cells make a task, where others compute

    Raises
    ------
    UnavailableError, InputError
        If there is no Dask, or no scheduler at the address.
    EndonetError
        If workers are lost for good. Finished cells are in the ledger, and the same command goes on from there.
    """
    missing = [key for key in keys if ledger.get(key) is None]
    if not missing:
        return 0
    if missing != list(keys):
        print(f"{label}: {len(keys) - len(missing)} of {len(keys)} cells are in {ledger.path}", file=sys.stderr)
    try:
        with Progress(True) as progress:
            tell = _Teller(progress, label, len(missing))
            if dask is None and workers == 1:
                for key in missing:
                    ledger.add(key, work(key))
                    tell.done()
                return len(missing)
            with _executor(workers, dask) as (executor, hands):
                _hand_out(work, missing, ledger, executor, hands, max(1, together), tell)
    except KeyboardInterrupt:
        print(f"\n{ledger.added} new cells are in {ledger.path}; the same command goes on from there", file=sys.stderr)
        raise
    return len(missing)


class _Teller:
    """Counts finished cells and estimates what is left."""

    def __init__(self, progress: Progress, label: str, total: int) -> None:
        self.progress, self.label, self.total = progress, label, total
        self.count, self.begun = 0, time.perf_counter()
        self.progress.show(cells=f"0/{total}", of=label)

    def done(self) -> None:
        self.count += 1
        left = (time.perf_counter() - self.begun) / self.count * (self.total - self.count)
        self.progress.show(cells=f"{self.count}/{self.total}", of=self.label, left=_span(left))


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _hand_out(
    work: Work, missing: Sequence[Key], ledger: Ledger, executor: Executor, hands: int, together: int, tell: _Teller
) -> None:
    """Keep every worker busy with a few tasks, and put what comes back into the ledger as it comes."""
    tasks = iter([missing[first : first + together] for first in range(0, len(missing), together)])
    pending: dict[Future[Any], Sequence[Key]] = {}
    try:
        while True:
            while len(pending) < AHEAD * hands and (task := next(tasks, None)) is not None:
                pending[executor.submit(_compute, work, task)] = task
            if not pending:
                return
            finished, _ = wait(pending, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in finished:
                task = pending.pop(future)
                by, found = future.result()
                if by != code():
                    raise EndonetError(
                        "a worker runs other code than this process; install the same endonet on all machines"
                    )
                for key, one in zip(task, found, strict=True):
                    ledger.add(key, one)
                    tell.done()
    except (BrokenProcessPool, CancelledError) as error:
        raise EndonetError(
            f"workers were lost ({type(error).__name__}: {error or 'the scheduler went away'}); {ledger.added} new "
            f"cells are in {ledger.path}, and the same command goes on from there"
        ) from None
    except ImportError as error:
        raise EndonetError(f"a worker lacks a package ({error}); install endonet on all machines") from None


def _compute(work: Work, keys: Sequence[Key]) -> tuple[str, list[Found]]:
    """Compute cells and return them with the digest of the code that did; this runs in the worker."""
    return code(), [work(key) for key in keys]


@contextmanager
def _executor(workers: int, dask: str | None) -> Iterator[tuple[Executor, int]]:
    """Yield an executor, local or Dask's, and how many hands it has; an interruption ends its work at once."""
    if dask is not None:
        with _cluster(dask) as pair:
            yield pair
        return
    before = set(multiprocessing.active_children())
    for name in ONE_THREAD:  # processes that share cores must not each use all of them
        os.environ.setdefault(name, "1")
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_deaf)
    try:
        yield executor, workers
        executor.shutdown()
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise


def _deaf() -> None:
    """Let the parent alone hear Ctrl-C, and decide."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _cluster(address: str) -> Iterator[tuple[Executor, int]]:
    if find_spec("distributed") is None:
        raise UnavailableError("--dask needs the package 'distributed': pip install 'endonet[cluster]'")
    from distributed import Client

    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError, ImportError) as error:
        raise InputError(
            "--dask",
            f"no scheduler answers at {address!r} ({type(error).__name__})",
            "start one with `dask scheduler` and give its address, such as tcp://10.0.0.1:8786",
        ) from None
    try:
        hands = sum(client.nthreads().values())
        if not hands:
            print(f"the scheduler at {address} has no workers yet; waiting for them", file=sys.stderr)
        executor = client.get_executor(pure=False)
        try:
            yield executor, max(hands, 4)
        except BaseException:
            executor.shutdown(wait=False)
            raise
    finally:
        client.close(timeout=PATIENCE)
