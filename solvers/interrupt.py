"""Ctrl-C as a request: the work at hand reaches a point where its state is whole before it stops."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """Within the block, Ctrl-C sets ``requested`` instead of raising; the third raises at once, whatever is unfinished.

    Outside the main thread, which alone receives signals, nothing changes.
    """

    def __init__(self) -> None:
        self.requested = False
        self._times = 0
        self._former: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._times += 1
        if self._times > 2:
            raise KeyboardInterrupt
