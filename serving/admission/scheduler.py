"""In which order admitted calls are answered: as they came, and in a long queue the newest first.

A queue that is long for a moment would make everyone wait for all before them. With the newest first, those who come
wait for little; if the queue does not drain, those who have waited for long are the ones who are rejected. In a short
queue nobody is passed.
"""

from __future__ import annotations

import asyncio
from collections import deque

from serving.admission.load_shedding import Queue

NEWCOMERS = 32  # connections accepted between two answers, one in an iteration of the event loop as uvloop does it


class Scheduler:
    """One call after the other, each in its own iteration of the event loop: between two, new calls are counted."""

    def __init__(self, short: int) -> None:
        self._short = short  # as many wait in the order in which they came
        self._busy = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._newcomer = False  # since the next call was last chosen
        self._newcomers = 0  # since the last call began

    def connected(self) -> None:
        """Notes a new connection; more may wait behind it in the socket, with requests that are not read yet."""
        self._newcomer = True

    async def acquire(self) -> None:
        """Waits until a call may run, in the loop's next iteration at the earliest, so that all arrivals are counted.

        Whoever returns from here must `release`.
        """
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        if not self._busy:
            self._busy = True
            asyncio.get_running_loop().call_soon(self.release)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it had been chosen
                self.release()
            raise

    def release(self) -> None:
        """Ends a call's run; the next begins in the loop's next iteration, or once the new connections are accepted."""
        if self._newcomer and self._newcomers < NEWCOMERS:
            self._newcomer = False
            self._newcomers += 1
            asyncio.get_running_loop().call_soon(self.release)
            return
        self._newcomers = 0
        while self._waiting:
            long = len(self._waiting) > self._short
            chosen = self._waiting.pop() if long else self._waiting.popleft()
            if not chosen.done():
                chosen.set_result(None)
                return
        self._busy = False


class Slot:
    """A short call's slot in the queue until it is answered, and its run: `async with slot`.

    Entering raises Problem, a 503, where too much is waiting already.
    """

    def __init__(self, queue: Queue, scheduler: Scheduler) -> None:
        self._queue = queue
        self._scheduler = scheduler
        self._queued = self._running = False

    async def __aenter__(self) -> Slot:
        self._queue.join()
        self._queued = True
        try:
            if not self._queue.overloaded:
                await self._scheduler.acquire()
                self._running = True
                self._queue.recheck()
        except BaseException:
            self.release()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def end_run(self) -> None:
        """Has the next call run: what is left to do does not keep the event loop."""
        if self._running:
            self._running = False
            self._scheduler.release()

    def release(self) -> None:
        """Gives the slot back: the call is answered, or is not a short one after all."""
        self.end_run()
        if self._queued:
            self._queued = False
            # In the next iteration: whatever else has arrived in this one must still find this call counted.
            asyncio.get_running_loop().call_soon(self._queue.done)
