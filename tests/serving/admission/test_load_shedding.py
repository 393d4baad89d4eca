"""Who may wait, held against a clock of the test's own: what is simulated takes no time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as some

from serving.admission.load_shedding import CALM, KEPT_BUSY, Queue
from serving.http.problems import Problem

WAITING = 8


@dataclass
class Desk:
    """Answers one after the other, each taking as long; knows who had to wait how long."""

    service: float
    now: float = 0.0
    free: float = 0.0  # when all who were let in are answered
    leaving: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self.queue = Queue(WAITING, clock=lambda: self.now)

    def comes(self, at: float) -> float | None:
        """Somebody comes; returns when that one is answered, None where it is refused."""
        self.now = at
        while self.leaving and self.leaving[0] <= at:
            heapq.heappop(self.leaving)
            self.queue.done()
        try:
            self.queue.join()
        except Problem:
            self.refused += 1
            return None
        self.free = max(self.free, at) + self.service
        heapq.heappush(self.leaving, self.free)
        self.waits.append(self.free - at)
        return self.free


def test_a_burst_is_let_in_whole() -> None:
    """Four times as many as may always wait, all at the same moment; not one more."""
    desk = Desk(0.01)
    for _ in range(33):
        desk.comes(1.0)

    assert (len(desk.waits), desk.refused) == (32, 1)


@given(callers=some.integers(1, WAITING), service=some.floats(0.0001, 1.0))
def test_callers_who_wait_for_their_answers_are_never_refused(callers: int, service: float) -> None:
    """As long as no more than may always wait ask at once, and each asks again as soon as it is answered."""
    desk, turns = Desk(service), [0.0] * callers
    for _ in range(50 * callers):
        answered = desk.comes(heapq.heappop(turns))
        assert answered is not None
        heapq.heappush(turns, answered)

    assert desk.refused == 0


@pytest.mark.parametrize("service", [0.002, 0.008, 0.02])
def test_under_twice_the_load_those_let_in_wait_for_few(service: float) -> None:
    """For a minute: 99 in 100 of the accepted within three times an answer's own time, and nobody rests."""
    desk, seconds = Desk(service), 60.0
    for number in range(int(2 * seconds / service)):
        desk.comes(number * service / 2)

    waits = sorted(desk.waits)
    assert waits[int(0.99 * len(waits))] <= 3 * service
    assert len(waits) * service > 0.95 * seconds


def test_who_waits_when_it_gets_too_much_need_not_wait_any_longer() -> None:
    """Sent away as if they came now, all but as many as keep the server busy; before, nobody is."""
    desk = Desk(1.0)
    for _ in range(32):
        desk.comes(1.0)
    desk.queue.recheck()
    desk.comes(1.0)
    sent_away = 0
    while desk.queue.length > KEPT_BUSY:
        with pytest.raises(Problem):
            desk.queue.recheck()
        desk.queue.done()
        sent_away += 1
    desk.queue.recheck()

    assert (desk.refused, sent_away) == (1, 30)


@pytest.mark.parametrize("kept_busy", [1, 2])
def test_while_there_is_too_much_to_do_the_door_opens_once_a_turn(kept_busy: int) -> None:
    """Where nobody is inside, or as many as may be less one; before there was too much to do it is open."""
    queue = Queue(WAITING, kept_busy=kept_busy, clock=lambda: 1.0)
    assert not any(queue.rejects() for _ in range(100))
    for _ in range(32):
        queue.join()
    with pytest.raises(Problem):
        queue.join()
    while queue.length >= kept_busy:
        assert queue.rejects()
        queue.done()

    assert [queue.rejects() for _ in range(3)] == [False, True, True]
    queue.next_iteration()
    assert [queue.rejects() for _ in range(3)] == [False, True, True]


def test_once_the_load_is_gone_bursts_are_let_in_again() -> None:
    """A second after the last refusal."""
    desk = Desk(0.01)
    for number in range(2000):
        desk.comes(number * 0.005)
    refused = desk.refused
    for _ in range(WAITING):
        desk.comes(10 + 2 * CALM)

    assert refused > 500
    assert desk.refused == refused


def test_those_who_ask_again_at_once_do_not_keep_themselves_out_for_ever() -> None:
    """After an overload as many callers as may always wait ask without a pause: after a minute nobody is refused."""
    desk = Desk(0.01)
    for _ in range(33):
        desk.comes(0.0)
    turns, refused = [0.4] * WAITING, 0
    while turns[0] < 120:
        at = heapq.heappop(turns)
        heapq.heappush(turns, desk.comes(at) or at + 0.005)
        refused = desk.refused if at < 61 else refused

    assert refused > 100
    assert desk.refused == refused


def test_the_least_that_may_be_set_is_obeyed() -> None:
    """With 1 a few come through in a burst, with 0 nobody does."""
    desk, closed = Desk(1.0), Queue(0)
    with pytest.raises(Problem):
        closed.join()
    desk.queue = Queue(1, clock=lambda: desk.now)
    for _ in range(5):
        desk.comes(0.0)

    assert desk.refused == 1
