"""Who was of which arm of a campaign: the erased taken out, and where customers stand among cuts."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from features.spec.atomic import draft_of
from scoring.audiences.campaign import (
    ARMS,
    CAMPAIGNS,
    WITHOUT,
    Campaign,
    ThresholdCell,
    arm_digests,
    arm_rows,
    assigned,
)


def forget_from_arms(home: Path, campaign: Campaign, gone: Collection[bytes]) -> int:
    """Takes customers out of the arms for good, by their hashes; returns how many were in them.

    How many were drawn stays in the campaign, so that they count as lost.

    Raises:
        CampaignError: The arms are not those that were drawn.
    """
    found, rows = assigned(home, campaign), arm_rows(home, campaign)
    left = {who: arm for who, arm in found.items() if who not in gone}
    if len(left) == len(found):
        return 0
    kept = rows.filter(pa.array([who in left for who in rows.column("who").to_pylist()], pa.bool_()))
    digests = msgspec.json.encode(arm_digests(campaign, left))
    target = home / CAMPAIGNS / campaign.id / ARMS
    with draft_of(target, mode=0o600) as draft:
        pq.write_table(kept.replace_schema_metadata({WITHOUT: digests}), draft)
    return len(found) - len(left)


def cells_of(home: Path, campaign: Campaign) -> dict[bytes, ThresholdCell]:
    """Where customers stand among the campaign's cuts, by keyed hash; nobody does where it has none.

    Raises:
        CampaignError: The arms cannot be read.
    """
    rows = arm_rows(home, campaign)
    if "cut" not in rows.column_names:
        return {}
    columns = [rows.column(name).to_pylist() for name in ("who", "cut", "zone")]
    return {who: ThresholdCell(cut, zone) for who, cut, zone in zip(*columns, strict=True)}
