"""What was known before: the score narrows the interval where it tells, segments are looked at apart."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from activation.campaigns.earlier_scores import earlier_scores
from activation.campaigns.effect import rate_interval
from activation.campaigns.outcome_store import take_outcomes
from activation.campaigns.result import campaign_result
from scoring.audiences.campaign import Campaign, CampaignList, CampaignPlan, CampaignVersions, record_campaign
from scoring.population.days import Day
from scoring.population.read_days import day_rows
from tests.support.campaigns import AFTER
from tests.support.days import DAY, made, released, write_customers
from tests.support.models import release_shop

COUNT = 1_200


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Day]:
    """A home with a day."""
    home = tmp_path_factory.mktemp("home")
    scratch = tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch)
    release_shop(home, "churn", scratch=scratch, polarity="negative", seed=1)
    source = write_customers(home / "customers.parquet", count=COUNT)
    return home, made(home, released(home, "churn", "propensity"), source)


def campaign(home: Path, salt: str, customers: list[str]) -> tuple[Campaign, list[str], list[str]]:
    """One whose every third customer is held out, and its arms."""
    treated, holdout = [*customers[::3], *customers[1::3]], customers[2::3]
    plan = CampaignPlan(
        salt=salt,
        holdout=1 / 3,
        list=CampaignList(use_case="propensity", snapshot=DAY.isoformat()),
        versions=CampaignVersions({"propensity": "1"}, "default"),
        window="1d",
    )
    return record_campaign(home, plan, treated=treated, holdout_ids=holdout), treated, holdout


def test_the_score_from_before_narrows_the_interval(day: tuple[Path, Day]) -> None:
    """Answers that follow it are told apart sooner; the effect stays that of the arms. Then by segment, corrected."""
    home, written = day
    columns = ["customer_id", "propensity_probability", "segment"]
    rows = pl.DataFrame(day_rows(home, written).select(columns)).drop_nulls("propensity_probability")
    found, treated, rest = campaign(home, "before", rows["customer_id"].to_list())
    answered = rows["propensity_probability"] > rows["propensity_probability"].median()
    reported = pl.DataFrame({"customer_id": rows["customer_id"], "answered": answered}).with_columns(
        pl.lit(None, pl.Boolean()).alias("contacted"),
        pl.lit(None, pl.Float64()).alias("value"),
        pl.lit(None, pl.Boolean()).alias("unsubscribed"),
    )
    take_outcomes(home, found, reported, known_to=AFTER.replace(year=2027), absent="unknown", currency=None)
    result = campaign_result(home, found, as_of=AFTER.replace(year=2027))
    effect = result.effect

    assert effect
    assert effect.adjusted
    assert effect.variance_saved
    assert effect.variance_saved > 0.3
    assert effect.interval[0] < 0 < effect.interval[1]
    assert result.segments
    for one in result.segments:
        inside = rows.filter(pl.col("segment") == one.segment)["customer_id"]
        arms = [inside.filter(inside.is_in(customers)) for customers in (treated, rest)]
        hits = [(int(answered.filter(rows["customer_id"].is_in(arm)).sum()), len(arm)) for arm in arms]
        assert one.interval == rate_interval(hits[0], hits[1], 1 - 0.05 / len(result.segments))
    assert {one.segment for one in result.segments} <= set(rows["segment"])
    assert all(
        one.p is not None and (one.p < 0.05) <= (one.interval[0] > 0 or one.interval[1] < 0) for one in result.segments
    )


def test_without_the_day_nothing_is_known_before(tmp_path: Path) -> None:
    """It is kept no more: no adjustment, no segments."""
    found, *_ = campaign(tmp_path, "gone", ["a", "b", "c"])

    assert earlier_scores(tmp_path, found).is_empty()
