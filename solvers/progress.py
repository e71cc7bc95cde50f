"""Progress of long work on standard error, one line that renews itself, and only where somebody can see it."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TextIO

PATIENCE = 1.0  # seconds after which silence needs an explanation
RENEWAL = 0.2  # seconds between two lines


class Progress:
    """A line such as ``12.3 s · incumbent 1.234 · bound 1.235 · gap 8.1e-04``, at most five times a second.

    Parameters
    ----------
    wanted : bool
        False shows nothing.
    begun : float, optional
        When the work began, in seconds of `time.perf_counter`.
    stream : text stream, optional
        Standard error by default; nothing is shown if it is no terminal.

    Attributes
    ----------
    shown : bool
        Whether anything is shown at all.
    """

    def __init__(self, wanted: bool, begun: float | None = None, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self.shown = wanted and self._stream.isatty()
        self._begun = time.perf_counter() if begun is None else begun
        self._next = 0.0
        self._width = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()

    def show(self, **parts: object) -> None:
        """Show named parts; floats with six digits, underscores in names as spaces."""
        now = time.perf_counter()
        if not self.shown or now < self._next:
            return
        self._next = now + RENEWAL
        texts = [f"{now - self._begun:.1f} s"]
        for name, part in parts.items():
            texts.append(f"{name.replace('_', ' ')} {part:.6g}" if isinstance(part, float) else f"{name} {part}")
        self._write(" · ".join(texts))

    def say(self, what: str) -> None:
        """Show a sentence after the seconds gone by."""
        if self.shown:
            self._write(f"{time.perf_counter() - self._begun:.1f} s · {what}")

    def _write(self, line: str) -> None:
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)


@contextlib.contextmanager
def explained(wanted: bool, what: str, stream: TextIO | None = None) -> Iterator[None]:
    """Say what goes on within the block, should it take long.

    Parameters
    ----------
    wanted, stream
        As those of `Progress`.
    what : str
    """
    with Progress(wanted, stream=stream) as progress:
        if not progress.shown:
            yield
            return
        done = threading.Event()

        def speak() -> None:
            wait = PATIENCE
            while not done.wait(wait):
                progress.say(what)
                wait = RENEWAL

        speaker = threading.Thread(target=speak, daemon=True)
        speaker.start()
        try:
            yield
        finally:
            done.set()
            speaker.join()
