"""Raw events: a posted history becomes features by the SQL that was compiled in training."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from features.spec.feature import CUSTOMER_ID, Row
from features.spec.ids import posted_id
from features.spec.raw_events import RawEvents, RawLog
from scoring.answers.prepared_profile import PreparedProfile
from scoring.answers.served_release import Live
from scoring.answers.wire import Score
from scoring.encoding.notes import Note
from scoring.encoding.value_rules import kind, other_keys
from serving.customers.event_rows import (
    MAX_EVENTS,
    CellError,
    PostedRecord,
    arrow_table,
    moment,
    needed,
    note,
    read_record,
    with_derived,
    worth,
)
from serving.customers.logs_of_events import LOG, logs_of, number_of_log

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "events.json"  # in the bundle of a use case that learned from a log
AMOUNT_DECIMALS = 4  # of an amount in a log, before it is turned into another currency
_KEYS = {CUSTOMER_ID, "events", "traits", "as_of"}
_NO_EVENTS: Note = {
    "code": "no_events",
    "detail": "A use case that learned from a ready table takes `features`, not `events`.",
}
_engines = threading.local()


class PostedHistory(TypedDict):
    """A profile with events in place of features, as it was posted."""

    customer_id: NotRequired[str | int]
    events: Sequence[PostedRecord]
    traits: NotRequired[PostedRecord | None]
    as_of: str | int | float


def prepare(profiles: Sequence[Any], served: Mapping[str, Live], use_cases: Sequence[str] | None) -> Sequence[Any]:
    """The profiles, those with raw events made ready to score; the others are handed on as they are.

    Args:
        profiles: What was posted.
        served: The releases being served.
        use_cases: Those asked for; None: every one that learned from a log.
    """
    raw = [row for row, profile in enumerate(profiles) if is_raw(profile)]
    if not raw:
        return profiles
    asked = use_cases if use_cases is not None else [name for name, live in served.items() if _takes_events(live)]
    faults = {row: _faults(profiles[row]) for row in raw}
    sound = {row: profiles[row] for row in raw if not faults[row]}
    found = {name: _featured(served[name], sound) for name in asked}
    prepared = list(profiles)
    for row in raw:
        made = {name: answers[row] for name, answers in found.items() if row in answers}
        prepared[row] = PreparedProfile(
            _customer(profiles[row]),
            features={name: features for name, (features, _) in made.items() if features is not None},
            answers={name: answer for name, (_, answer) in made.items() if answer is not None},
            errors=tuple(faults[row]),
        )
    return prepared


Made = tuple[Row | None, Score | None]  # features, or an answer without a score


def _featured(live: Live, profiles: Mapping[int, PostedHistory]) -> dict[int, Made]:
    """For one use case, each profile's features, or why there are none."""
    version = live.release.version
    if not _takes_events(live):
        return dict.fromkeys(profiles, (None, {"status": "invalid", "errors": [_NO_EVENTS], "model_version": version}))
    compiled = compiled_of(live)
    events: list[list[Any]] = []
    traits: list[list[Any]] = []
    made: dict[int, Made] = {}
    for row, profile in profiles.items():
        own, about, broken = _read(compiled, row, profile)
        if broken:
            made[row] = None, {"status": "invalid", "errors": broken, "model_version": version}
        else:
            events += own
            traits += about
    lacking: Made = (None, {"status": "insufficient_data", "model_version": version})
    found = _run(compiled, events, traits)
    return {row: made.get(row) or ((found[row], None) if row in found else lacking) for row in profiles}


def _read(compiled: RawEvents, row: int, profile: PostedHistory) -> tuple[list[list[Any]], list[list[Any]], list[Note]]:
    """A profile's rows of the tables `events` and `traits`, and the rules it breaks."""
    as_of, broken, events = moment(profile["as_of"]), [], []
    met: set[tuple[Any, ...]] = set()
    logs = logs_of(compiled)
    for position, event in enumerate(profile["events"]):
        read = read_event(compiled, event, f"events[{position}]", _customer(profile))
        number, log, cells, faults = read.number, logs[read.number], read.cells, read.faults
        broken += faults
        mark = None if faults else _identity(event, log["id"], (number, *cells))
        if not faults and (mark is None or mark not in met):
            events.append([str(row), *cells_in_table(compiled, log, cells, as_of, number)])
        if mark is not None:
            met.add(mark)
    about = [column for column in compiled["traits"] if column["key"] != CUSTOMER_ID]
    ignored = compiled.get("ignored", {}).get("traits", ())
    traits, faults = read_record(with_derived(profile.get("traits") or {}, about), about, (), "traits", ignored)
    return events, [[str(row), *traits]], broken + faults


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """A posted event as its log has it."""

    number: int  # of its log
    cells: list[Any]  # in the order of the log's columns; none where a rule is broken
    faults: list[Note]


def read_event(compiled: RawEvents, event: Any, what: str, customer: str | None) -> ReadEvent:
    """One posted event of a customer; `what` is how an error names it, e.g. `events[3]`."""
    logs = logs_of(compiled)
    number, faults = number_of_log(logs, event, what, compiled.get("left_out", ()))
    cells, faults = ([], faults) if faults else _event(compiled, logs[number], event, what)
    faults = faults or _of_another(logs[number], event, customer, what)
    return ReadEvent(number, [] if faults else cells, faults)


def cells_in_table(
    compiled: RawEvents, log: RawLog, cells: Sequence[Any], as_of: datetime | None, number: int
) -> Iterator[Any]:
    """An event's cells in the order of the table's columns but for the first; what its log has not is null."""
    known = dict(zip((column["column"] for column in log["events"]), cells, strict=True))
    for column in compiled["events"][1:]:
        name = column["column"]
        yield as_of if name == "as_of" else number if name == LOG else known.get(name)


def _event(compiled: RawEvents, log: RawLog, event: Any, what: str) -> tuple[list[Any], list[Note]]:
    """One event's cells, its amount in the currency of the use case."""
    columns, currency = log["events"], log["currency"]
    ignored = [*log["ignored"], *compiled.get("left_out", ()), *([LOG] if "logs" in compiled else [])]
    ignored += [currency["name"]] if currency else []
    cells, faults = read_record(event, columns, needed(log), what, ignored)
    if faults or currency is None:
        return cells, faults
    try:
        rate = worth(event, currency)
    except CellError as error:
        return cells, [note(f"{what}.{currency['name']}", str(error))]
    at = next(place for place, column in enumerate(columns) if column["key"] == "amount")
    if cells[at] is not None and rate != 1.0:
        cells[at] = round(cells[at], AMOUNT_DECIMALS) * rate
    return cells, []


def _of_another(log: RawLog, event: PostedRecord, customer: str | None, what: str) -> list[Note]:
    """The fault of an event that names another customer than the profile, in the log's column of customers."""
    name = log["customer"]
    if name is None or event.get(name) is None or posted_id(event[name]) == customer:
        return []
    return [note(f"{what}.{name}", "must be the profile's own customer, got another")]


def _identity(event: PostedRecord, identity: str | None, cells: Sequence[Any]) -> tuple[Any, ...] | None:
    """What two posted events share that are one: the id and what they say, however spelled; None without an id."""
    value = None if identity is None else event.get(identity)
    if value is None or value == "":
        return None
    text = posted_id(value) or json.dumps(value, sort_keys=True)
    return (text, *cells)


def features_of(compiled: RawEvents, events: list[list[Any]], traits: list[list[Any]]) -> pa.Table:
    """The features of each customer with an event before its `as_of`, by the rows' first cells, in their order.

    Args:
        compiled: What a bundle says of raw events.
        events: Rows of the table `events`.
        traits: Rows of the table `traits`, where there is one.
    """
    engine = _engine()
    engine.register("events", arrow_table(compiled["events"], events))
    if compiled["traits"]:
        engine.register("traits", arrow_table(compiled["traits"], traits))
    found: pa.Table = engine.execute(compiled["sql"]).to_arrow_table()
    return found


def _run(compiled: RawEvents, events: list[list[Any]], traits: list[list[Any]]) -> dict[int, Row]:
    """The same of profiles, by row."""
    rows = features_of(compiled, events, traits).to_pylist()
    return {int(row.pop(CUSTOMER_ID)): row for row in rows}


def _engine() -> Any:
    """This thread's DuckDB: in memory, one thread, shut off from files and the network, its settings locked."""
    if not hasattr(_engines, "connection"):
        import duckdb  # only a server that is sent raw events needs it

        limits: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "memory_limit": "1GB",
            "enable_external_access": False,
        }
        _engines.connection = duckdb.connect(":memory:", config=limits)
        _engines.connection.execute("SET TimeZone = 'UTC'; SET lock_configuration = true")
    return _engines.connection


def is_raw(profile: Any) -> bool:
    """Whether a posted profile brings events instead of features."""
    return isinstance(profile, dict) and "events" in profile and "features" not in profile


def compiled_of(live: Live) -> RawEvents:
    """What the bundle of a use case that learned from a log says of raw events."""
    compiled: RawEvents = json.loads(live.release.bundle.files[FILE])
    return compiled


def _takes_events(live: Live) -> bool:
    return FILE in live.release.bundle.files


def _customer(profile: PostedHistory) -> str | None:
    return posted_id(profile.get(CUSTOMER_ID))


def _faults(profile: PostedHistory) -> list[Note]:
    """The rules that the profile itself breaks, whatever the use case."""
    broken = []
    if not _customer(profile):
        broken.append(note(CUSTOMER_ID, "must be text that is not empty, or a whole number"))
    if others := [key for key in profile if key not in _KEYS]:
        broken.append(note("profile", f"with events holds {', '.join(sorted(_KEYS))} only, got {other_keys(others)}"))
    events, traits = profile["events"], profile.get("traits")
    if not isinstance(events, list) or len(events) > MAX_EVENTS:
        got = f"{len(events)} of them" if isinstance(events, list) else kind(events)
        broken.append(note("events", f"must be a list of at most {MAX_EVENTS:,}, got {got}"))
    if traits is not None and not isinstance(traits, Mapping):
        broken.append(note("traits", f"must be an object, got {kind(traits)}"))
    try:
        moment(profile.get("as_of"))
    except CellError as error:
        broken.append(note("as_of", str(error)))
    return broken
