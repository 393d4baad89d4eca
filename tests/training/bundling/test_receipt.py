"""The receipt of a blend: every member is held against another computation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scoring.bundle.bundle import load_bundle
from scoring.bundle.scorer import Scorer
from scoring.encoding.encoder import Encoder
from scoring.models.stored_model import model_files, parse_model
from tests.support.models import LEVELS, SHOP, shop_rows, write_shop_bundle
from training.bundling.receipt import check
from training.bundling.shapley_oracle import brute_force, dump_trees
from training.errors import ReceiptError


def blended(folder: Path) -> tuple[dict[str, bytes], np.ndarray]:
    """The files of a blended bundle's model, and encoded rows."""
    write_shop_bundle(folder, "shop", blended=True)
    encoder = Encoder(SHOP, LEVELS)
    rows = np.asarray([encoder.row(row)[0] for row in shop_rows(60, seed=5)], dtype=np.float32)
    return model_files({path.name: path.read_bytes() for path in folder.iterdir()}), rows


def test_a_blend_has_a_receipt_of_its_trees_and_its_terms(tmp_path: Path) -> None:
    """Its sums are right, and its trees are held against shap's own code; other weights than served are found out."""
    stored, rows = blended(tmp_path / "bundle")
    bundle = load_bundle(tmp_path / "bundle")
    measured = Scorer(bundle).score(rows.astype(np.float64)).probability

    receipt = check(bundle, stored, rows, measured, seed=1)

    assert receipt.oracle == "shap's tree code on the dumped trees"
    assert receipt.largest_sum_difference is not None
    assert receipt.largest_sum_difference < 1e-6
    document = json.loads(stored["blend.json"])
    document["members"][1]["weight"] = 0.7
    with pytest.raises(ReceiptError, match="agree within"):
        check(bundle, {**stored, "blend.json": json.dumps(document).encode()}, rows, measured, seed=1)


def test_reasons_of_a_blend_are_brute_force_shapley_values(tmp_path: Path) -> None:
    """Of its trees over all subsets of features, and of its terms by their definition, weighed alike."""
    stored, rows = blended(tmp_path / "bundle")
    row = np.where(np.isnan(rows[3]), 1.0, rows[3]).astype(np.float32)
    terms = parse_model({"model.json": stored["member-additive.json"]}).contributions(row[None])[0]

    expected = 0.6 * brute_force(dump_trees(stored["member-xgboost.ubj"]), row) + 0.45 * terms

    assert parse_model(stored).contributions(row[None])[0] == pytest.approx(expected, abs=1e-5)
