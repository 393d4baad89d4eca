"""Who may wait for an answer: many for a moment, few once the line does not end.

A burst and callers who each wait for their answer before they ask again make a line that is short or soon gone; it
costs them some milliseconds, where a refusal would cost them the answer. A line that stays long means that more is
asked than can be answered: whoever joins it waits for nothing, and everyone behind it too. Then only as many
are let in as keep the server busy, until for a while nobody had to be refused; short calls that wait already are sent
away too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NoReturn

from serving.http.problems import OVERLOADED, Problem, retry_after

BURST = 4  # times as many as may wait for long may wait for a moment
MOMENT = 0.1  # seconds
PAUSE = 1.0  # seconds in which nobody finds the line too long: what was before is forgotten
KEPT_BUSY = 2  # one being answered and one waiting, while there is too much to do; unless said otherwise
CALM = 1.0  # seconds without a refusal, after which there is not
LONGEST = 60.0  # seconds, after which it is tried whether there still is: those refused may be what keeps it going


class Queue:
    """The requests of one sort that were let in and are not answered yet."""

    def __init__(
        self, waiting: int, *, kept_busy: int = KEPT_BUSY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.length = 0
        self._waiting = waiting  # how many may always wait, except while there is too much to do
        self._kept_busy = min(kept_busy, waiting)
        self._let_in = False  # whether somebody was, through the door and in this turn of the loop
        self._clock = clock
        self._long_since = self._long = -math.inf  # when somebody first, and last, found more to wait
        self._strict_since: float | None = None
        self._refused = 0.0  # when somebody last was

    @property
    def strict(self) -> bool:
        """Whether there is too much to do."""
        return self._strict_since is not None and self._strict(self._clock())

    def turns_away(self) -> bool:
        """Whether whoever stands at the door must go: while there is too much to do one is let in a turn of the loop.

        The others are gone before it is answered; what comes meanwhile is for the next turn, which `open_again` begins.
        """
        if not self.strict:
            return False
        if self._let_in or self.length >= self._kept_busy:
            self._refused = self._clock()
            return True
        self._let_in = True
        return False

    def open_again(self) -> None:
        """Begins another turn of the loop."""
        self._let_in = False

    def check(self) -> None:
        """Lets one more in, or not.

        Raises:
            Problem: A 503.
        """
        if self.length < self._kept_busy:
            return
        now = self._clock()
        if self._strict(now) or self._too_long(now):
            self._refuse(now)

    def stay(self) -> None:
        """Lets one who was let in be answered, or not: there may be too much to do since.

        Raises:
            Problem: A 503.
        """
        if self.length > self._kept_busy and self.strict:
            self._refuse(self._clock())

    def _refuse(self, now: float) -> NoReturn:
        self._refused = now
        raise overloaded()

    def _strict(self, now: float) -> bool:
        """Whether there is still too much to do."""
        if self._strict_since is None:
            return False
        if now - self._refused < CALM and now - self._strict_since < LONGEST:
            return True
        self._strict_since = None
        return False

    def _too_long(self, now: float) -> bool:
        """Whether there is too much to do from now on."""
        if self.length < self._waiting:
            return False
        if now - self._long > PAUSE:
            self._long_since = now
        self._long = now
        if self.length < BURST * self._waiting and now - self._long_since <= MOMENT:
            return False
        self._strict_since = now
        return True

    def join(self) -> None:
        """Is let in, as `check` does."""
        self.check()
        self.length += 1

    def leave(self) -> None:
        """Is answered."""
        self.length -= 1


def overloaded() -> Problem:
    """What whoever is refused is told."""
    return Problem(OVERLOADED, "Too many requests wait for an answer already.", headers=retry_after(1))
