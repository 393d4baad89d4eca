"""A small segmentation of a shop's customers in a release store, written as `penchant discover` registers one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from features.spec.feature import Feature
from scoring.bundle.bundle import canonical_json
from scoring.bundle.manifest import Digests
from scoring.releases.store import install_release, make_current
from scoring.segments.learned import LearnedFeature, LearnedSegments, NearestCentroid
from scoring.segments.personas import GroupRate, GroupSheet, GroupTheme, PersonaSheets, ProfiledFeature
from scoring.segments.segmentation_bundle import (
    GOLDEN,
    LEARNED,
    PERSONAS,
    GoldenCustomer,
    SegmentationManifest,
    columns_of,
    write_segmentation,
)
from scoring.segments.segmentation_release import mark_segmentation
from tests.support.models import SHOP

CODES = ("group_1", "group_2", "group_3")
NAMES = {
    "group_1": {"en": "Recent, frequent", "fr": "Récents, fréquents"},
    "group_2": {"en": "Occasional", "fr": "Occasionnels"},
    "group_3": {"en": "Group 3, small", "fr": "Groupe 3, petit"},
}
THEMES = (
    GroupTheme("comment", ("retard", "colis", "remboursement"), 0.41, 0.12),
    GroupTheme("comment", ("service", "thank"), 0.2, 0.3),
)
LEARNED_SHOP = LearnedSegments(
    features=(
        LearnedFeature(name="days_since_purchase", log=True, center=5.0, scale=0.8, missing=1.5),
        LearnedFeature(name="purchases_90d", log=True, center=1.8, scale=0.6),
        LearnedFeature(name="subscribed", missing=0.4),
        LearnedFeature(name="canal d'achat", kind="level", level="Store"),
        LearnedFeature(name="canal d'achat", kind="missing"),
        LearnedFeature(name="purchases_90d", kind="missing"),
    ),
    centroids=((-1.2, 0.9, 0.5, 0.4, 0.0, 0.0), (0.1, -0.4, 0.4, 0.6, 0.1, 0.1), (1.1, -1.0, 0.3, 0.5, 0.0, 0.2)),
    codes=CODES,
    labels=NAMES,
)
GOLDEN_ROWS: tuple[dict[str, float | str | None], ...] = (
    {"days_since_purchase": 5.0, "purchases_90d": 9.0, "subscribed": 1.0, "canal d'achat": "web"},
    {"days_since_purchase": 350.0, "purchases_90d": None, "subscribed": None, "canal d'achat": None},
)


def release_habits(
    home: Path,
    scratch: Path,
    version: str = "1",
    *,
    name: str = "habits",
    learned: LearnedSegments = LEARNED_SHOP,
    features: tuple[Feature, ...] = SHOP,
    differ: bool = True,
) -> None:
    """Puts the segmentation in the release store and makes it current."""
    nearest = NearestCentroid(learned)
    found = nearest.assign(nearest.raw_of(columns_of(GOLDEN_ROWS, learned)))
    golden = [
        GoldenCustomer(learned.codes[which], row, margin)
        for row, which, margin in zip(GOLDEN_ROWS, found.which.tolist(), found.margin.tolist(), strict=True)
    ]
    manifest = SegmentationManifest(
        code_revision="test",
        digests=Digests(config="config", data="data"),
        features=tuple(one for one in features if one.name in learned.names),
        method="kmeans",
        name=name,
        rows=1000,
        sizes=dict(zip(learned.codes, (500, 488, 12), strict=False)),
        source="log",
        used_codes=learned.codes,
        verdict="clusters",
    )
    files = {
        LEARNED: canonical_json(msgspec.to_builtins(learned)),
        GOLDEN: b"".join(msgspec.json.encode(row) + b"\n" for row in golden),
        PERSONAS: canonical_json(msgspec.to_builtins(_sheets(learned, differ=differ))),
    }
    folder = scratch / f"{name}-{version}"
    write_segmentation(folder, manifest, files)
    facts = {"registered_at": "2026-01-01T00:00:00Z", "run_id": "test"}
    install_release(home, name, version, folder, report=b"<!doctype html><title>report</title>", facts=facts)
    mark_segmentation(home, name)
    make_current(home, name, version)


def _sheets(learned: LearnedSegments, *, differ: bool) -> PersonaSheets:
    """Two groups with sheets and one of twelve customers, which says nothing."""
    profile = (
        ProfiledFeature(name="days_since_purchase", kind="number", group=12.0, all=150.0, difference=-1.2),
        ProfiledFeature(name="purchases_90d", kind="number", group=9.0, all=5.0, difference=0.9),
        ProfiledFeature(name="canal d'achat", kind="level", level="Store", group=0.4, all=0.5, difference=-0.2),
        ProfiledFeature(name="subscribed", kind="number", group=0.5, all=0.4, difference=0.1),
    )
    typical: dict[str, float | str | None] = {"days_since_purchase": 12.0, "purchases_90d": 9.0, "canal d'achat": "web"}
    rates = (GroupRate(0.42, 0.36, 0.48, 500), GroupRate(0.12, 0.09, 0.15, 488))
    groups = [
        GroupSheet(
            code=code, size=size, share=size / 1000, profile=profile, typical=typical, realised=rate, themes=THEMES
        )
        for code, size, rate in zip(learned.codes[:2], (500, 488), rates, strict=True)
    ]
    small = GroupSheet(code=learned.codes[-1], size=12, share=0.012)
    outcome = {"en": "buys within 90 days", "fr": "achète dans les 90 jours"}
    return PersonaSheets(groups=(*groups, small), differ=differ, base_rate=0.27, outcome=outcome)
