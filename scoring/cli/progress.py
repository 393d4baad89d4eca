"""How far a run is, on one line of a terminal; nothing where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_WIDTH = 30


@contextmanager
def bar(total: int | None) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of rows as they are done; `total` is None where it is not known."""
    done, started = 0, time.monotonic()
    terminal = sys.stderr.isatty()

    def progress(rows: int) -> None:
        nonlocal done
        done += rows
        if terminal:
            sys.stderr.write(f"\r\x1b[K{drawn(done, total, time.monotonic() - started)}")
            sys.stderr.flush()

    try:
        yield progress
    finally:
        if terminal and done:
            sys.stderr.write("\r\x1b[K")


def drawn(done: int, total: int | None, seconds: float) -> str:
    """The line.

    >>> drawn(250, 1000, 5.0)
    '[#######-----------------------] 25%  250 of 1,000 rows, 15 s left'
    >>> drawn(2500, None, 5.0)
    '2,500 rows'
    """
    if not total:
        return f"{done:,} rows"
    filled = _WIDTH * done // total
    left = seconds * (total - done) / done
    return (
        f"[{'#' * filled}{'-' * (_WIDTH - filled)}] {done / total:.0%}  {done:,} of {total:,} rows, {left:.0f} s left"
    )
