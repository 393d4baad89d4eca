"""A worker that dies is replaced at once; BentoML's supervisor alone looks for the dead every ten seconds only."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

_PAUSE = 0.1  # seconds, between two looks while a dead worker has not been taken away yet


def respawn_at_once() -> None:
    """Starts a thread in the supervising process that wakes the supervisor whenever a worker has ended."""
    threading.Thread(target=_wake_for_the_dead, name="respawn", daemon=True).start()


def _wake_for_the_dead() -> None:
    while True:
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # leaves the dead to the supervisor, who must bury them
        except ChildProcessError:
            time.sleep(_PAUSE)  # no worker yet
            continue
        arbiter = _arbiter()
        if arbiter is not None and arbiter.loop is not None:
            arbiter.loop.add_callback(_replace, arbiter)
        time.sleep(_PAUSE)


def _arbiter() -> Any:
    """BentoML's supervisor (circus), which is the one that has asked to be told of SIGTERM."""
    handler = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(getattr(handler, "controller", None), "arbiter", None)


async def _replace(arbiter: Any) -> None:
    from circus.exc import ConflictError  # type: ignore[import-untyped]

    try:
        await arbiter.manage_watchers()
    except ConflictError:
        return  # it is looking already, or busy stopping; this thread wakes it again
