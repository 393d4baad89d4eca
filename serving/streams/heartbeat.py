"""The signs that a worker gives of itself: what it did, and how its stream stands, written for whoever looks at it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from serving.stream_state.state import StreamState
from serving.stream_state.status import StreamStatus, write_status
from serving.streams.intake import TakenBatch
from serving.streams.port import MessageSource, UnavailableError

BEAT_SECONDS = 2.0  # between two signs
MOST_RULES = 12  # that dead letters are counted by; of a flood of rules the rest counts as one
OTHER_RULES = "other rules"
_COUNT = "SELECT COUNT(*) FROM PLACE"
_BY_RULE = "SELECT rule, COUNT(*) FROM dead GROUP BY rule ORDER BY COUNT(*) DESC, rule"


@dataclass(slots=True)
class StreamCounts:
    """What a worker did."""

    read: int = 0
    applied: int = 0
    duplicates: int = 0
    dead: int = 0
    published: int = 0
    redelivered: int = 0
    batch: int = 0
    oldest: float | None = None
    paused: str | None = None
    paused_since: str | None = None
    lag: int | None = field(default=None)

    def add(self, taken: TakenBatch) -> None:
        """Counts a batch."""
        self.read += taken.read
        self.applied += taken.applied
        self.duplicates += taken.duplicates
        self.dead += taken.dead

    def pause(self, why: str | None) -> None:
        """Notes that it waits, and since when; None: that it goes on."""
        if why is None or self.paused is None:
            self.paused_since = None if why is None else _now()
        self.paused = why


class Heartbeat:
    """What one worker writes of itself into the home."""

    def __init__(self, home: Path, name: str, state: StreamState, source: MessageSource) -> None:
        """Begins now."""
        self._home, self._name, self._state, self._source = home, name, state, source
        self._started, self._beaten = _now(), float("-inf")

    def beat(self, counts: StreamCounts, *, running: bool = True) -> None:
        """Says how the stream stands: every BEAT_SECONDS while it runs, at once where it waits or stops.

        Raises:
            sqlite3.Error: The state cannot be read now.
            OSError: The home cannot be written now.
        """
        now = time.monotonic()
        if running and now - self._beaten < BEAT_SECONDS and counts.paused is None:
            return
        self._beaten = now
        counts.lag = self._lag(counts)
        write_status(self._home, self._status(counts, running=running))

    def _lag(self, counts: StreamCounts) -> int | None:
        """Of a broker that is being waited for none is asked."""
        if counts.paused is not None:
            return None
        try:
            return self._source.lag()
        except UnavailableError:
            return None

    def _status(self, counts: StreamCounts, *, running: bool) -> StreamStatus:
        outbox, customers = (
            int(self._state.ask(_COUNT.replace("PLACE", place))[0][0] or 0) for place in ("outbox", "stands")
        )
        rules = {str(rule): int(number or 0) for rule, number in self._state.ask(_BY_RULE)}
        place = self._state.place
        return StreamStatus(
            name=self._name,
            path=str(place.path.resolve()) if place.path else "",
            postgres=place.postgres,
            postgres_env=place.postgres_env,
            worker=self._state.worker,
            at=_now(),
            started=self._started,
            running=running,
            paused=counts.paused,
            paused_since=counts.paused_since,
            lag=counts.lag,
            oldest_seconds=counts.oldest,
            batch=counts.batch,
            applied=counts.applied,
            duplicates=counts.duplicates,
            redelivered=counts.redelivered,
            published=counts.published,
            dead=sum(rules.values()),
            dead_by_rule=_fewer(rules),
            outbox=outbox,
            customers=customers,
        )


def _fewer(rules: dict[str, int]) -> dict[str, int]:
    """The rules that are broken most, and how many letters break others."""
    listed = list(rules.items())
    kept, rest = dict(listed[:MOST_RULES]), sum(number for _, number in listed[MOST_RULES:])
    return kept | ({OTHER_RULES: rest} if rest else {})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
