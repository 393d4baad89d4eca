"""Proof that travels with a bundle: its reasons add up, and agree with another Shapley computation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.bundle import Bundle
from scoring.bundle.golden_rows import replay
from scoring.bundle.manifest import Receipt
from scoring.bundle.scorer import Scorer
from scoring.models.calibration import sigmoid
from scoring.models.stored_model import BLEND, parse_model, weights_of
from training.bundling.shapley_oracle import by_shap, dump_trees
from training.errors import ReceiptError
from training.fitting.candidates import trees_of

# Test rows whose contributions are added up, drawn by seed where there are more: of 5,000 one at least is of a fault
# that shows in a thousandth of all rows, but for one draw in 150.
MOST, LEAST = 50_000, 5_000
WALKS = 10_000_000  # rows times trees that adding up may cost, beyond the least rows
SAMPLE = 200  # rows compared with the independent computation
ADDS_UP = 1e-6  # on the probability
AGREES = 1e-5  # on a contribution, in raw log-odds, times those of the row where they are beyond 1
ROUNDS = 1e-3  # on the base value, likewise; it takes up what float32 sums round, usually below 1e-5

Files = Mapping[str, bytes]


def check(
    bundle: Bundle,
    stored: Files,
    matrix: NDArray[np.float32],
    measured: NDArray[np.float64],
    *,
    seed: int,
) -> Receipt:
    """Checks a bundle on its test rows, on a sample of them where they are very many, and says what was found.

    A base value is what a row's contributions leave of its score, so that sums are right by construction: what they
    show of the contributions is that it stays the booster's own bias.

    Args:
        bundle: The bundle, complete but for its receipt.
        stored: The files of its model.
        matrix: The encoded test rows.
        measured: Their probabilities by the model as it was fitted, which all figures are of.
        seed: Draws the samples.

    Raises:
        ReceiptError: A probability is not the one measured, a sum is off by more than 1e-6, a base value by more than
            1e-3, or a contribution by more than 1e-5; the latter two in units of the row's log-odds where those are
            beyond 1, since a value far from all others may send them to where float32 has no such digits.
        BundleError: A golden row is not reproduced.
    """
    random, test_rows = np.random.default_rng(seed), len(matrix)
    most = min(MOST, max(LEAST, WALKS // trees_of(bundle.manifest.params)))
    if test_rows > most:
        drawn = np.sort(random.permutation(test_rows)[:most])
        matrix, measured = matrix[drawn], measured[drawn]
    rows, scorer = matrix.astype(np.float64), Scorer(bundle)
    scored = scorer.score(rows)
    if others := int((scored.probability != measured).sum()):
        raise ReceiptError(f"A bundle must serve what was measured, to the bit, {others} of {len(matrix)} rows differ.")
    explained = scorer.explain(rows, scored.margin, in_bulk=True)
    sums = sigmoid(explained.base_value + explained.contributions.sum(axis=1))
    off = float(np.abs(sums - scored.probability).max())
    own_base = bundle.calibration.a * bundle.model.bias() + bundle.calibration.b
    shifted = _largest(explained.base_value - own_base, of=scored.margin)
    picked = random.permutation(len(matrix))[:SAMPLE]
    oracle, differs = _against_oracle(bundle, stored, matrix[np.sort(picked)])
    if off > ADDS_UP or shifted > ROUNDS or differs > AGREES:
        raise ReceiptError(
            f"Contributions must add up within {ADDS_UP:g}, from the model's own bias within {ROUNDS:g}, and agree "
            f"within {AGREES:g}, got {off:.2g}, {shifted:.2g} and {differs:.2g}."
        )
    return Receipt(
        rows=len(matrix),
        test_rows=test_rows,
        largest_sum_difference=off,
        largest_base_difference=shifted,
        oracle=oracle,
        oracle_rows=len(picked),
        largest_oracle_difference=differs,
        golden_rows=replay(bundle),
    )


def _against_oracle(bundle: Bundle, stored: Files, matrix: NDArray[np.float32]) -> tuple[str, float]:
    """What the contributions were compared with, and the largest difference."""
    contributions, margin = bundle.model.contributions(matrix), bundle.model.margin(matrix)
    of_trees = {name: content for name, content in stored.items() if name.endswith(".ubj")}
    by_terms = [name for name in stored if name.endswith(".json") and name != BLEND]
    if not of_trees:
        margins = bundle.model.bias() + contributions.sum(axis=1)
        return "closed form", _largest(margins - margin, of=margin)
    weights = weights_of(stored)
    expected = sum(weights[name] * by_shap(dump_trees(content), matrix) for name, content in of_trees.items())
    for name in by_terms:  # each term of these is its feature's by definition
        expected = expected + weights[name] * parse_model({name: stored[name]}).contributions(matrix)
    differences = np.abs(expected - contributions).max(axis=1)
    return "shap's tree code on the dumped trees", _largest(differences, of=margin)


def _largest(differences: NDArray[np.float64], *, of: NDArray[Any]) -> float:
    """The largest difference of any row, in units of its log-odds where those are beyond 1."""
    return float((np.abs(differences) / np.maximum(1.0, np.abs(of))).max())
