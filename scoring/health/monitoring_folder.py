"""HOME/monitoring: one writer at a time, and logs to which lines are added."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scoring.health.matured_windows import MONITORING


@contextmanager
def locked(home: Path, name: str) -> Iterator[None]:
    """Whoever else asks for the lock of this name waits until the block has ended."""
    handle = _opened(home, name, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def add_lines(home: Path, name: str, lines: Sequence[bytes]) -> None:
    """Adds lines to a log, on the disk once this returns.

    Raises:
        OSError: It cannot be written.
    """
    if not lines:
        return
    handle = _opened(home, name, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, b"".join(line + b"\n" for line in lines))
        os.fsync(handle)
    finally:
        os.close(handle)


def _opened(home: Path, name: str, how: int) -> int:
    path = home / MONITORING / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, how | os.O_CREAT, 0o600)
