"""The features of the releases in service as people read them: what each is called, and how its values are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.spec.feature import OTHER, Feature
from scoring.answers.served_release import Live
from scoring.reasons.sentences import ValueLabels, described, value_label
from scoring.text.formatting import catalogue, quantity
from serving.console.web.i18n import Texts


@dataclass(frozen=True, slots=True)
class NamedFeature:
    """A feature with the labels that its values have in one language."""

    feature: Feature
    labels: ValueLabels
    texts: Texts

    @property
    def name(self) -> str:
        """What it measures, e.g. `Purchases in the last 90 days`."""
        return self.texts.kept_together(described(self.feature, self.texts.language, self.labels))

    @property
    def unit(self) -> str:
        """The unit of many, beside an axis; empty where there is none, or none that has a text in both languages."""
        unit = self.feature.unit
        if unit is None or unit == "share" or not _has_text(unit):
            return ""
        forms = catalogue()["units"].get(unit)
        return str(forms[self.texts.language][1]) if forms else unit

    def shown(self, value: Any) -> str:
        """A value as `shown_feature` has it."""
        return shown_feature(self.feature, value, self.labels, self.texts)


def named_features(served: Mapping[str, Live], texts: Texts) -> dict[str, NamedFeature]:
    """Every feature that may be named, by its name; what several use cases read is the first one's."""
    found: dict[str, NamedFeature] = {}
    for live in served.values():
        bundle = live.release.bundle
        for feature in bundle.features:
            if feature.name not in bundle.forbidden and feature.name not in found:
                labels = bundle.manifest.labels_of(feature.name, texts.language)
                found[feature.name] = NamedFeature(feature, labels, texts)
    return found


def measures(served: Mapping[str, Live], texts: Texts) -> dict[str, str]:
    """What each feature measures, by its name; without those that are called by no better one."""
    named = named_features(served, texts)
    return {name: feature.name for name, feature in named.items() if feature.name != name}


def shown_feature(feature: Feature, value: Any, labels: ValueLabels, texts: Texts) -> str:
    """A value by its label, with its unit, or by the calendar; what is not known or is neither is named by its text."""
    phrases = catalogue()["texts"][texts.language]
    if value is None:
        return str(phrases["unknown"])
    if (label := value_label(value, labels)) is not None:
        return label
    if isinstance(value, bool):
        return str(phrases["yes" if value else "no"])
    if isinstance(value, str):
        return texts.date(value) if feature.type == "date" else phrases["other"] if value == OTHER else value
    return quantity(float(value), feature.unit if _has_text(feature.unit) else None, texts.language)


def _has_text(unit: str | None) -> bool:
    """Whether a unit has a text in both languages, or needs none; what is counted stands in the label already."""
    if unit is None or unit == "share" or unit in catalogue()["units"]:
        return unit is not None
    return (len(unit) == 3 and unit.isupper()) or not unit.isalnum()
