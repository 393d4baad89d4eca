"""A flat answer is a row of a scored file, with the same names and values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.spec.languages import LANGUAGES, Language
from scoring.answers.flat import flat_results
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.batch.table_answers import score_table
from scoring.releases.store import load_release
from scoring.segments.assignment import DEFAULT
from scoring.segments.policy import Policy
from scoring.segments.policy_file import read_policy
from tests.scoring.segments.test_assignment import USE_CASES
from tests.scoring.segments.test_guidance import GUIDED
from tests.support.models import release_shop, shop_rows

ODD: dict[int, dict[str, float]] = {
    0: {"purchases_90d": -1},
    1: {"days_since_purchase": 400.0},
}  # invalid, not eligible
ROWS = [{**row, **ODD.get(number % 7, {})} for number, row in enumerate(shop_rows(60, seed=3))]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Live]:
    """Two releases."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    for name, seed in (("churn", 1), ("propensity", 0)):
        release_shop(home, name, scratch=scratch, seed=seed)
    return {name: Live(load_release(home, name)) for name in ("churn", "propensity")}


def flat(live: dict[str, Live], rows: list[Any], *, policy: Policy = DEFAULT, **options: Any) -> list[dict[str, Any]]:
    """The flat answers of features, the customers numbered."""
    profiles = [{"customer_id": str(number), "features": row} for number, row in enumerate(rows)]
    results = score_profiles(live, profiles, policy=policy, **options)
    return flat_results(live, results, options.get("use_cases"), options.get("reasons", 0), policy=policy)


@pytest.mark.parametrize("reasons", [0, 2, 20])
def test_a_flat_answer_is_a_row_of_a_scored_file(live: dict[str, Live], reasons: int) -> None:
    """Scored, not eligible, invalid or with a warning: every column, in its order, and `status` and `errors` beside."""
    table = pl.DataFrame(ROWS).insert_column(0, pl.Series("customer_id", [str(n) for n in range(len(ROWS))]))

    rows = flat(live, ROWS, use_cases=list(live), reasons=reasons, language="fr")
    scored = score_table(live, table.to_arrow(), reasons=reasons, language="fr").to_pylist()

    assert [{k: v for k, v in row.items() if k not in ("status", "errors")} for row in rows] == scored
    assert {row["churn_status"] for row in rows} == {"scored", "not_eligible", "invalid"}
    assert [key for key in rows[0] if key not in ("status", "errors")] == list(scored[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_next_steps_are_texts_where_they_are_stated(live: dict[str, Live], tmp_path: Path, language: Language) -> None:
    """Of a band and of a segment, in a flat answer as in a scored file and in the answer itself; last of each part."""
    release_shop(tmp_path, "churn", scratch=tmp_path, seed=1, actions={"high": {"fr": "Appeler", "en": "Call"}})
    said = {**live, "churn": Live(load_release(tmp_path, "churn"))}
    policy = read_policy(GUIDED, USE_CASES)
    table = pl.DataFrame(ROWS).insert_column(0, pl.Series("customer_id", [str(n) for n in range(len(ROWS))]))

    rows = flat(said, ROWS, policy=policy, use_cases=list(said), reasons=1, language=language)
    scored = score_table(said, table.to_arrow(), reasons=1, language=language, policy=policy).to_pylist()

    assert [{k: v for k, v in row.items() if k not in ("status", "errors")} for row in rows] == scored
    step, place = {"fr": ("Appeler", "Écrire"), "en": ("Call", "Write")}[language]
    assert {(row["churn_band"], row["churn_action"]) for row in rows} >= {("high", step), ("low", None)}
    assert {row["segment"] for row in rows if row["segment_action"] == place} == {"rest"}
    assert not [key for row in rows for key in row if key.startswith("propensity_action")]
    assert list(scored[0])[-2:] == ["segment", "segment_action"]
    assert not [key for key in flat(live, ROWS, reasons=1)[0] if "action" in key]


def test_every_row_of_a_call_has_the_same_keys_and_nothing_nested(live: dict[str, Live]) -> None:
    """A malformed profile too."""
    rows = flat(live, [*ROWS, 7, {}], reasons=1)

    assert len({tuple(row) for row in rows}) == 1
    assert not [value for row in rows for value in row.values() if isinstance(value, (dict, list))]
    assert rows[-2]["status"] == "invalid"
    assert "features" in rows[-2]["errors"]
