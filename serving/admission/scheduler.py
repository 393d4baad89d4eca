"""In which order those who were let in are answered: as they came, and in a long line whoever came last.

A line that is long for a moment would make everyone wait for all before. The newest first, those who come wait for
little; if the line does not end, those who have waited for long are the ones who are sent away. In a short line nobody
is passed.
"""

from __future__ import annotations

import asyncio
from collections import deque

from serving.admission.load_shedding import Queue

NEWCOMERS = 32  # connections that are let in between two answers, one in a turn of the loop as uvloop does it


class Scheduler:
    """One after the other, each in a turn of the loop of its own: between two it is seen who has arrived."""

    def __init__(self, short: int) -> None:
        self._short = short  # as many wait in the order in which they came
        self._taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._newcomer = False  # since it was last asked whose turn is next
        self._newcomers = 0  # since the last turn

    def connected(self) -> None:
        """A connection was made; others may stand behind it, whose requests nobody has seen."""
        self._newcomer = True

    async def take(self) -> None:
        """Waits for a turn, the loop's next at the earliest, so that all who have arrived are counted before one goes.

        Whoever returns from here must `give` it on.
        """
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        if not self._taken:
            self._taken = True
            asyncio.get_running_loop().call_soon(self.give)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # the turn had come
                self.give()
            raise

    def give(self) -> None:
        """Ends a turn; the next begins in the loop's next, or once those are let in who stand at the door."""
        if self._newcomer and self._newcomers < NEWCOMERS:
            self._newcomer = False
            self._newcomers += 1
            asyncio.get_running_loop().call_soon(self.give)
            return
        self._newcomers = 0
        while self._waiting:
            long = len(self._waiting) > self._short
            chosen = self._waiting.pop() if long else self._waiting.popleft()
            if not chosen.done():
                chosen.set_result(None)
                return
        self._taken = False


class Slot:
    """A short call's place in the line until it is answered, and its turn: `async with place`.

    Entering raises Problem, a 503, where too much is waiting already.
    """

    def __init__(self, line: Queue, turns: Scheduler) -> None:
        self._line = line
        self._turns = turns
        self._inside = self._on_turn = False

    async def __aenter__(self) -> Slot:
        self._line.join()
        self._inside = True
        try:
            if not self._line.strict:
                await self._turns.take()
                self._on_turn = True
                self._line.stay()
        except BaseException:
            self.leave()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def rest(self) -> None:
        """Lets the next one have its turn: what is left to do does not keep the loop."""
        if self._on_turn:
            self._on_turn = False
            self._turns.give()

    def leave(self) -> None:
        """Is answered, or is not a short call after all."""
        self.rest()
        if self._inside:
            self._inside = False
            # In the next turn: whoever else has arrived in this one must find this one there.
            asyncio.get_running_loop().call_soon(self._line.leave)
