"""A quarter of Online Retail II that a model ranked worse than it had learned: not foreseen, announced at its end.

The year around it, week by week, is `make seasons`.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
import xgboost

from benchmarks.seasons import LOG, NAME, USE_CASE, Look, Shop, looked, mixed_up
from features.build.log_table import learning_table
from features.point_in_time.labels import LABEL
from features.tables.learning_table import CUTOFF
from scoring.bundle.bundle import canonical_json, write_bundle
from scoring.bundle.manifest import read_manifest
from scoring.encoding.encoder import Encoder
from scoring.releases.store import install_release, make_current
from tests.conftest import made_once
from tests.support.models import shop_manifest
from tests.support.worlds import shared
from training.bundling.curves import curves
from training.bundling.manifest import reference
from training.data.clusters import Clusters
from training.data.encode import encode, fit_encoder
from training.evaluation.metrics import intervals

TESTED, DAY = datetime(2011, 6, 12, tzinfo=UTC), datetime(2011, 9, 10, tzinfo=UTC)
OVER = DAY + timedelta(days=90)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model, proved on the customers of June; only to be read."""
    return made_once(tmp_path_factory, "retail-quarter", _make)


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(shared(LOG), folder / "events.parquet")
    text = USE_CASE.format(prediction=90, test_cutoff=TESTED.date().isoformat())
    (folder / f"{NAME}.toml").write_text(text, encoding="utf-8")
    release_proved(Shop(folder))


def release_proved(shop: Shop) -> None:
    """Releases a small boosted model with what training knows of it: whom it learned from, its figures on test rows."""
    table = learning_table(shop.use_case)
    learned, tested = table.rows.filter(pl.col(CUTOFF) < TESTED), table.rows.filter(pl.col(CUTOFF) == TESTED)
    features, codes = fit_encoder(table.features, learned)
    taught, asked = (encode(Encoder(features, codes), rows).astype(np.float32) for rows in (learned, tested))
    data = xgboost.DMatrix(taught, learned[LABEL].to_numpy())
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "eta": 0.1}, data, 60)
    probability, label = booster.predict(xgboost.DMatrix(asked)).astype(np.float64), tested[LABEL].to_numpy()
    manifest = {
        **shop_manifest(NAME, "positive", probability),
        "features": msgspec.to_builtins(features),
        "encoder": codes,
        "eligible": None,
        "trained_to": TESTED.date().isoformat(),
        "windows": {"gap": 0, "observation": 180, "prediction": 90},
        "calibration": {"a": 1.0, "b": 0.0},
        "intervals": intervals(label, probability, Clusters.apart(len(label)), seed=1),
    }
    columns = (taught[:, place].astype(np.float64) for place in range(taught.shape[1]))
    files = {
        "model.ubj": bytes(booster.save_raw("ubj")),
        "golden.jsonl": b"",
        "curves.json": canonical_json(curves(label, {"xgboost": probability})),
        "reference.json": canonical_json(reference(features, codes, columns, probability)),
    }
    write_bundle(shop.folder / "bundle", read_manifest(manifest), files)
    install_release(shop.home, NAME, "1", shop.folder / "bundle", report=b"report", facts={})
    make_current(shop.home, NAME, "1")


def quarter(shop: Shop, folder: Path, *, every: int = 1) -> tuple[Look, Look]:
    """The looks at the day and at the end of its outcome, of a copy with one customer of so many."""
    shutil.copytree(shop.folder, folder)
    own = replace(shop, folder=folder)
    events = pl.read_parquet(own.log)
    events.filter(pl.col("customer_id").hash(seed=0) % every == 0).write_parquet(own.log)
    return looked(own, DAY), looked(own, OVER)


def test_a_fall_is_announced_once_it_is_known_and_not_denied_before(shop: Path, tmp_path: Path) -> None:
    """On the day the estimate says that it is unproven; when the outcome has come, that the model fell."""
    before, after = quarter(Shop(shop), tmp_path / "shop")

    assert before.health.estimate
    assert (before.health.estimate.proven, before.health.realised) == (False, None)
    assert not any(reason.code == "as_learned" for reason in before.health.why)
    assert after.health.realised
    assert after.health.realised.as_of[:10] == DAY.date().isoformat()
    assert after.health.state == "distrust"
    assert {alert.what.code for alert in after.opened} & {"auc_fell", "below_estimate"}
    assert before.health.age
    assert after.health.age
    assert (before.health.age.days, after.health.age.days) == (0, 90)


def test_customers_with_each_others_features_are_found_at_the_first_outcome(shop: Path, tmp_path: Path) -> None:
    """No column drifts more than without; ranked at random they are, and that is one alert with one thing to do."""
    own = Shop(shop)
    mixed_up(own, DAY)
    before, after = quarter(own, tmp_path / "shop", every=5)

    assert not any(alert.what.code == "auc_fell" for alert in before.opened)
    assert after.health.realised
    assert after.health.realised.roc_auc == pytest.approx(0.5, abs=0.06)
    [fell] = [alert for alert in after.opened if alert.what.code == "auc_fell"]
    assert fell.state == "open"
