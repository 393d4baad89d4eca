"""What if: the features a use case lets a reader change, within its bounds, and the profile they make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.spec.feature import Feature, Row
from scoring.answers.served_release import Live
from scoring.reasons.sentences import ValueLabels, described, value_label
from serving.console.web.i18n import Texts

PREFIX = "set."  # of a form's field that sets a feature


@dataclass(frozen=True, slots=True)
class Control:
    """One feature that may be changed: a number within bounds, or one of some choices."""

    feature: Feature
    label: str
    value: Any  # of the profile, or as changed
    low: float | None = None
    high: float | None = None
    step: str = "any"
    choices: tuple[tuple[str, str], ...] = ()  # what is posted, what is shown

    @property
    def field(self) -> str:
        """The name of its form field."""
        return PREFIX + self.feature.name

    @property
    def posted(self) -> str:
        """Its value as the form holds it; empty where it is not known."""
        return "" if self.value is None else _posted(self.value)


def controls(served: Iterable[Live], features: Row, texts: Texts) -> list[Control]:
    """A control for every feature that one of the use cases allows, at the value the profile has."""
    found: dict[str, Control] = {}
    for live in served:
        allowed = live.release.bundle.manifest.what_if
        for feature in live.release.bundle.features:
            if feature.name in allowed and feature.name not in found:
                labels = live.release.bundle.manifest.labels_of(feature.name, texts.language)
                value = features.get(feature.name)
                found[feature.name] = _control(feature, allowed[feature.name], value, labels, texts)
    return list(found.values())


def changed(
    allowed: Iterable[Control], posted: Mapping[str, str], features: Row, texts: Texts
) -> tuple[Row, list[str]]:
    """The features as the form sets them, and a sentence for each value that is out of bounds."""
    result, broken = dict(features), []
    for control in allowed:
        if control.field not in posted or posted[control.field] == control.posted:
            continue
        try:
            result[control.feature.name] = _read(control, posted[control.field])
        except ValueError:
            broken.append(_rule(control, texts))
    return result, broken


def _control(feature: Feature, values: Sequence[Any], value: Any, labels: ValueLabels, texts: Texts) -> Control:
    label = described(feature, texts.language, labels)
    if feature.type in ("number", "integer") and len(values) == 2:
        low = max(float(values[0]), -math.inf if feature.lower is None else feature.lower)
        high = min(float(values[1]), math.inf if feature.upper is None else feature.upper)
        return Control(feature, label, value, low, high, "1" if feature.type == "integer" else "any")
    offered = [(_posted(one), _shown(one, labels, texts)) for one in values]
    if value is None or _posted(value) not in dict(offered):
        offered.insert(0, ("" if value is None else _posted(value), _shown(value, labels, texts)))
    return Control(feature, label, value, choices=tuple(offered))


def _read(control: Control, text: str) -> Any:
    if control.choices:
        if text not in dict(control.choices):
            raise ValueError
        if control.feature.type == "boolean":
            return text == "true"
        return float(text) if control.feature.type in ("number", "integer") else text
    number = float(text)
    if control.low is None or control.high is None or not control.low <= number <= control.high:
        raise ValueError
    if control.feature.type == "integer":
        if not number.is_integer():
            raise ValueError
        return int(number)
    return number


def _rule(control: Control, texts: Texts) -> str:
    if control.low is None or control.high is None:
        return texts.of("what_if_choice", name=control.label)
    return texts.of(
        "what_if_broken", name=control.label, low=texts.number(control.low), high=texts.number(control.high)
    )


def _posted(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _shown(value: Any, labels: ValueLabels, texts: Texts) -> str:
    if value is None:
        return texts["what_if_unknown"]
    if (label := value_label(value, labels)) is not None:
        return label
    if isinstance(value, bool):
        return ("oui" if value else "non") if texts.language == "fr" else ("yes" if value else "no")
    return texts.number(value) if isinstance(value, (int, float)) else str(value)
