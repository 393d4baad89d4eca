from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from scoring.answers.explain import ProfileError, explain_profile
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.errors import RequestError
from tests.support.models import shop_rows

CONTRACT = Path(__file__).parents[2] / "contract"


def posted(count: int = 50, seed: int = 9) -> list[dict[str, Any]]:
    """Profiles as a caller posts them."""
    return [{"customer_id": f"c{number}", "features": row} for number, row in enumerate(shop_rows(count, seed=seed))]


def test_reasons_add_up_to_the_served_probability(live: dict[str, Live]) -> None:
    """Promise 1, for both models and every row: |sigmoid(base + sum) - probability| < 1e-6."""
    for served in live.values():
        for profile in posted():
            answer = explain_profile(served, profile)
            total = answer["base_value"] + sum(answer["contributions"].values())
            assert abs(1 / (1 + math.exp(-total)) - answer["probability"]) < 1e-6
            assert abs(answer["base_value"] - served.scorer.bundle.calibration.log_odds(
                np.array([served.scorer.bundle.model.bias()], dtype=np.float32))[0]) < 1e-5  # fmt: skip


def test_scores_and_explanations_agree_to_the_bit(live: dict[str, Live]) -> None:
    """One scorer behind both: the same probability, score, percentile, band and reasons."""
    profiles = posted()
    rows = score_profiles(live, profiles, reasons=20, language="fr")

    for profile, row in zip(profiles, rows, strict=True):
        for name, score in row["scores"].items():
            explained = explain_profile(live[name], profile, language="fr")
            assert explained["eligible"] == (score["status"] == "scored")
            if explained["eligible"]:
                for key in ("probability", "score", "percentile", "band", "reasons", "model_version"):
                    assert explained[key] == score[key]


def test_answers_keep_the_contract(live: dict[str, Live]) -> None:
    """Every shape of row, sound and broken, is an answer the JSON Schema allows."""
    profiles = [*posted(5), {"customer_id": "x"}, None, {"customer_id": "y", "features": {"a": 1}}, 3]
    schema = json.loads((CONTRACT / "scores.schema.json").read_text())

    results = score_profiles(live, profiles, reasons=3)

    jsonschema.validate({"request_id": "r", "scored_at": "t", "results": results}, schema)
    assert [row["status"] for row in results[5:]] == ["invalid"] * 4
    explanation = explain_profile(live["churn"], profiles[0])
    schema = json.loads((CONTRACT / "explanation.schema.json").read_text())
    jsonschema.validate({**explanation, "request_id": "r"}, schema)


def test_a_row_alone_and_in_company_is_the_same(live: dict[str, Live]) -> None:
    """One row and a thousand agree to the bit, in order, whatever stands beside them."""
    profiles = posted(300)
    together = score_profiles(live, profiles, reasons=3)

    for position in (0, 7, 299):
        assert score_profiles(live, [profiles[position]], reasons=3) == [together[position]]


def test_a_bad_row_never_fails_the_others(live: dict[str, Live]) -> None:
    """The poison stays in its own row."""
    profiles = posted(3)
    alone = score_profiles(live, [profiles[0], profiles[2]])
    profiles[1]["features"]["days_since_purchase"] = "soon"

    results = score_profiles(live, profiles)

    assert [results[0], results[2]] == alone
    assert {score["status"] for score in results[1]["scores"].values()} == {"invalid"}
    assert results[1]["segment"] is None


def test_a_customer_about_whom_nothing_is_known_gets_no_score(live: dict[str, Live]) -> None:
    """All null: insufficient_data, and no probability."""
    blank = {"customer_id": "c", "features": dict.fromkeys(shop_rows(1)[0], None)}

    scores = score_profiles(live, [blank])[0]["scores"]

    assert {(score["status"], "probability" in score) for score in scores.values()} == {("insufficient_data", False)}


def test_eligibility_is_the_predicate_on_the_value_as_given(live: dict[str, Live]) -> None:
    """380 days is in, the next float is out: float32 rounding plays no part."""
    row = {**shop_rows(1)[0], "days_since_purchase": 380.0}
    beyond = {**row, "days_since_purchase": math.nextafter(380.0, 400)}

    results = score_profiles(live, [{"customer_id": "a", "features": row}, {"customer_id": "b", "features": beyond}])

    assert [answer["scores"]["churn"]["status"] for answer in results] == ["scored", "not_eligible"]


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"use_cases": ["churn", "nope"]}, "among those served"),
        ({"use_cases": []}, "at least one"),
        ({"reasons": 21}, "0..20"),
        ({"reasons": -1}, "0..20"),
        ({"language": "de"}, "en, fr"),
    ],
)
def test_a_request_that_cannot_be_answered_names_the_rule(
    live: dict[str, Live], options: dict[str, Any], rule: str
) -> None:
    """Errors of the request itself are raised, not hidden in rows."""
    with pytest.raises(RequestError, match=rule.replace("..", r"\.\.")):
        score_profiles(live, posted(1), **options)


def test_an_explanation_of_a_broken_profile_names_every_rule(live: dict[str, Live]) -> None:
    """Two features wrong, two notes."""
    profile = posted(1)[0]
    profile["features"] |= {"subscribed": "yes", "purchases_90d": -1}

    with pytest.raises(ProfileError) as caught:
        explain_profile(live["churn"], profile)

    assert {note["feature"] for note in caught.value.notes} == {"subscribed", "purchases_90d"}


def test_a_misspelt_feature_is_named_where_no_use_case_fits(live: dict[str, Live]) -> None:
    """A row that holds every feature but one, under another name, names both: what it lacks and what nobody knows."""
    (profile,) = posted(1)
    features = dict(profile["features"])
    spelt = next(iter(features))
    row = {"customer_id": "c", "features": {**{k: v for k, v in features.items() if k != spelt}, "nope": 1}}

    (answer,) = score_profiles(live, [row])

    assert answer["status"] == "invalid"
    errors = {(error["code"], error["feature"]) for error in answer["errors"]}
    assert {("missing_feature", spelt), ("unknown_feature", "nope")} <= errors
