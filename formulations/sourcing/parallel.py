"""Threads for loops over potential links: what they run is compiled and holds no lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import cache

WORTH_THREADS = 300_000  # links
PARTS = 8  # for each thread, since parts of as many firms are not equally long
THREADS: ContextVar[int] = ContextVar("threads", default=0)  # 0 means all cores


def workers(links: int) -> int:
    """Return how many threads are worth their while for so many links."""
    return 1 if links < WORTH_THREADS else THREADS.get() or os.cpu_count() or 1


def in_parts(n: int, links: int, work: Callable[[int, int], None]) -> None:
    """Run ``work(first, last)`` on parts of n firms in parallel."""
    many = workers(links)
    if many == 1:
        work(0, n)
        return
    cuts = ends(0, n, PARTS * many)
    list(pool(many).map(work, cuts[:-1], cuts[1:]))


def ends(first: int, last: int, parts: int) -> list[int]:
    """Return the ends of parts of first … last that are as long as one another."""
    return [first + (last - first) * part // parts for part in range(parts + 1)]


@cache
def pool(many: int) -> ThreadPoolExecutor:
    """Return threads that stay for the next loop."""
    return ThreadPoolExecutor(many, thread_name_prefix="endonet")
