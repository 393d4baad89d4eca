"""Learned clusters of profiles that fit no use case: by the features that a segmentation reads itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from features.spec.feature import Feature
from scoring.answers.discovered_alone import Alone, standing_alone
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live, open_live
from scoring.segments.learned import LearnedFeature, NearestCentroid
from scoring.segments.segmentation_bundle import columns_of
from scoring.segments.segmentation_release import SegmentationRelease, load_segmentation
from tests.support.models import SHOP, release_shop, shop_rows
from tests.support.segmented import LEARNED_SHOP, release_habits

KIOSK = LearnedFeature(name="canal d'achat", kind="level", level="Kiosk")  # a level that no use case has
LEARNED = structs.replace(
    LEARNED_SHOP, features=tuple(KIOSK if one.kind == "level" else one for one in LEARNED_SHOP.features)
)
FEATURES = tuple(replace(one, levels=("web", "Kiosk")) if one.levels else one for one in SHOP)
ROWS = [
    {name: "kiosk" if row[name] == "Store" else row[name] for name in LEARNED.names} for row in shop_rows(60, seed=6)
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a use case and a segmentation that it cannot hand rows over to."""
    folder, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("scratch")
    release_shop(folder, "churn", scratch=scratch, polarity="negative", seed=1)
    release_habits(folder, scratch, name="kiosks", learned=LEARNED, features=FEATURES)
    return folder


@pytest.fixture(scope="module")
def live(home: Path) -> dict[str, Live]:
    """The use case."""
    return open_live(home, ["churn"])


@pytest.fixture(scope="module")
def release(home: Path) -> SegmentationRelease:
    """The segmentation."""
    return load_segmentation(home, "kiosks")


@pytest.fixture(scope="module")
def alone(live: dict[str, Live], release: SegmentationRelease) -> dict[str, Alone]:
    """The same, answering by itself."""
    return standing_alone(live, [release])


def posted(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Profiles of these features."""
    return [{"customer_id": f"c{number}", "features": row} for number, row in enumerate(rows)]


def test_a_profile_of_its_features_is_placed(live: dict[str, Live], alone: dict[str, Alone]) -> None:
    """Where the centroids say, with reasons that add up to the margin; without a score, and nothing of nobody."""
    nobody = dict.fromkeys(LEARNED.names)
    results = score_profiles(live, posted(*ROWS, nobody), reasons=2, language="fr", alone=alone)

    numbers = [{**row, "subscribed": None if row["subscribed"] is None else float(row["subscribed"])} for row in ROWS]
    levels = {"kiosk": "Kiosk", "boutique": "Boutique", "web": "web", "WEB ": "web"}
    columns = columns_of([{**row, "canal d'achat": levels.get(str(row["canal d'achat"]))} for row in numbers], LEARNED)
    nearest = NearestCentroid(LEARNED)
    found = nearest.assign(nearest.raw_of(columns))
    places = [result["discovered"]["kiosks"] for result in results[:-1]]
    assert [place["code"] for place in places] == [LEARNED.codes[which] for which in found.which.tolist()]
    assert [place["margin"] for place in places] == found.margin.tolist()
    apart = [abs(sum(reason["contribution"] for reason in place["reasons"]) - place["margin"]) for place in places]
    assert max(apart) < 1e-9
    assert all(result["status"] == "ok" and result["scores"] == {} for result in results)
    assert "discovered" not in results[-1]


def test_what_is_missing_is_named(live: dict[str, Live], alone: dict[str, Alone]) -> None:
    """The features that keep a profile from the segmentation it is closest to; broken values and other names too."""
    row = ROWS[0]
    lacking = {name: value for name, value in row.items() if name != "subscribed"}
    broken = {**row, "purchases_90d": "many", "nope": 1}

    results = score_profiles(live, posted(lacking, broken), alone=alone)

    assert [result["status"] for result in results] == ["invalid", "invalid"]
    [missing] = results[0]["errors"]
    assert (missing["code"], missing["feature"]) == ("missing_feature", "subscribed")
    assert "kiosks is closest" in missing["detail"]
    assert [note["feature"] for note in results[1]["errors"]] == ["purchases_90d", "nope"]
    assert all("discovered" not in result for result in results)


def test_a_profile_of_a_use_case_is_answered_as_before(live: dict[str, Live], alone: dict[str, Alone]) -> None:
    """To the byte, also where the use case is named."""
    profiles = posted(*shop_rows(30, seed=2))

    for named in (None, ["churn"]):
        without, beside = (score_profiles(live, profiles, use_cases=named, reasons=1, alone=one) for one in ({}, alone))
        assert msgspec.json.encode(beside) == msgspec.json.encode(without)
    named_alone = score_profiles(live, posted(ROWS[0]), use_cases=["churn"], alone=alone)[0]
    assert "discovered" not in named_alone


def test_a_name_of_another_meaning_is_never_read(live: dict[str, Live], home: Path, tmp_path: Path) -> None:
    """Where a use case in service means another window by it; so neither where a use case hands rows over."""

    def other(feature: Feature) -> Feature:
        return replace(feature, window_days=30) if feature.name == "purchases_90d" else feature

    release_habits(tmp_path, tmp_path, name="others", learned=LEARNED, features=tuple(map(other, FEATURES)))
    release_habits(tmp_path, tmp_path, name="habits")
    release_shop(tmp_path, "churn", scratch=tmp_path, polarity="negative", seed=1)
    attached = open_live(tmp_path, ["churn"])

    found = standing_alone(attached, [load_segmentation(tmp_path, name) for name in ("others", "habits")])

    assert found == {}
    assert set(attached["churn"].discovering) == {"habits"}
    assert set(standing_alone({}, [load_segmentation(home, "kiosks")])) == {"kiosks"}
