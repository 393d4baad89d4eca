"""Ranges of estimates, and when they count as proven."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from monitoring.estimate.expectation import PROVEN, earlier_misses, expected_quality
from scoring.bundle.bundle import Bundle
from scoring.health.matured_windows import EstimatedQuality, MaturedWindow, MeasuredQuality

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def bundle_of(at: list[float]) -> Bundle:
    """All that an estimate asks of a bundle: ten test rows at each probability, whose rates they are."""
    hits = [round(10 * sum(at[: cut + 1])) for cut in range(len(at))]
    curve = {"at": at, "rows": [10 * (cut + 1) for cut in range(len(at))], "hits": hits}
    curves = {"served": "logit", "candidates": {"logit": curve}}
    return cast(Bundle, SimpleNamespace(files={"curves.json": json.dumps(curves).encode()} if at else {}))


def window(days_ago: int, *, realised: float, estimate: float = 0.8, takes: int = 30) -> MaturedWindow:
    """A day whose outcome was known some days later."""
    as_of = NOW - timedelta(days=days_ago)
    return MaturedWindow(
        as_of=as_of.isoformat(),
        known_on=(as_of + timedelta(days=takes)).date().isoformat(),
        version="1",
        measured=MeasuredQuality(rows=1000, positives=100, roc_auc=realised),
        estimate=EstimatedQuality(roc_auc=estimate),
    )


def estimated(windows: list[MaturedWindow]) -> EstimatedQuality:
    """Of 2,000 customers like the test rows."""
    bundle = bundle_of([(100 - cut) / 101 for cut in range(100)])
    return expected_quality(bundle, np.random.default_rng(1).uniform(0.01, 0.99, 2000), NOW, windows)


def test_with_fewer_than_four_days_to_go_by_an_estimate_is_unproven() -> None:
    """And with four it is proven."""
    for count in range(PROVEN + 2):
        found = estimated([window(30 * (place + 1), realised=0.79) for place in range(count)])

        assert (found.proven, found.windows) == (count >= PROVEN, count)


def test_earlier_misses_widen_the_range() -> None:
    """Estimates that were off by .05 leave a range that has what is .05 off; good ones leave that of chance."""
    good, bad = (
        estimated([window(30 * (place + 1), realised=realised) for place in range(5)]) for realised in (0.801, 0.75)
    )

    assert good.low is not None
    assert good.high is not None
    assert bad.low is not None
    assert bad.high is not None
    assert (good.low, good.high) == (estimated([]).low, estimated([]).high)
    assert bad.high - bad.low > 0.1 > good.high - good.low


def test_days_that_overlap_are_one_piece_of_evidence() -> None:
    """Ten days in a row say as much as one."""
    assert len(earlier_misses([window(30 + day, realised=0.7) for day in range(10)], NOW)) == 1


def test_what_was_not_known_by_a_day_is_not_used() -> None:
    """An outcome of tomorrow tells nothing today."""
    assert earlier_misses([window(29, realised=0.7)], NOW) == []
    assert earlier_misses([window(30, realised=0.7)], NOW) == [pytest.approx(-0.1)]


def test_a_bundle_without_curves_gives_no_estimate() -> None:
    """Nor does a day without customers."""
    assert expected_quality(bundle_of([]), np.array([0.5]), NOW, []).roc_auc is None
    assert estimated([]).roc_auc == pytest.approx(0.83, abs=0.03)
