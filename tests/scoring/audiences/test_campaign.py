"""Campaigns as they are kept: the same again is the same, a salt draws one list, and nobody is named."""

from __future__ import annotations

import hmac
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from features.spec.suppression_list import read_key
from scoring.audiences.campaign import (
    CampaignError,
    CampaignList,
    CampaignPlan,
    CampaignVersions,
    SaltReusedError,
    campaigns_of,
    record_campaign,
)

LIST = CampaignList(use_case="churn", snapshot="2026-03-01T00:00:00Z", top=4)
PLAN = CampaignPlan(
    salt="spring",
    holdout=0.25,
    list=LIST,
    versions=CampaignVersions({"churn": "1"}, "default"),
    window="90d",
    metric="purchase",
    planned_look=date(2026, 6, 1),
)
TREATED, HELD_OUT = ["Planted-1", "Planted-2", "Planted-3"], ["Planted-4"]


def test_a_campaign_says_who_was_of_which_arm_and_names_nobody(tmp_path: Path) -> None:
    """By keyed hashes, in files of their owner's alone."""
    campaign = record_campaign(tmp_path, PLAN, treated=TREATED, holdout_ids=HELD_OUT)
    folder = tmp_path / "campaigns" / campaign.id
    key = read_key(tmp_path)

    arms = {row["who"]: row["arm"] for row in pq.read_table(folder / "arms.parquet").to_pylist()}

    assert campaigns_of(tmp_path) == [campaign]
    assert {name: arm.n for name, arm in campaign.arms.items()} == {"treated": 3, "held_out": 1}
    for arm, customers in (("treated", TREATED), ("held_out", HELD_OUT)):
        assert {arms[hmac.digest(key, customer.encode(), "sha256")] for customer in customers} == {arm}
    for file in (folder / "arms.parquet", folder / "campaign.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert b"Planted" not in file.read_bytes()
    assert [path.name for path in (tmp_path / "campaigns").iterdir() if path.name.startswith(".")] == [".lock"]


def test_the_same_again_is_the_campaign_that_is_kept(tmp_path: Path) -> None:
    """In whichever order its customers come."""
    first = record_campaign(tmp_path, PLAN, treated=TREATED, holdout_ids=HELD_OUT)

    assert record_campaign(tmp_path, PLAN, treated=TREATED[::-1], holdout_ids=HELD_OUT) == first
    assert campaigns_of(tmp_path) == [first]


CHANGES: dict[str, Callable[[CampaignPlan], tuple[CampaignPlan, list[str]]]] = {
    "another customer": lambda plan: (plan, ["Planted-1", "Planted-2", "Planted-5"]),
    "another share": lambda plan: (msgspec.structs.replace(plan, holdout=0.5), TREATED),
    "another threshold": lambda plan: (
        msgspec.structs.replace(plan, list=msgspec.structs.replace(LIST, threshold=0.4)),
        TREATED,
    ),
    "another window": lambda plan: (msgspec.structs.replace(plan, window="30d"), TREATED),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_salt_is_of_one_list(
    tmp_path: Path, change: Callable[[CampaignPlan], tuple[CampaignPlan, list[str]]]
) -> None:
    """Refused with whatever else; with another salt it is another campaign."""
    record_campaign(tmp_path, PLAN, treated=TREATED, holdout_ids=HELD_OUT)
    plan, treated = change(PLAN)

    with pytest.raises(SaltReusedError, match="A salt must be new"):
        record_campaign(tmp_path, plan, treated=treated, holdout_ids=HELD_OUT)
    record_campaign(tmp_path, msgspec.structs.replace(plan, salt="autumn"), treated=treated, holdout_ids=HELD_OUT)

    assert len(campaigns_of(tmp_path)) == 2


def test_a_broken_campaign_is_named(tmp_path: Path) -> None:
    """No salt is taken for new while one campaign cannot be read."""
    first = record_campaign(tmp_path, PLAN, treated=TREATED, holdout_ids=HELD_OUT)
    (tmp_path / "campaigns" / first.id / "campaign.json").write_text("{}")

    with pytest.raises(CampaignError, match=first.id):
        record_campaign(tmp_path, msgspec.structs.replace(PLAN, salt="x"), treated=TREATED, holdout_ids=HELD_OUT)
