"""Segments on real purchases: two dates a quarter apart, and what those in each segment did next."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from features.build.log_table import scoring_table
from features.config.use_case import LogUseCase
from scoring.answers.served_release import Live
from scoring.audiences.realised_outcomes import RealisedOutcomes
from scoring.audiences.segment_report import ReportDocument, SegmentChange, segment_report
from scoring.audiences.snapshot import open_snapshot, take_snapshot
from scoring.releases.store import load_release
from scoring.segments.policy_file import read_policy
from tests.support.worlds import load_log, shared
from training.registry.mlflow_registry import Registry
from training.train import train

DATES = (date(2011, 6, 1), date(2011, 8, 30))  # 90 days apart, both after the last day a label reaches
USE_CASE = """name = "propensity"
polarity = "positive"
seed = 7

[events]
path = "{path}"
customer_id = "customer_id"
timestamp = "ts"
amount = "amount"
type = "purchase"
id = "invoice"
refund = {{ column = "is_cancel", equals = true }}
currency = "GBP"

[window]
prediction = "90d"
test_cutoff = "2011-03-01"
train_cutoffs = 2

[label]
event = "purchase"
outcome = "present"
"""
TIERS = """use_cases = ["propensity"]
[[segment]]
code = "very_likely"
label = { fr = "Très probable", en = "Very likely" }
rule = "propensity.score > 70"
[[segment]]
code = "likely"
label = { fr = "Probable", en = "Likely" }
rule = "propensity.score > 45"
[[segment]]
code = "doubtful"
label = { fr = "Incertain", en = "Doubtful" }
rule = "propensity.score > 20"
[[segment]]
code = "unlikely"
label = { fr = "Improbable", en = "Unlikely" }
rule = "TRUE"
[[segment]]
code = "best"
level = 2
exclusive = false
label = { fr = "Les meilleurs", en = "The best" }
rule = "purchases_365d >= 6"
"""
ORDER = ["very_likely", "likely", "doubtful", "unlikely"]


@pytest.fixture(scope="module")
def use_case(tmp_path_factory: pytest.TempPathFactory) -> LogUseCase:
    """Who buys within 90 days."""
    file = tmp_path_factory.mktemp("retail") / "propensity.toml"
    file.write_text(USE_CASE.format(path=shared("online_retail_ii_invoices.parquet")), encoding="utf-8")
    return load_log(file)


@pytest.fixture(scope="module")
def report(use_case: LogUseCase, tmp_path_factory: pytest.TempPathFactory) -> ReportDocument:
    """The segment report of the two dates, with purchases of the 90 days after the first."""
    home = tmp_path_factory.mktemp("home")
    train(use_case, home=home, registry=Registry(home), mode="always")
    live = {"propensity": Live(load_release(home, "propensity"))}
    policy = read_policy(TIERS, {"propensity": live["propensity"].release.bundle.features})
    previous = None
    taken = []
    for day in DATES:
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        scoring_table(use_case, moment).write_parquet(home / f"{day}.parquet")
        take_snapshot(
            live, policy, home / f"{day}.parquet", home / f"s{day}.parquet", as_of=day, previous=previous, reasons=3
        )
        previous = open_snapshot(home / f"s{day}.parquet")
        taken.append(previous)
    before, after = taken
    return segment_report(before, after, RealisedOutcomes(bought(use_case.events.path), complete=True))


def bought(path: Path) -> dict[str, bool]:
    """Who bought in the 90 days from the first date, straight from the file."""
    start = datetime(DATES[0].year, DATES[0].month, DATES[0].day)
    rows = pl.read_parquet(path).filter(
        pl.col("ts").is_between(start, start + timedelta(days=90), closed="left")
        & ~pl.col("is_cancel")
        & (pl.col("amount") >= 0)
    )
    return dict.fromkeys(rows["customer_id"].cast(pl.String).to_list(), True)


def of(report: ReportDocument, code: str) -> SegmentChange:
    """One segment's part of the report."""
    return next(segment for segment in report["segments"] if segment["code"] == code)


def test_the_order_by_predicted_propensity_is_the_order_by_realised_rate(report: ReportDocument) -> None:
    """Four tiers: each buys again more often than the next, and the intervals do not touch."""
    predicted = [of(report, code)["predicted"]["propensity"] or 0.0 for code in ORDER]
    realised = [of(report, code)["realised"] for code in ORDER]

    assert predicted == sorted(predicted, reverse=True)
    for above, below in pairwise(realised):
        assert above["low"] > below["high"]


def test_sizes_and_flows_of_a_quarter_add_up(report: ReportDocument, use_case: LogUseCase) -> None:
    """Tiers hold everyone on both dates; nobody is lost, new customers are those first seen in between."""
    for when in ("before", "after"):
        assert sum(of(report, code)[when] for code in ORDER) == report[when]["customers"]
    first = pl.read_parquet(use_case.events.path).group_by("customer_id").agg(pl.col("ts").min().dt.date())["ts"]
    flows = [flow for flow in report["flows"] if flow["level"] == 1]
    assert report["before"]["customers"] == (first < DATES[0]).sum()
    assert report["arrived"] == first.is_between(*DATES, closed="left").sum()
    assert report["gone"] == 0
    assert sum(flow["customers"] for flow in flows) == report["before"]["customers"]
    for code in ORDER:
        assert sum(flow["customers"] for flow in flows if flow["from"] == code) == of(report, code)["before"]
    assert report["moved"] > 100


def test_every_tier_says_why(report: ReportDocument) -> None:
    """Up to three features, each with the share of members it matters to."""
    for code in ORDER:
        why = of(report, code)["reasons"]["propensity"]
        assert len(why) == 3
        assert all(0 < reason["share"] <= 1 for reason in why)
