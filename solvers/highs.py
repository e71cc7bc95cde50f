"""HiGHS as this package uses it: silent from the start, and indifferent to who used it before.

HiGHS keeps one pool of threads for the whole process, made by whoever runs first, and refuses a later run that asks for
another number. A program that needs one thread therefore does not ask for one, but for no parallel work; where the
caller asks for a number, the pool is ended first, and the run makes its own.
"""

from __future__ import annotations

from typing import Any

import highspy


class Silent(highspy.Highs):
    """HiGHS that says nothing: since version 1.16 it greets on standard output as soon as callbacks are enabled."""

    def enableCallbacks(self) -> None:
        """Enable callbacks, once there is no output."""
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()


def serial(options: dict[str, Any]) -> Silent:
    """Return HiGHS that works on one thread, with options by name."""
    highs = Silent()
    for name, setting in ({"output_flag": False, "parallel": "off"} | options).items():
        highs.setOptionValue(name, setting)
    return highs


def end_pool() -> None:
    """End the process's pool of threads, so that the next run may have a pool of another size."""
    highspy.Highs.resetGlobalScheduler(True)
