"""A process of its own for outside solvers: one that Ctrl-C and clocks stop, whatever the solver does.

Solvers in C++ may ignore signals and limits, write to standard output and into the working directory, or crash. Here
they run in one process that waits for work, so that starting it is paid once. A call that takes too long or is
interrupted costs that process, and the next call starts another.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import IO, Any

from endonet.formulations import registry
from endonet.formulations.errors import EndonetError, NotApplicableError, UnavailableError

COMMAND = "from endonet.solvers.worker import serve; serve()"


class WorkerError(EndonetError):
    """The solver raised an exception, or its process died."""


class Worker:
    """A process that calls one function after the other; it starts with the first call and ends with this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._owner = 0
        self._one_call = threading.Lock()

    def ask(
        self,
        function: str,
        *arguments: Any,
        seconds: float | None = None,
        log: bool = False,
        heard: Callable[[Any], None] | None = None,
    ) -> Any:
        """Call a function there and return its answer.

        Parameters
        ----------
        function : str
            ``module:name``; its arguments and its answer are pickled.
        seconds : float, optional
            Time after which the process is ended.
        log : bool
            Let what the function prints reach standard error; otherwise it reaches nobody.
        heard : callable, optional
            Called with all that the function tells on the way, see `tell`.

        Raises
        ------
        TimeoutError
            After so many seconds.
        NotApplicableError, UnavailableError
            If the function raises one, such as where a licence does not allow a model of that size.
        WorkerError
            If the function raises anything else, with its message, or the process dies.
        """
        request = pickle.dumps((function, arguments, log))
        deadline = None if seconds is None else time.perf_counter() + seconds
        with self._one_call:
            process = self._running()
            assert process.stdin is not None
            try:
                process.stdin.write(request)
                process.stdin.flush()
                kind, answer = self._next(deadline)
                while kind == "news":
                    if heard is not None:
                        heard(answer)
                    kind, answer = self._next(deadline)
            except queue.Empty:
                self.end()
                raise TimeoutError from None
            except OSError:
                self.end()
                raise WorkerError("the solver's process could not be reached") from None
            except KeyboardInterrupt:
                self.end()
                raise
        if kind == "answer":
            return answer
        if kind == "refusal":
            raise answer
        if kind == "end":
            self.end()
        raise WorkerError(answer)

    def _next(self, deadline: float | None) -> Any:
        left = None if deadline is None else max(deadline - time.perf_counter(), 0.0)
        return self._answers.get(timeout=left)

    def end(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            self._answers = queue.SimpleQueue()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", COMMAND],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | paths,
            )
            self._owner = os.getpid()
            threading.Thread(target=_listen, args=(self._process, self._answers), daemon=True).start()
        return self._process


def _listen(process: subprocess.Popen[bytes], answers: queue.SimpleQueue[Any]) -> None:
    assert process.stdout is not None
    while True:
        try:
            answers.put(pickle.load(process.stdout))
        except (EOFError, pickle.UnpicklingError, OSError, ValueError):
            answers.put(("end", f"the solver's process died with exit status {process.wait()}"))
            return


class _Line:
    """Where this process's answers go; None in a process that does not serve."""

    answers: IO[bytes] | None = None


def tell(news: Any) -> None:
    """Tell the asking process something on the way to the answer, in case that is never reached.

    Called outside of a serving process, this does nothing.
    """
    if _Line.answers is not None:
        _send(_Line.answers, ("news", news))


def serve() -> None:
    """Answer calls until standard input ends."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the asking process decides what Ctrl-C means
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _Line.answers = answers
    nowhere, heard = os.open(os.devnull, os.O_RDWR), os.dup(2)
    os.dup2(nowhere, 0)
    while True:
        try:
            function, arguments, log = pickle.load(requests)
        except EOFError:
            return
        for stream in (1, 2):
            os.dup2(heard if log else nowhere, stream)
        with _elsewhere():
            try:
                answer = ("answer", registry.load(function)(*arguments))
            except (NotApplicableError, UnavailableError) as refusal:
                answer = ("refusal", refusal)
            except Exception as error:
                answer = ("error", f"{type(error).__name__}: {error}" if not log else traceback.format_exc())
        sys.stdout.flush()
        _send(answers, answer)


def _send(answers: IO[bytes], answer: tuple[str, Any]) -> None:
    answers.write(pickle.dumps(answer))
    answers.flush()


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """Work in a temporary folder, where solvers may leave what files they like."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="endonet-") as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


WORKER = Worker()
atexit.register(WORKER.end)
