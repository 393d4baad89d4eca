"""What a state of a stream keeps, whichever database stands behind it: a file of SQLite, or PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.stream_state.erasure import forget_in_state
from serving.stream_state.open_state import open_state
from serving.stream_state.state import FencedError, StateError, StatePlace, StreamState
from tests.support import postgres
from tests.support.postgres import Cluster
from tests.support.states import KINDS, place_of

_INBOX = "INSERT INTO inbox VALUES (?, ?) ON CONFLICT DO NOTHING"
_DEAD = "INSERT INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL."""
    with postgres.cluster() as running:
        yield running


@pytest.fixture(params=KINDS)
def place(tmp_path: Path, request: pytest.FixtureRequest) -> StatePlace:
    """An empty place of each kind."""
    return place_of(request.param, tmp_path, request)


@pytest.fixture
def state(place: StatePlace) -> Iterator[StreamState]:
    """The state there."""
    opened = open_state(place)
    yield opened
    opened.close()


@pytest.fixture
def shared(cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[list[StreamState]]:
    """Two workers of one state in PostgreSQL."""
    where = place_of("postgres", tmp_path, request)
    workers = [open_state(where), open_state(where)]
    yield workers
    for one in workers:
        one.close()


def test_what_was_committed_is_there_after_it_was_opened_again(state: StreamState, place: StatePlace) -> None:
    """Texts of any language, bytes, numbers to the last bit, and what is not there."""
    letter = ("m", "t/0/1", "règle", b"\x00\xff{bad", None, "Zoë ✓", 1 / 3)
    with state.transaction(["Zoë ✓"]):
        state.write(_DEAD, [letter])
        state.note("swept", "2026-03-01")

    again = open_state(place)
    found, noted = again.ask("SELECT * FROM dead"), again.noted("swept")
    again.close()

    assert found == [(*letter, 0)]
    assert noted == "2026-03-01"


def test_what_was_broken_off_is_not(state: StreamState) -> None:
    """All of it; the state goes on."""

    def broken_off() -> None:
        with state.transaction(["1"]):
            state.write(_INBOX, [("a", 1.0)])
            state.note("x", "1")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        broken_off()

    with state.transaction():
        assert (state.ask("SELECT COUNT(*) FROM inbox"), state.noted("x")) == ([(0,)], None)
        assert state.write(_INBOX, [("a", 1.0), ("b", 2.0), ("a", 3.0)]) == 2
    assert state.ask("SELECT mark, at FROM inbox ORDER BY mark") == [("a", 1.0), ("b", 2.0)]


def test_a_question_of_many_values_is_answered_whole(state: StreamState) -> None:
    """However many there are; of none nothing is asked."""
    marks = [f"m{number:04}" for number in range(1_234)]
    with state.transaction():
        assert state.write(_INBOX, ((mark, 0.0) for mark in marks)) == len(marks)
        assert state.write(_INBOX, []) == 0

    found = state.ask_of("SELECT mark FROM inbox WHERE at = ? AND mark IN {}", [*marks, "other"], [0.0])

    assert sorted(str(mark) for (mark,) in found) == marks
    assert list(state.ask_of("SELECT mark FROM inbox WHERE mark IN {}", [])) == []


def test_partitions_belong_to_their_latest_generation(state: StreamState) -> None:
    """Whoever claims one of them for an earlier one claims none."""
    with state.transaction():
        state.claim(["t/0", "t/1"], 4)
        state.claim(["t/1", "t/2"], 4)
        state.claim([], 1)
    with pytest.raises(FencedError), state.transaction():
        state.claim(["t/0", "t/9"], 3)

    assert state.ask("SELECT part, generation FROM claims ORDER BY part") == [("t/0", 4), ("t/1", 4), ("t/2", 4)]


def test_a_customer_is_forgotten_and_the_state_written_anew(state: StreamState) -> None:
    """A dead letter too that only its body says whose it is; of others nothing goes."""
    stands = "INSERT INTO stands VALUES (?, NULL, '{}', 0, NULL, NULL, 0, '{}', 0, 0)"
    with state.transaction():
        state.write(stands, [("Zoë",), ("2",)])
        state.write(
            _DEAD, [("m", "p", "r", '{"who": "Zoë"'.encode(), None, None, 0.0), ("n", "p", "r", b"2", None, None, 0.0)]
        )

    gone = forget_in_state(state, ["Zoë"])
    state.scrub()

    assert gone == 2
    assert state.ask("SELECT customer_id FROM stands") == [("2",)]
    assert state.ask("SELECT mark FROM dead") == [("n",)]


def test_workers_have_numbers_of_their_own(shared: list[StreamState], tmp_path: Path) -> None:
    """The lowest that is free: that of one who has ended goes to the next. One file has one worker, without any."""
    for one in shared:
        one.join()
    numbers = [one.worker for one in shared]
    shared[0].close()
    shared[0] = open_state(shared[1].place)
    shared[0].join()
    alone = open_state(StatePlace("shop", tmp_path / "one.db"))
    alone.join()

    assert (numbers, shared[0].worker, alone.worker) == (["1", "2"], "1", "")
    alone.close()


@pytest.mark.parametrize("of", [["1", "2"], None, [str(number) for number in range(5_000)]], ids=["few", "all", "many"])
def test_of_one_customer_one_worker_writes_at_a_time(shared: list[StreamState], of: list[str] | None) -> None:
    """The other waits until it is committed, and reads it; of another customer nobody waits."""
    first, second = shared
    seen = list[object]()

    def write() -> None:
        with second.transaction(["1"]):
            seen.append(second.noted("x"))

    thread = threading.Thread(target=write)
    with first.transaction(of):
        thread.start()
        thread.join(0.5)
        waited = thread.is_alive()
        first.note("x", "1")
    thread.join(60)
    with first.transaction(["3"]), second.transaction(["4"]):
        second.note("y", "1")

    assert (waited, seen) == (True, ["1"])


def test_a_piece_of_work_is_done_by_one_worker(shared: list[StreamState]) -> None:
    """The other waits for it, and for no other piece."""
    first, second = shared
    order = list[str]()

    def sweep() -> None:
        with second.alone("sweep"):
            order.append("second")

    thread = threading.Thread(target=sweep)
    with first.alone("sweep"):
        with second.alone("publish"):
            order.append("publish")
        thread.start()
        thread.join(0.5)
        order.append("first")
    thread.join(60)

    assert order == ["publish", "first", "second"]


def test_a_worker_of_an_old_generation_waits_and_is_fenced(shared: list[StreamState]) -> None:
    """Whoever has its partitions by now is committing at that moment."""
    old, new = shared
    found = list[str]()

    def claim() -> None:
        try:
            with old.transaction(["a"]):
                old.claim(["t/0"], 1)
        except FencedError:
            found.append("fenced")

    thread = threading.Thread(target=claim)
    with new.transaction(["b"]):
        new.claim(["t/0"], 2)
        thread.start()
        thread.join(0.5)
        waited = thread.is_alive()
    thread.join(60)

    assert (waited, found) == (True, ["fenced"])


def test_a_failure_names_no_value(shared: list[StreamState], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one that whoever waits for a file waits for; without the variable of the address nobody connects."""
    first, _ = shared
    with pytest.raises(StateError) as failure, first.transaction():
        first.write("INSERT INTO inbox VALUES (?, ?)", [("secret-1", 0.0), ("secret-1", 0.0)])
    monkeypatch.delenv("NO_SUCH_STATE", raising=False)
    with pytest.raises(sqlite3.Error, match="NO_SUCH_STATE"):
        open_state(StatePlace("shop", postgres_env="NO_SUCH_STATE"))

    assert "secret" not in str(failure.value)
    assert "23505" in str(failure.value)
    assert first.ask("SELECT COUNT(*) FROM inbox") == [(0,)]
