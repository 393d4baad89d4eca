"""Rows whose outcome a campaign may have changed: found, compared, left out, and not judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from training.data.split import Parts, split
from training.selection.cross_validation import Choice
from training.task import Task
from training.uplift.treated_rows import past_campaigns, without_treated

CHOICE = Choice("rfm_logit")


def last_cutoffs(task: Task) -> tuple[datetime, datetime]:
    """The latest train cutoff, and that of the test."""
    assert task.table.cutoffs is not None
    return task.table.cutoffs.train[-1], task.table.cutoffs.test


def without_purchases(task: Task, treated: np.ndarray) -> Task:
    """The same where whoever was treated bought: a campaign that worked."""
    label = pl.Series("__label", np.where(treated, 0, task.table.rows["__label"].to_numpy()), dtype=pl.Int8)
    return replace(task, table=replace(task.table, rows=task.table.rows.with_columns(label)))


def test_a_home_without_campaigns_learns_as_ever(shop: Task) -> None:
    """Nothing is looked for, and no key is made."""
    assert past_campaigns(shop) is None
    assert not shop.home.exists()


def test_a_campaign_outside_all_label_windows_changes_nothing(
    shop: Task, campaigned: Callable[[datetime, float], Task]
) -> None:
    """It may have acted long before the first cutoff."""
    task = campaigned(last_cutoffs(shop)[0] - timedelta(days=2000), 0.5)

    assert past_campaigns(task) is None


def test_rows_that_a_campaign_changed_are_left_out_and_not_judged_by(
    shop: Task, campaigned: Callable[[datetime, float], Task]
) -> None:
    """A quarter of the customers were treated in the last two windows, and bought: the others are to be predicted."""
    made = last_cutoffs(shop)[1] - timedelta(days=10)  # its 30 days reach into the window of the test too
    task = campaigned(made, 0.25)
    past = past_campaigns(task)
    assert past is not None
    treated = past.treated(task.table.rows)
    task = without_purchases(task, treated)

    parts, found = without_treated(task, split(task.table, seed=0), CHOICE, past)

    cutoff = task.table.rows["__cutoff"]
    assert set(cutoff.filter(pl.Series(treated)).unique()) == set(last_cutoffs(shop))
    assert (found.learned, found.judged, found.campaigns) == ("untreated", "untreated", 1)
    assert found.learning + found.test == treated.sum()
    assert found.losses["left_out"] < found.losses["all"]
    assert found.losses["covariate"] < found.losses["all"]
    assert not past.treated(pl.concat([parts.learning, parts.test])).any()
    assert parts.test.height == found.untreated_test
    assert past.digest(task) != task.table.digest


def test_too_few_untreated_customers_judge_nothing(shop: Task, campaigned: Callable[[datetime, float], Task]) -> None:
    """All but a few were treated: the test rows stay, and so do those learned from."""
    task = campaigned(last_cutoffs(shop)[1] + timedelta(days=1), 0.97)
    past = past_campaigns(task)
    assert past is not None
    before: Parts = split(task.table, seed=0)

    parts, found = without_treated(task, before, CHOICE, past)

    assert (found.learned, found.judged) == ("all", "all")
    assert found.test > 0
    assert found.losses == {}
    assert parts.test.equals(before.test)


def test_a_part_that_would_keep_too_few_keeps_the_treated(
    shop: Task, campaigned: Callable[[datetime, float], Task]
) -> None:
    """Nearly all rows of the part that calibrates were treated, and bought: without them nothing is calibrated."""
    task = campaigned(last_cutoffs(shop)[1] - timedelta(days=10), 0.25)
    past = past_campaigns(task)
    assert past is not None
    task = without_purchases(task, past.treated(task.table.rows))
    whole = split(task.table, seed=0)
    treated = whole.calibrate.filter(past.treated(whole.calibrate))
    untreated = whole.calibrate.filter(~past.treated(whole.calibrate)).head(10)
    before = replace(whole, calibrate=pl.concat([treated, untreated]))

    parts, found = without_treated(task, before, CHOICE, past)

    assert found.losses["left_out"] < found.losses["all"]
    assert found.learned == "all"
    assert parts.calibrate.equals(before.calibrate)
