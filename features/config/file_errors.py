"""What is wrong with a use-case file, as messages: sections that do not go together, keys that break a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError

from features.config.counts import count_conflicts
from features.config.effect import effect_conflicts
from features.config.model_section import model_conflicts
from features.config.sensitive_sections import label_may_tell
from features.config.value_types import TomlTable


def section_conflicts(raw: TomlTable) -> list[str]:
    """Sections and keys that are missing or do not go together."""
    return [*effect_conflicts(raw), *model_conflicts(raw), *label_may_tell(raw), *_source_conflicts(raw)]


def _source_conflicts(raw: TomlTable) -> list[str]:
    log, table = "events" in raw, "table" in raw
    if log == table:
        arrived = "both" if log else "neither"
        return [f"exactly one of [events] and [table] must be given, got {arrived}"]
    needed = ("window", "label") if log else ()
    barred = () if log else ("window", "label", "eligible", "profiles", "engagement", "counts", "calendar")
    kind = "events" if log else "table"
    broken = [f"[{name}] is required with [{kind}]" for name in needed if name not in raw]
    broken += [f"[{name}] does not go with [{kind}]" for name in barred if name in raw]
    quality = raw.get("quality")
    if table and isinstance(quality, Mapping) and quality.get("outliers") is True:
        broken.append("quality.outliers counts events, it does not go with [table]")
    return broken + ([*_label_conflicts(raw), *count_conflicts(raw)] if log else [])


def _label_conflicts(raw: TomlTable) -> list[str]:
    """A label event that a log of one constant type cannot hold."""
    events, label = raw.get("events"), raw.get("label")
    if not (isinstance(events, Mapping) and isinstance(label, Mapping)):
        return []
    kind, event = events.get("type"), label.get("event")
    if isinstance(kind, str) and isinstance(event, str) and kind != event:
        return [f"label.event must be the log's only event type {kind!r}, got {event!r}"]
    return []


def error_messages(failure: ValidationError) -> list[str]:
    """A line for each of pydantic's errors: the key, the rule, and what arrived unless it is a whole section."""
    return [_line(error["loc"], error["type"], error["msg"], error.get("input")) for error in failure.errors()]


def _line(path: Sequence[int | str], kind: str, rule: str, arrived: object) -> str:
    key = ".".join(str(part) for part in path if part not in ("str", "TypeColumn", "CurrencyColumn"))
    if kind == "missing":
        return f"{key}: is required"
    if kind == "extra_forbidden":
        return f"{key}: unknown key"
    message = rule.removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{key}: {message}" + ("" if isinstance(arrived, dict | BaseModel) else f", got {arrived!r}")
