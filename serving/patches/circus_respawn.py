"""A worker that dies is replaced at once.

Stock behaviour: BentoML's supervisor looks for dead workers every ten seconds.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from functools import lru_cache
from typing import Any

from circus.arbiter import Arbiter
from circus.exc import ConflictError
from circus.watcher import Watcher

from serving.patches.seam import Seam
from serving.telemetry import logs

ARBITER_SEAM = Seam("kantoku 0.18.3", Arbiter, {"manage_watchers": ()}, frozenset({"loop", "watchers"}))
WATCHER_SEAM = Seam("kantoku 0.18.3", Watcher, {"is_stopping": (), "is_stopped": ()})
_EARLY = 5.0  # seconds; a worker that ends by itself before it is so old would not start
_LONGEST = 8.0  # seconds between two attempts at starting one that will not
_MOST = 8  # attempts in vain that make the wait longer
_AGAIN = 0.1  # seconds until the next look where the supervisor is busy looking


@lru_cache(maxsize=1)
def watch_for_deaths(arbiter: Any) -> Deaths | None:
    """From here on an arbiter replaces dead workers at once; None where it does not look as this expects."""
    if not (ARBITER_SEAM.fits(__name__) and WATCHER_SEAM.fits(__name__)):
        return None
    return Deaths(arbiter)


class Deaths:
    """Workers that ended, and how many in a row of those never really started."""

    def __init__(self, arbiter: Any) -> None:
        """Has the supervisor (circus' arbiter) notice each worker's end, in its own loop."""
        self._arbiter = arbiter
        self._loop: asyncio.AbstractEventLoop = arbiter.loop.asyncio_loop
        self._born: dict[int, float] = {}
        self._in_vain = 0
        self._loop.add_signal_handler(signal.SIGCHLD, self._look)

    def born(self, pid: int) -> None:
        """There is a new worker."""
        self._born[pid] = time.monotonic()

    def _look(self) -> None:
        self._loop.call_later(self._log_ends(), self._replace)

    def _log_ends(self) -> float:
        """Logs which workers have ended and how; returns the seconds until they are to be replaced.

        That is at once, and later and later where workers end by themselves as soon as they are started.
        """
        wait = 0.0
        for pid, end in [(pid, _end_of(pid)) for pid in self._born]:
            if end is None:
                continue
            age = time.monotonic() - self._born.pop(pid)
            if any(watcher.is_stopping() or watcher.is_stopped() for watcher in self._arbiter.watchers):
                continue
            early = age < _EARLY and end != {"signal": "SIGKILL"}
            self._in_vain = min(self._in_vain + 1, _MOST) if early else 0
            wait = min(_LONGEST, _AGAIN * 2**self._in_vain) if self._in_vain > 1 else 0.0
            logs.write("worker_ended", level="error", lived=round(age, 3), again_in=wait, **end)
        return wait

    def _replace(self) -> None:
        self._arbiter.loop.add_callback(self._manage)

    async def _manage(self) -> None:
        self._log_ends()  # whoever has ended since is replaced with the others
        try:
            await self._arbiter.manage_watchers()
        except ConflictError:  # it is looking already, perhaps past this one, or busy stopping
            self._loop.call_later(_AGAIN, self._replace)


def _end_of(pid: int) -> dict[str, int | str] | None:
    """How a child ended, None while it lives; it is left to the supervisor, which must reap it and may have done so."""
    try:
        end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return {"signal": "unknown"}
    if end is None:
        return None
    return (
        {"exit_code": end.si_status} if end.si_code == os.CLD_EXITED else {"signal": signal.Signals(end.si_status).name}
    )
