"""A worker: reads a batch, commits the state, publishes, is done with the batch, and brings the store up to it."""

from __future__ import annotations

import errno
import json
import math
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from features.spec.feature import CUSTOMER_ID
from scoring.privacy.suppression import Suppression, open_suppression
from serving.customers import feature_store, pending_erasures
from serving.stream_state.erasure import forget_in_state
from serving.stream_state.state import FencedError, StreamState
from serving.streams.changes import Publishing, keep_stands
from serving.streams.heartbeat import Heartbeat, StreamCounts
from serving.streams.intake import Intake
from serving.streams.live_scores import LiveScorer, service_mark
from serving.streams.port import (
    Batch,
    Message,
    MessageReader,
    MessageSink,
    MessageSource,
    Outgoing,
    UnavailableError,
)
from serving.telemetry import logs

T = TypeVar("T")
TOGETHER = 8_192  # customers that are scored at once by a sweep
_AT_ONCE = 1_000  # messages published together
_QUIET = 20  # reads of nothing after which there is nothing more: a broker may be slower than one
_DAY = 86_400.0  # seconds
_WAITS = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds between tries; the last again and again
_OUTBOX = "SELECT number, id, customer_id, body FROM outbox ORDER BY number LIMIT ?"
_UNSTORED = "SELECT customer_id, at FROM stands WHERE stored = 0 LIMIT ?"
_STORED = "UPDATE stands SET stored = 1 WHERE customer_id = ? AND at <= ?"  # what another worker moved on is its own
_LETTERS = "SELECT mark, position, rule, body, key FROM dead WHERE sent = 0 LIMIT ?"


@dataclass(slots=True)
class StreamPorts:
    """What a worker is connected to."""

    source: MessageSource
    reader: MessageReader
    out: MessageSink | None = None
    dead: MessageSink | None = None


@dataclass(frozen=True, slots=True)
class StreamRules:
    """What a worker does, by its file."""

    name: str
    home: Path
    use_cases: Sequence[str] = ()
    id: str | None = None
    most: int = 500
    wait_seconds: float = 0.1
    scores: bool = False
    keep_days: int = 30
    dead_bodies: bool = False
    patience: float = math.inf  # tries before it gives up
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep


class StreamWorker:
    """One worker of a stream."""

    def __init__(self, state: StreamState, ports: StreamPorts, rules: StreamRules) -> None:
        """Opens what is in service.

        Raises:
            BundleError: A release is not what it was.
            PoisonError: No use case in service learned from a log.
        """
        self.state, self.ports, self.rules, self.counts = state, ports, rules, StreamCounts()
        self.scorer = LiveScorer(rules.home, rules.use_cases)
        self._heartbeat = Heartbeat(rules.home, rules.name, state, ports.source)
        self.stopping = False

    def catch_up(self) -> None:
        """What a worker that was killed left: erasures, the online store, what is to be published."""
        self._forget_erased()
        while rows := self.state.ask(_UNSTORED, [TOGETHER]):
            customers = [str(customer) for customer, _ in rows]
            with self.state.transaction(customers):
                scored = datetime.fromtimestamp(max(float(at or 0) for _, at in rows), UTC)
                as_of = max(self.rules.clock(), scored)
                features = self.scorer.score(self.state, customers, as_of).features
            self._store(features, as_of, customers)
        self._publish()

    def run(self, *, once: bool) -> None:
        """Goes on until it is stopped; `once`: until there are no more messages."""
        quiet = 0
        while not self.stopping and not (once and quiet >= _QUIET):
            quiet = 0 if self.step() else quiet + 1
        self.write_status(running=False)

    def step(self) -> int:
        """Takes one batch, or looks after what time alone changes; returns how many messages were read."""
        self._look_at_service()
        self.sweep_if_due()
        batch = self._patiently(lambda: self.ports.source.read(self.rules.most, self.rules.wait_seconds))
        if not batch.messages:
            self._forget_erased()
            self.write_status()
            return 0
        try:
            self._take(batch)
        except FencedError:
            logs.write("stream_fenced", level="warning", stream=self.rules.name)
            return len(batch.messages)
        self._publish()
        self._patiently(lambda: self.ports.source.done(batch))
        self.write_status()
        return len(batch.messages)

    def _take(self, batch: Batch) -> None:
        self._forget_erased()
        intake = Intake(self.state, self.scorer, self.ports.reader, self.rules.id)
        listed = open_suppression(self.rules.home)
        taken, result, as_of = self._patiently(
            lambda: intake.take(batch, self.rules.clock, self._publishing(listed), listed)
        )
        self.counts.add(taken)
        self.counts.batch = taken.read
        self.counts.redelivered += sum(message.redelivered for message in batch.messages)
        moments = [message.at for message in batch.messages if message.at]
        self.counts.oldest = (datetime.now(UTC) - min(moments)).total_seconds() if moments else None
        self._store(result.features, as_of, list(result.stands))

    def replay_dead(self) -> None:
        """Takes the dead letters once more, as if they had just come; what is poison still stays a dead letter."""
        rows = self.state.ask("SELECT mark, position, body, key FROM dead ORDER BY at, position")
        messages = [_again(*row) for row in rows]
        for start in range(0, len(messages), self.rules.most):
            with self.state.transaction():
                marks = [(str(mark),) for mark, *_ in rows[start : start + self.rules.most]]
                self.state.write("DELETE FROM inbox WHERE mark = ?", marks)
                self.state.write("DELETE FROM dead WHERE mark = ?", marks)
            self._take(Batch(messages[start : start + self.rules.most]))
        self._publish()

    def sweep_if_due(self) -> None:
        """Scores everybody anew where a day, or what is in service, has changed since the last time."""
        due = f"{self.rules.clock():%Y-%m-%d} {self.scorer.mark}"
        if self.state.noted("swept") == due:
            return
        with self.state.alone("sweep"):
            if self.state.noted("swept") != due:
                self.sweep()
                with self.state.transaction():
                    self.state.note("swept", due)

    def sweep(self) -> int:
        """Scores everybody in the history as of now: time alone moves scores. Returns how many customers there are."""
        first = self.state.noted("swept") is None
        last, swept = "", 0
        asked = "SELECT DISTINCT customer_id FROM history WHERE customer_id > ? ORDER BY customer_id LIMIT ?"
        while rows := self.state.ask(asked, [last, TOGETHER]):
            customers = [str(customer) for (customer,) in rows]
            last, swept = customers[-1], swept + len(customers)
            listed = open_suppression(self.rules.home)
            with self.state.transaction(customers):
                as_of = self.rules.clock()
                result = self.scorer.score(self.state, customers, as_of)
                causes: dict[str, str] | None = None if first else {}
                keep_stands(self.state, result.stands, as_of, causes, self._publishing(listed))
            self._store(result.features, as_of, customers)
            self.write_status()
        old = time.time() - self.rules.keep_days * _DAY
        with self.state.transaction():
            self.state.write("DELETE FROM inbox WHERE at < ?", [(old,)])
            # where nothing takes them they must not stay for ever: nobody knows whom an unreadable one is of
            kept = "" if self.ports.dead is None else " AND sent = 1"
            self.state.write(f"DELETE FROM dead WHERE at < ?{kept}", [(old,)])  # noqa: S608 one of two texts
        self._publish()
        return swept

    def _publishing(self, listed: Suppression | None) -> Publishing:
        return Publishing(
            self.scorer.policy, self.scorer.versions, self.ports.out is not None, self.rules.scores, listed
        )

    def _look_at_service(self) -> None:
        """Opens releases and the policy anew where others are in service."""
        if service_mark(self.rules.home) != self.scorer.mark:
            self.scorer = LiveScorer(self.rules.home, self.rules.use_cases)

    def _publish(self) -> None:
        """Publishes the outbox and the dead letters, of several workers one at a time, so that changes keep order."""
        if self._anything_to_publish():
            with self.state.alone("publish"):
                self._publish_changes()
                self._publish_letters()

    def _anything_to_publish(self) -> bool:
        out, letters = self.ports.out, self.ports.dead
        return bool((out and self.state.ask(_OUTBOX, [1])) or (letters and self.state.ask(_LETTERS, [1])))

    def _publish_changes(self) -> None:
        """What was acknowledged leaves the outbox."""
        out = self.ports.out
        while out is not None and (rows := self.state.ask(_OUTBOX, [_AT_ONCE])):
            barred = self._barred([str(customer) for _, _, customer, _ in rows])
            messages = [
                Outgoing(id=str(id_), body=str(body).encode(), key=str(customer))
                for _, id_, customer, body in rows
                if customer not in barred
            ]
            if messages:
                self._patiently(partial(out.publish, messages))
            with self.state.transaction():
                self.state.write("DELETE FROM outbox WHERE number = ?", [(number,) for number, *_ in rows])
            self.counts.published += len(messages)
            self.write_status()

    def _publish_letters(self) -> None:
        letters = self.ports.dead
        while letters is not None and (rows := self.state.ask(_LETTERS, [_AT_ONCE])):
            sent = [_letter(*row, whole=self.rules.dead_bodies) for row in rows]
            self._patiently(partial(letters.publish, sent))
            with self.state.transaction():
                self.state.write("UPDATE dead SET sent = 1 WHERE mark = ?", [(mark,) for mark, *_ in rows])

    def _barred(self, customers: Sequence[str]) -> frozenset[str]:
        """Whoever objected or was erased by now: nothing is published of them."""
        listed = open_suppression(self.rules.home)
        return listed.among(customers) | frozenset(listed.erased(customers)) if listed else frozenset()

    def _store(self, features: Mapping[str, pa.Table], as_of: datetime, customers: Sequence[str]) -> None:
        """Brings the online store up to what was scored, and notes that; a row of a later moment stays."""
        listed, home = open_suppression(self.rules.home), self.rules.home
        gone = frozenset(listed.erased(customers)) if listed and customers else frozenset()
        for table in {id(table): table for table in features.values()}.values():
            columns = [name for name in table.column_names if name != CUSTOMER_ID]
            ids = table.column(CUSTOMER_ID).to_pylist()
            cells = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
            rows = [(customer, row) for customer, row in zip(ids, cells, strict=True) if customer not in gone]
            if rows:
                feature_store.put(home, columns, rows, as_of=as_of.timestamp())
        if listed and (late := frozenset(listed.erased(customers)) - gone):
            feature_store.delete(home, late)  # erased between the question and the writing
        with self.state.transaction():
            self.state.write(_STORED, [(one, as_of.timestamp()) for one in customers])

    def _forget_erased(self) -> None:
        """Removes whoever was erased meanwhile."""
        if pending := pending_erasures.pending_of(self.rules.home):
            forget_in_state(self.state, pending)

    def _patiently(self, work: Callable[[], T]) -> T:
        """What some work gives, tried again where a broker cannot be reached or a disk is full: the source pauses.

        Membership of the group is kept alive meanwhile. With `patience` it gives up at last and raises what it met.
        """
        for number in count():
            try:
                done = work()
            except (UnavailableError, sqlite3.Error, OSError) as error:
                if not isinstance(error, UnavailableError) and not is_full(error):
                    raise
                if self.stopping or number >= self.rules.patience:
                    raise
                self._pause("disk" if is_full(error) else "broker", _WAITS[min(number, len(_WAITS) - 1)])
            else:
                if self.counts.paused:
                    self.counts.pause(None)
                    self.ports.source.resume()
                return done
        raise AssertionError

    def _pause(self, why: str, seconds: float) -> None:
        if self.counts.paused is None:
            logs.write("stream_paused", level="warning", stream=self.rules.name, why=why)
        self.counts.pause(why)
        with suppress(UnavailableError):
            self.ports.source.pause()
            self.ports.source.read(0, 0.0)  # keeps the membership
        with suppress(sqlite3.Error, OSError):
            self.write_status()
        self.rules.sleep(seconds)

    def write_status(self, *, running: bool = True) -> None:
        """Gives a sign; see `Heartbeat.beat`."""
        self._heartbeat.beat(self.counts, running=running)


def _letter(mark: object, position: object, rule: object, body: object, key: object, *, whole: bool) -> Outgoing:
    """A dead letter: rule and position, and the message as it came only where that is asked for."""
    headers = {"penchant-rule": str(rule), "penchant-position": str(position)}
    if not whole:
        return Outgoing(id=str(mark), body=json.dumps({"rule": rule, "position": position}).encode(), headers=headers)
    content = body if isinstance(body, bytes) else str(body).encode()
    return Outgoing(id=str(mark), body=content, key=None if key is None else str(key), headers=headers)


def _again(_: object, position: object, body: object, key: object) -> Message:
    content = body if isinstance(body, bytes) else str(body).encode()
    return Message(position=str(position), identity=str(position), body=content, key=None if key is None else str(key))


def is_full(error: Exception) -> bool:
    """Whether a failure says that a disk has no room."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
