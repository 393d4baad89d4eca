"""One change of a home's private files at a time, whichever processes want to make one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODE = 0o600  # of what only the home's owner may read


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Waits for its turn to read, change and write such a file; the lock goes with the process that holds it.

    It is on the folder itself: a full disk has room for it.

    Raises:
        OSError: There is no home, and it cannot be made.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
