"""Trees grown on rates of levels serve as any others: a whole training, and one number through every door."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from features.spec.feature import OTHER
from scoring.answers.explain import explain_profile
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.batch.score_files import score_file
from scoring.bundle.golden_rows import replay
from scoring.models.calibration import sigmoid
from scoring.releases.store import load_release
from tests.support.worlds import table_case
from training.registry.mlflow_registry import Registry
from training.registry.pyfunc_model import ServedProbability
from training.train import train

# MLflow's own client warns of the libraries it stands on
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


def visits(count: int = 900) -> pl.DataFrame:
    """Customers of thirty shops, of which some bring more than others, and of one that three people know."""
    random = np.random.default_rng(6)
    shop, age = random.integers(0, 30, count), random.normal(40, 9, count).round(1)
    odds = 1.2 * np.sin(shop) + 0.05 * (age - 40)
    names = [f"shop {number}" for number in shop[:-3]] + ["a shop of three"] * 3
    answer = np.where(random.random(count) < 1 / (1 + np.exp(-odds)), "yes", "no")
    return pl.DataFrame({"shop": names, "age": age, "y": answer})


def test_rated_trees_give_the_same_bits_through_every_door(tmp_path: Path) -> None:
    """Posted, in a file, in a notebook; contributions add up; a level of three people is in no file of the bundle."""
    case = table_case(tmp_path, visits()).model_copy(update={"candidate": "xgboost_rates"})
    line = train(case, home=tmp_path / "home", registry=Registry(tmp_path / "home"), mode="always")
    release = load_release(tmp_path / "home", case.name)
    served, rows = Live(release), visits(60).drop("y").with_columns(customer_id=pl.int_range(60).cast(pl.String))
    rows.write_parquet(tmp_path / "in.parquet")
    posted = [
        {"customer_id": row.pop("customer_id"), "features": row} for row in rows.to_dicts()
    ]  # the last three are of the shop of three
    model = ServedProbability()
    model.load_context(SimpleNamespace(artifacts={"bundle": str(release.folder)}))

    together = score_profiles({case.name: served}, posted, reasons=2)
    alone = [score_profiles({case.name: served}, [one], reasons=2)[0] for one in posted]
    score_file({case.name: served}, tmp_path / "in.parquet", tmp_path / "out.parquet", reasons=2)
    framed = model.predict(None, pd.DataFrame([one["features"] for one in posted]))

    assert line["kind"] == "xgboost_rates"
    assert replay(release.bundle) == 64
    written = pq.read_table(tmp_path / "out.parquet").to_pylist()
    for each, one, kept, probability in zip(together, alone, written, framed.tolist(), strict=True):
        score = each["scores"][case.name]
        assert one["scores"][case.name] == score
        assert kept["probability"] == probability == score["probability"]
    for profile in posted[-10:]:
        explained = explain_profile(served, profile)
        total = explained["base_value"] + sum(explained["contributions"].values())
        assert sigmoid(np.array([total]))[0] == pytest.approx(explained["probability"], abs=1e-6)
    assert "unseen_category" in {note["code"] for note in together[-1]["scores"][case.name]["warnings"]}
    assert OTHER in served.scorer.encoder.levels["shop"]
    assert not [file.name for file in release.folder.iterdir() if b"shop of three" in file.read_bytes()]
