"""A campaign of the home as the rows that its effect is learned from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from features.config.table_section import Treatment
from features.errors import DataError, UseCaseError
from scoring.audiences.campaign import campaigns_of
from training.data.split import split
from training.task import Task
from training.uplift.campaign_rows import of_campaign
from training.uplift.learned_uplift import learn_campaign
from training.uplift.treated_rows import past_campaigns

Campaigned = Callable[[datetime, float], Task]


def asking(task: Task, campaign: str) -> Task:
    """The training of a campaign's effect."""
    update = {"treatment": Treatment(campaign=campaign), "candidate": "logit"}
    return replace(task, use_case=task.use_case.model_copy(update=update))


def test_rows_are_of_the_day_the_list_left(shop: Task, campaigned: Campaigned) -> None:
    """Every eligible customer of either arm, at that moment, with what came after; the share is the campaign's."""
    assert shop.table.cutoffs is not None
    made = shop.table.cutoffs.test - timedelta(days=7)
    home = campaigned(made, 0.4)

    task = of_campaign(asking(home, campaigns_of(home.home)[0].id))

    rows = task.table.rows
    assert set(rows["__cutoff"]) == {made}
    assert set(rows["__treated"]) == {0, 1}
    assert max(rows["days_since_purchase"].to_list()) <= 120  # who is eligible
    assert task.use_case.treatment is not None
    assert task.use_case.treatment.share == pytest.approx(0.4)
    assert task.table.digest != shop.table.digest
    assert past_campaigns(task) is None  # its treated rows are what is learned from


def test_an_effect_that_is_not_there_is_not_adopted(shop: Task, campaigned: Campaigned) -> None:
    """The customers of the log never heard of the campaign."""
    assert shop.table.cutoffs is not None
    home = campaigned(shop.table.cutoffs.test, 0.5)
    task = of_campaign(asking(home, campaigns_of(home.home)[0].id))

    lesson = learn_campaign(task, split(task.table, seed=task.seed))

    assert lesson is not None
    assert lesson.evidence.failing()
    assert lesson.negative


def test_a_campaign_must_be_of_the_home_and_over(shop: Task, campaigned: Campaigned) -> None:
    """Outcomes that cannot be known yet are none."""
    home = campaigned(datetime.fromisoformat(shop.table.report["last_event"]) - timedelta(days=5), 0.5)

    with pytest.raises(UseCaseError, match="must be a campaign of the home"):
        of_campaign(asking(home, "0" * 12))
    with pytest.raises(DataError, match="must reach to the end of the campaign's window"):
        of_campaign(asking(home, campaigns_of(home.home)[0].id))
