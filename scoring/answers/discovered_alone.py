"""Learned clusters of posted profiles that no use case could hand over: by the features of the segmentation itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from features.spec.feature import MISSING, OTHER, Feature, Row, normalise
from features.spec.languages import Language
from scoring.answers.discovered import Discovering, ReadRows, meaning
from scoring.answers.served_release import Live
from scoring.answers.wire import DiscoveredPlace, Result
from scoring.encoding.encoder import Encoder
from scoring.encoding.notes import Note
from scoring.segments.segmentation_release import SegmentationRelease


class Alone:
    """A segmentation that reads profiles of its own features."""

    def __init__(self, release: SegmentationRelease) -> None:
        manifest = release.bundle.manifest
        levels = {one.name: _levels(one, release) for one in manifest.features if one.type == "category"}
        self.encoder = Encoder(manifest.features, levels)
        rows = ReadRows(manifest.features, levels, frozenset(), manifest.labels or {})
        self.discovering = Discovering(release, rows)
        self._meanings = {one.name: meaning(one) for one in manifest.features}

    def may_read(self, live: Mapping[str, Live]) -> bool:
        """Whether a posted name means here what it means to every use case in service, and none hands rows over."""
        own = self.discovering.release.bundle.name
        if any(own in served.discovering for served in live.values()):
            return False
        known = (feature for served in live.values() for feature in served.release.bundle.features)
        return all(self._meanings.get(one.name, meaning(one)) == meaning(one) for one in known)


def standing_alone(live: Mapping[str, Live], releases: Iterable[SegmentationRelease]) -> dict[str, Alone]:
    """The segmentations that answer by themselves, by name: no use case in service has all of their features."""
    made = {one.bundle.name: Alone(one) for one in releases}
    return {name: one for name, one in made.items() if one.may_read(live)}


def discover_alone(
    alone: Mapping[str, Alone], answers: Sequence[Result], rows: Sequence[Row], reasons: int, language: Language
) -> None:
    """Gives answers the clusters of rows by every segmentation all of whose features a row holds.

    A value that breaks a rule, or a name that none of these segmentations has, makes the row invalid. Where nothing is
    known nothing is said.
    """
    for answer, row in zip(answers, rows, strict=True):
        reading = {name: one for name, one in alone.items() if not one.encoder.lacking(row)}
        known = frozenset[str]().union(*(one.encoder.posted for one in reading.values()))
        places: dict[str, DiscoveredPlace] = {}
        broken: dict[str, Note] = {}
        for name, one in reading.items():
            values, errors, _ = one.encoder.row(row, allowed=known)
            broken |= {str(note): note for note in errors}
            matrix = np.asarray([values]) if not errors else None
            if matrix is not None and not one.encoder.empty(matrix)[0]:
                [places[name]] = one.discovering.places(matrix, reasons, language)
        if broken:
            answer["status"], answer["errors"] = "invalid", list(broken.values())
        elif places:
            answer["discovered"] = places


def _levels(feature: Feature, release: SegmentationRelease) -> list[str]:
    """The levels of a category, those that clusters read among them."""
    known = {normalise(level) for level in feature.levels}
    read = (one.level for one in release.bundle.learned.features if one.name == feature.name and one.level)
    return [*feature.levels, *dict.fromkeys(level for level in read if normalise(level) not in known), OTHER, MISSING]
