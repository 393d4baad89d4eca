"""How many calls may wait for an answer: many for a moment, few once the queue does not drain.

A burst, and callers who each wait for their answer before they ask again, make a queue that is short or soon drained;
it costs them some milliseconds, where a rejection would cost them the answer. A queue that stays long means overload:
every call that joins it only makes all behind it wait. Then only as many calls are admitted as keep the server busy,
until for a while none had to be rejected; short calls that wait already are rejected too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NoReturn

from serving.http.problems import OVERLOADED, Problem, retry_after

BURST = 4  # times as many as may wait for long may wait for a moment
MOMENT = 0.1  # seconds
PAUSE = 1.0  # seconds in which no call finds the queue too long: what was before is forgotten
KEPT_BUSY = 2  # one being answered and one waiting, during an overload; unless the caller sets another number
CALM = 1.0  # seconds without a rejection, after which an overload is over
LONGEST = 60.0  # seconds, after which it is tried whether it is over: those rejected may be what keeps it going


class Queue:
    """The calls of one sort, short or large, that were admitted and are not answered yet."""

    def __init__(
        self, waiting: int, *, kept_busy: int = KEPT_BUSY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.length = 0
        self._waiting = waiting  # how many may always wait, except during an overload
        self._kept_busy = min(kept_busy, waiting)
        self._admitted = False  # whether a connection's call was, in this iteration of the event loop
        self._clock = clock
        self._long_since = self._long = -math.inf  # when a call first, and last, found more to wait
        self._overloaded_since: float | None = None
        self._rejected = 0.0  # when a call last was

    @property
    def overloaded(self) -> bool:
        """Whether there is more to do than can be done."""
        return self._overloaded_since is not None and self._overloaded(self._clock())

    def rejects(self) -> bool:
        """Whether a call is rejected before it is read: an overload admits one in an iteration of the event loop.

        The others are answered before it is; those that come meanwhile belong to the next iteration, which
        `next_iteration` begins.
        """
        if not self.overloaded:
            return False
        if self._admitted or self.length >= self._kept_busy:
            self._rejected = self._clock()
            return True
        self._admitted = True
        return False

    def next_iteration(self) -> None:
        """Begins another iteration of the event loop."""
        self._admitted = False

    def check(self) -> None:
        """Checks whether one more call may be admitted.

        Raises:
            Problem: A 503.
        """
        if self.length < self._kept_busy:
            return
        now = self._clock()
        if self._overloaded(now) or self._too_long(now):
            self._reject(now)

    def recheck(self) -> None:
        """Checks whether a call that was admitted may still be answered: there may be an overload since.

        Raises:
            Problem: A 503.
        """
        if self.length > self._kept_busy and self.overloaded:
            self._reject(self._clock())

    def _reject(self, now: float) -> NoReturn:
        self._rejected = now
        raise overloaded()

    def _overloaded(self, now: float) -> bool:
        """Whether the overload goes on."""
        if self._overloaded_since is None:
            return False
        if now - self._rejected < CALM and now - self._overloaded_since < LONGEST:
            return True
        self._overloaded_since = None
        return False

    def _too_long(self, now: float) -> bool:
        """Whether an overload begins now."""
        if self.length < self._waiting:
            return False
        if now - self._long > PAUSE:
            self._long_since = now
        self._long = now
        if self.length < BURST * self._waiting and now - self._long_since <= MOMENT:
            return False
        self._overloaded_since = now
        return True

    def join(self) -> None:
        """Admits a call, or raises as `check` does."""
        self.check()
        self.length += 1

    def done(self) -> None:
        """Counts a call as answered."""
        self.length -= 1


def overloaded() -> Problem:
    """The answer to a call that is rejected."""
    return Problem(OVERLOADED, "Too many requests wait for an answer already.", headers=retry_after(1))
