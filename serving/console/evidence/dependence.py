"""How much each feature moves scores, and which way its values move them, as test rows showed it in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from features.spec.feature import Feature
from scoring.bundle.bundle import Bundle
from scoring.reasons.sentences import shown_value
from serving.console.charts.svg import Axes, Chart
from serving.console.views.named_features import NamedFeature
from serving.console.web.i18n import Texts

MOST = 15  # features listed
DRAWN = 6  # features drawn
MARGIN = 0.05  # of the span, above and below


class _Weight(msgspec.Struct, frozen=True):
    feature: str | None  # None: those that may not be named, together
    share: float


class _Place(msgspec.Struct, frozen=True):
    """Rows of like values: their middle, and what it added, in calibrated log-odds."""

    at: float | None  # encoded; None: missing
    rows: int
    adds: float
    low: float  # a tenth of the rows had less
    high: float


class _Dependence(msgspec.Struct, frozen=True):
    feature: str
    places: tuple[_Place, ...]


class _Evidence(msgspec.Struct, frozen=True):
    """What `evidence.json` has of features."""

    rows: int = 0
    importance: tuple[_Weight, ...] = ()
    dependence: tuple[_Dependence, ...] = ()


_EVIDENCE = msgspec.json.Decoder(_Evidence)


@dataclass(frozen=True, slots=True)
class ShownWeight:
    """A feature as it is called, its share of all that moves scores, and the length of its bar."""

    called: str
    share: float
    width: float  # 0..100, of the strongest's


@dataclass(frozen=True, slots=True)
class ShownDependence:
    """A feature's values and what each adds: a line where they are numbers, a table always."""

    called: str
    chart: Chart | None
    table: list[tuple[str, int, str, str, str]]  # value, rows, adds, low, high


@dataclass(frozen=True, slots=True)
class FeatureEvidence:
    """What the page shows of features."""

    rows: int
    weights: list[ShownWeight]
    features: list[ShownDependence]


def feature_evidence(bundle: Bundle, texts: Texts) -> FeatureEvidence | None:
    """Importance and dependence of a bundle; None for a version trained before they were kept."""
    stored = bundle.files.get("evidence.json")
    if stored is None:
        return None
    found = _evidence(stored)
    features = {feature.name: feature for feature in bundle.features}
    most = max((one.share for one in found.importance), default=0.0) or 1.0
    other = texts["family_other_factors"]
    named = {name: _named(bundle, one, texts).name for name, one in features.items() if name not in bundle.forbidden}
    weights = [
        ShownWeight(named.get(one.feature or "", other), one.share, round(100 * one.share / most, 1))
        for one in found.importance[:MOST]
    ]
    may = [one for one in found.dependence if one.feature in named]
    drawn = [_drawn(bundle, features[one.feature], one.places, texts) for one in may[:DRAWN]]
    return FeatureEvidence(found.rows, weights, drawn)


@lru_cache(maxsize=32)
def _evidence(stored: bytes) -> _Evidence:
    return _EVIDENCE.decode(stored)


def _named(bundle: Bundle, feature: Feature, texts: Texts) -> NamedFeature:
    return NamedFeature(feature, bundle.manifest.labels_of(feature.name, texts.language), texts)


def _drawn(bundle: Bundle, feature: Feature, places: Sequence[_Place], texts: Texts) -> ShownDependence:
    named = _named(bundle, feature, texts)
    called = named.name
    table = [
        (
            named.shown(None if one.at is None else shown_value(bundle, feature, one.at)),
            one.rows,
            texts.signed(one.adds),
            texts.signed(one.low),
            texts.signed(one.high),
        )
        for one in places
    ]
    known = [(one.at, one.adds, one.low, one.high) for one in places if one.at is not None]
    lined = feature.type in ("number", "integer", "date") and len(known) > 2
    return ShownDependence(called, _chart(named, known, texts) if lined else None, table)


def _chart(named: NamedFeature, known: Sequence[tuple[float, float, float, float]], texts: Texts) -> Chart:
    called, feature = named.name, named.feature
    at, adds, low, high = (list(column) for column in zip(*known, strict=True))
    if feature.type == "date":
        at = [1970 + day / 365.2425 for day in at]
    bottom, top = min(*low, 0.0), max(*high, 0.0)
    room = MARGIN * (top - bottom) or 1.0
    axes = Axes(at[0], at[-1], bottom - room, top + room)
    lines = [axes.line(called, "served", at, adds), axes.line(texts["adds_nothing"], "chance", (at[0], at[-1]), (0, 0))]
    shown = _year if feature.type == "date" else texts.number
    ticks = axes.ticks(shown, texts.number)
    return Chart(called, named.unit, texts["adds"], lines, *ticks, area=axes.area(at, low, high))


def _year(value: float) -> str:
    return str(round(value))
