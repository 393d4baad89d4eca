"""Campaigns that matured: joined by the log once their window has ended, looked at, and each failure a note."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from activation.campaigns.cost import Cost
from activation.campaigns.matured import settle_campaigns
from activation.campaigns.outcome_file import read_outcome_file
from activation.campaigns.outcome_store import take_outcomes
from activation.campaigns.result import campaign_result
from scoring.audiences.campaign import ARMS, CAMPAIGNS
from scoring.audiences.campaign_result import keep_result, result_of
from scoring.privacy.suppression import mark_erased
from tests.support.campaigns import AFTER, LOOK, MADE, answers, ids, planned, shop

ENDED = datetime(2026, 7, 1, tzinfo=MADE.tzinfo)


def bought(rates: dict[str, float], count: int) -> list[str]:
    """Lines of a log in which customers of each arm buy at a rate, and one in which it goes on."""
    drawn = np.random.default_rng(5)
    lines = [
        f"{who},2026-04-01 10:00:00,purchase,20"
        for arm, rate in rates.items()
        for who in ids(arm, count)
        if drawn.random() < rate
    ]
    return [*lines, "o1,2026-07-01 10:00:00,visit,"]


def test_a_campaign_is_joined_once_its_window_has_ended(tmp_path: Path) -> None:
    """Not before; then its result is kept, and neither joined nor looked at again."""
    use_case = shop(tmp_path, *bought({"t": 0.3, "h": 0.1}, 300))
    campaign = planned(tmp_path, treated=300, held_out=300, look=None)

    early, due, later = (
        settle_campaigns(tmp_path, {"churn": use_case}, at)
        for at in (datetime.fromisoformat("2026-05-30T00:00Z"), ENDED, ENDED)
    )

    found = result_of(tmp_path, campaign)
    assert [(one.joined, one.looked, one.notes) for one in (early, due, later)] == [(0, 0, ()), (1, 1, ()), (0, 0, ())]
    assert found
    assert (found.status, found.next_step) == ("final", "go_on")
    assert [arm.n for arm in found.arms.values()] == [300, 300]
    assert found.incremental
    assert found.incremental.value == pytest.approx(found.incremental.answers * 20, rel=0.2)


def test_what_was_reported_by_a_file_is_not_joined(tmp_path: Path) -> None:
    """It is looked at once its moment has come, at the cost and level that were stated; an erasure makes it anew."""
    use_case = shop(tmp_path, *bought({"t": 0.9}, 300))
    campaign = planned(tmp_path, treated=300, held_out=10, look=LOOK)
    file = answers(tmp_path / "o.csv", [*ids("t", 300), *ids("h", 10)], lambda _: 0.5)
    take_outcomes(tmp_path, campaign, read_outcome_file(file).rows, known_to=AFTER, absent="unknown", currency="EUR")
    keep_result(tmp_path, campaign_result(tmp_path, campaign, as_of=MADE, cost=Cost(2.0, "EUR"), level=0.99))

    looked = settle_campaigns(tmp_path, {"churn": use_case}, ENDED)
    before = result_of(tmp_path, campaign)
    mark_erased(tmp_path, ["t3", "h3"], at=1.0)
    anew = settle_campaigns(tmp_path, {"churn": use_case}, ENDED)
    after = result_of(tmp_path, campaign)

    assert [(one.joined, one.looked) for one in (looked, anew)] == [(0, 1), (0, 1)]
    assert before
    assert after
    assert (before.status, before.contact_cost) == (after.status, after.contact_cost) == ("final", 2.0)
    assert [arm.n for arm in after.arms.values()] == [300, 9]
    assert after.effect
    assert (after.level, after.effect.level, after.contact_currency) == (0.99, 0.99, "EUR")


def test_a_campaign_that_cannot_be_joined_stops_no_other(tmp_path: Path) -> None:
    """No such event in the log, damaged arms: each is a note, and the third is joined."""
    use_case = shop(tmp_path, *bought({"t": 0.3, "h": 0.1}, 40))
    sound = planned(tmp_path, treated=40, held_out=40, look=None)
    planned(tmp_path, treated=41, held_out=40, look=None, salt="other", metric="refund")
    damaged = planned(tmp_path, treated=42, held_out=40, look=None, salt="third")
    (tmp_path / CAMPAIGNS / damaged.id / ARMS).write_bytes(b"no parquet")

    done = settle_campaigns(tmp_path, {"churn": use_case}, ENDED)

    assert done.joined == 1
    assert len(done.notes) == 2
    assert result_of(tmp_path, sound)
