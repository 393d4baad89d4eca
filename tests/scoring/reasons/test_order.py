"""The order of reasons: the strongest are chosen, then those about the data stand last, through every door alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from msgspec import structs
from numpy.typing import NDArray

from features.spec.feature import Feature
from scoring.answers.explain import explain_profile
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.batch.table_answers import score_table
from scoring.bundle.bundle import Bundle
from scoring.bundle.families import OTHER_FACTORS
from scoring.reasons.move_texts import MovedScore, MovedSegment, move_text
from scoring.reasons.reason_columns import _largest, reason_columns
from scoring.reasons.reasons import is_about_data, top_reasons
from tests.support.models import shop_rows

FRESH = "monetary_365d"  # measures how fresh the data is, in these models


@pytest.fixture(scope="module")
def doubtful(live: dict[str, Live]) -> dict[str, Live]:
    """The shop's models, one feature of which is about the data and another never named."""
    found = {}
    for name, served in live.items():
        bundle = served.release.bundle
        features = tuple(
            replace(one, family="freshness") if one.name == FRESH else one for one in bundle.manifest.features
        )
        manifest = structs.replace(bundle.manifest, features=features, forbid=("subscribed",))
        found[name] = Live(replace(served.release, bundle=Bundle(manifest, bundle.model, bundle.golden, bundle.files)))
    return found


@pytest.mark.parametrize(
    ("feature", "missing", "about"),
    [
        (Feature("freshness", "number", "freshness", "share"), False, True),
        (Feature("completeness", "number", "completeness", "share"), False, True),
        (Feature("job", "category"), False, False),
        (Feature("job", "category"), True, True),
        (Feature("monetary_90d", "number", "monetary", "EUR", window_days=90), True, True),
        (Feature("days_since_purchase", "number", "recency", "days", event="purchase"), True, False),
    ],
)
def test_what_is_about_the_data(feature: Feature, missing: bool, about: bool) -> None:
    """How fresh or complete it is, and a value that is not known; never having bought is what a customer did."""
    assert is_about_data(feature, missing) == about


def test_the_strongest_are_chosen_and_those_about_the_data_stand_last(doubtful: dict[str, Live]) -> None:
    """For random rows and contributions: the same set as by strength alone, no amount changed, one order in bulk."""
    bundle, random = doubtful["churn"].release.bundle, np.random.default_rng(8)
    matrix = encoded(doubtful["churn"], 200)
    contributions = np.round(random.normal(size=matrix.shape), 3)

    for count in (1, 3, 20):
        columns = reason_columns(bundle, matrix, contributions, count, "en")
        for row, amounts in enumerate(contributions):
            reasons = top_reasons(bundle, matrix[row].tolist(), amounts, count, "en")
            strength = [abs(reason["contribution"]) for reason in reasons]
            everything = top_reasons(bundle, matrix[row].tolist(), amounts, 20, "en")
            of_data = [
                reason["feature"] != OTHER_FACTORS
                and (reason["feature"] == FRESH or (reason["value"] is None and reason["code"] != "recency"))
                for reason in reasons
            ]
            assert sorted(strength) == sorted(abs(one["contribution"]) for one in everything)[-count:]
            assert of_data == sorted(of_data)
            for about in (False, True):
                own = [amount for amount, one in zip(strength, of_data, strict=True) if one == about]
                assert own == sorted(own, reverse=True)
            named = [columns[f"reason_{rank + 1}_feature"][row].as_py() for rank in range(len(reasons))]
            assert named == [reason["feature"] for reason in reasons]


def test_every_door_has_the_same_order(doubtful: dict[str, Live]) -> None:
    """An answer, its explanation and a scored table; contributions still add up to the probability."""
    rows = shop_rows(120, seed=6)
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]})
    columns = score_table(doubtful, table, reasons=3)
    seen = 0

    for at, row in enumerate(rows):
        score = score_profiles(doubtful, [{"customer_id": "c", "features": row}], reasons=3)[0]["scores"]["churn"]
        if score["status"] != "scored":
            continue
        named = [reason["feature"] for reason in score["reasons"]]
        assert [columns[f"churn_reason_{rank}_feature"][at].as_py() for rank in (1, 2, 3)] == named
        explained = explain_profile(doubtful["churn"], {"customer_id": "c", "features": row})
        told = [reason["feature"] for reason in explained["reasons"]]
        assert [name for name in told if name in named] == named
        seen += named[-1] == FRESH
    assert seen > 10


def test_a_move_names_what_is_about_the_data_last(doubtful: dict[str, Live]) -> None:
    """Among what raised a score, though it changed most."""
    values = encoded(doubtful["churn"], 1)[0].tolist()
    moved = MovedScore(40.0, 60.0, doubtful["churn"].release.bundle, values, values, {FRESH: 0.9, "purchases_90d": 0.4})

    text = move_text(("2026-01-01", "2026-02-01"), [], moved, MovedSegment(None, None), "en")

    assert text.index("purchase") < text.index("Freshness of the data")


def encoded(served: Live, count: int) -> NDArray[np.float64]:
    """Rows of the shop as a model reads them."""
    return np.asarray([served.scorer.encoder.row(row)[0] for row in shop_rows(count, seed=2)])


def test_the_largest_are_those_of_a_stable_sort() -> None:
    """Of equals the first, also where more are asked for than there are."""
    sizes = np.random.default_rng(3).integers(0, 4, (500, 6)).astype(np.float64)

    for count in (1, 3, 9):
        sorted_columns = np.argsort(-sizes, axis=1, kind="stable")[:, :count]
        assert np.array_equal(_largest(sizes.copy(), count), sorted_columns)
