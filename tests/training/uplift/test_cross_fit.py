"""Models of both arms, judged by rows dealt later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tests.support.campaign_world import campaign, on_visits, task_of, write_campaign
from training.uplift.cross_fit import DEALT, cross_fitted


def test_no_model_has_met_a_row_that_is_dealt_later(tmp_path: Path) -> None:
    """Whatever features the last rows have, those before them are predicted the same; a third is never judged."""
    task = task_of(write_campaign(tmp_path, campaign(600, on_visits(2.0), seed=1)))
    rows, fits = task.table.rows, {"logit": task.candidates()["logit"]}
    found, fold = cross_fitted(task, rows, fits)
    last = fold == len(DEALT) - 1
    moved = rows.with_columns(visits=pl.when(pl.Series(last)).then(pl.col("visits") + 3).otherwise(pl.col("visits")))

    again, same = cross_fitted(task, moved, fits)

    before = ~last[fold > 0]
    assert (fold == same).all()
    assert np.isclose((fold == 0).mean(), 1 / 3, atol=0.01)
    assert (found["logit"].treated[before] == again["logit"].treated[before]).all()
    assert (found["logit"].control[before] == again["logit"].control[before]).all()
    assert (found["logit"].treated[~before] != again["logit"].treated[~before]).all()


def test_an_arm_in_which_nobody_answered_has_its_own_rate(tmp_path: Path) -> None:
    """A small campaign is judged all the same."""
    nobody = pl.when(pl.col("treated") == "no").then(0).otherwise(pl.col("answered")).alias("answered")
    task = task_of(write_campaign(tmp_path, campaign(200, on_visits(2.0), seed=1).with_columns(nobody)))

    found, _ = cross_fitted(task, task.table.rows, {"logit": task.candidates()["logit"]})

    assert (found["logit"].control == 0).all()
    assert found["logit"].treated.max() > 0
