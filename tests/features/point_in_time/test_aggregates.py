"""Features are what their names say, held against plain Python on one customer at a time."""

from __future__ import annotations

import math
import statistics
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.build.log_table import learning_table, scoring_table
from features.errors import DataError
from features.point_in_time.labels import naive
from tests.support.worlds import START, as_bytes, log_case, purchases, utc

CUTOFF = utc(200)
WINDOWS = (7, 30, 90, 100)


def by_hand(events: list[tuple[datetime, float]]) -> dict[str, Any]:
    """The features of one customer's purchases before the cutoff, by the definitions and nothing else."""
    end = naive(CUTOFF)
    days = sorted((end - moment) / timedelta(days=1) for moment, _ in events)
    paid = {days_back: sum(a for m, a in events if m >= end - timedelta(days=days_back)) for days_back in WINDOWS}
    counts = {window: sum(day <= window for day in days) for window in WINDOWS}
    gaps = [late - early for early, late in pairwise(days)]
    mean = statistics.fmean(gaps) if gaps else None
    return {
        "days_since_purchase": days[0],
        "tenure_days": days[-1],
        **{f"purchases_{window}d": n for window, n in counts.items()},
        "purchases_total": len(days),
        **{f"monetary_{window}d": amount for window, amount in paid.items()},
        "monetary_total": sum(amount for _, amount in events),
        "average_basket": statistics.fmean(amount for _, amount in events),
        "purchase_gap_mean_days": mean,
        "purchase_gap_sd_days": statistics.stdev(gaps) if len(gaps) > 1 else None,
        "purchase_recency_over_gap": days[0] / mean if mean else None,
        "purchases_30d_share": counts[30] / counts[100] if counts[100] else None,
        "active_days_100d": len({m.date() for m, _ in events if m >= end - timedelta(days=100)}),
        "freshness": 100 / (100 + days[0]),
        "completeness": 1.0,
    }


def test_every_feature_is_what_its_name_says(tmp_path: Path) -> None:
    """Counts are equal, amounts and days agree to the ninth digit, what is undefined is null."""
    events = purchases(60)

    table = scoring_table(log_case(tmp_path, events, window={"test_cutoff": "2024-07-19"}), CUTOFF)

    past = events.filter(pl.col("ts") < naive(CUTOFF))
    rows = {row["customer_id"]: row for row in table.iter_rows(named=True)}
    assert set(rows) == set(past["customer_id"])
    for (customer,), own in past.group_by("customer_id"):
        expected = by_hand(own.select("ts", "amount").rows())
        row = rows[str(customer)]
        assert set(row) == {"customer_id", "eligible", *expected}
        for name, value in expected.items():
            assert row[name] == (value if value is None else pytest.approx(value, rel=1e-6, abs=1e-6)), name


def test_a_window_holds_its_first_moment_and_not_its_last(tmp_path: Path) -> None:
    """An event exactly 7 days before the cutoff is inside, one a microsecond earlier and one at the cutoff are not."""
    end, second = naive(CUTOFF), timedelta(microseconds=1)
    edge = {"in": end - timedelta(days=7), "out": end - timedelta(days=7) - second, "at": end, "last": end - second}
    events = pl.DataFrame({"customer_id": list(edge), "ts": list(edge.values()), "amount": [1.0] * 4})
    log = pl.concat([purchases(), events.cast({"ts": pl.Datetime("us")})])

    table = scoring_table(log_case(tmp_path, log, window={"test_cutoff": "2024-07-19"}), CUTOFF)

    rows = {row["customer_id"]: row for row in table.iter_rows(named=True)}
    assert "at" not in rows
    assert rows["in"]["purchases_7d"] == 1
    assert rows["in"]["days_since_purchase"] == 7.0
    assert rows["out"]["purchases_7d"] == 0
    assert rows["out"]["days_since_purchase"] > 7.0
    assert 0 < rows["last"]["days_since_purchase"] < 1e-9


@pytest.mark.parametrize("active", [7, 30, 50], ids=lambda days: f"{days} days")
def test_eligible_means_a_purchase_in_the_window(tmp_path: Path, active: int) -> None:
    """The predicate agrees with [cutoff - N, cutoff), to the microsecond, and its column stands last."""
    end = naive(CUTOFF)
    edge = [end - timedelta(days=active), end - timedelta(days=active, microseconds=1)]
    events = pl.DataFrame({"customer_id": ["in", "out"], "ts": edge, "amount": [1.0, 1.0]}).cast(
        {"ts": pl.Datetime("us")}
    )
    log = pl.concat([purchases(), events])
    use_case = log_case(tmp_path, log, window={"test_cutoff": "2024-07-19"}, eligible={"active_within": f"{active}d"})

    table = scoring_table(use_case, CUTOFF)

    inside = log.filter((pl.col("ts") >= end - timedelta(days=active)) & (pl.col("ts") < end))["customer_id"].unique()
    assert table.columns[-1] == "eligible"
    assert set(table.filter("eligible")["customer_id"]) == set(inside)
    assert {"in"} <= set(inside)


def test_no_feature_is_nan_or_infinite(tmp_path: Path) -> None:
    """Zero amounts, single events, events at one moment: what cannot be computed is null."""
    end = naive(CUTOFF)
    odd: list[tuple[str, datetime, float | None]]
    odd = [("zero", end - timedelta(days=1), 0.0), ("twice", end - timedelta(days=2), 5.0)] * 2
    odd += [("one", end - timedelta(days=150), None), ("large", end - timedelta(days=1), 9e13)]
    extra = pl.DataFrame(
        odd, schema={"customer_id": pl.String, "ts": pl.Datetime("us"), "amount": pl.Float64}, orient="row"
    )

    table = scoring_table(
        log_case(tmp_path, pl.concat([purchases(), extra]), window={"test_cutoff": "2024-07-19"}), CUTOFF
    )

    assert table.select(pl.col(pl.Float64).is_finite().fill_null(True).all()).row(0) == (True,) * len(
        table.select(pl.col(pl.Float64)).columns
    )
    twice = table.row(by_predicate=pl.col("customer_id") == "twice", named=True)
    assert (twice["purchase_gap_mean_days"], twice["purchase_recency_over_gap"]) == (0.0, None)
    one = table.row(by_predicate=pl.col("customer_id") == "one", named=True)
    assert (one["purchases_100d"], one["monetary_100d"], one["average_basket"]) == (0, 0.0, None)
    assert one["completeness"] == 0.0


def test_even_gaps_have_no_spread(tmp_path: Path) -> None:
    """The spread of equal gaps is exactly zero."""
    even = pl.DataFrame(
        {"customer_id": ["even"] * 9, "ts": [START + timedelta(days=11 * i) for i in range(9)], "amount": [1.0] * 9}
    ).cast({"ts": pl.Datetime("us")})

    table = scoring_table(log_case(tmp_path, pl.concat([purchases(), even])), CUTOFF)

    assert table.row(by_predicate=pl.col("customer_id") == "even", named=True)["purchase_gap_sd_days"] == 0.0


def rich(seed: int = 7) -> pl.DataFrame:
    """A log of sends, opens, clicks and purchases with a channel, seconds, and some refunds."""
    random = np.random.default_rng(seed)
    events = purchases(150, rate=0.08, seed=seed)
    n = len(events)
    return events.with_columns(
        kind=pl.Series(random.choice(["Purchase", "Email sent", "open", "click"], n)),
        channel=pl.Series(random.choice(["Web", "web ", "Shop", ""], n)),
        seconds=pl.Series(random.integers(0, 100, n)),
        cancelled=pl.Series(random.random(n) < 0.1),
    )


RICH: dict[str, dict[str, Any]] = {
    "events": {
        "type": {"column": "kind"},
        "properties": ["channel"],
        "measures": ["seconds"],
        "refund": {"column": "cancelled", "equals": True},
    },
    "engagement": {"open": 1, "click": 3},
    "quality": {"outliers": True},
}


def test_unusual_amounts_are_counted_where_asked_for(tmp_path: Path) -> None:
    """Beyond numpy's fences, those of the events before the latest training cutoff; refunds are none."""
    side = 1 - 2 * (pl.int_range(pl.len()) % 2)  # both tails are long
    amount = (500 + side * (pl.col("amount") - 40)).round(2)
    events = purchases(300).with_columns(amount=amount, back=pl.int_range(pl.len()) % 9 == 0)
    refund = {"refund": {"column": "back", "equals": True}}
    case = log_case(tmp_path, events, events=refund, quality={"outliers": True})
    cutoffs = learning_table(case).cutoffs
    assert cutoffs is not None

    table = scoring_table(case, cutoffs.test)

    kept = events.filter(~pl.col("back"))
    known = kept.filter(pl.col("ts") < naive(cutoffs.train[-1]))["amount"].to_numpy()
    low, high = np.quantile(known, [0.25, 0.75])
    beyond = (pl.col("amount") < low - 1.5 * (high - low)) | (pl.col("amount") > high + 1.5 * (high - low))
    seen = pl.col("ts").is_between(naive(cutoffs.test) - timedelta(days=100), naive(cutoffs.test), closed="left")
    expected = dict(kept.filter(seen & beyond)["customer_id"].value_counts().iter_rows())
    assert len(expected) > 10
    found = dict(table.select("customer_id", "unusual_amounts_100d").iter_rows())
    assert {name: n for name, n in found.items() if n} == expected


def test_types_properties_measures_and_refunds_are_counted(tmp_path: Path) -> None:
    """Per type and window: counts, days, rates; per level; sums and means; refunds netted and counted apart."""
    events = rich()

    table = scoring_table(log_case(tmp_path, events, **RICH), CUTOFF)

    end = naive(CUTOFF)
    past = events.filter(pl.col("ts") < end)
    recent = past.filter(pl.col("ts") >= end - timedelta(days=100))
    bought = (pl.col("kind") == "Purchase") & ~pl.col("cancelled")
    signed = pl.when("cancelled").then(-pl.col("amount")).otherwise("amount")
    opened = (pl.col("kind") == "open") & ~pl.col("cancelled")
    expected = recent.group_by("customer_id").agg(
        purchases_100d=bought.sum().cast(pl.Int64),
        purchases_channel_web_100d=(bought & pl.col("channel").str.contains("(?i)web")).sum().cast(pl.Int64),
        seconds_sum_100d=pl.col("seconds").sum().cast(pl.Float64),
        refunds_100d=pl.col("cancelled").sum().cast(pl.Int64),
        open_days_100d=pl.col("ts").filter(opened).dt.date().n_unique().cast(pl.Int64),
        opens=opened.sum(),
        sends=((pl.col("kind") == "Email sent") & ~pl.col("cancelled")).sum(),
        monetary=signed.sum().round(2),
    )
    joined = table.join(expected, on="customer_id", suffix="_expected")
    assert len(joined) > 50
    for name in ("purchases_100d", "purchases_channel_web_100d", "seconds_sum_100d", "refunds_100d", "open_days_100d"):
        assert joined[name].equals(joined[f"{name}_expected"].alias(name)), name
    rate = joined.select(pl.when(pl.col("sends") > 0).then(pl.col("opens") / pl.col("sends")).alias("open_rate_100d"))
    assert joined["open_rate_100d"].equals(rate.to_series())
    assert (joined["monetary_100d"] - joined["monetary"]).abs().to_numpy().max() < 1e-6
    clicks = joined["opens_100d"] + 3 * joined["clicks_100d"]
    assert joined["engagement_100d"].equals(clicks.cast(pl.Float64).alias("engagement_100d"))


def test_parts_of_the_customers_make_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many events are worked on at a time: the same bytes, in the order of the ids."""
    events = rich()
    case = log_case(tmp_path, events, **RICH)
    whole = scoring_table(case, CUTOFF)

    monkeypatch.setattr("features.history.encoded_log.PART", len(events) // 3)
    parts = scoring_table(case, CUTOFF)

    assert as_bytes(parts) == as_bytes(whole)
    assert parts["customer_id"].is_sorted()


def test_more_types_than_can_be_numbered_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that holds another text in nearly every row is no event type, and the message says how many it holds."""
    monkeypatch.setattr("features.history.encoded_log.MOST_TYPES", 3)

    with pytest.raises(DataError, match="at most 3 types of events, it holds 4"):
        scoring_table(log_case(tmp_path, rich(), **RICH), CUTOFF)


def test_a_refund_is_no_purchase(tmp_path: Path) -> None:
    """Negative amounts are refunds without being declared: netted, counted as refunds, no label and no purchase."""
    events = purchases()
    end = naive(CUTOFF)
    back = pl.DataFrame(
        {"customer_id": ["r", "r"], "ts": [end - timedelta(days=3), end + timedelta(days=3)], "amount": [-5.0, -5.0]}
    ).cast({"ts": pl.Datetime("us")})
    early = back.with_columns(ts=pl.lit(START + timedelta(days=20), pl.Datetime("us"))).head(1)
    use_case = log_case(tmp_path, pl.concat([events, back, early]), window={"test_cutoff": "2024-07-19"})

    row = scoring_table(use_case, CUTOFF).row(by_predicate=pl.col("customer_id") == "r", named=True)
    learned = learning_table(use_case).rows.filter((pl.col("__customer_id") == "r") & (pl.col("__cutoff") == CUTOFF))

    assert (row["purchases_total"], row["refunds_total"], row["monetary_total"]) == (0, 2, -10.0)
    assert row["days_since_purchase"] is None
    assert row["tenure_days"] == 180.0
    assert learned["__label"].to_list() == [0]


def test_sums_are_exact(tmp_path: Path) -> None:
    """Ten times ten cents are one, not 0.9999999999999999."""
    cents = pl.DataFrame(
        {"customer_id": ["c"] * 10, "ts": [START + timedelta(days=i) for i in range(10)], "amount": [0.1] * 10}
    ).cast({"ts": pl.Datetime("us")})

    table = scoring_table(log_case(tmp_path, pl.concat([purchases(), cents])), CUTOFF)

    row = table.row(by_predicate=pl.col("customer_id") == "c", named=True)
    assert row["monetary_total"] == 1.0
    assert math.fsum([0.1] * 10) == 1.0


def test_amounts_in_several_currencies_become_one(tmp_path: Path) -> None:
    """Declared rates turn amounts into one currency; a code without rate is a bad row."""
    events = purchases().with_columns(code=pl.lit("EUR"))
    dollars = pl.DataFrame(
        {"customer_id": ["d", "x"], "ts": [START] * 2, "amount": [10.0, 10.0], "code": ["usd", "XXX"]}
    ).cast({"ts": pl.Datetime("us")})
    currency = {"column": "code", "to": "EUR", "rates": {"USD": 0.5}}
    use_case = log_case(tmp_path, pl.concat([events, dollars]), events={"currency": currency})

    table = scoring_table(use_case, CUTOFF)
    learned = learning_table(use_case)

    assert table.row(by_predicate=pl.col("customer_id") == "d", named=True)["monetary_total"] == 5.0
    assert "x" not in table["customer_id"].to_list()
    assert learned.report["bad_rows"]["rules"] == {"unknown_currency": 1}
    assert next(f for f in learned.features if f.name == "monetary_total").unit == "EUR"
