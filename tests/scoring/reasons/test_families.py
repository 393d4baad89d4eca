"""Reasons by family: one sentence a family, in the direction of its sum, through every door alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from msgspec import structs

from features.spec.feature import Feature
from scoring.answers.explain import explain_profile
from scoring.answers.flat import flat_results
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.batch.table_answers import score_table
from scoring.bundle.bundle import Bundle
from scoring.bundle.families import OTHER_FACTORS
from scoring.models.calibration import sigmoid
from scoring.reasons.move_texts import MovedScore, MovedSegment, move_text
from scoring.reasons.reason_columns import reason_columns
from scoring.reasons.reasons import leading_feature, speaks_second, top_reasons
from scoring.segments.assignment import DEFAULT
from tests.support.models import shop_rows

BOUGHT, SELF = ("days_since_purchase", "monetary_365d", "purchases_90d"), ("joined on", "subscribed")
FAMILIES = {"bought": BOUGHT, "self": SELF}


@pytest.fixture(scope="module")
def together(live: dict[str, Live]) -> dict[str, Live]:
    """The shop's models with two families; `joined on` is never named in one of them."""
    found = {}
    for name, served in live.items():
        bundle = served.release.bundle
        hidden = ("joined on",) if name == "churn" else ()
        manifest = structs.replace(bundle.manifest, families=FAMILIES, forbid=hidden)
        found[name] = Live(replace(served.release, bundle=Bundle(manifest, bundle.model, bundle.golden, bundle.files)))
    return found


def test_no_two_reasons_are_of_one_family(together: dict[str, Live]) -> None:
    """So none of a family disagree; parts add up to their reason, and reasons to the probability."""
    of = {name: family for family, names in FAMILIES.items() for name in names}
    for name, served in together.items():
        for row in shop_rows(60, seed=3):
            explained = explain_profile(served, {"customer_id": "c", "features": row})
            reasons = explained["reasons"]
            families = [of.get(reason["feature"], reason["feature"]) for reason in reasons]
            total = explained["base_value"] + sum(reason["contribution"] for reason in reasons)

            assert len(set(families)) == len(families)
            assert sigmoid(np.asarray([total]))[0] == pytest.approx(explained["probability"], abs=1e-6)
            for reason in reasons:
                parts = {part["feature"]: part["contribution"] for part in reason["parts"]}
                assert sum(parts.values()) == pytest.approx(reason["contribution"], abs=1e-9) or not parts
                assert "joined on" not in {*parts, reason["feature"]} or name != "churn"
                assert reason["feature"] in parts or reason["feature"] == OTHER_FACTORS
                assert all(explained["contributions"][part] == amount for part, amount in parts.items())


def test_a_sentence_points_where_its_family_does(together: dict[str, Live]) -> None:
    """For random contributions: the feature that says most in the sum's direction, first those that count."""
    bundle, random = together["propensity"].release.bundle, np.random.default_rng(4)
    for row in _encoded(together["propensity"], 50):
        amounts = np.round(random.normal(size=len(row)), 3)
        for reason in top_reasons(bundle, row, amounts, 20, "en"):
            sign = 1.0 if reason["contribution"] >= 0 else -1.0
            parts = {part["feature"]: sign * part["contribution"] for part in reason["parts"]}
            money = parts.pop("monetary_365d", None)
            own = parts.get(reason["feature"], money)
            assert own is not None
            assert own > 0
            if reason["feature"] != "monetary_365d":
                known = {part["feature"] for part in reason["parts"] if part["value"] is not None}
                assert own == max(
                    amount for name, amount in parts.items() if name in known or name == reason["feature"]
                )


@pytest.mark.parametrize(
    ("amounts", "total", "speaks"),
    [
        ((0.2, 0.5, -0.1), 0.6, "purchases_90d"),
        ((0.2, 0.9, 0.1), 1.2, "purchases_90d"),
        ((-0.2, 0.9, -0.1), 0.6, "monetary_90d"),
        ((-0.2, 0.1, -0.4), -0.5, "purchases_90d"),
        ((0.2, -0.1, -0.4), -0.3, "share"),
        ((0.0, 0.0, 0.0), 0.0, "purchases_90d"),
    ],
)
def test_counts_speak_before_amounts_and_shares(
    live: dict[str, Live], amounts: Sequence[float], total: float, speaks: str
) -> None:
    """A family's amount or share has the sentence only where no count points that way."""
    features = (
        Feature("purchases_90d", "integer", "frequency", "purchases", event="purchase", window_days=90),
        Feature("monetary_90d", "number", "monetary", "EUR", window_days=90),
        Feature("share", "number", "trend", "share", event="purchase", window_days=365, subject="30"),
    )
    whole = live["churn"].release.bundle
    bundle = Bundle(structs.replace(whole.manifest, features=features), whole.model, (), {})
    known = dict.fromkeys(range(3), 1.0)

    assert features[leading_feature(bundle, total, known, amounts)].name == speaks
    assert [speaks_second(feature, missing=False) for feature in features] == [False, True, True]


def test_every_door_gives_families_alike(together: dict[str, Live]) -> None:
    """An answer, flat or not, a scored table and its rows alone; a family's sum stands beside its sentence."""
    rows = shop_rows(80, seed=11)
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]})
    columns = score_table(together, table, reasons=4)
    results = score_profiles(together, [{"customer_id": "c", "features": row} for row in rows], reasons=4)
    flat = flat_results(together, results, None, 4, policy=DEFAULT)

    compared = 0
    for at, result in enumerate(results):
        for name, score in result["scores"].items():
            for rank, reason in enumerate(score.get("reasons", []), 1):
                for own in ("code", "feature", "contribution", "text"):
                    column = f"{name}_reason_{rank}_{own}"
                    assert columns[column][at].as_py() == flat[at][column] == dict(reason)[own]
                    compared += 1
    assert compared > 1000


def test_columns_are_the_reasons_of_each_row(together: dict[str, Live]) -> None:
    """For contributions with many ties, missing values and families that come to nothing."""
    random = np.random.default_rng(5)
    for served in together.values():
        bundle, matrix = served.release.bundle, np.asarray(_encoded(served, 150))
        contributions = random.integers(-2, 3, matrix.shape) / 4
        columns = reason_columns(bundle, matrix, contributions, 3, "fr")
        for at, amounts in enumerate(contributions):
            for rank, reason in enumerate(top_reasons(bundle, matrix[at].tolist(), amounts, 3, "fr"), 1):
                for own in ("code", "feature", "contribution", "text"):
                    assert columns[f"reason_{rank}_{own}"][at].as_py() == dict(reason)[own]


def test_a_move_is_of_families(together: dict[str, Live]) -> None:
    """The sum of a family's changes is named by the feature that moved most that way, once."""
    bundle, values = together["propensity"].release.bundle, _encoded(together["propensity"], 1)[0]
    changes = {"purchases_90d": 0.5, "days_since_purchase": -0.9, "subscribed": 0.1}
    moved = MovedScore(40.0, 30.0, bundle, values, values, changes)

    text = move_text(("2026-01-01", "2026-02-01"), [], moved, MovedSegment(None, None), "en")

    assert "Last purchase" in text
    assert "in the last 90 days" not in text
    assert text.index("subscribed") < text.index("Last purchase")  # what raised stands before what lowered


def _encoded(served: Live, count: int) -> list[list[float]]:
    return [served.scorer.encoder.row(row)[0] for row in shop_rows(count, seed=2)]
