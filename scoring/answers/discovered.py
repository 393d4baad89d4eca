"""Learned clusters beside scores: a segmentation reads the rows of each use case that has all of its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import MISSING, Feature, normalise
from features.spec.languages import Language
from scoring.answers.wire import DiscoveredPlace, DiscoveredReason, Result
from scoring.bundle.bundle import Bundle
from scoring.bundle.families import OTHER_FACTORS
from scoring.reasons.sentences import rest_text, sentence, shown_as
from scoring.segments.learned import LearnedFeature, Nearest
from scoring.segments.rules import MARGIN
from scoring.segments.segmentation_release import SegmentationRelease

SILENT = frozenset({"invalid", "insufficient_data"})  # of whom nothing is known that a cluster could be found by

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReadRows:
    """What the rows are that a segmentation reads."""

    features: tuple[Feature, ...]  # in the order of the columns
    levels: Mapping[str, list[str]]  # of categories, by name
    forbidden: frozenset[str]  # features that are never named
    labels: Mapping[str, Mapping[str, Mapping[str, str]]]  # of values: by language, feature and value

    def labels_of(self, feature: str, language: Language) -> Mapping[str, str]:
        """What people read for the values of a feature."""
        return self.labels.get(language, {}).get(feature, {})


def rows_of(bundle: Bundle) -> ReadRows:
    """The rows that a use case encodes."""
    manifest = bundle.manifest
    labels = {str(language): found for language, found in (manifest.labels or {}).items()}
    return ReadRows(bundle.features, manifest.encoder, bundle.forbidden, labels)


class Discovering:
    """A segmentation as it reads encoded rows: those of a use case, or of its own features."""

    def __init__(self, release: SegmentationRelease, rows: ReadRows) -> None:
        self.release = release
        self.learned = release.bundle.learned
        self.rows = rows
        features = rows.features
        positions = {feature.name: position for position, feature in enumerate(features)}
        coordinates = self.learned.features
        self._positions = np.asarray([positions[one.name] for one in coordinates], np.intp)
        levels = {name: [_spelled(level) for level in known] for name, known in rows.levels.items()}
        missing = {name: known.index(MISSING) for name, known in rows.levels.items()}
        self._marks = np.flatnonzero([one.kind != "number" for one in coordinates])
        self._marked = np.asarray([_code(one, levels, missing) for one in coordinates])[self._marks]
        self._shown = [positions[name] for name in self.learned.names]
        hidden = {*release.bundle.manifest.forbid, *rows.forbidden}
        self.named = [at for at, name in enumerate(self.learned.names) if name not in hidden]  # that may be named

    def raw(self, matrix: Floats) -> Floats:
        """The raw values of encoded rows, shape (rows, coordinates)."""
        raw = matrix.take(self._positions, axis=1)
        if len(self._marks):
            marks = raw.take(self._marks, axis=1)
            raw[:, self._marks] = np.where(np.isnan(self._marked), np.isnan(marks), marks == self._marked)
        return raw

    def assign(self, matrix: Floats) -> Nearest:
        """The clusters of encoded rows, shape (rows, features of the use case)."""
        return self.release.bundle.nearest.assign(self.raw(matrix))

    def places(self, matrix: Floats, reasons: int, language: Language) -> list[DiscoveredPlace]:
        """What an answer says of each row; reasons add up to the margin, the rest of them is one."""
        found, codes, labels = self.assign(matrix), self.learned.codes, self.learned.labels
        places: list[DiscoveredPlace] = [
            {
                "code": codes[which],
                "label": labels[codes[which]][language],
                "margin": margin,
                "next": codes[following],
                "reasons": [],
                "version": self.release.version,
            }
            for which, following, margin in zip(
                found.which.tolist(), found.next.tolist(), found.margin.tolist(), strict=True
            )
        ]
        if reasons:
            for place, row, amounts in zip(places, matrix, found.contributions.tolist(), strict=True):
                place["reasons"] = self._reasons(row, amounts, place["margin"], reasons, language)
        return places

    def _reasons(
        self, row: Floats, amounts: Sequence[float], margin: float, count: int, language: Language
    ) -> list[DiscoveredReason]:
        shown = self.strongest(amounts)[:count]
        found: list[DiscoveredReason] = [self._reason(row, at, amounts[at], language) for at in shown]
        if len(shown) < len(amounts):
            rest = round(margin - sum(amounts[at] for at in shown), 9)
            found.append(
                {
                    "code": OTHER_FACTORS,
                    "feature": OTHER_FACTORS,
                    "value": None,
                    "contribution": rest,
                    "text": rest_text(language),
                }
            )
        return found

    def strongest(self, amounts: Sequence[float]) -> list[int]:
        """The positions of features that may be named, those that add or take most first."""
        return sorted(self.named, key=lambda at: -abs(amounts[at]))

    def _reason(self, row: Floats, at: int, amount: float, language: Language) -> DiscoveredReason:
        feature = self.feature(at)
        value = self.shown(feature, float(row[self._shown[at]]))
        labels = self.rows.labels_of(feature.name, language)
        return {
            "code": feature.family,
            "feature": feature.name,
            "value": value,
            "contribution": amount,
            "text": sentence(feature, value, language, labels),
        }

    def shown(self, feature: Feature, encoded: float) -> Any:
        """An encoded value as a reader knows it."""
        return shown_as(feature, encoded, self.rows.levels.get(feature.name, ()))

    def values(self, matrix: Floats, at: int) -> Floats:
        """What rows have of a feature that a segmentation reads, by its position there."""
        return np.asarray(matrix[:, self._shown[at]])

    def feature(self, at: int) -> Feature:
        """The rows' feature of what a segmentation reads, by its position there."""
        return self.rows.features[self._shown[at]]


def _spelled(level: str) -> str:
    return level if level == MISSING else normalise(level)


def _code(one: LearnedFeature, levels: Mapping[str, list[str]], missing: Mapping[str, int]) -> float:
    """The encoded value that a coordinate marks; NaN where it marks a missing number."""
    if one.kind == "level":
        return float(levels[one.name].index(normalise(one.level or "")))
    return float(missing.get(one.name, np.nan))


def fits(release: SegmentationRelease, bundle: Bundle) -> bool:
    """Whether a use case has every feature of a segmentation: of its name, type and meaning, and with its levels."""
    ours = {feature.name: feature for feature in bundle.features}
    levels = {name: {_spelled(level) for level in known} for name, known in bundle.manifest.encoder.items()}
    return all(
        theirs.name in ours and meaning(ours[theirs.name]) == meaning(theirs)
        for theirs in release.bundle.manifest.features
    ) and all(
        one.kind != "level" or normalise(one.level or "") in levels.get(one.name, ())
        for one in release.bundle.learned.features
    )


def meaning(feature: Feature) -> tuple[object, ...]:
    """What values of a feature speak of: those of another meaning are no values of it."""
    kind = "number" if feature.type in ("number", "integer") else feature.type
    return kind, feature.event, feature.window_days, feature.subject


def discover(
    discovering: Mapping[str, Discovering],
    name: str,
    answers: Sequence[Result],
    matrix: Floats,
    reasons: int,
    language: Language,
) -> None:
    """Gives answers the clusters of their rows by one use case, those that no use case before it has given."""
    for segmentation, one in discovering.items():
        rows = [
            row
            for row, answer in enumerate(answers)
            if answer["scores"][name]["status"] not in SILENT and segmentation not in answer.get("discovered", {})
        ]
        if rows:
            for row, place in zip(rows, one.places(matrix[rows], reasons, language), strict=True):
                answers[row].setdefault("discovered", {})[segmentation] = place


def discovered_field(answers: Sequence[Result], field: str) -> list[str | float | None]:
    """What a segment's rule reads of `discovered.FIELD`: a code, or by `NAME_margin` the margin; null where unknown."""
    found: list[str | float | None] = []
    for answer in answers:
        places = answer.get("discovered", {})
        name = field if field in places else field.removesuffix(MARGIN)
        place = places.get(name)
        found.append(None if place is None else place["code"] if name == field else place["margin"])
    return found
