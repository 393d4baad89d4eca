"""A probability beside the average: above, below or alike, as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.answers.explain import explain_profile
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.reasons.comparison import comparison_text
from tests.support.models import shop_rows


@pytest.mark.parametrize(
    ("probability", "average", "en", "fr"),
    [
        (0.613, 0.5407, "61%: above the average of 54%", "61\u202f%\u00a0: au-dessus de la moyenne de 54\u202f%"),
        (0.02, 0.117, "2.0%: below the average of 11.7%", "2,0\u202f%\u00a0: au-dessous de la moyenne de 11,7\u202f%"),
        (0.541, 0.5407, "54%: as the average", "54\u202f%\u00a0: comme la moyenne"),
    ],
)
def test_a_probability_is_compared_in_both_languages(probability: float, average: float, en: str, fr: str) -> None:
    """With a decimal where one of them is small."""
    assert comparison_text(probability, average, "en") == en
    assert comparison_text(probability, average, "fr") == fr


@given(st.floats(1e-7, 1 - 1e-7), st.floats(0.001, 0.999))
def test_it_never_contradicts_the_numbers(probability: float, average: float) -> None:
    """Above is above, below is below."""
    text = comparison_text(probability, average, "en")

    assert "above" not in text or probability > average
    assert "below" not in text or probability < average


def test_answers_with_reasons_say_it(live: dict[str, Live]) -> None:
    """An explanation too; without reasons an answer is what it was."""
    profile = {"customer_id": "c", "features": shop_rows(3)[1]}
    [bare], [full] = (score_profiles(live, [profile], reasons=reasons) for reasons in (0, 1))
    explained = explain_profile(live["churn"], profile, language="fr")

    score = full["scores"]["churn"]
    assert "comparison" not in bare["scores"]["churn"]
    assert score["comparison"] == comparison_text(score["probability"], 0.4, "en")
    assert explained["comparison"] == comparison_text(score["probability"], 0.4, "fr")
