"""Which of several logs a posted event is of: it says so under `log`, or its keys and its type leave but one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from features.spec.feature import slug
from features.spec.raw_events import RawEvents, RawLog
from scoring.encoding.notes import Note
from scoring.encoding.value_rules import kind
from serving.customers.event_rows import INNER, PostedRecord, names, note

LOG = "log"  # the key under which an event says which log it is of, and the column of its number


def logs_of(compiled: RawEvents) -> Sequence[RawLog]:
    """The logs that events may be of: one that is all of them, where a use case has but one."""
    if several := compiled.get("logs"):
        return several
    columns = [column for column in compiled["events"] if column["key"] not in INNER]
    ignored, identity = compiled.get("ignored", {}).get("events", []), compiled.get("id")
    # That events of a constant type need not say it is all that is asked of `only`; which it is the SQL knows.
    only = None if compiled["typed"] else ""
    return [
        {
            "name": "events",
            "prefix": "",
            "only": only,
            "events": columns,
            "id": identity,
            "currency": compiled.get("currency"),
            "ignored": ignored,
            "customer": next((name for name in ignored if name != identity), None),
        }
    ]


def number_of_log(logs: Sequence[RawLog], event: Any, what: str, also: Sequence[str] = ()) -> tuple[int, list[Note]]:
    """The position of an event's log, and what is broken where it is of none or may be of several.

    `also` are keys that an event of any log may hold.
    """
    if len(logs) == 1 or not isinstance(event, dict):
        return 0, []
    if (said := event.get(LOG)) is not None:
        return _named(logs, said, what)
    found = [at for at, log in enumerate(logs) if _fits(log, event, also)]
    if len(found) != 1 and (typed := [at for at in found if _is_only(logs[at], event)]):
        found = typed
    if len(found) == 1:
        return found[0], []
    shown = ", ".join(log["name"] for log in logs)
    if found:
        return 0, [
            note(what, f"may be of several logs ({', '.join(logs[at]['name'] for at in found)}): say which under `log`")
        ]
    return 0, [note(what, f"must hold the columns of one of the logs ({shown}), or say under `log` which it is of")]


def log_of_type(logs: Sequence[RawLog], event: str) -> RawLog:
    """The log that has the events of a type, as the use case names it; the first where no log says so."""
    kind = slug(event)
    only = [log for log in logs if log["only"] is not None and kind == log["prefix"] + log["only"]]
    typed = [log for log in logs if log["only"] is None and kind.startswith(log["prefix"])]
    return [*only, *typed, *logs][0]


def own_type(log: RawLog, event: str) -> str:
    """A type of the use case as the log itself calls it."""
    return event[len(log["prefix"]) :] if slug(event).startswith(log["prefix"]) else event


def known_names(log: RawLog) -> set[str]:
    """All that an event of a log may hold."""
    currency = log["currency"]
    own = {name for column in log["events"] for name in names(column)}
    return own | set(log["ignored"]) | ({currency["name"]} if currency else set())


def _named(logs: Sequence[RawLog], said: Any, what: str) -> tuple[int, list[Note]]:
    known = [log["name"] for log in logs]
    if said in known:
        return known.index(said), []
    got = "another text" if isinstance(said, str) else kind(said)
    return 0, [note(f"{what}.{LOG}", f"must be one of {', '.join(known)}, got {got}")]


def _fits(log: RawLog, event: PostedRecord, also: Sequence[str]) -> bool:
    """Whether an event holds what a log's may and must, and no other type than the log's only one."""
    needed = ("ts", "type") if log["only"] is None else ("ts",)
    there = {column["key"]: any(event.get(name) is not None for name in names(column)) for column in log["events"]}
    said = _type_said(log, event)
    other = log["only"] is not None and said is not None and not _is_only(log, event)
    return event.keys() <= known_names(log).union(also) and all(there[key] for key in needed) and not other


def _is_only(log: RawLog, event: PostedRecord) -> bool:
    """Whether an event says the one type that all of a log's events have, with or without the log's name."""
    said = _type_said(log, event)
    return log["only"] is not None and said in (log["only"], log["prefix"] + log["only"])


def _type_said(log: RawLog, event: PostedRecord) -> str | None:
    column = next(column for column in log["events"] if column["key"] == "type")
    said = next((value for name in names(column) if isinstance(value := event.get(name), str)), None)
    return None if said is None else slug(said)
