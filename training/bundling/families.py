"""Which features share one reason: those of a log that measure one thing, and groups that a use case declares.

Counts over nested windows, amounts and active days all say how much a customer did: what they add points both ways, and
means something as a sum only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from features.spec.feature import Feature

_VOLUME = ("frequency", "activity", "monetary", "trend", "engagement")
_RECENCY = ("recency", "freshness")


def families(features: Sequence[Feature], declared: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """The families of at least two of a model's features, by name, the members in order of theirs.

    Args:
        features: Those that the model reads.
        declared: Names of features, or of columns that features are of, by the family that a use case puts them in.
    """
    events = {feature.event for feature in features if feature.family == "recency"}
    only = next(iter(events)) if len(events) == 1 else None
    sold = next((feature.event for feature in features if feature.family == "basket"), only)
    stated = {name: family for family, names in declared.items() for name in names}
    found: dict[str, list[str]] = {}
    for feature in features:
        family = stated.get(feature.name) or stated.get(_column(feature)) or _measured(feature, only, sold)
        if family is not None:
            found.setdefault(family, []).append(feature.name)
    return {family: tuple(sorted(found[family])) for family in sorted(found) if len(found[family]) > 1}


def _measured(feature: Feature, only: str | None, sold: str | None) -> str | None:
    """The family by what a feature of a log measures, as `volume: purchase`; None where it stands alone.

    Args:
        feature: Any.
        only: The log's type of events, where it has but one.
        sold: The type of events whose amounts those of no type are.
    """
    if feature.event is None and feature.window_days is None and feature.subject is not None:
        return f"trait: {_column(feature)}"
    if feature.family == "measure":
        return f"measure: {feature.subject}"
    if feature.family == "property":
        return f"property: {feature.event} {_column(feature)}"
    if feature.family == "refund":
        return "refunds"
    if feature.family == "reactivity":
        return "reactivity"
    event = feature.event or (sold if feature.family == "monetary" else only)
    if feature.family == "regularity":
        return f"rhythm: {event}"
    kind = "recency" if feature.family in _RECENCY else "volume" if feature.family in _VOLUME else None
    if kind is None:
        return None
    return feature.family if event is None else f"{kind}: {event}"


def _column(feature: Feature) -> str:
    """The column of a feature that is of one, or counts a level of it."""
    return (feature.subject or "").partition(": ")[0]
