"""A blend means one number through every door: posted, in a file, in MLflow's model; alone and among others."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.answers.explain import explain_profile
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.batch.score_files import score_file
from scoring.bundle.bundle import load_bundle
from scoring.models.blend import Blend
from scoring.models.calibration import sigmoid
from scoring.releases.store import load_release
from tests.support.models import release_shop, shop_rows
from training.registry.pyfunc_model import ServedProbability


def test_a_blend_gives_the_same_bits_through_every_door(tmp_path: Path) -> None:
    """Probabilities and reasons of posted rows, together and alone, of a file, and of a notebook's frame."""
    release_shop(tmp_path, "shop", scratch=tmp_path / "s", blended=True)
    live = {"shop": Live(load_release(tmp_path, "shop"))}
    rows = shop_rows(60, seed=9)
    posted = [{"customer_id": f"c{number}", "features": row} for number, row in enumerate(rows)]
    table = pa.Table.from_pylist([{"customer_id": f"c{number}", **row} for number, row in enumerate(rows)])
    pq.write_table(table, tmp_path / "in.parquet")
    model = ServedProbability()
    model.load_context(SimpleNamespace(artifacts={"bundle": str(tmp_path / "s" / "shop-1")}))

    together = score_profiles(live, posted, reasons=6)
    alone = [score_profiles(live, [one], reasons=6)[0] for one in posted]
    score_file(live, tmp_path / "in.parquet", tmp_path / "out.parquet", reasons=6)
    framed = model.predict(None, pd.DataFrame(rows).astype({"monetary_365d": "float64"}))

    written = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert isinstance(live["shop"].release.bundle.model, Blend)
    for each, one, row, probability in zip(together, alone, written, framed.tolist(), strict=True):
        score = each["scores"]["shop"]
        assert one["scores"]["shop"] == score
        assert row["probability"] == score.get("probability")
        assert score["status"] != "scored" or probability == score["probability"]
        for rank, reason in enumerate(score.get("reasons", ())):
            assert row[f"reason_{rank + 1}_contribution"] == reason["contribution"]


def test_an_explained_blend_adds_up(tmp_path: Path) -> None:
    """The base value and all contributions give the probability, customer by customer."""
    release_shop(tmp_path, "shop", scratch=tmp_path / "s", blended=True)
    served = Live(load_release(tmp_path, "shop"))

    for row in shop_rows(20, seed=3):
        explained = explain_profile(served, {"customer_id": "c", "features": row})
        total = explained["base_value"] + sum(explained["contributions"].values())
        assert sigmoid(np.array([total]))[0] == pytest.approx(explained["probability"], abs=1e-6)
    assert "blend.json" not in load_bundle(tmp_path / "s" / "shop-1").files
