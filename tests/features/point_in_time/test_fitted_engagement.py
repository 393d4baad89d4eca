"""Fitted weights of engagement follow who acts next, and nothing that comes after they are settled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.build.log_table import learning_table, scoring_table
from features.config.use_case import LogUseCase, load_use_case
from features.errors import DataError, UseCaseError
from features.point_in_time.compiled_sql import raw_events
from features.point_in_time.fitted_engagement import LARGEST
from features.tables.digests import config_digest, features_digest
from tests.features.config.test_use_case import LOG, written
from tests.features.point_in_time.test_compiled_sql import answered, posted
from tests.support.worlds import log_case, purchases, utc

CUTOFF = utc(200)


def clicking(*, seed: int = 9) -> pl.DataFrame:
    """Purchases, three times as many clicks of who buys often, at any time, and views of anybody."""
    random = np.random.default_rng(seed)
    bought = purchases(150, rate=0.02, seed=seed).with_columns(kind=pl.lit("Achat"))
    often = pl.concat([bought] * 3)
    clicks = often.with_columns(kind=pl.lit("Clic"), ts=pl.col("ts").shuffle(seed) - pl.duration(hours=7))
    anybody = pl.Series([f"c{at}" for at in random.integers(0, 150, len(bought))])
    views = bought.with_columns(kind=pl.lit("Vue"), customer_id=anybody, ts=pl.col("ts") + pl.duration(minutes=3))
    return pl.concat([bought, clicks, views]).sort("ts", "customer_id", "kind")


def fitted_case(folder: Path, log: pl.DataFrame, **more: Any) -> LogUseCase:
    """A use case on such a log whose weights are fitted."""
    sections: dict[str, dict[str, Any]]
    sections = {"events": {"type": {"column": "kind"}}, "label": {"event": "Achat"}, "engagement": {"fit": True}}
    return log_case(folder, log, **(sections | {"window": {"test_cutoff": "2024-07-19"}} | more))


def test_weights_follow_who_acts_next(tmp_path: Path) -> None:
    """None is below 0, the largest is 10, they are in the report, and posted events and the table add up to the same.

    The training finds no feature that a rewritten future changes, with the weights fitted anew.
    """
    log = clicking()
    use_case = fitted_case(tmp_path, log)
    table = learning_table(use_case)
    assert table.feature_plan is not None
    weights = dict(table.feature_plan.engagement)

    raw = raw_events(use_case, table.feature_plan)
    built = scoring_table(use_case, CUTOFF)
    refund = pl.lit(None, pl.Boolean)
    found = answered(raw, {"events": posted(log, CUTOFF, type=pl.col("kind"), refund=refund)})

    assert max(weights.values()) == LARGEST
    assert min(weights.values()) > 0
    assert weights.get("vue", 0.0) < weights["clic"]
    assert found.equals(built.drop("eligible"))
    total = sum(
        built[{"achat": "achats", "clic": "clics", "vue": "vues"}[kind] + "_100d"] * n for kind, n in weights.items()
    )
    assert (built["engagement_100d"] - total).abs().to_numpy().max() < 1e-9
    assert not [finding for finding in table.findings if finding.rule == "sees_the_future"]
    assert [note["rule"] for note in table.report["notes"] if note["rule"] == "engagement"] == ["engagement"]


def test_weights_need_history_and_both_outcomes(tmp_path: Path) -> None:
    """The rule and what arrived."""
    short = fitted_case(tmp_path, clicking(), window={"prediction": "60d", "test_cutoff": "2024-05-20", "gap": "10d"})

    with pytest.raises(DataError, match=r"engagement\.fit: the log must reach back to 20\d\d-"):
        scoring_table(short, utc(120))


def test_fit_stands_alone_or_is_points_of_a_type(tmp_path: Path) -> None:
    """A type that is called `fit` keeps its points; a file without the key keeps its digests."""
    fitted, stated, plain = (
        load_use_case(written(tmp_path, LOG + more))
        for more in ("[engagement]\nfit = true\n", "[engagement]\nfit = 3\n", "")
    )
    assert isinstance(fitted, LogUseCase)
    assert isinstance(stated, LogUseCase)
    assert isinstance(plain, LogUseCase)
    assert (fitted.fit_engagement, fitted.engagement) == (True, {})
    assert (stated.fit_engagement, stated.engagement) == (False, {"fit": 3.0})
    assert len({digest(case) for digest in (config_digest, features_digest) for case in (fitted, stated, plain)}) == 6

    for more in ("fit = true\nclick = 3\n", "fit = false\n"):
        with pytest.raises(UseCaseError, match=r"engagement\.fit: must be true without any points beside it, got"):
            load_use_case(written(tmp_path, LOG + "[engagement]\n" + more))
