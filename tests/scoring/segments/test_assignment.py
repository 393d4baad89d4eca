from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.releases.store import load_release
from scoring.segments.assignment import DEFAULT, assign_all, current_policy, field_of, install_policy
from scoring.segments.policy import Assignment
from scoring.segments.policy_file import read_policy
from tests.support.models import SHOP, WRITTEN, release_shop, shop_rows

RUNGS: dict[str | None, tuple[bool | None, bool | None]]
RUNGS = {"low": (True, False), "middle": (False, False), "high": (False, True), None: (None, None)}
USE_CASES = {"churn": SHOP, "propensity": SHOP}
GOOD = """use_cases = ["churn", "propensity"]

[[segment]]
code = "hot"
label = { fr = "Chauds", en = "Hot" }
rule = "propensity.score > 70 AND purchases_90d >= 2"

[[segment]]
code = "rest"
label = { fr = "Autres", en = "Others" }
rule = "TRUE"

[[segment]]
code = "hot_web"
level = 2
parent = "hot"
label = { fr = "Chauds du web", en = "Hot, web" }
rule = "\\"canal d'achat\\" = 'web'"
"""


def place(churn: str | None, propensity: str | None, *, statuses: tuple[str, str] = ("scored", "scored")) -> str | None:
    """The default policy's segment of one customer, by the bands of two models (None: not scored)."""
    bands = {"churn": churn, "propensity": propensity}

    def read(name: str) -> list[Any]:
        found = field_of(name)
        assert found is not None
        use_case, field = found
        if field == "status":
            return [dict(zip(bands, statuses, strict=True))[use_case]]
        return [RUNGS[bands[use_case]][("lowest_band", "highest_band").index(field)]]

    placed = assign_all(DEFAULT, {name: [status] for name, status in zip(bands, statuses, strict=True)}, read)
    found = placed[0].to_answer("en")
    return None if found is None else str(found["code"])


@pytest.mark.parametrize(
    ("churn", "propensity", "code"),
    [
        (None, "low", "dormant"),
        (None, "middle", "promising"),
        (None, "high", "promising"),
        *(("high", other, "at_risk") for other in ("low", "middle", "high")),
        *(("low", other, "loyal") for other in ("low", "middle", "high")),
        *(("middle", other, "promising") for other in ("low", "middle", "high")),
    ],
)
def test_the_first_rule_that_holds_names_the_segment(churn: str | None, propensity: str, code: str) -> None:
    """In order: dormant, at risk, loyal, else promising."""
    statuses = ("scored" if churn else "not_eligible", "scored")

    assert place(churn, propensity, statuses=statuses) == code


def test_there_is_no_segment_unless_both_models_speak() -> None:
    """A model that is invalid or knows nothing names no segment, whatever the other says."""
    for silent, other in product(("invalid", "insufficient_data", "opted_out", "unknown", "stale"), ("low", "high")):
        assert place(None, other, statuses=(silent, "scored")) is None
        assert place(other, None, statuses=("scored", silent)) is None


def test_one_model_alone_names_no_segment(live: dict[str, Live]) -> None:
    """Null unless both were asked."""
    profiles = [{"customer_id": "c", "features": row} for row in shop_rows(20)]

    assert all(row["segment"] is None for row in score_profiles(live, profiles, use_cases=["churn"]))
    assert any(row["segment"] for row in score_profiles(live, profiles))


def test_a_rule_reads_amounts_as_they_are_scored_and_nothing_of_invalid_rows(
    live: dict[str, Live], tmp_path: Path
) -> None:
    """Posted as text or as numbers they name the same segments; another row's text for a number fails no call."""
    for name in USE_CASES:
        release_shop(tmp_path / "home", name, scratch=tmp_path, features=msgspec.to_builtins(WRITTEN))
    text = GOOD.replace("purchases_90d >= 2", "monetary_365d >= 300").replace("score > 70", "score > 1")
    policy, rows = read_policy(text, USE_CASES), shop_rows(40)
    written = [
        {**row, "monetary_365d": (sum_ := row["monetary_365d"]) and f"{sum_:.2f} €".replace(".", ",")} for row in rows
    ]
    for some in (rows, written):
        some[7]["purchases_90d"] = some[8]["monetary_365d"] = "many"

    def segments(served: dict[str, Live], posted: list[dict[str, Any]]) -> list[Any]:
        profiles = [{"customer_id": "c", "features": row} for row in posted]
        return [answer["segment"] for answer in score_profiles(served, profiles, policy=policy)]

    named = segments(live, rows)

    assert segments({name: Live(load_release(tmp_path / "home", name)) for name in USE_CASES}, written) == named
    assert {segment and segment["code"] for segment in named} >= {None, "hot", "rest"}


def test_an_installed_policy_reads_back_the_same(tmp_path: Path) -> None:
    """What was checked is what is served, and installing it twice changes nothing."""
    policy = read_policy(GOOD, USE_CASES)
    version = install_policy(tmp_path, policy, GOOD)

    again = current_policy(tmp_path)

    assert (again.use_cases, again.segments, again.version) == (policy.use_cases, policy.segments, version)
    assert install_policy(tmp_path, policy, GOOD) == version


@pytest.mark.parametrize(
    "word", ["column", "literal", "and", "or", "not", "compare", "in", "null", "is", "true", "constant"]
)
def test_a_value_spelled_like_a_part_of_a_rule_reads_back_as_a_value(tmp_path: Path, word: str) -> None:
    """An installed rule is the one that was checked, whatever its texts say."""
    rule = f"\\\"canal d'achat\\\" IN ('{word}', 'web') AND churn.band <> '{word}'"
    known = tuple(replace(each, levels=(*each.levels, word)) if each.levels else each for each in SHOP)
    policy = read_policy(GOOD.replace("purchases_90d >= 2", rule), dict.fromkeys(USE_CASES, known))
    install_policy(tmp_path, policy, "")

    assert current_policy(tmp_path).segments == policy.segments


def test_an_answer_carries_its_path(live: dict[str, Live]) -> None:
    """The segment is the deepest; the path leads to it from level 1."""
    policy = read_policy(GOOD.replace("> 70", "> 30"), USE_CASES)
    profiles = [{"customer_id": "c", "features": row} for row in shop_rows(60)]

    named = [row["segment"] for row in score_profiles(live, profiles, policy=policy, language="fr") if row["segment"]]

    deep = next(segment for segment in named if segment["code"] == "hot_web")
    assert deep["label"] == "Chauds du web"
    assert [step["code"] for step in deep["path"]] == ["hot", "hot_web"]
    assert {segment["code"] for segment in named} == {"hot", "hot_web", "rest"}


def test_a_member_stays_by_the_stay_rule_or_the_minimum_stay() -> None:
    """Entry at 70, exit at 60: between them only members are in; one bound by a minimum stay is in whatever happens."""
    entry = 'rule = "propensity.score > 70 AND purchases_90d >= 2"'
    leave = 'rule = "propensity.score > 70"\nstay = "propensity.score > 60"'
    policy = read_policy(GOOD.replace(entry, leave), USE_CASES)
    columns: dict[str, list[Any]] = {"propensity.score": [80.0, 65.0, 65.0, 50.0, 50.0], "canal d'achat": [None] * 5}
    statuses = dict.fromkeys(policy.use_cases, ["scored"] * 5)

    placed = assign_all(
        policy, statuses, columns.__getitem__, members=[{}, {"hot": False}, {}, {"hot": False}, {"hot": True}]
    )

    assert [stand.path[0].code for stand in placed] == ["hot", "hot", "rest", "rest", "hot"]
    assert isinstance(placed[0], Assignment)


def test_a_minimum_stay_holds_against_an_earlier_segment_too() -> None:
    """Who must stay in `rest` is not taken by `hot`, whose rule is asked first; who need not is."""
    policy = read_policy(GOOD.replace(" AND purchases_90d >= 2", ""), USE_CASES)
    columns: dict[str, list[Any]] = {"propensity.score": [80.0, 80.0], "canal d'achat": ["web", "web"]}
    statuses = dict.fromkeys(policy.use_cases, ["scored"] * 2)

    placed = assign_all(policy, statuses, columns.__getitem__, members=[{"rest": True}, {"rest": False}])

    assert [[segment.code for segment in stand.path] for stand in placed] == [["rest"], ["hot", "hot_web"]]


def test_columns_compared_with_each_other_are_not_taken_for_a_contradiction() -> None:
    """Both may lie beyond any constant that one of them is compared with."""
    rule = "monetary_365d > 1000 AND days_since_purchase > monetary_365d"

    policy = read_policy(GOOD.replace("propensity.score > 70 AND purchases_90d >= 2", rule), USE_CASES)

    assert policy.by_code["hot"].text == rule
