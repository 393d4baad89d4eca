"""Scores that were given over HTTP, where a home logs them: set down by day as those of a population are.

A log of decisions has no features, and probabilities as they are published, to a tenth of a percent. What was given
during a day counts as of its midnight: of a customer's scores by one version the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from features.config.use_case import UseCase
from features.spec.feature import CUSTOMER_ID
from features.tables.outcome_schema import FIRST_OUTCOME, OUTCOME
from monitoring.estimate.expectation import expected_quality
from monitoring.outcomes.from_log import window_end
from monitoring.outcomes.outcome_file import GIVEN, OutcomeFacts, outcomes_file, write_outcomes
from scoring.errors import BundleError
from scoring.health.matured_windows import EstimatedQuality, MaturedWindow, read_windows
from scoring.releases.store import load_release

DAY = 86_400  # seconds
_TYPES = {
    CUSTOMER_ID: pl.String,
    "at": pl.Float64,  # seconds since the epoch
    "version": pl.String,
    "score": pl.Float64,
    "band": pl.String,
    "segment": pl.String,
}


def as_given(use_case: UseCase) -> UseCase:
    """A use case under the name by which the scores it gave over HTTP are kept."""
    return use_case.model_copy(update={"name": f"{use_case.name}{GIVEN}"})


def keep_given(home: Path, use_case: UseCase, given: Sequence[tuple[object, ...]]) -> int:
    """Sets down scores by day, with nothing known of them yet; returns how many days were new.

    Args:
        home: Where outcomes are kept.
        use_case: What gave them.
        given: Customer, moment, version, score, band and segment each, in the order of time; of days that are over.

    Raises:
        HealthError: The windows of earlier days are damaged.
        DataError: The scores break the schema.
    """
    name, fresh = as_given(use_case).name, 0
    windows = read_windows(home, name)
    scores = pl.DataFrame(list(given), _TYPES, orient="row").with_columns(day=(pl.col("at") // DAY).cast(pl.Int64))
    for (number,), of_day in scores.group_by("day", maintain_order=True):
        day = datetime.fromtimestamp(int(str(number)) * DAY, UTC)
        if outcomes_file(home, name, day).exists():
            continue
        rows, fresh = _as_outcomes(of_day), fresh + 1
        versions = rows["version"].unique().to_list()
        facts = OutcomeFacts(
            use_case=name,
            as_of=day,
            known_on=_known_on(use_case, day),
            estimates={one: _estimate(home, use_case, rows, one, day, windows) for one in versions},
        )
        write_outcomes(home, facts, rows)
    return fresh


def _as_outcomes(scores: pl.DataFrame) -> pl.DataFrame:
    unknown = pl.lit(None, pl.Int8)
    return scores.unique([CUSTOMER_ID, "version"], keep="last", maintain_order=True).select(
        CUSTOMER_ID,
        "version",
        (pl.col("score") / 100).alias("probability"),
        "band",
        "segment",
        unknown.alias(OUTCOME),
        unknown.alias(FIRST_OUTCOME),
    )


def _known_on(use_case: UseCase, day: datetime) -> date | None:
    """When the outcome of a day is known; None of a ready table, which says no window."""
    return window_end(use_case, day).date() if use_case.source == "log" else None


def _estimate(
    home: Path, use_case: UseCase, rows: pl.DataFrame, version: str, day: datetime, windows: list[MaturedWindow]
) -> EstimatedQuality:
    try:
        bundle = load_release(home, use_case.name, version=version, threads=1).bundle
    except BundleError:  # gone meanwhile: its scores are still judged
        return EstimatedQuality(roc_auc=None)
    probability = rows.filter(pl.col("version") == version)["probability"].to_numpy()
    return expected_quality(bundle, probability, day, windows)
