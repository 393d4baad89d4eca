"""A value model on its way into a bundle, and the proof that what multiplies a typical customer's value gives each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.bundle import Bundle
from scoring.bundle.scorer import Scorer
from scoring.bundle.value_part import ValuePart, ValueReceipt
from training.errors import ReceiptError

MULTIPLIES = 1e-6  # of the expected value
ROUNDS = 1e-3  # how far a base may be from that of the other rows, relative
MOST_ROWS = 5_000  # evenly spread where there are more


@dataclass(frozen=True)
class StoredValue:
    """A value model, to be put into the bundle whose encoder its rows are of."""

    part: ValuePart  # but for its receipt
    stored: bytes
    test: NDArray[np.float64]  # encoded test rows


def check_value(bundle: Bundle, matrix: NDArray[np.float64]) -> ValueReceipt:
    """Multiplies the factors on rows given, and says how far the product was off.

    Raises:
        ReceiptError: A product is off by more than 1e-6, or the typical customer's value is another from row to row.
    """
    rows = matrix[np.linspace(0, len(matrix) - 1, min(len(matrix), MOST_ROWS)).astype(np.intp)]
    scorer = Scorer(bundle)
    values = scorer.value(rows)
    if values is None:
        raise ReceiptError("A bundle that serves a value must hold its model, got none.")
    explained = scorer.explain_value(rows, values.expected)
    product = explained.base * np.prod(np.exp(explained.factors), axis=1)
    off = float(np.max(np.abs(product / values.expected - 1)))
    shifted = float(np.max(np.abs(explained.base / np.median(explained.base) - 1)))
    if not (off <= MULTIPLIES and shifted <= ROUNDS):
        raise ReceiptError(
            f"What multiplies a typical value must give each within {MULTIPLIES:g}, from one base within {ROUNDS:g}, "
            f"got {off:.2g} and {shifted:.2g}."
        )
    return ValueReceipt(largest_difference=off, rows=len(rows))
