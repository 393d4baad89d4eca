"""Proof that travels with a bundle: its reasons add up, and agree with another Shapley computation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.bundle import Bundle
from scoring.calibration import sigmoid
from scoring.golden import replay
from scoring.scorer import Scorer
from training.errors import ReceiptError
from training.shapley import by_shap, dump_trees

MOST, LEAST = 50_000, 20_000  # test rows whose contributions are added up, drawn by seed where there are more
WALKS = 20_000_000  # rows times trees that adding up may cost, beyond the least rows
SAMPLE = 200  # rows held against the independent computation
ADDS_UP = 1e-6  # on the probability
AGREES = 1e-5  # on a contribution, in raw log-odds


def check(bundle: Bundle, stored: bytes, matrix: NDArray[np.float64], *, seed: int) -> dict[str, Any]:
    """Checks a bundle on its test rows, on a sample of them where they are very many, and says what was found.

    Args:
        bundle: The bundle, complete but for its receipt.
        stored: Its model file.
        matrix: The encoded test rows.
        seed: Draws the sample for the independent computation.

    Raises:
        ReceiptError: A sum is off by more than 1e-6 or a contribution by more than 1e-5.
        BundleError: A golden row is not reproduced.
    """
    random, test_rows = np.random.default_rng(seed), len(matrix)
    most = min(MOST, max(LEAST, WALKS // trees_of(bundle)))
    if test_rows > most:
        matrix = matrix[np.sort(random.permutation(test_rows)[:most])]
    scorer = Scorer(bundle)
    scored = scorer.score(matrix)
    explained = scorer.explain(matrix, scored.margin)
    sums = sigmoid(explained.base_value + explained.contributions.sum(axis=1))
    off = float(np.abs(sums - scored.probability).max())
    own_base = bundle.calibration.a * bundle.model.bias() + bundle.calibration.b
    picked = random.permutation(len(matrix))[:SAMPLE]
    oracle, differs = _against_oracle(bundle, stored, matrix[np.sort(picked)].astype(np.float32))
    if off > ADDS_UP or differs > AGREES:
        raise ReceiptError(
            f"Contributions must add up within {ADDS_UP:g} and agree within {AGREES:g}, "
            f"got {off:.2g} and {differs:.2g}."
        )
    return {
        "rows": len(matrix),
        "test_rows": test_rows,
        "largest_sum_difference": off,
        "largest_base_difference": float(np.abs(explained.base_value - own_base).max()),
        "oracle": oracle,
        "oracle_rows": len(picked),
        "largest_oracle_difference": differs,
        "golden_rows": replay(bundle),
    }


def trees_of(bundle: Bundle) -> int:
    """How many trees a row goes down; 1 for a linear model."""
    params = bundle.manifest["params"]
    return int(params.get("rounds", 1)) * int(params.get("num_parallel_tree", 1))


def _against_oracle(bundle: Bundle, stored: bytes, matrix: NDArray[np.float32]) -> tuple[str, float]:
    contributions = bundle.model.contributions(matrix)
    if any(name == "model.json" for name in bundle.manifest["files"]):
        margins = bundle.model.bias() + contributions.sum(axis=1)
        return "closed form", float(np.abs(margins - bundle.model.margin(matrix)).max())
    return "shap's tree code on the dumped trees", float(
        np.abs(by_shap(dump_trees(stored), matrix) - contributions).max()
    )
