"""The page of a discovery: what was found and what speaks for it, in figures and pictures, French and English."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from features.build.discovery_rows import DiscoveryRows
from features.spec.atomic import write_file
from features.spec.feature import Feature
from features.spec.languages import LANGUAGES, Language
from scoring.reasons.sentences import described
from scoring.segments.personas import GroupTheme
from scoring.text.formatting import between, colon, iso_date, listed, number, percent, unbreakable
from training.report.discovery_pictures import pictures
from training.report.texts_discovery import DISCOVERY
from training.segmentation.discover import Discovered
from training.segmentation.discovery_record import ClusterFigures, DiscoveryRecord, DistinguishingFigures

CAPTIONS = {"elbow": "elbow", "null": "pic_null", "outcomes": "pic_outcomes", "tree": "tree", "map": "map"}
WORDS = {**DISCOVERY, "fr": {key: unbreakable(text) for key, text in DISCOVERY["fr"].items()}}


class DescribedDifference(NamedTuple):
    """One feature of a group as people read it."""

    text: str
    direction: str


def discovery_page(
    name: str,
    rows: DiscoveryRows,
    found: Discovered,
    record: DiscoveryRecord,
    *,
    awaited: Mapping[str, str],
    forbidden: tuple[str, ...] = (),
    themes: Mapping[str, tuple[GroupTheme, ...]] | None = None,
) -> bytes:
    """The page; features that are forbidden are used and never named. `themes` are by the codes that were found."""
    by_name = {feature.name: feature for feature in rows.every or rows.features}
    structure = found.structure
    left_out = structure.space.left_out if structure else ()
    page = (
        _templates()
        .get_template("discovery.html")
        .render(
            name=name,
            found=found,
            record=record,
            structure=structure,
            customers=rows.rows.height,
            gaps={
                name: gap
                for name, gap in (structure.gaps.items() if structure else ())
                if gap.shows and name not in forbidden
            },
            named={
                name: {language: _called(one, language, rows) for language in LANGUAGES}
                for name, one in by_name.items()
            },
            described={one.code: _described(one, by_name, rows, forbidden) for one in record.clusters},
            left_out={
                language: listed([f"{name} ({WORDS[language][why]})" for name, why in left_out], language)
                for language in LANGUAGES
            },
            jaccard=found.jaccard if found.jaccard and found.grouping.k == found.tried else None,
            rand={
                language: listed([number(one, language, decimals=2) for one in found.rand_over_time], language)
                for language in LANGUAGES
            },
            awaited=dict(awaited),
            in_time=rows.in_time,
            compared=_compared(rows),
            moments=[moment.isoformat() if moment else None for moment in rows.moments[1:]],
            written=[
                (one.label, (themes or {}).get(code, ()))
                for code, one in zip(found.codes, record.clusters, strict=True)
                if themes and themes.get(code)
            ],
            plots={
                key: _inline(content) for key, content in pictures(found, [one.code for one in record.clusters]).items()
            },
            captions=CAPTIONS,
            languages=LANGUAGES,
            words=WORDS,
            number=number,
            percent=percent,
            between=between,
            colon=colon,
            day=iso_date,
        )
    )
    return page.encode()


def write_page(home: Path, name: str, page: bytes) -> Path:
    """Writes the page to HOME/discoveries, its owner's alone, and returns its path."""
    file = home / "discoveries" / f"{name}.html"
    write_file(file, page, mode=0o600)
    return file


def _described(
    one: ClusterFigures, features: Mapping[str, Feature], rows: DiscoveryRows, forbidden: tuple[str, ...]
) -> dict[Language, list[DescribedDifference]]:
    return {
        language: [
            DescribedDifference(
                _called(features[each.feature], language, rows) + _level(each, language, rows), each.direction
            )
            for each in one.distinguishing
            if each.feature not in forbidden
        ]
        for language in LANGUAGES
    }


def _called(feature: Feature, language: Language, rows: DiscoveryRows) -> str:
    return described(feature, language, rows.labels.get(language, {}).get(feature.name, {}))


def _level(one: DistinguishingFigures, language: Language, rows: DiscoveryRows) -> str:
    """The level in brackets, by the label it was given."""
    if one.level is None:
        return ""
    return f" ({rows.labels.get(language, {}).get(one.feature, {}).get(one.level, one.level)})"


def _compared(rows: DiscoveryRows) -> str:
    """What the texts on the order of outcomes end with: a log has later moments, a table later rows or halves."""
    if any(rows.moments[1:]):
        return ""
    return "_ordered" if rows.in_time else "_halves"


def _inline(content: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}"


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
