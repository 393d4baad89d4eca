"""What customers will bring beside a score: in answers, explanations, flat rows and files, the same."""

from __future__ import annotations

import json
import math

import jsonschema
import msgspec
import pytest

from features.spec.languages import Language
from scoring.answers.explain import explain_profile
from scoring.answers.flat import flat_results
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.answers.wire import Profile, Scores, ValueAnswer
from scoring.batch.table_answers import score_table
from scoring.segments.assignment import DEFAULT
from tests.conftest import ROOT
from tests.support.days import released
from tests.support.models import release_shop, shop_rows
from tests.support.value import with_value


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Live:
    """A release of `churn` that serves a value."""
    home = tmp_path_factory.mktemp("releases")
    release_shop(home, "churn", scratch=tmp_path_factory.mktemp("bundles"), polarity="negative", seed=1)
    return with_value(released(home, "churn")["churn"])


PROFILES: list[Profile] = [
    {"customer_id": str(at), "features": row} for at, row in enumerate(shop_rows(60, seed=5), start=1)
]


def values_of(live: Live, *, reasons: int, language: Language = "en") -> list[ValueAnswer]:
    """Of those profiles that were scored."""
    results = score_profiles({"churn": live}, PROFILES, reasons=reasons, language=language)
    return [result["scores"]["churn"]["value"] for result in results if result["scores"]["churn"]["status"] == "scored"]


def test_what_multiplies_a_typical_customer_s_value_gives_each(live: Live) -> None:
    """Base, reasons and the factors of all that is no reason: with one reason asked for as with all."""
    for count in (1, 3, 20):
        for value in values_of(live, reasons=count):
            product = value["base"] * math.prod(reason["multiplies_by"] for reason in value["reasons"])

            assert product * value["other_factors"] == pytest.approx(value["expected"], rel=1e-12, abs=1e-9)
            assert value["low"] <= value["expected"] <= value["high"]


def test_without_reasons_there_is_a_value_alone(live: Live) -> None:
    """The same amounts, of profit where a margin is stated and else of revenue."""
    alone, explained = values_of(live, reasons=0), values_of(live, reasons=3)

    assert [value["expected"] for value in alone] == [value["expected"] for value in explained]
    assert not {"base", "other_factors"} & alone[0].keys()
    assert (alone[0]["horizon"], alone[0]["currency"], alone[0]["of"]) == ("90d", "EUR", "profit")
    revenue = values_of(with_value(live, margin=None), reasons=0)
    assert revenue[0]["of"] == "revenue"
    assert revenue[0]["expected"] == pytest.approx(alone[0]["expected"] / 0.4)


@pytest.mark.parametrize(("language", "words"), [("en", ": multiplies by "), ("fr", "\u00a0: multiplie par ")])
def test_reasons_multiply_in_words(live: Live, language: Language, words: str) -> None:
    """In either language, by the number that stands beside them."""
    reasons = [reason for value in values_of(live, reasons=2, language=language) for reason in value["reasons"]]

    assert all(words in reason["text"] for reason in reasons)
    assert all((reason["direction"] == "raises") == (reason["multiplies_by"] >= 1) for reason in reasons)
    assert all(
        math.prod(part["multiplies_by"] for part in reason["parts"]) == pytest.approx(reason["multiplies_by"])
        for reason in reasons
    )


def test_a_file_says_what_an_answer_says(live: Live) -> None:
    """To the bit: expected value, interval, what it is compared with, reasons and their words."""
    import pyarrow as pa

    served = {"churn": live}
    results = score_profiles(served, PROFILES, reasons=2)
    flat = flat_results(served, results, ["churn"], 2, policy=DEFAULT)
    rows = [{"customer_id": profile["customer_id"], **profile["features"]} for profile in PROFILES]
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]})

    columns = score_table(served, table, reasons=2).to_pylist()

    names = [name for name in columns[0] if name.startswith("value")]
    assert names == [name.removeprefix("churn_") for name in flat[0] if name.startswith("churn_value")]
    assert len(names) == 4 + 2 * 4
    bases = [row["value_base"] for row in columns if row["value_base"] is not None]
    assert bases == [value["base"] for value in values_of(live, reasons=2)]
    assert "value_base" not in score_table(served, table, reasons=0).column_names
    assert [[row[name] for name in names] for row in columns] == [
        [row[f"churn_{name}"] for name in names] for row in flat
    ]


def test_an_explanation_names_every_factor(live: Live) -> None:
    """The base times all of them is the value that the score's answer has."""
    scored = values_of(live, reasons=0)[0]["expected"]
    profile = next(
        profile
        for profile in PROFILES
        if score_profiles({"churn": live}, [profile])[0]["scores"]["churn"]["status"] == "scored"
    )

    found = explain_profile(live, profile)["value"]

    assert found["expected"] == scored
    assert found["base"] * math.prod(found["factors"].values()) == pytest.approx(scored)
    assert found["factors"].keys() == {feature.name for feature in live.release.bundle.features}


def test_answers_keep_their_contract(live: Live) -> None:
    """The wire type and the schema that callers hold us to."""
    results = score_profiles({"churn": live}, PROFILES[:5], reasons=2)
    body = {"request_id": "1", "scored_at": "2026-01-31T09:30:00.000Z", "results": results}
    schema = json.loads((ROOT / "tests/contract/scores.schema.json").read_text())

    msgspec.convert(msgspec.json.decode(msgspec.json.encode(body)), Scores)
    jsonschema.validate(body, schema)
    results[0]["scores"]["churn"]["value"]["expected"] = -1.0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, schema)
