"""A log's training, and homes in which a campaign treated some of its customers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from scoring.audiences.campaign import (
    CAMPAIGN,
    CAMPAIGNS,
    CampaignList,
    CampaignPlan,
    CampaignVersions,
    record_campaign,
)
from training.task import Task


@pytest.fixture(scope="session")
def shop(world: Path) -> Task:
    """The log's training, before anything is learned; its home is not written to."""
    use_case = load_use_case(world / "shop.toml")
    return Task(use_case, learning_table(use_case), world / "none", None, "gate")  # type: ignore[arg-type]  # no registry is asked


@pytest.fixture
def campaigned(shop: Task, tmp_path: Path) -> Callable[[datetime, float], Task]:
    """The same training in a home with a campaign: when it was made, and the share of customers it treated."""

    def make(made: datetime, share: float) -> Task:
        customers = sorted(set(shop.table.rows["__customer_id"]))
        drawn = np.random.default_rng(3).random(len(customers)) < share
        plan = CampaignPlan(
            salt="spring",
            holdout=1 - share,
            list=CampaignList(use_case="shop", snapshot="2023-01-01T00:00:00Z", top=len(customers)),
            versions=CampaignVersions({"shop": "1"}, "default"),
            window="30d",
        )
        on_list = np.asarray(customers)
        kept = record_campaign(tmp_path, plan, treated=on_list[drawn].tolist(), holdout_ids=on_list[~drawn].tolist())
        dated = msgspec.structs.replace(kept, made=made)
        (tmp_path / CAMPAIGNS / kept.id / CAMPAIGN).write_bytes(msgspec.json.encode(dated))
        return replace(shop, home=tmp_path)

    return make
