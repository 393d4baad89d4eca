"""In which order those who wait are answered, in loops of the server's kind."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as some

from serving.admission.load_shedding import Queue
from serving.admission.scheduler import NEWCOMERS, Scheduler, Slot
from serving.http.problems import Problem

SHORT = 8
Answer = TypeVar("Answer")


def run(story: Callable[[], Awaitable[Answer]]) -> Answer:
    """What happens in a loop of its own, in a thread of its own: a browser's test may have left one running here."""

    async def awaited() -> Answer:
        return await story()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: uvloop.run(awaited())).result()


def order(waiting: int, *, gone: frozenset[int] = frozenset(), after: int = 1) -> tuple[list[int], int]:
    """Who is answered when so many come at once and some leave while they wait; the loop's turns until then."""

    async def story() -> tuple[list[int], int]:
        queue, turns, answered, looks = Queue(waiting), Scheduler(SHORT), list[int](), 0

        async def call(number: int) -> None:
            async with Slot(queue, turns):
                answered.append(number)

        calls = [asyncio.create_task(call(number)) for number in range(waiting)]
        for _ in range(after):
            await asyncio.sleep(0)
        for number in gone:
            calls[number].cancel()
        while not all(one.done() for one in calls):
            looks += 1
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert queue.length == 0
        return answered, looks

    return run(story)


def test_a_short_line_is_answered_as_it_came_each_in_a_turn_of_its_own() -> None:
    """So that the loop sees between two answers who has arrived."""
    answered, looks = order(SHORT)

    assert answered == list(range(SHORT))
    assert looks >= SHORT


def test_in_a_long_line_whoever_came_last_is_first() -> None:
    """Until it is short again."""
    answered, _ = order(3 * SHORT)

    assert answered == [*reversed(range(SHORT, 3 * SHORT)), *range(SHORT)]


@given(waiting=some.integers(1, 4 * SHORT), data=some.data())
def test_whoever_leaves_costs_nobody_the_turn(waiting: int, data: some.DataObject) -> None:
    """Nor who leaves when it has just come to that one: all others are answered, and nobody twice."""
    gone = data.draw(some.frozensets(some.integers(0, waiting - 1)))
    answered, _ = order(waiting, gone=gone, after=data.draw(some.integers(1, 8)))

    assert len(answered) == len(set(answered))
    assert set(range(waiting)) - gone <= set(answered)


def test_whoever_is_sent_away_passes_the_turn_on() -> None:
    """Where it has become too much while they waited; with as many left as keep the server busy."""

    async def story() -> tuple[int, int]:
        queue, turns, answered, sent_away = Queue(SHORT, clock=lambda: 1.0), Scheduler(SHORT), 0, 0

        async def call() -> None:
            nonlocal answered, sent_away
            try:
                async with Slot(queue, turns):
                    answered += 1
            except Problem:
                sent_away += 1

        await asyncio.gather(*(call() for _ in range(4 * SHORT + 1)))
        return answered, sent_away

    answered, sent_away = run(story)

    assert answered + sent_away == 4 * SHORT + 1
    assert 1 <= answered <= 4
    assert sent_away > SHORT


@pytest.mark.parametrize("crowd", [NEWCOMERS // 2, 3 * NEWCOMERS])
def test_whoever_stands_at_the_door_is_let_in_before_the_next_is_answered(crowd: int) -> None:
    """A uvloop takes one connection in a turn; behind a line of answers a crowd would wait unseen. Up to a bound."""

    async def story() -> list[int]:
        turns, inside, seen = Scheduler(SHORT), 0, list[int]()

        class Door(asyncio.Protocol):
            def connection_made(self, _: asyncio.BaseTransport) -> None:
                nonlocal inside
                inside += 1
                turns.connected()

        async def call() -> None:
            async with Slot(Queue(SHORT), turns):
                seen.append(inside)

        with socket.create_server(("127.0.0.1", 0), backlog=crowd) as door:
            outside = [socket.create_connection(door.getsockname()) for _ in range(crowd)]
            server = await asyncio.get_running_loop().create_server(Door, sock=door)
            while not inside:
                await asyncio.sleep(0)
            await asyncio.gather(*(call() for _ in range(SHORT)))
            server.close()
            for one in outside:
                one.close()
        return seen

    seen = run(story)
    let_in = [after - before for before, after in itertools.pairwise(seen)]

    assert min(crowd, NEWCOMERS) <= seen[0] <= NEWCOMERS + 4
    assert max(let_in) <= NEWCOMERS + 4
    assert seen[-1] == crowd
