"""A broker in memory: a real source and a real sink, which can break where a test says, and a stream over a home."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from serving.stream_state.open_state import open_state
from serving.stream_state.state import StatePlace
from serving.streams.intake import load_history
from serving.streams.json_records import JsonRecords
from serving.streams.port import Batch, Message, Outgoing, UnavailableError
from serving.streams.worker import StreamPorts, StreamRules, StreamWorker

PLACES: dict[Path, StatePlace] = {}  # by home: where the state of its stream stands
NOW = datetime(1998, 7, 1, tzinfo=UTC)  # the day after CDNOW's last


class KilledError(BaseException):
    """The worker is gone, as by kill -9: nothing it would have done afterwards is done."""


@dataclass
class ListSource:
    """Messages in a list; what is not done is handed out again by the next one over the same list."""

    messages: list[Message]
    done_to: int = 0
    at: int = 0
    generation: int = 1
    paused: bool = False
    breaks_at_done: bool = False

    def read(self, most: int, _wait_seconds: float) -> Batch:
        """The next ones."""
        if self.paused:
            return Batch([], self.generation)
        some = self.messages[self.at : self.at + most]
        self.at += len(some)
        return Batch(some, self.generation)

    def done(self, batch: Batch) -> None:
        """Commits."""
        if self.breaks_at_done:
            raise KilledError
        self.done_to = max(self.done_to, self.at)
        assert batch.messages

    def pause(self) -> None:
        """No more."""
        self.paused = True

    def resume(self) -> None:
        """Goes on."""
        self.paused = False

    def rewind(self, since: datetime) -> None:
        """Back to a moment."""
        self.at = next((at for at, one in enumerate(self.messages) if one.at and one.at >= since), len(self.messages))

    def lag(self) -> int | None:
        """What was not handed out."""
        return len(self.messages) - self.at

    def close(self) -> None:
        """What is not done is handed out again."""
        self.at = self.done_to


@dataclass
class ListSink:
    """Published messages in a list."""

    published: list[Outgoing] = field(default_factory=list)
    breaks: list[BaseException] = field(default_factory=list)  # the next ones

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Keeps them."""
        if self.breaks:
            raise self.breaks.pop(0)
        self.published += messages

    def close(self) -> None:
        """Nothing to let go of."""

    def bodies(self) -> list[Any]:
        """What they say."""
        return [json.loads(one.body) for one in self.published]


def messages_of(rows: Iterable[Mapping[str, Any] | str], *, topic: str = "events") -> list[Message]:
    """A message for each row; a text is a body as it is."""
    return [
        Message(
            position=f"{topic}/0/{at}",
            identity=f"{topic}/0/{at}",
            partition=f"{topic}/0",
            body=(row if isinstance(row, str) else json.dumps(row, default=str)).encode(),
        )
        for at, row in enumerate(rows)
    ]


def worker_of(home: Path, source: ListSource, out: ListSink | None = None, **changes: Any) -> StreamWorker:
    """A worker over a home whose state stands there, unless PLACES says where else."""
    dead = changes.pop("dead", None)
    place = PLACES.get(home) or StatePlace("shop", home / "streams" / "shop.db")
    rules = StreamRules(**{"name": "shop", "home": home, "clock": lambda: NOW, "sleep": lambda _: None, **changes})
    state = open_state(place)
    state.join()
    return StreamWorker(state, StreamPorts(source, JsonRecords(), out, dead), rules)


def with_history(worker: StreamWorker, events: pl.DataFrame) -> None:
    """Loads a log's clean events."""
    for contract in worker.scorer.contracts.values():
        with worker.state.transaction():
            load_history(worker.state, contract, events.iter_rows(named=True), iter(()))


__all__ = [
    "NOW",
    "PLACES",
    "KilledError",
    "ListSink",
    "ListSource",
    "UnavailableError",
    "messages_of",
    "with_history",
    "worker_of",
]
