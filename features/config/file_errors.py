"""What is wrong with a use-case file, as messages: sections that do not go together, keys that break a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError

from features.config.counts import count_conflicts, reactivity_conflicts
from features.config.effect import effect_conflicts
from features.config.model_section import model_conflicts
from features.config.sensitive_sections import label_may_tell
from features.config.several_logs import (
    FURTHER,
    constant_types,
    engagement_conflicts,
    is_type_of,
    log_conflicts,
    logs_in,
)
from features.config.value_section import value_conflicts
from features.config.value_types import TomlTable


def section_conflicts(raw: TomlTable) -> list[str]:
    """Sections and keys that are missing or do not go together."""
    broken = [*effect_conflicts(raw), *model_conflicts(raw), *value_conflicts(raw), *label_may_tell(raw)]
    return [*broken, *_source_conflicts(raw)]


def _source_conflicts(raw: TomlTable) -> list[str]:
    log, table = "events" in raw, "table" in raw
    if log == table:
        arrived = "both" if log else "neither"
        return [f"exactly one of [events] and [table] must be given, got {arrived}"]
    needed = ("window", "label") if log else ()
    barred = (
        ()
        if log
        else (
            "window",
            "label",
            "eligible",
            "profiles",
            "engagement",
            "counts",
            "calendar",
            "reactivity",
            "engine",
            "sample",
        )
    )
    kind = "events" if log else "table"
    broken = [f"[{name}] is required with [{kind}]" for name in needed if name not in raw]
    broken += [f"[{name}] does not go with [{kind}]" for name in barred if name in raw]
    if "enrich" in raw and "profiles" not in raw:
        broken.append("[[enrich]] goes with [profiles]; a table with a row per customer is itself [profiles]")
    if log and "texts" in raw and "profiles" not in raw:
        broken.append("[texts] goes with [table] or [profiles]: texts are read of their columns, not of events")
    quality = raw.get("quality")
    if table and isinstance(quality, Mapping) and quality.get("outliers") is True:
        broken.append("quality.outliers counts events, it does not go with [table]")
    if not log:
        return broken
    return [
        *(*broken, *log_conflicts(raw), *_label_conflicts(raw)),
        *(*count_conflicts(raw), *reactivity_conflicts(raw), *engagement_conflicts(raw)),
    ]


def _label_conflicts(raw: TomlTable) -> list[str]:
    """A label event that logs of one constant type each cannot hold."""
    types, label = constant_types(raw), raw.get("label")
    event = label.get("event") if isinstance(label, Mapping) else None
    if not types or not isinstance(event, str):
        return []
    if len(logs_in(raw)) == 1 and types[0] != event:
        return [f"label.event must be the log's only event type {types[0]!r}, got {event!r}"]
    if not is_type_of(event, types):
        return [f"label.event must be one of the logs' event types ({', '.join(map(repr, types))}), got {event!r}"]
    return []


def error_messages(failure: ValidationError, *, logs: int = 1) -> list[str]:
    """A line for each of pydantic's errors: the key, the rule, and what arrived unless it is a whole section.

    Of several logs each is named by its number, from 0.
    """
    return [
        _line(_of_its_log(error["loc"], logs), error["type"], error["msg"], error.get("input"))
        for error in failure.errors()
    ]


def _of_its_log(path: Sequence[int | str], logs: int) -> Sequence[int | str]:
    """Where an error stands in the file."""
    if logs < 2 or not path:
        return path
    if path[0] == "events":
        return ("events", 0, *path[1:])
    if path[0] == FURTHER and len(path) > 1:
        return ("events", int(path[1]) + 1, *path[2:])
    return path


def _line(path: Sequence[int | str], kind: str, rule: str, arrived: object) -> str:
    key = ".".join(str(part) for part in path if part not in ("str", "constrained-str", "TypeColumn", "CurrencyColumn"))
    if kind == "missing":
        return f"{key}: is required"
    if kind == "extra_forbidden":
        return f"{key}: unknown key"
    message = rule.removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    hidden = isinstance(arrived, dict | BaseModel) or key.endswith("_env")  # where a secret may stand by mistake
    return (f"{key}: " if key else "") + message + ("" if hidden else f", got {arrived!r}")
