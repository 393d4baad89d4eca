"""Outcomes of a campaign by a use case's log: who had the event within the window, and what it was worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from features.config.use_case import LogUseCase
from features.history.window_events import window_events
from features.spec.suppression_list import objectors_of
from scoring.audiences.campaign import Campaign
from scoring.audiences.campaign_window import window_end


@dataclass(frozen=True, slots=True)
class LogAnswers:
    """Everybody who answered; whoever is not named did not until `known_to`."""

    rows: pl.DataFrame  # as `check_campaign_outcomes` has them
    known_to: datetime  # UTC: the end of the log, at most that of the window


def log_outcomes(home: Path, campaign: Campaign, use_case: LogUseCase) -> LogAnswers:
    """Who had the campaign's event from its making to the end of its window, refunds subtracted from the value.

    Raises:
        DataError: The log breaks its contract, or ends before the campaign was made.
        SuppressionError: The home's list cannot be read.
    """
    found = window_events(use_case, campaign.metric, campaign.made, window_end(campaign), objectors=objectors_of(home))
    rows = found.rows.with_columns(
        pl.lit(None, pl.Boolean()).alias("contacted"),
        pl.lit(True).alias("answered"),
        pl.lit(None, pl.Boolean()).alias("unsubscribed"),
    )
    return LogAnswers(rows, found.known_to)
