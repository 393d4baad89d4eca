"""Which customers a campaign acted on between a day and its outcome, and who was left alone to compare them with."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import keyed
from scoring.audiences.campaign import ARMS, CAMPAIGNS, Campaign, campaigns_of
from scoring.privacy.suppression import own_key

TREATED, HOLDOUT, OTHERS = "treated", "holdout", "others"
_HOLDOUT_ARM = "held_out"  # as a campaign's file names it
_DAYS = re.compile(r"(\d+)d")

Floats = NDArray[np.float64]


def arms_of(home: Path, rows: pl.DataFrame, as_of: datetime, until: datetime) -> pl.Series | None:
    """The arm of each row; None where no campaign acted in that time.

    Whoever was treated by one campaign is treated, whatever another one kept them out of.

    Raises:
        CampaignError: A campaign of the home cannot be read.
        SuppressionError: The home's key cannot be read.
    """
    acting = [one for one in campaigns_of(home) if _begins(one) < until and _ends(one) > as_of]
    if not acting:
        return None
    arm_of: dict[bytes, str] = {}
    for campaign in acting:
        table = pq.read_table(home / CAMPAIGNS / campaign.id / ARMS)
        for who, arm in zip(table.column("who").to_pylist(), table.column("arm").to_pylist(), strict=True):
            if arm_of.get(who) != TREATED:
                arm_of[who] = HOLDOUT if arm == _HOLDOUT_ARM else TREATED
    key = own_key(home)
    return pl.Series("arm", [arm_of.get(keyed(key, one), OTHERS) for one in rows[CUSTOMER_ID]], pl.String)


def weights_without_treated(arms: pl.Series) -> Floats:
    """What each row counts for when nobody treated does: the hold-out stands for all who were on a list."""
    counts = {arm: int((arms == arm).sum()) for arm in (TREATED, HOLDOUT)}
    stands_for = (counts[TREATED] + counts[HOLDOUT]) / counts[HOLDOUT] if counts[HOLDOUT] else 0.0
    by_arm = {TREATED: 0.0, HOLDOUT: stands_for, OTHERS: 1.0}
    return arms.replace_strict(by_arm, return_dtype=pl.Float64).to_numpy()


def _begins(campaign: Campaign) -> datetime:
    """The moment of the day that its list was made of."""
    moment = datetime.fromisoformat(campaign.list.snapshot)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ends(campaign: Campaign) -> datetime:
    """When its answers end to count; a campaign without a window is taken to act for good."""
    days = _DAYS.fullmatch(campaign.window or "")
    return _begins(campaign) + timedelta(days=int(days[1])) if days else datetime.max.replace(tzinfo=UTC)
