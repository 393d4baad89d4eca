"""The sheets of a segmentation as people read them: sizes, profiles, realised rates, and a grid of priorities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from features.spec.feature import Feature
from scoring.segments.personas import FEWEST, GroupSheet, PersonaSheets, ProfiledFeature, read_personas
from scoring.segments.segmentation_bundle import PERSONAS
from scoring.segments.segmentation_release import SegmentationRelease
from serving.console.personas.group_values import GroupValue, GroupValues
from serving.console.personas.priorities import LEAST, MOST, USUAL
from serving.console.views.named_features import NamedFeature
from serving.console.web.i18n import Texts

STRONGEST = 6  # features of a profile
REACH = 2.0  # standard deviations that a bar shows at most
GRID = 320  # units of the drawing of priorities
_EDGE = 34
_APART = 26.0  # units by which two dots do not hide each other


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """A feature of a group against all customers, and its bar from the middle."""

    name: str
    group: str
    all: str
    difference: float
    left: float  # where the bar begins, in percent
    width: float


@dataclass(frozen=True, slots=True)
class RateLine:
    """The realised rate with its interval, in percent of the widest that is drawn."""

    text: str
    low: float
    high: float
    at: float
    average: float | None


@dataclass(frozen=True, slots=True)
class ThemeLine:
    """A theme of what members write, by its words, and how many of those who write do so."""

    column: str
    words: str
    group: str
    all: str


@dataclass(frozen=True, slots=True)
class PersonaShown:
    """A group; one of few customers has a size and no more."""

    code: str
    label: str
    size: int
    share: float
    profile: Sequence[ProfileLine]
    typical: Sequence[tuple[str, str]]
    themes: Sequence[ThemeLine]
    rate: RateLine | None
    impact: float | None  # outcomes per thousand customers that are here more or less than at the average, or `value`
    value: GroupValue | None  # of the day in service: where it is known of any group, the impact is their total
    relevance: int

    @property
    def small(self) -> bool:
        """Whether it says nothing, being of few customers."""
        return self.size < FEWEST


@dataclass(frozen=True, slots=True)
class GridDot:
    """A group in the grid, in units of the drawing."""

    x: float
    y: float
    radius: float
    label: str
    number: int


@dataclass(frozen=True, slots=True)
class PersonasShown:
    """A segmentation's page."""

    name: str
    version: str
    verdict: str
    trained_to: str | None
    customers: int
    outcome: str
    differ: bool
    base_rate: float | None
    groups: Sequence[PersonaShown]
    dots: Sequence[GridDot]
    values: GroupValues | None  # by which impacts are amounts


def persona_board(
    release: SegmentationRelease, relevance: Mapping[str, int], texts: Texts, values: GroupValues | None = None
) -> PersonasShown:
    """All that the page shows; no sheet where members of different groups did not realise different outcomes."""
    manifest, sheets = release.bundle.manifest, read_personas(release.bundle.files[PERSONAS])
    named = _named(release, texts)
    widest = max((sheet.realised.high for sheet in sheets.groups if sheet.realised), default=1.0)
    groups = [
        _persona(sheet, sheets, release, named, relevance.get(sheet.code, USUAL), widest, texts)
        for sheet in sheets.groups
    ]
    if values:
        groups = [_valued(group, values) for group in groups]
    return PersonasShown(
        name=release.bundle.name,
        version=release.version,
        verdict=manifest.verdict,
        trained_to=manifest.trained_to,
        customers=manifest.rows,
        outcome=sheets.outcome.get(texts.language, ""),
        differ=sheets.differ,
        base_rate=sheets.base_rate,
        groups=groups,
        dots=_dots(groups),
        values=values,
    )


def _valued(group: PersonaShown, values: GroupValues) -> PersonaShown:
    """A group whose impact is what its members will bring; none where too few of the day are in it."""
    value = None if group.small else values.groups.get(group.code)
    return replace(group, value=value, impact=value.total if value else None)


def _named(release: SegmentationRelease, texts: Texts) -> dict[str, NamedFeature]:
    manifest = release.bundle.manifest
    labels = (manifest.labels or {}).get(texts.language, {})
    return {
        feature.name: NamedFeature(feature, labels.get(feature.name, {}), texts)
        for feature in manifest.features
        if feature.name not in manifest.forbid
    }


def _persona(
    sheet: GroupSheet,
    sheets: PersonaSheets,
    release: SegmentationRelease,
    named: Mapping[str, NamedFeature],
    relevance: int,
    widest: float,
    texts: Texts,
) -> PersonaShown:
    rate, base = sheet.realised, sheets.base_rate
    impact = None if rate is None or base is None else 1000 * sheet.share * abs(rate.rate - base)
    profile = [_profile_line(one, named[one.name], texts) for one in sheet.profile if one.name in named]
    return PersonaShown(
        code=sheet.code,
        label=release.bundle.learned.labels[sheet.code][texts.language],
        size=sheet.size,
        share=sheet.share,
        profile=profile[:STRONGEST],
        typical=[
            (named[name].name, named[name].shown(_cell(named[name].feature, value)))
            for name, value in sheet.typical.items()
            if name in named
        ],
        themes=[
            ThemeLine(one.column, ", ".join(one.words), texts.percent(one.group, 0), texts.percent(one.all, 0))
            for one in sheet.themes or ()
        ],
        rate=_rate_line(sheet, base, widest, texts),
        impact=impact,
        value=None,
        relevance=relevance,
    )


def _rate_line(sheet: GroupSheet, base: float | None, widest: float, texts: Texts) -> RateLine | None:
    if sheet.realised is None:
        return None
    rate, scale = sheet.realised, 100 / (widest or 1.0)
    interval = {"low": texts.percent(rate.low), "high": texts.percent(rate.high)}
    text = texts.of("persona_rate_between", rate=texts.percent(rate.rate), **interval)
    average = None if base is None else min(base * scale, 100.0)
    return RateLine(text, rate.low * scale, rate.high * scale, rate.rate * scale, average)


def _profile_line(one: ProfiledFeature, named: NamedFeature, texts: Texts) -> ProfileLine:
    reach = max(-REACH, min(REACH, one.difference)) / REACH * 50
    return ProfileLine(
        name=_line_name(one, named, texts),
        group=_figure(one, one.group, named, texts),
        all=_figure(one, one.all, named, texts),
        difference=one.difference,
        left=50 + min(reach, 0.0),
        width=abs(reach),
    )


def _line_name(one: ProfiledFeature, named: NamedFeature, texts: Texts) -> str:
    if one.kind == "missing":
        return texts.of("persona_missing", name=named.name)
    return f"{named.name}{texts.colon}{named.shown(one.level)}" if one.kind == "level" else named.name


def _figure(one: ProfiledFeature, value: float | None, named: NamedFeature, texts: Texts) -> str:
    if value is None:
        return "—"
    if one.kind != "number" or named.feature.type == "boolean":
        return texts.percent(value, 0)
    return named.shown(_cell(named.feature, value))


def _cell(feature: Feature, value: float | str | None) -> float | str | bool | None:
    """A median or the most frequent level as a reader knows values."""
    if value is None or isinstance(value, str):
        return value
    if feature.type == "boolean":
        return value >= 0.5
    if feature.type == "date":
        from datetime import date, timedelta

        return (date(1970, 1, 1) + timedelta(days=int(value))).isoformat()
    return value


def _dots(groups: Sequence[PersonaShown]) -> list[GridDot]:
    """Groups by relevance across and impact up; larger groups have larger dots."""
    known = [(number, one, one.impact) for number, one in enumerate(groups, 1) if one.impact is not None]
    highest = max((impact for _, _, impact in known), default=0.0) or 1.0
    room = GRID - 2 * _EDGE
    dots: list[GridDot] = []
    for number, one, impact in known:
        x, y = _EDGE + (one.relevance - LEAST) / (MOST - LEAST) * room, GRID - _EDGE - impact / highest * room
        while any(abs(dot.x - x) < _APART and abs(dot.y - y) < _APART for dot in dots):
            x += _APART if one.relevance < MOST else -_APART
        dots.append(GridDot(round(x, 1), round(y, 1), round(6 + 9 * one.share**0.5, 1), one.label, number))
    return dots
