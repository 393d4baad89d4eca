"""Several logs of one use case: `[[events]]` as it stands in the file, and what in it does not go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from features.config.value_types import TomlTable, TomlValue
from features.spec.feature import slug

FITTED = "fit_engagement"  # the key of `fit = true`, once a file is read
FURTHER = "further_logs"  # the key of all logs but the first, once a file is read


def logs_in(raw: TomlTable) -> list[TomlTable]:
    """The sections of events of a file, one or several."""
    stated = raw.get("events")
    listed = stated if isinstance(stated, Sequence) and not isinstance(stated, str) else [stated]
    return [each for each in listed if isinstance(each, Mapping)]


def parted(raw: TomlTable) -> dict[str, TomlValue]:
    """A file with its first log under `events` and any others beside it, and fitted weights apart from stated ones."""
    if is_fitted(raw):
        raw = {**raw, "engagement": {}, FITTED: True}
    stated = raw.get("events")
    if not isinstance(stated, Sequence) or isinstance(stated, str) or not stated:
        return dict(raw)
    first, *others = stated
    return {**raw, "events": first, **({FURTHER: others} if others else {})}


def is_fitted(raw: TomlTable) -> bool:
    """Whether the weights of engagement are to be fitted: a file has no points but `fit = true`."""
    stated = raw.get("engagement")
    return isinstance(stated, Mapping) and len(stated) == 1 and stated.get("fit") is True


def engagement_conflicts(raw: TomlTable) -> list[str]:
    """Points beside weights that are to be fitted, or `fit` that is neither points nor true."""
    stated = raw.get("engagement")
    if not isinstance(stated, Mapping) or not isinstance(stated.get("fit"), bool) or is_fitted(raw):
        return []
    others = ", ".join(repr(key) for key in stated if key != "fit") or "none"
    return [f"engagement.fit: must be true without any points beside it, got {stated['fit']!r} and points of {others}"]


def constant_types(raw: TomlTable) -> list[str] | None:
    """The types of events that a file's logs have, by the names that the use case knows them by.

    None where a log has a column of types.
    """
    logs = logs_in(raw)
    types = [stated_type(log) for log in logs]
    return None if None in types else [kind for kind in types if kind is not None]


def stated_type(log: TomlTable) -> str | None:
    """The type of all of a log's events, after the log's name; None where the events carry theirs."""
    name, kind = log.get("name"), log.get("type")
    if not isinstance(kind, str):
        return None
    return f"{name}_{kind}" if isinstance(name, str) else kind


def is_type_of(name: str, types: Sequence[str]) -> bool:
    """Whether a name is that of one of some types, whatever its case, accents and signs."""
    return slug(name) in {slug(kind) for kind in types}


def log_conflicts(raw: TomlTable) -> list[str]:
    """What several logs of a file have in common and must not, or must have in common and have not."""
    logs = logs_in(raw)
    if isinstance(raw.get("events"), Sequence) and not logs:
        return ["events: must be at least one log, got none"]
    return [*_repeated_names(logs), *_shared_types(logs), *_other_currencies(logs)] if len(logs) > 1 else []


def _repeated_names(logs: Sequence[TomlTable]) -> Iterator[str]:
    names = [log.get("name") for log in logs]
    for at, name in enumerate(names):
        if isinstance(name, str) and name in names[:at]:
            yield f"events.{at}.name: must be another than that of a log before it, got {name!r}"


def _shared_types(logs: Sequence[TomlTable]) -> Iterator[str]:
    met: dict[str, int] = {}
    for at, log in enumerate(logs):
        kind = stated_type(log)
        if kind is None:
            continue
        if slug(kind) in met:
            rule = f"must be another than that of events.{met[slug(kind)]}: no two logs share a type of events"
            yield f"events.{at}.type: {rule}; {how_to_part(str(log.get('type')))}, got {log.get('type')!r}"
        met.setdefault(slug(kind), at)


def how_to_part(kind: str) -> str:
    """How a type that two logs have is made two."""
    return f"give each a name, which then stands before its types (name = \"till\": 'till_{slug(kind)}')"


def _other_currencies(logs: Sequence[TomlTable]) -> Iterator[str]:
    known: str | None = None
    for at, log in enumerate(logs):
        stated = log.get("currency")
        currency = stated.get("to") if isinstance(stated, Mapping) else stated
        if not isinstance(currency, str):
            continue
        if known is not None and currency.upper() != known.upper():
            rule = f"must be that of the logs before it, {known!r}, or a column with rates to it"
            yield f"events.{at}.currency: {rule}, got {currency!r}"
        known = known or currency
