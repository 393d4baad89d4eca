from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest

from scoring.audiences.realised_outcomes import RealisedOutcomes, read_outcomes, wilson
from scoring.audiences.segment_report import ReportDocument, SegmentChange, segment_report
from scoring.audiences.snapshot import AudienceError, SegmentSnapshot, SnapshotSegment

LEVELS = {"a": 1, "b": 1, "a_new": 2, "extra": 2}


def snapshot(
    places: Mapping[str, str], *, as_of: str = "2026-01-01", reasons: Sequence[Mapping[str, Any]] = ()
) -> SegmentSnapshot:
    """A snapshot of customers by id: their path, and `extra` where it ends in +."""
    rows = [
        {
            "customer_id": customer,
            "segment": path.rstrip("+").split("/")[-1] or None,
            "path": [code for code in path.rstrip("+").split("/") if code],
            "also": ["extra"] if path.endswith("+") else [],
            "model_probability": 0.5,
            **dict(reasons[number] if reasons else {}),
        }
        for number, (customer, path) in enumerate(places.items())
    ]
    dates = {"since": None, "came_from": None, "path_since": None, "also_since": None}
    rows = [
        {**row, **dates, "path_since": [None] * len(row["path"]), "also_since": [None] * len(row["also"])}
        for row in rows
    ]
    segments: list[SnapshotSegment] = [
        {"code": code, "labels": {}, "level": level, "exclusive": True} for code, level in LEVELS.items()
    ]
    return SegmentSnapshot({"policy": "p", "models": {"model": "1"}, "as_of": as_of, "segments": segments},
                    pa.Table.from_pylist(rows))  # fmt: skip


def of(report: ReportDocument, code: str) -> SegmentChange:
    """One segment's part."""
    return next(segment for segment in report["segments"] if segment["code"] == code)


@pytest.mark.parametrize(("hits", "trials"), [(0, 7), (3, 10), (10, 10), (412, 9000)])
def test_the_interval_is_wilsons(hits: int, trials: int) -> None:
    """As SciPy computes it."""
    expected = binomtest(hits, trials).proportion_ci(0.95, method="wilson")

    assert wilson(hits, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_sizes_and_flows_are_counted_by_level() -> None:
    """Every customer of both dates flows once a level; a path's parents count as segments of their own."""
    before = snapshot({"1": "a/a_new", "2": "a/a_new+", "3": "a", "4": "b", "5": "b"})
    after = snapshot({"1": "a", "2": "a/a_new", "3": "b+", "4": "b", "6": "a"}, as_of="2026-04-01")

    report = segment_report(before, after)

    assert {code: (of(report, code)["before"], of(report, code)["after"]) for code in LEVELS} == {
        "a": (3, 3), "b": (2, 2), "a_new": (2, 1), "extra": (1, 1)}  # fmt: skip
    flows = {(flow["level"], flow["from"], flow["to"]): flow["customers"] for flow in report["flows"]}
    assert flows == {
        (1, "a", "a"): 2,
        (1, "a", "b"): 1,
        (1, "b", "b"): 1,
        (2, "a_new", "a_new"): 1,
        (2, "a_new", None): 1,
    }
    assert (report["moved"], report["arrived"], report["gone"]) == (2, 1, 1)


def test_what_is_realised_is_of_those_in_the_segment_on_the_first_date() -> None:
    """Unknown outcomes count nowhere; where only ids are given all others did not."""
    before = snapshot({"1": "a", "2": "a", "3": "a", "4": "b"})
    after = snapshot({"1": "b", "2": "b", "3": "b", "4": "b"}, as_of="2026-04-01")

    partly = segment_report(before, after, RealisedOutcomes({"1": True, "2": False}))
    wholly = segment_report(before, after, RealisedOutcomes({"1": True}, complete=True))

    assert [of(partly, "a")["realised"][key] for key in ("known", "hits", "rate")] == [2, 1, 0.5]
    assert of(partly, "b")["realised"] == {"known": 0, "hits": 0, "rate": None, "low": 0.0, "high": 1.0}
    assert [of(wholly, code)["realised"]["known"] for code in ("a", "b")] == [3, 1]
    assert of(wholly, "a")["realised"]["rate"] == pytest.approx(1 / 3)


def test_the_reasons_that_weigh_most_inside_a_segment_come_first() -> None:
    """By the sum of what they weigh; with the share of members they matter to, and their mean contribution."""
    reasons = [
        {"model_reason_1_feature": "x", "model_reason_1_contribution": -1.0,
         "model_reason_2_feature": "y", "model_reason_2_contribution": 0.25},
        {"model_reason_1_feature": "y", "model_reason_1_contribution": 0.5,
         "model_reason_2_feature": None, "model_reason_2_contribution": None},
        {"model_reason_1_feature": "z", "model_reason_1_contribution": 9.0,
         "model_reason_2_feature": None, "model_reason_2_contribution": None},
    ]  # fmt: skip
    places = snapshot({"1": "a", "2": "a", "3": "b"}, reasons=reasons)

    assert of(segment_report(places, places), "a")["reasons"]["model"] == [
        {"feature": "x", "share": 0.5, "contribution": -1.0},
        {"feature": "y", "share": 1.0, "contribution": 0.375},
    ]


def test_the_scores_inside_a_segment_are_counted_by_tenths() -> None:
    """Of its members on the second date; 1 is in the last tenth, one without a score in none."""
    places = {"1": "a", "2": "a", "3": "a", "4": "b", "5": "a"}
    rows = [{"model_probability": value} for value in (0.0999, 0.1, 1.0, 0.5, None)]

    report = segment_report(snapshot(places), snapshot(places, reasons=rows))

    assert of(report, "a")["scores"]["model"] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert of(report, "b")["scores"]["model"] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("table", "known", "complete"),
    [
        ({"customer_id": [1, 2]}, {"1": True, "2": True}, True),
        ({"customer_id": ["1", "2", "3"], "outcome": [1, 0, None]}, {"1": True, "2": False}, False),
        ({"customer_id": ["1"], "outcome": [True]}, {"1": True}, False),
    ],
)
def test_outcomes_are_read_as_they_are_given(
    tmp_path: Path, table: dict[str, Any], known: dict[str, bool], complete: bool
) -> None:
    """Ids as text; a null is unknown."""
    pq.write_table(pa.table(table), tmp_path / "o.parquet")

    outcomes = read_outcomes(tmp_path / "o.parquet", "outcome")

    assert (outcomes.known, outcomes.complete) == (known, complete)


@pytest.mark.parametrize(
    "table", [{"who": ["1"]}, {"customer_id": ["1"], "other": [1]}, {"customer_id": ["1"], "outcome": [2]}]
)
def test_outcomes_that_say_something_else_are_refused(tmp_path: Path, table: dict[str, Any]) -> None:
    """No column, or another number than 0 and 1."""
    pq.write_table(pa.table(table), tmp_path / "o.parquet")

    with pytest.raises(AudienceError):
        read_outcomes(tmp_path / "o.parquet", "outcome")
