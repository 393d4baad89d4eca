"""What was known of a campaign's customers before it: their probability and segment of the day that the list is of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import keyed, read_key
from scoring.audiences.campaign import Campaign, assigned
from scoring.population.days import Day, day_folder, open_day

SCHEMA = {"who": pl.Binary(), "probability": pl.Float64(), "segment": pl.String()}


def earlier_scores(home: Path, campaign: Campaign) -> pl.DataFrame:
    """A row for each customer whom the day still has; none where the day is kept no more.

    Raises:
        PopulationError: The day is not what its run wrote.
        CampaignError: The arms are not those that were drawn.
        SuppressionError: The home's key cannot be read.
    """
    folder = day_folder(home, datetime.fromisoformat(campaign.list.snapshot))
    if not folder.is_dir():
        return pl.DataFrame(schema=SCHEMA)
    found = list(_of_parts(home, campaign, open_day(folder)))
    return pl.concat(found) if found else pl.DataFrame(schema=SCHEMA)


def _of_parts(home: Path, campaign: Campaign, day: Day) -> Iterator[pl.DataFrame]:
    key, arms, score = read_key(home), assigned(home, campaign), f"{campaign.list.use_case}_probability"
    for part in day.parts:
        rows = pl.read_parquet(part, columns=[CUSTOMER_ID, score, "segment"])
        who = pl.Series("who", [keyed(key, customer) for customer in rows[CUSTOMER_ID]], pl.Binary())
        rows = rows.select(who, pl.col(score).alias("probability"), "segment")
        yield rows.filter(pl.col("who").is_in(list(arms)))
