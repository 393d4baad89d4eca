"""Contributions as they are published: rounded to 1e-9, and the same whichever way they were computed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.models.model import Model

DECIMALS = 9
_HALF = 0.5 * 10.0**-DECIMALS

Floats = NDArray[np.float64]


def rounded(amounts: Floats) -> Floats:
    """Amounts to nine decimals; none is a negative zero."""
    return np.round(amounts, DECIMALS) + 0.0


def published_contributions(
    model: Model, scale: float, matrix: NDArray[np.float32], *, in_bulk: bool = False
) -> Floats:
    """What each feature adds on the calibrated scale, shape (rows, features), rounded.

    Args:
        model: Whose contributions they are.
        scale: The calibration's `a`, by which raw log-odds are multiplied.
        matrix: Encoded rows, shape (rows, features).
        in_bulk: Whether a faster way for very many rows may be taken, which may load a compiler. A row that it leaves
            so near to where rounding turns that the other way might go to the other side is computed anew.
    """
    fast = model.contributions_in_bulk(matrix) if in_bulk else None
    if fast is None:
        return rounded(scale * model.contributions(matrix))
    amounts, error = scale * fast[0], abs(scale) * fast[1]
    found = rounded(amounts)
    unsure = np.flatnonzero((np.abs(amounts - found) > _HALF - error).any(axis=1))
    found[unsure] = rounded(scale * model.contributions(matrix[unsure]))
    return found
