"""The default policy: made for whatever is in service, and no label of it contradicts a number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.bundle.bundle import canonical_json
from scoring.bundle.manifest import Manifest, read_manifest
from scoring.releases.current_pointer import released_use_cases
from scoring.releases.store import load_release
from scoring.segments.assignment import DEFAULT, current_policy
from scoring.segments.default_policy import default_policy
from scoring.segments.policy import Policy
from scoring.segments.rule_parser import parse_rule
from scoring.segments.rules import FIELDS, NullableColumn
from tests.support.models import SHOP, release_shop, shop_manifest, shop_rows

POLARITY = {"churn": "negative", "shop-churn": "negative", "propensity": "positive", "a-bank": "positive"}


def manifest(name: str, *, average: float = 0.4, thresholds: tuple[float, float] = (0.3, 0.7), **own: Any) -> Manifest:
    """A use case by its name, with an average and thresholds."""
    document = shop_manifest(name, POLARITY.get(name, "positive"), np.linspace(0.01, 0.99, 200))
    document["bands"] = {**document["bands"], "thresholds": list(thresholds)}
    return read_manifest({**document, "base_rate": {"test": average}, **own})


def written(policy: Policy) -> dict[str, str]:
    """Each segment's rule as it is shown."""
    return {segment.code: segment.text for segment in policy.ordered}


def test_of_churn_and_propensity_it_is_what_it_was() -> None:
    """The same segments by the same rules, where bands keep to their side of the average."""
    assert default_policy([manifest("propensity"), manifest("churn")]) == DEFAULT


@pytest.mark.parametrize(
    ("names", "used", "codes"),
    [
        (["shop-churn"], ("shop-churn",), ["dormant", "at_risk", "loyal", "in_between"]),
        (["a-bank"], ("a-bank",), ["dormant", "promising", "unlikely", "in_between"]),
        (["shop-churn", "propensity"], ("shop-churn", "propensity"), ["dormant", "at_risk", "loyal", "promising"]),
        (["churn", "shop-churn"], ("churn",), ["dormant", "at_risk", "loyal", "in_between"]),
        ([], (), []),
    ],
)
def test_it_is_made_for_what_is_in_service(names: list[str], used: tuple[str, ...], codes: list[str]) -> None:
    """One use case, two or none; labelled in both languages."""
    policy = default_policy([manifest(name) for name in names])

    assert policy.use_cases == used
    assert [segment.code for segment in policy.ordered] == codes
    assert all(segment.labels.keys() == {"fr", "en"} for segment in policy.segments)


def test_of_several_those_two_count_that_share_features() -> None:
    """A table of other customers comes first by name, and is of nobody whom churn knows."""
    other = [{**msgspec.to_builtins(feature), "name": f"bank {feature.name}"} for feature in SHOP]

    policy = default_policy([manifest("a-bank", features=other), manifest("propensity"), manifest("churn")])
    alone = default_policy([manifest("a-bank", features=other), manifest("churn")])

    assert policy.use_cases == ("churn", "propensity")
    assert alone.use_cases == ("churn",)


@given(
    st.floats(0.001, 0.999),
    st.tuples(st.floats(0.001, 0.5), st.floats(0.501, 0.999)),
    st.lists(st.floats(0.001, 0.999), min_size=1, max_size=20),
)
def test_no_label_contradicts_its_number(
    average: float, thresholds: tuple[float, float], probabilities: list[float]
) -> None:
    """Whatever the bands, nobody above the average is loyal, nobody below it at risk."""
    low, high = thresholds
    policy = default_policy([manifest("shop-churn", average=average, thresholds=thresholds)])

    for probability in probabilities:
        segment = policy.assign(columns_of(policy, probability, low, high), 1)[0].path[0].code
        assert not (segment == "loyal" and probability > average)
        assert not (segment == "at_risk" and probability < average)
        if probability < min(low, average) - 1e-4:
            assert segment == "loyal"


def columns_of(
    policy: Policy, probability: float | None, low: float, high: float, *, status: str = "scored"
) -> Mapping[str, NullableColumn]:
    """What its rules read of one customer."""
    values = {
        "status": status,
        "probability": probability,
        "lowest_band": None if probability is None else probability < low,
        "highest_band": None if probability is None else probability >= high,
    }
    return {name: NullableColumn.of([values[name.rpartition(".")[2]]], policy.kinds[name]) for name in policy.columns}


@pytest.mark.parametrize("names", [["shop-churn"], ["a-bank"], ["churn", "propensity"], ["shop-churn", "a-bank"]])
def test_its_rules_read_as_they_are_evaluated(names: list[str]) -> None:
    """Copied into a policy of one's own they are the same rules, hyphens and all."""
    policy = default_policy([manifest(name, average=0.2, thresholds=(0.3, 0.7)) for name in names])
    kinds = {f"{name}.{field}": kind for name in names for field, kind in FIELDS.items()}

    assert {segment.code: parse_rule(segment.text, kinds) for segment in policy.segments} == {
        segment.code: segment.rule for segment in policy.segments
    }


@settings(max_examples=40)
@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_.-]{0,12}", fullmatch=True), st.booleans(), max_size=5))
def test_whatever_is_in_service_everybody_is_placed(use_cases: dict[str, bool]) -> None:
    """One use case of each kind of news at most, whatever their names; the policy is read back as it was made."""
    news = {name: "negative" if bad else "positive" for name, bad in use_cases.items()}

    policy = default_policy([manifest(name, polarity=polarity) for name, polarity in news.items()])

    assert {news[name] for name in policy.use_cases} == set(news.values())
    assert len(policy.use_cases) == len(set(news.values()))
    assert Policy.from_json(json.loads(canonical_json(policy.to_json())), policy.version) == policy
    for status, probability in (("scored", 0.2), ("scored", 0.5), ("scored", 0.8), ("not_eligible", None)):
        columns = columns_of(policy, probability, 0.3, 0.7, status=status)
        assert not policy.use_cases or policy.assign(columns, 1)[0].path


def test_bands_across_the_average_are_cut_there() -> None:
    """By a probability of four decimals on the label's side."""
    churn = manifest("churn", average=0.54071, thresholds=(0.6495, 0.822))
    low = manifest("shop-churn", average=0.9, thresholds=(0.1, 0.822))

    assert written(default_policy([churn]))["loyal"] == "churn.lowest_band AND churn.probability < 0.5407"
    at_risk = written(default_policy([low]))["at_risk"]
    assert at_risk == '"shop-churn.highest_band" AND "shop-churn.probability" > 0.9'


def test_a_home_of_one_use_case_names_segments(tmp_path: Path) -> None:
    """Without a policy of its own, and with a hyphen in the name; so do its batches."""
    home = tmp_path / "home"
    assert current_policy(home) == DEFAULT
    release_shop(home, "shop-churn", scratch=tmp_path, polarity="negative")
    live = {name: Live(load_release(home, name)) for name in released_use_cases(home)}
    rows = [{"customer_id": f"c{row}", "features": each} for row, each in enumerate(shop_rows(200))]

    answers = score_profiles(live, rows, policy=current_policy(home))

    average = live["shop-churn"].release.bundle.manifest.average or 0.0
    assert {"dormant", "at_risk", "loyal", "in_between"} == {
        answer["segment"]["code"] for answer in answers if answer["segment"]
    }
    loyal = [
        answer["scores"]["shop-churn"]
        for answer in answers
        if answer["segment"] and answer["segment"]["code"] == "loyal"
    ]
    assert max(score["probability"] for score in loyal) <= average
