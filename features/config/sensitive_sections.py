"""What a use case on a log names that may tell something sensitive: left out as it is read, or refused as a label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from features.config.counts import Count
from features.config.log_sections import Events
from features.config.sensitive import (
    TOPICS,
    AcceptedSensitive,
    SensitiveColumn,
    sensitive_column,
    sensitive_level,
    sensitive_name,
)
from features.config.several_logs import logs_in
from features.config.value_types import TomlTable, TomlValue

Accepted = Mapping[str, AcceptedSensitive]


def sensitive_columns(
    logs: Sequence[Events], counts: Sequence[Count], accepted: Accepted
) -> tuple[SensitiveColumn, ...]:
    """The properties, measures and counts of logs that may tell something by what the file calls them."""
    columns = dict.fromkeys(name for log in logs for name in (*log.properties, *log.measures))
    named = (sensitive_column(name, (), accepted) for name in columns)
    found = [one for one in named if one is not None]
    out = {one.column for one in found if one.accepted is None}
    return (*found, *_of_counts(counts, accepted, out))


def _of_counts(counts: Sequence[Count], accepted: Accepted, out: set[str]) -> Iterator[SensitiveColumn]:
    for count in counts:
        values = (str(value) for stated in count.where.values() for value in stated)
        levels = [count.event, *([count.unless] if count.unless else []), *values]
        found = sensitive_column(count.name, levels, accepted)
        if lacking := next((sensitive_name(name) for name in count.where if name in out), None):
            yield SensitiveColumn(count.name, lacking, "name", None)  # what it asks for is not there
        elif found is not None:
            yield found


def label_may_tell(raw: TomlTable) -> list[str]:
    """What is asked for, where it may tell something sensitive and nobody has accepted that: it cannot be left out."""
    accepted, broken = _section(raw, "accepted_sensitive"), []
    for key, text, columns in _asked(raw):
        found = sensitive_name(text) or sensitive_level(text)
        if found is not None and not any(column in accepted for column in columns):
            rule = f"may tell {TOPICS[found.topic]} ({found.word!r}), which [accepted_sensitive] must accept"
            broken.append(f"{key}: {rule} under {columns[0]!r}, with a reason and an owner")
    return broken


def _asked(raw: TomlTable) -> Iterator[tuple[str, str, list[str]]]:
    """What a file asks for: its key, its text, and the columns that it may be accepted under."""
    table = _section(raw, "table")
    if isinstance(label := table.get("label"), str):
        yield "table.label", label, [label]
        if isinstance(positive := table.get("positive"), str):
            yield "table.positive", positive, [label]
    if isinstance(event := _section(raw, "label").get("event"), str):
        kinds = [kind for log in logs_in(raw) if isinstance(kind := log.get("type"), Mapping)]
        columns = [column for kind in kinds if isinstance(column := kind.get("column"), str)]
        yield "label.event", event, columns or [event]


def _section(raw: TomlTable, name: str) -> Mapping[str, TomlValue]:
    section = raw.get(name)
    return section if isinstance(section, Mapping) else {}
