"""A warning that nearly all customers would get is repeated through no door, and changes no number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from msgspec import structs

from scoring.answers.explain import explain_profile
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.batch.table_answers import score_table
from scoring.bundle.bundle import Bundle
from scoring.bundle.manifest import UsualWarning
from tests.support.models import shop_rows

OUTSIDE = {"monetary_365d": 5000.0}
ROWS = [{**row, **OUTSIDE, "purchases_90d": 40 if at % 3 else 2} for at, row in enumerate(shop_rows(40, seed=8))]


@pytest.fixture(scope="module")
def quiet(live: dict[str, Live]) -> dict[str, Live]:
    """The shop's models, of which nearly all customers lie outside the range of one feature."""
    usual = (UsualWarning("outside_training_range", "monetary_365d", 0.98),)
    found = {}
    for name, served in live.items():
        bundle = served.release.bundle
        manifest = structs.replace(bundle.manifest, usual_warnings=usual)
        found[name] = Live(replace(served.release, bundle=Bundle(manifest, bundle.model, bundle.golden, bundle.files)))
    return found


@pytest.mark.parametrize("together", [1, 40])
def test_answers_do_not_repeat_it(live: dict[str, Live], quiet: dict[str, Live], together: int) -> None:
    """One by one and many at once: all else is as it was, other warnings among it."""
    for at in range(0, len(ROWS), together):
        profiles = [{"customer_id": "c", "features": row} for row in ROWS[at : at + together]]
        loud, said = (score_profiles(one, profiles, reasons=2) for one in (live, quiet))
        kept = set()
        for score in _scores(loud):
            kept |= {note["feature"] for note in score["warnings"]}
            score["warnings"] = [note for note in score["warnings"] if note["feature"] != "monetary_365d"]
        assert said == loud
        assert "monetary_365d" in kept or not list(_scores(loud))


def test_files_and_explanations_do_not_either(quiet: dict[str, Live]) -> None:
    """As answers have it."""
    table = pa.table({name: [row[name] for row in ROWS] for name in ROWS[0]})
    columns = score_table(quiet, table)

    for at, row in enumerate(ROWS):
        score = score_profiles(quiet, [{"customer_id": "c", "features": row}])[0]["scores"]["churn"]
        if score["status"] == "scored":
            text = "; ".join(f"{note['feature']}: {note['detail']}" for note in score["warnings"])
            assert (columns["churn_warnings"][at].as_py() or "") == text
            explained = explain_profile(quiet["churn"], {"customer_id": "c", "features": row})
            assert explained["warnings"] == score["warnings"]
    assert quiet["churn"].usual_warnings() == ("monetary_365d: The value lies outside the range met in training.",)


def _scores(answers: Any) -> Any:
    """Every score that was given."""
    return (score for answer in answers for score in answer["scores"].values() if score["status"] == "scored")
