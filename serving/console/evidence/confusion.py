"""Who would be taken at a threshold, rightly and wrongly, among the test rows: all of them, and group by group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from features.spec.feature import MISSING
from scoring.answers.served_release import Live
from serving.console.views.named_features import NamedFeature
from serving.console.web.i18n import Texts

OTHERS = "(others)"  # what training calls groups too small to be shown


class _Curve(msgspec.Struct, frozen=True):
    """Cuts at falling probabilities, with the rows and the outcomes at or above each; the last one takes every row."""

    at: tuple[float, ...]
    rows: tuple[int, ...]
    hits: tuple[int, ...]


class _Curves(msgspec.Struct, frozen=True):
    candidates: Mapping[str, _Curve]
    served: str


class _Group(msgspec.Struct, frozen=True):
    group: str
    curve: _Curve


class _Trait(msgspec.Struct, frozen=True):
    feature: str
    groups: tuple[_Group, ...]


class _Groups(msgspec.Struct, frozen=True):
    """What `evidence.json` has of groups."""

    groups: tuple[_Trait, ...] = ()


_CURVES, _GROUPS = msgspec.json.Decoder(_Curves), msgspec.json.Decoder(_Groups)  # before threads use them


@dataclass(frozen=True, slots=True)
class Confusion:
    """The four counts of a threshold, and the rates that follow; a rate of nothing is None."""

    right: int  # taken, with the outcome
    wrong: int  # taken, without
    missed: int  # left, with the outcome
    left: int  # left, without

    @property
    def rows(self) -> int:
        """All of them."""
        return self.right + self.wrong + self.missed + self.left

    @property
    def taken(self) -> float | None:
        """The share at or above the threshold."""
        return _share(self.right + self.wrong, self.rows)

    @property
    def precision(self) -> float | None:
        """The share of those taken that have the outcome."""
        return _share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float | None:
        """The share of outcomes that are taken."""
        return _share(self.right, self.right + self.missed)

    @property
    def false_alarms(self) -> float | None:
        """The share of those without the outcome that are taken."""
        return _share(self.wrong, self.wrong + self.left)


@dataclass(frozen=True, slots=True)
class GroupConfusion:
    """A group of a trait, called as people call it."""

    called: str
    counts: Confusion


@dataclass(frozen=True, slots=True)
class TraitConfusion:
    """A trait with its groups, the largest first."""

    called: str
    groups: list[GroupConfusion]


@dataclass(frozen=True, slots=True)
class ThresholdView:
    """What the page shows of a threshold."""

    threshold: float  # a probability
    whole: Confusion
    traits: list[TraitConfusion]


def at_threshold(live: Live, asked: str | None, texts: Texts) -> ThresholdView | None:
    """The counts at a threshold, a percentage as typed; where it is none, at that of the highest band.

    None for a version trained before there were curves.
    """
    stored = live.release.bundle.files.get("curves.json")
    if stored is None:
        return None
    curves = _curves_of(stored)
    threshold = _asked(asked)
    if threshold is None:
        threshold = live.release.bundle.ladder.thresholds[-1]
    traits = _traits(live, threshold, texts)
    return ThresholdView(threshold, _at(curves.candidates[curves.served], threshold), traits)


def _asked(text: str | None) -> float | None:
    try:
        percent = float((text or "").replace(",", "."))
    except ValueError:
        return None
    return percent / 100 if 0 <= percent <= 100 else None


@lru_cache(maxsize=32)
def _curves_of(stored: bytes) -> _Curves:
    return _CURVES.decode(stored)


@lru_cache(maxsize=32)
def _groups_of(stored: bytes) -> _Groups:
    return _GROUPS.decode(stored)


def _at(curve: _Curve, threshold: float) -> Confusion:
    """The counts at the lowest cut that is not below the threshold."""
    count = sum(at >= threshold for at in curve.at)
    rows, hits = (curve.rows[count - 1], curve.hits[count - 1]) if count else (0, 0)
    missed = curve.hits[-1] - hits
    return Confusion(hits, rows - hits, missed, curve.rows[-1] - rows - missed)


def _traits(live: Live, threshold: float, texts: Texts) -> list[TraitConfusion]:
    bundle = live.release.bundle
    stored = bundle.files.get("evidence.json")
    if stored is None:
        return []
    features = {feature.name: feature for feature in bundle.features}
    found = []
    for trait in _groups_of(stored).groups:
        labels = bundle.manifest.labels_of(trait.feature, texts.language)
        title = NamedFeature(features[trait.feature], labels, texts).name
        special = {OTHERS: texts["other_groups"], MISSING: texts["missing_group"]}
        groups = [
            GroupConfusion(special.get(one.group) or labels.get(one.group, one.group), _at(one.curve, threshold))
            for one in trait.groups
        ]
        found.append(TraitConfusion(title, groups))
    return found


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
