"""Outcomes of a campaign by a use case's log: who had the event within the window, and what it was worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from features.config.use_case import LogUseCase
from features.history.window_events import window_events
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import objectors_of
from scoring.audiences.campaign import Campaign
from scoring.audiences.campaign_window import window_end
from scoring.audiences.consent import read_consent
from scoring.audiences.contacts import named_contacts


@dataclass(frozen=True, slots=True)
class LogAnswers:
    """Everybody who answered; whoever is not named did not until `known_to`."""

    rows: pl.DataFrame  # as `check_campaign_outcomes` has them
    known_to: datetime  # UTC: the end of the log, at most that of the window


def log_outcomes(home: Path, campaign: Campaign, use_case: LogUseCase) -> LogAnswers:
    """Who had the campaign's event from its making to the end of its window, refunds subtracted from the value.

    Where the home's contacts have a table of consent, it says who unsubscribed meanwhile.

    Raises:
        DataError: The log breaks its contract, or ends before the campaign was made.
        SuppressionError: The home's list cannot be read.
        AudienceError: The table of consent breaks a rule.
        BatchError: It cannot be read.
    """
    found = window_events(use_case, campaign.metric, campaign.made, window_end(campaign), objectors=objectors_of(home))
    rows = found.rows.with_columns(
        pl.lit(None, pl.Boolean()).alias("contacted"),
        pl.lit(True).alias("answered"),
        pl.lit(None, pl.Boolean()).alias("unsubscribed"),
    )
    left = withdrawn_between(home, campaign.made, found.known_to)
    return LogAnswers(rows if left is None else _with_unsubscribed(rows, left), found.known_to)


def withdrawn_between(home: Path, begun: datetime, end: datetime) -> frozenset[str] | None:
    """Who withdrew consent within a span; None where the home's contacts have no table that says when.

    Raises:
        AudienceError: The table breaks a rule.
        BatchError: It cannot be read.
    """
    file = named_contacts(home)
    if file is None or file.table is None:
        return None
    before, after = (
        read_consent(file.table, channel=file.channel, purpose=file.purpose, at=at).withdrawn for at in (begun, end)
    )
    return after - before


def _with_unsubscribed(rows: pl.DataFrame, left: frozenset[str]) -> pl.DataFrame:
    """The rows with who unsubscribed, and a row more for each who did and had no event."""
    known = rows.with_columns(pl.col(CUSTOMER_ID).is_in(list(left)).alias("unsubscribed"))
    others = sorted(left.difference(rows[CUSTOMER_ID]))
    more = pl.DataFrame({CUSTOMER_ID: others}, {CUSTOMER_ID: pl.String()}).with_columns(
        pl.lit(False).alias("answered"), pl.lit(True).alias("unsubscribed")
    )
    return pl.concat([known, more], how="diagonal").select(rows.columns)
