"""A batch taken into the state: a message counts once, one that breaks a rule is a dead letter, others move scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from features.spec.feature import Json
from features.spec.ids import posted_id
from scoring.privacy.suppression import Suppression
from serving.stream_state.state import Cell, StreamState
from serving.streams.changes import Publishing, keep_stands
from serving.streams.contracts import Contract, StreamEvent, customer_of
from serving.streams.live_scores import LiveResult, LiveScorer
from serving.streams.port import Batch, Message, MessageReader, PoisonError

_KNOWN = "SELECT mark FROM inbox WHERE mark IN {}"
_KNOWN_BEFORE = "SELECT mark FROM history WHERE mark IN {}"
_TAKE = "INSERT INTO inbox VALUES (?, ?) ON CONFLICT DO NOTHING"
_UNCLAIMED = "SELECT content, number FROM history WHERE contract = ? AND mark IS NULL AND content IN {}"
_CLAIM = "UPDATE history SET mark = ?, record = ? WHERE number = ?"
_ADD = """
INSERT INTO history (contract, customer_id, content, mark, cells, record) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_DEAD = "INSERT INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING"
_TRAITS = "INSERT INTO traits VALUES (?, ?, ?) ON CONFLICT (customer_id, contract) DO UPDATE SET cells = excluded.cells"


@dataclass(slots=True)
class TakenBatch:
    """What became of the messages of a batch."""

    read: int = 0
    applied: int = 0
    duplicates: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A message that can be read."""

    mark: str
    message: Message
    record: Mapping[str, Json]
    customer: str
    events: Mapping[str, StreamEvent]  # by contract


@dataclass(frozen=True, slots=True)
class _Broken:
    """A message that breaks a rule."""

    mark: str
    message: Message
    rule: str
    customer: str | None


class Intake:
    """How batches are taken in, by the scorer of the moment."""

    def __init__(self, state: StreamState, scorer: LiveScorer, reader: MessageReader, key: str | None) -> None:
        """Takes all it needs; `key` is the declared key of a message's id."""
        self._state, self._scorer, self._reader, self._key = state, scorer, reader, key
        contracts = scorer.contracts.values()
        self._customer_keys = list(dict.fromkeys(key for contract in contracts for key in contract.customer_keys))

    def take(
        self, batch: Batch, clock: Callable[[], datetime], rules: Publishing, listed: Suppression | None
    ) -> tuple[TakenBatch, LiveResult, datetime]:
        """Within one transaction: events into the history, scores and segments anew, changes into the outbox.

        Scores are as of a moment within it, when nobody else writes of these customers: who writes later is later.

        Raises:
            FencedError: The batch is of an old generation of the group.
            UnavailableError: A registry of schemas cannot be reached.
            sqlite3.Error: The state cannot be written, and is as it was.
        """
        read = [self._sorted(message) for message in batch.messages]
        counts = TakenBatch(len(read))
        with self._state.transaction({one.customer for one in read if isinstance(one, _Sorted)}):
            as_of = clock()
            self._state.claim(sorted({one.partition for one in batch.messages} - {""}), batch.generation)
            fresh = self._fresh(read, as_of, counts)
            gone = frozenset(listed.erased({one.customer for one in fresh})) if listed else frozenset()
            kept = [one for one in fresh if one.customer not in gone]
            self._keep(kept)
            causes = {one.customer: self._cause(one) for one in kept}
            counts.applied = len(kept)
            result = self._scorer.score(self._state, list(causes), as_of)
            keep_stands(self._state, result.stands, as_of, causes, rules)
        return counts, result, as_of

    def _fresh(self, read: Sequence[_Sorted | _Broken], as_of: datetime, counts: TakenBatch) -> list[_Sorted]:
        """Messages that were not met before; dead letters are put aside."""
        marks = [one.mark for one in read]
        known = {str(mark) for (mark,) in self._state.ask_of(_KNOWN, marks)}
        known |= {str(mark) for (mark,) in self._state.ask_of(_KNOWN_BEFORE, marks)}
        fresh, taken, at = list[_Sorted](), list[str](), as_of.timestamp()
        letters = list[Sequence[Cell]]()
        for one in read:
            if one.mark in known:
                counts.duplicates += 1
                continue
            known.add(one.mark)
            taken.append(one.mark)
            if isinstance(one, _Sorted):
                fresh.append(one)
                continue
            counts.dead += 1
            message = one.message
            letters.append((one.mark, message.position, one.rule, message.body, message.key, one.customer, at))
        self._state.write(_DEAD, letters)
        self._state.write(_TAKE, [(mark, at) for mark in taken])
        return fresh

    def _sorted(self, message: Message) -> _Sorted | _Broken:
        mark, customer = _mark(f"at {message.identity}"), None
        try:
            record = self._reader.record(message)
            if self._key is None and message.identity is None:
                raise PoisonError("A message must have an id: `id` of [source] names its key")
            if self._key is not None:
                mark = _mark(f"id {self._identity(record)}")
            customer = customer_of(record, self._customer_keys)
            return _Sorted(mark, message, record, customer, self._events(record, customer))
        except PoisonError as error:
            return _Broken(_mark(f"dead {message.identity or message.body!r}"), message, str(error), customer)

    def _identity(self, record: Mapping[str, Json]) -> str:
        value = record.get(self._key or "")
        if value is None or value == "" or not isinstance(value, str | int | float):
            raise PoisonError(f"{self._key} must be there, as text or a number")
        return posted_id(value) or json.dumps(value)

    def _events(self, record: Mapping[str, Json], customer: str) -> dict[str, StreamEvent]:
        """The event by each contract that it keeps; raises PoisonError where there is none."""
        found, rules = dict[str, StreamEvent](), list[str]()
        for digest, contract in self._scorer.contracts.items():
            try:
                found[digest] = contract.read(record, customer, self._key)
            except PoisonError as error:
                rules.append(str(error))
        if not found:
            raise PoisonError("; ".join(dict.fromkeys(rules)))
        return found

    def _keep(self, fresh: Sequence[_Sorted]) -> None:
        """Puts events into the history, or finds that the log had them already."""
        for contract in self._scorer.contracts:
            events = [(one.mark, one.events[contract]) for one in fresh if contract in one.events]
            logged = dict[str, list[Cell]]()
            wanted = list(dict.fromkeys(event.content for _, event in events))
            for content, number in self._state.ask_of(_UNCLAIMED, wanted, [contract]):
                logged.setdefault(str(content), []).append(number)
            claimed, added = list[Sequence[Cell]](), list[Sequence[Cell]]()
            for mark, event in events:
                if numbers := logged.get(event.content):
                    claimed.append((mark, event.record, numbers.pop()))
                else:
                    added.append((contract, event.customer_id, event.content, mark, event.cells, event.record))
            self._state.write(_CLAIM, claimed)
            self._state.write(_ADD, added)

    def _cause(self, one: _Sorted) -> str:
        return self._identity(one.record) if self._key is not None else one.message.position


def load_history(
    state: StreamState,
    contract: Contract,
    rows: Iterator[Mapping[str, Json | datetime]],
    traits: Iterator[Mapping[str, Json | datetime]],
) -> int:
    """Within a transaction: the clean events and traits of a log, before any message; returns how many events are new.

    An event that a message brought is not taken in twice: each is matched with one that says the same.
    """
    known = dict[str, int]()
    for (content,) in state.ask("SELECT content FROM history WHERE contract = ?", [contract.digest]):
        known[str(content)] = known.get(str(content), 0) + 1
    added = list[tuple[str | None, ...]]()
    for row in rows:
        event = contract.logged(row)
        if known.get(event.content, 0):
            known[event.content] -= 1
        else:
            added.append((contract.digest, event.customer_id, event.content, None, event.cells, None))
    state.write(_ADD, added)
    about = [column["key"] for column in contract.compiled["traits"]][1:]
    written = ((contract.digest, str(row["customer_id"]), _cells(row, about)) for row in traits)
    state.write(_TRAITS, written)
    return len(added)


def _cells(row: Mapping[str, Json | datetime], keys: Sequence[str]) -> str:
    values = (row.get(key) for key in keys)
    return json.dumps([one.isoformat() if isinstance(one, datetime) else one for one in values], ensure_ascii=False)


def _mark(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
