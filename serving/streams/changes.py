"""Changes to publish: one when a customer's segment has been another for long enough, with an id that never changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from msgspec.json import decode, encode

from features.spec.feature import Json
from scoring.privacy.suppression import Suppression
from scoring.segments.policy import Policy
from serving.stream_state.state import Cell, StreamState
from serving.streams.live_scores import LiveStand, Scores

BY_TIME = "time"  # what caused a change that no event did
_FIND = "SELECT customer_id, segment, published, published_at, published_scores, n FROM stands WHERE customer_id IN {}"
_PUT = """
INSERT INTO stands VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (customer_id) DO UPDATE SET
segment = excluded.segment, scores = excluded.scores, at = excluded.at, cause = excluded.cause,
published = excluded.published, published_at = excluded.published_at, published_scores = excluded.published_scores,
n = excluded.n, stored = 0
"""
_PUBLISH = "INSERT INTO outbox (id, customer_id, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class PublishedStand:
    """What was published of a customer last."""

    segment: str | None
    at: float  # when that began, in seconds since the epoch
    scores: Mapping[str, Json]
    n: int


@dataclass(frozen=True, slots=True)
class Publishing:
    """What is published, and for whom not."""

    policy: Policy
    versions: Mapping[str, str]
    changes: bool  # whether there is anywhere to publish to
    scores: bool  # whether changes of score go out too
    listed: Suppression | None  # who objected


def keep_stands(
    state: StreamState,
    found: Mapping[str, LiveStand],
    as_of: datetime,
    causes: Mapping[str, str] | None,
    rules: Publishing,
) -> None:
    """Within a transaction: keeps where customers stand, and puts what has changed into the outbox.

    Args:
        state: Of the stream.
        found: Where they stand now.
        as_of: The moment, UTC.
        causes: By customer what moved them; None: nothing is published of whoever is new, who has always been there.
        rules: What is published.
    """
    before = {
        str(customer): PublishedStand(_text(published), float(at or 0), decode(str(scores)), int(n or 0))
        for customer, _, published, at, scores, n in state.ask_of(_FIND, list(found))
    }
    barred = rules.listed.among(found) if rules.listed else frozenset[str]()
    rows, messages = list[Sequence[Cell]](), list[tuple[str, str, str]]()
    for customer, stand in found.items():
        was = before.get(customer)
        cause = BY_TIME if causes is None else causes.get(customer, BY_TIME)
        silent = customer in barred or not rules.changes or (was is None and causes is None)
        made = [] if silent else list(_changes(customer, stand, was, as_of, cause, rules))
        messages += [(str(one["id"]), customer, encode(one).decode()) for one in made]
        rows.append(_row(customer, stand, was, as_of, cause, made, silent=silent))
    state.write(_PUT, rows)
    state.write(_PUBLISH, messages)


def _changes(
    customer: str, stand: LiveStand, was: PublishedStand | None, as_of: datetime, cause: str, rules: Publishing
) -> Iterator[dict[str, Json]]:
    n = was.n if was else 0
    old = was.segment if was else None
    scores: dict[str, Json] = dict(_scores(stand.scores))
    shared: dict[str, Json] = {
        "customer_id": customer,
        "score": scores,
        "at": as_of.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "caused_by": cause,
        "versions": dict(rules.versions),
    }
    if old != stand.segment and (was is None or _stayed(rules.policy, was, stand, as_of)):
        n += 1
        moved: dict[str, Json] = {"id": f"{customer}-{n}", "type": "segment.changed", "from": old, "to": stand.segment}
        yield {**moved, **shared}
    for name, score in scores.items() if rules.scores else ():
        earlier = was.scores.get(name) if was else None
        if earlier != score:
            n += 1
            moved = {"id": f"{customer}-{n}", "type": "score.changed", "use_case": name, "from": earlier, "to": score}
            yield {**moved, **shared}


def _stayed(policy: Policy, was: PublishedStand, stand: LiveStand, as_of: datetime) -> bool:
    """Whether the minimum stay of both segments is over; who is back by then has not changed."""
    segments = (policy.by_code.get(code or "") for code in (was.segment, stand.segment))
    stay = max((one.minimum_stay for one in segments if one is not None), default=timedelta())
    return as_of.date() >= datetime.fromtimestamp(was.at, UTC).date() + stay


def _row(
    customer: str,
    stand: LiveStand,
    was: PublishedStand | None,
    as_of: datetime,
    cause: str,
    made: Sequence[Mapping[str, Json]],
    *,
    silent: bool,
) -> Sequence[Cell]:
    """What is kept: a silent change counts as published, as it is not made up for."""
    moved = silent or any(one["type"] == "segment.changed" for one in made)
    now = was is None or (moved and was.segment != stand.segment)
    published = stand.segment if was is None or moved else was.segment
    since = as_of.timestamp() if now or was is None else was.at
    scores = encode({name: one["score"] for name, one in stand.scores.items()}).decode()
    n = (was.n if was else 0) + len(made)
    return (
        customer,
        stand.segment,
        encode(stand.scores).decode(),
        as_of.timestamp(),
        cause,
        published,
        since,
        scores,
        n,
    )


def _scores(scores: Scores) -> Iterator[tuple[str, Json]]:
    return ((name, one["score"]) for name, one in scores.items())


def _text(value: Cell) -> str | None:
    return None if value is None else str(value)
