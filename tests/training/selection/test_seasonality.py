"""Whether a year earlier helps, answered on validation rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.build.log_table import learning_table
from features.config.use_case import LogUseCase
from tests.support.worlds import log_case
from training.data.split import split
from training.registry.mlflow_registry import Registry
from training.report.html import seasoned
from training.selection.cross_validation import Choice
from training.selection.seasonality import learned_from, possible, with_season
from training.task import Task


def shop(folder: Path, *, days: int, season: float, window: dict[str, Any]) -> LogUseCase:
    """Customers who buy more often in one half of each year than in the other, the more so the larger `season`."""
    random, customers = np.random.default_rng(4), 400
    pace = random.gamma(2.0, 0.008, customers)
    rate = pace[:, None] * np.exp(season * np.sin(2 * np.pi * np.arange(days) / 365))
    who, day = np.nonzero(random.random((customers, days)) < rate)
    start = pl.lit(np.datetime64("2021-01-01"))
    log = pl.DataFrame({"customer_id": who, "day": day}).select("customer_id", ts=start + pl.duration(days="day"))
    return log_case(folder, log, window={"observation": "120d", "prediction": "60d", "train_cutoffs": 3, **window})


def asked(folder: Path, case: LogUseCase) -> Task:
    """The use case with its learning table."""
    return Task(case, learning_table(case), folder, Registry(folder), "never")


def test_a_season_is_found_and_learned_from(tmp_path: Path) -> None:
    """Where outcomes have a season the rows of a year earlier help, and join the learning rows; the test stays."""
    task = asked(tmp_path, shop(tmp_path, days=1000, season=1.5, window={"test_cutoff": "2023-07-01"}))
    before = split(task.table, seed=7)

    known = {kind: {"log_loss": 0.0} for kind in ("recency", "rfm_logit", "logit")}
    after, choice, season = with_season(task, before, Choice("rfm_logit", losses=known))

    assert season.asked == "tried"
    assert season.used
    assert season.without is not None
    assert season.taken is not None
    assert season.standard_error is not None
    assert season.without - season.taken > season.standard_error
    assert after.test.equals(before.test)
    assert set(choice.losses) == set(known)
    assert choice.losses[choice.kind]["behind"] <= choice.losses[choice.kind]["standard_error"]
    assert after.learning.height > before.learning.height
    assert task.table.cutoffs is not None
    cutoffs = learned_from(after, task.table.cutoffs)
    assert str(season.earlier) in {moment.date().isoformat() for moment in cutoffs.train}
    assert len(cutoffs.train) == 4
    sides = [set(part["__group"].to_list()) for part in (after.fit, after.stop, after.calibrate)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert season.earlier in {"2022-07-06"}
    assert "6 July 2022" in seasoned(season, "en")
    assert "6 juillet 2022" in seasoned(season, "fr")


@pytest.mark.parametrize(
    ("window", "days", "answer", "word"),
    [
        ({}, 500, "short", "would have to begin"),
        ({"train_cutoffs": 8}, 800, "included", "among what was learned"),
        ({"train_cutoffs": 1}, 800, "single", "one training cutoff"),
    ],
    ids=["short", "included", "single"],
)
def test_why_a_year_earlier_was_not_tried_is_said(
    tmp_path: Path, window: dict[str, Any], days: int, answer: str, word: str
) -> None:
    """A short log, cutoffs that reach back a year anyway, and a single cutoff each have their sentence."""
    season = possible(asked(tmp_path, shop(tmp_path, days=days, season=0.0, window=window)))

    assert season.asked == answer
    assert word in seasoned(season, "en")
