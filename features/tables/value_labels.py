"""What people read for the values of columns, by feature; labels that fit no value are findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from features.columns.expressions import slug
from features.config.use_case import UseCase
from features.spec.booleans import read_boolean
from features.spec.feature import Feature, Finding, Scalar, normalise
from features.spec.languages import LANGUAGES, Language

_PARTED = ": "  # what parts column and level in the subject of a feature that counts one level
_shown = 5  # labels that are named where they fit no value


def value_labels(use_case: UseCase, features: Sequence[Feature]) -> dict[Language, dict[str, dict[str, str]]]:
    """The labels that a use case gives values, by language, feature and value as an answer has it; empty without any.

    A boolean's values are `true` and `false`; those of a feature that counts one level of a column are that level.
    """
    found: dict[Language, dict[str, dict[str, str]]] = {}
    for column, labels in use_case.labels.items():
        for feature, (label, text) in product(_of_column(column, features), labels.items()):
            for value, language in product(_values(feature, label), LANGUAGES):
                found.setdefault(language, {}).setdefault(feature.name, {})[value] = getattr(text, language)
    return found


def label_findings(use_case: UseCase, features: Sequence[Feature]) -> Iterator[Finding]:
    """A finding for each column with labels that nobody will read: it is no feature, or has no such value by itself."""
    for column, labels in use_case.labels.items():
        own = list(_of_column(column, features))
        idle = [label for label in labels if not any(value for one in own for value in _values(one, label))]
        if idle:
            shown = ", ".join(idle[:_shown]) + (", ..." if len(idle) > _shown else "")
            detail = f"{len(idle)} of {len(labels)} labels are of no value that the model knows by itself: {shown}"
            figures: dict[str, Scalar] = {"idle": len(idle), "labels": len(labels), "shown": shown}
            yield Finding("label_without_value", column, "warn", detail, figures)


def _of_column(column: str, features: Sequence[Feature]) -> Iterator[Feature]:
    """The features that are a column's values, or count its levels one by one."""
    for feature in features:
        if column in (feature.name, feature.subject) or (feature.subject or "").startswith(f"{column}{_PARTED}"):
            yield feature


def _values(feature: Feature, label: str) -> Iterator[str]:
    """The value of a feature that a label is of; nothing where it has no such value."""
    if _PARTED in (feature.subject or "") and feature.type == "integer":
        level = (feature.subject or "").rpartition(_PARTED)[2]
        if slug(label) == level or normalise(label) == normalise(level):
            yield level
    elif feature.type == "category":
        known = {normalise(level): level for level in feature.levels}
        known = {**{normalise(other): level for other, level in feature.spellings.items()}, **known}
        if normalise(label) in known:
            yield known[normalise(label)]
    elif feature.type == "boolean":
        if (answer := read_boolean(label)) is not None:
            yield str(answer).lower()
    elif feature.type in ("integer", "number") and label.strip().lstrip("-").isdecimal():
        yield str(int(label))
