"""A stream gives what the nightly batch gives, whatever is doubled, shuffled, broken off or erased on the way."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scoring.population.days import Day, days_of
from scoring.population.write_day import part_of_day
from serving.customers.feature_store import FILE, SqliteStore
from serving.customers.housekeeping import finish_erasures
from serving.customers.subject_rights import erase, export
from serving.stream_state.erasure import count_in_streams
from serving.stream_state.state import FencedError
from serving.stream_state.status import streams_of
from serving.streams.port import Message, UnavailableError
from tests.support import postgres
from tests.support.postgres import Cluster
from tests.support.states import KINDS, place_of
from tests.support.streamed import PLACES, KilledError, ListSink, ListSource, messages_of, worker_of
from tests.support.worlds import EXAMPLES

NAMES = ("churn", "propensity")
FIELDS = ("status", "score", "probability")
POISON = (
    "{bad",
    "[]",
    '{"a": 1}',
    '{"customer_id": "1"}',
    '{"customer_id": "1", "date": "x", "amount": 1}',
    '{"customer_id": "1", "date": "1998-01-01", "amount": "abc"}',
    '{"customer_id": "", "date": "1998-01-01", "amount": 1}',
)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """CDNOW's purchases."""
    log = pl.read_parquet(EXAMPLES / "cdnow/transactions.parquet")
    return list(log.with_columns(pl.col("date").cast(pl.String)).iter_rows(named=True))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL."""
    with postgres.cluster() as running:
        yield running


@pytest.fixture
def file_home(examples_home: Path, tmp_path: Path) -> Path:
    """A home that may be written to; the state is a file of it."""
    return Path(shutil.copytree(examples_home, tmp_path / "home"))


@pytest.fixture(params=KINDS)
def home(file_home: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The same, for each kind of state."""
    PLACES[file_home] = place_of(request.param, file_home, request)
    yield file_home
    del PLACES[file_home]


def day_of(home: Path) -> Day:
    """The day in service."""
    return days_of(home)[-1]


def nightly(home: Path) -> dict[str, tuple[Any, ...]]:
    """Where the batch put each customer."""
    table = part_of_day(day_of(home), range(64)).rows
    columns = ["customer_id", "segment", *(f"{name}_{field}" for name in NAMES for field in FIELDS)]
    return {row[0]: row[1:] for row in zip(*(table.column(name).to_pylist() for name in columns), strict=True)}


def streamed(worker: Any) -> dict[str, tuple[Any, ...]]:
    """Where the stream put each."""
    found = {}
    for customer, segment, text in worker.state.ask("SELECT customer_id, segment, scores FROM stands"):
        scores = json.loads(text)
        found[customer] = (segment, *(scores[name][field] for name in NAMES for field in FIELDS))
    return found


def started(home: Path, source: ListSource, out: ListSink | None = None, **changes: Any) -> Any:
    """A worker at the moment of the day in service."""
    as_of: datetime = day_of(home).manifest.as_of
    worker = worker_of(home, source, out, **{"clock": lambda: as_of, "most": 5_000, **changes})
    worker.write_status()
    return worker


def of_some(rows: list[dict[str, Any]], customers: int) -> list[dict[str, Any]]:
    """All purchases of the first customers."""
    wanted = {str(number) for number in range(1, customers + 1)}
    return [row for row in rows if str(row["customer_id"]) in wanted]


def test_the_stream_equals_the_nightly_batch(home: Path, rows: list[dict[str, Any]]) -> None:
    """Scores and segments of every customer: shuffled, with doubles and poison; again, nothing changes."""
    shuffled = random.Random(7)
    rows = of_some(rows, 2_500)
    messages = messages_of(rows)
    messages += [*shuffled.sample(messages, len(messages) // 20), *messages_of(POISON, topic="bad")]
    shuffled.shuffle(messages)
    source, out, dead = ListSource(messages), ListSink(), ListSink()
    worker = started(home, source, out, dead=dead)

    worker.run(once=True)

    expected, found = nightly(home), streamed(worker)
    counts = worker.counts
    assert (counts.applied, counts.dead, counts.duplicates) == (len(rows), len(POISON), len(rows) // 20)
    assert found == {customer: expected[customer] for customer in {str(row["customer_id"]) for row in rows}}
    assert len(dead.published) == len(POISON)
    assert not any("abc" in letter.headers["penchant-rule"] for letter in dead.published)
    assert all(set(json.loads(letter.body)) == {"rule", "position"} and not letter.key for letter in dead.published)
    published = len(out.published)
    source.at = 0
    worker.run(once=True)
    assert (worker.counts.duplicates, len(out.published)) == (len(rows) // 20 + len(messages), published)
    assert streamed(worker) == found


def broken_off(where: str, source: ListSource, out: ListSink, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills the worker at a boundary of its next batch."""
    if where == "publish":
        out.breaks.append(KilledError())
    elif where == "done":
        source.breaks_at_done = True
    else:
        method = {"commit": "_publish", "store": "_store"}[where]

        def killed(*_: object) -> None:
            raise KilledError

        monkeypatch.setattr(worker, method, killed)
    with pytest.raises(KilledError):
        worker.step()
    source.breaks_at_done = False
    worker.state.close()
    source.close()


@pytest.mark.parametrize("where", ["store", "commit", "publish", "done"])
def test_a_kill_between_two_steps_loses_and_doubles_nothing(
    home: Path, rows: list[dict[str, Any]], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes next finds each event once, each change published under its own id, and the store up to it."""
    own = of_some(rows, 40)
    source, out = ListSource(messages_of(own)), ListSink()
    broken_off(where, source, out, started(home, source, out, most=30), monkeypatch)

    worker = started(home, source, out, most=30)
    worker.catch_up()
    worker.run(once=True)

    ids = [one.id for one in out.published]
    expected = nightly(home)
    assert streamed(worker) == {customer: expected[customer] for customer in streamed(worker)}
    assert worker.state.ask("SELECT COUNT(*) FROM history GROUP BY contract")[0][0] == len(own)
    assert len(set(ids)) == len(ids)
    assert worker.state.ask("SELECT COUNT(*) FROM outbox") == [(0,)]
    assert worker.state.ask("SELECT COUNT(*) FROM stands WHERE stored = 0") == [(0,)]
    as_of = day_of(home).manifest.as_of.timestamp()
    kept = SqliteStore(home / FILE).find(["1"])["1"]
    assert {row.as_of for row in kept} == {as_of}


def test_an_erased_customer_is_in_nothing(home: Path, rows: list[dict[str, Any]]) -> None:
    """Erased in the middle: no event, no segment, nothing published, and what comes later is passed over."""
    own = of_some(rows, 5)
    late = messages_of([{"customer_id": "1", "date": "1998-06-01", "amount": 9}], topic="late")
    source, out = ListSource(messages_of(own)), ListSink()
    worker = started(home, source, out)
    worker.run(once=True)
    assert len(export(home, ["1"])[0]["stream"]) == sum(str(row["customer_id"]) == "1" for row in own)

    assert erase(home, ["1"])[0]["pending"]
    finish_erasures(home, at_once=True)
    published = len(out.published)
    source.messages += [*late, *source.messages]
    worker.run(once=True)

    assert count_in_streams(home, ["1"]) == {}
    assert len(out.published) == published
    if path := worker.state.place.path:
        assert b'"1-' not in path.read_bytes()
    assert streams_of(home)[0].customers == 4


def test_a_full_disk_pauses_and_commits_nothing(file_home: Path, rows: list[dict[str, Any]]) -> None:
    """Until there is room again."""
    home = file_home
    source, paused = ListSource(messages_of(of_some(rows, 5))), list[bool]()

    def make_room(_: float) -> None:
        paused.append(source.paused)
        assert worker.state.ask("SELECT COUNT(*) FROM history") == [(0,)]
        assert source.done_to == 0
        if len(paused) == 3:
            worker.state.ask("PRAGMA max_page_count = 1000000")

    worker = started(home, source, sleep=make_room)
    worker.sweep_if_due()
    [(pages,)] = worker.state.ask("PRAGMA page_count")
    worker.state.ask(f"PRAGMA max_page_count = {pages}")
    worker.run(once=True)

    assert paused == [True, True, True]
    assert not source.paused
    assert worker.counts.applied == len(source.messages)


def test_a_sink_that_is_gone_is_tried_again_and_a_patience_ends(home: Path, rows: list[dict[str, Any]]) -> None:
    """Nothing is lost, nothing is done before it is published."""
    source, out = ListSource(messages_of(of_some(rows, 5))), ListSink()
    out.breaks = [UnavailableError("gone"), UnavailableError("gone")]
    worker = started(home, source, out)
    worker.run(once=True)
    assert (len(out.published), source.done_to) == (worker.counts.published, len(source.messages))

    source.messages += messages_of(of_some(rows, 9)[-3:], topic="more")
    out.breaks = [UnavailableError("gone")] * 9
    impatient = started(home, source, out, patience=2)
    with pytest.raises(UnavailableError):
        impatient.run(once=True)


def test_an_old_generation_cannot_write(home: Path, rows: list[dict[str, Any]]) -> None:
    """A worker that lost its partition while it slept."""
    source = ListSource(messages_of(of_some(rows, 5)), generation=2)
    worker = started(home, source)
    worker.run(once=True)

    with pytest.raises(FencedError), worker.state.transaction():
        worker.state.claim(["events/0"], 1)


def test_dead_letters_are_replayed(home: Path) -> None:
    """By a worker that can read them; what is poison still stays a dead letter."""
    source, dead = ListSource(messages_of(POISON)), ListSink()
    worker = started(home, source, dead=dead)
    worker.run(once=True)

    class Mended(type(worker.ports.reader)):  # type: ignore[misc]
        """Reads what was written wrongly."""

        def record(self, message: Message) -> Any:
            """A purchase whatever is there."""
            if message.body == b"{bad":
                return {"customer_id": "new", "date": "1998-06-01", "amount": 5}
            return super().record(message)

    worker.ports.reader = Mended()
    worker.replay_dead()

    assert worker.state.ask("SELECT COUNT(*) FROM dead") == [(len(POISON) - 1,)]
    assert worker.state.ask("SELECT COUNT(*) FROM stands WHERE customer_id = 'new'") == [(1,)]


def test_old_dead_letters_go_unless_they_are_still_to_be_published(home: Path) -> None:
    """Where there is nowhere to publish them too: what they hold is somebody's."""
    worker = started(home, ListSource(messages_of(POISON)))
    worker.run(once=True)
    with worker.state.transaction():
        worker.state.write("UPDATE dead SET at = 0", [()])

    worker.ports.dead = away = ListSink()
    away.breaks = [UnavailableError("gone")] * 9
    worker.rules = replace(worker.rules, patience=0)
    with pytest.raises(UnavailableError):
        worker.sweep()
    assert worker.state.ask("SELECT COUNT(*) FROM dead") == [(len(POISON),)]

    worker.ports.dead = None
    worker.sweep()
    assert worker.state.ask("SELECT COUNT(*) FROM dead") == [(0,)]


def test_time_alone_moves_a_segment(home: Path, rows: list[dict[str, Any]]) -> None:
    """Whoever bought last year is dormant without any event, and the change says that time caused it."""
    day = [day_of(home).manifest.as_of]
    out = ListSink()
    source = ListSource(messages_of(of_some(rows, 300)))
    worker = started(home, source, out, clock=lambda: day[0])
    worker.run(once=True)
    published = len(out.published)

    day[0] = day[0].replace(year=1999)
    worker.step()

    moved = out.bodies()[published:]
    assert moved
    assert {one["caused_by"] for one in moved} == {"time"}
    assert all(one["type"] == "segment.changed" and one["from"] != one["to"] for one in moved)


def test_two_workers_share_a_state_and_one_goes_on_for_both(home: Path, rows: list[dict[str, Any]]) -> None:
    """Each with partitions of its own; what the first had left is the second's, and the first writes no more."""
    own = of_some(rows, 60)
    halves = [[row for row in own if int(row["customer_id"]) % 2 == half] for half in (0, 1)]
    sources = [ListSource(messages_of(rows, topic=f"half{half}")) for half, rows in enumerate(halves)]
    first, second = (started(home, source, ListSink(), most=30) for source in sources)
    first.step()
    second.step()

    taken_over = ListSource(sources[0].messages, done_to=sources[0].done_to, at=sources[0].at, generation=2)
    before = second.ports.source
    second.ports.source = taken_over
    second.run(once=True)
    second.ports.source = before
    second.run(once=True)
    first.step()

    expected = nightly(home)
    assert first.counts.applied + second.counts.applied == len(own)
    assert min(first.counts.applied, second.counts.applied) > 0
    assert second.state.ask("SELECT COUNT(*) FROM history") == [(len(own),)]
    assert streamed(second) == {customer: expected[customer] for customer in {str(row["customer_id"]) for row in own}}


def test_a_flood_of_poison_takes_nothing_from_the_others(home: Path, rows: list[dict[str, Any]]) -> None:
    """Each of it is a dead letter, published once; every event is taken in."""
    own, flood = of_some(rows, 40), [f'{{"a": {number}}}' for number in range(2_000)]
    messages = [*messages_of(own), *messages_of(flood, topic="flood")]
    random.Random(2).shuffle(messages)
    dead = ListSink()
    worker = started(home, ListSource(messages), ListSink(), dead=dead, most=200)

    worker.run(once=True)

    expected = nightly(home)
    assert (worker.counts.dead, len({one.id for one in dead.published})) == (len(flood), len(flood))
    assert len(dead.published) == len(flood)
    assert streamed(worker) == {customer: expected[customer] for customer in {str(row["customer_id"]) for row in own}}
