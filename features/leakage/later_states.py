"""Totals that go on after the cutoff: each equals an earlier state of itself but for rows of one class."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from features.leakage.row_slices import RowSlice
from features.leakage.univariate import Floats, numbers
from features.spec.feature import Feature, Finding

PAIRED, GLANCED = 5_000, 1_000  # rows of pairs, and those by which most pairs are put aside at once
TWIN, FEW, NEAR = 0.1, 0.01, 1e-6  # a later state of a total equals it in this share of rows, is less in few
SEPARATING = 0.94  # difference of the classes' shares from which it is one class that exceeds


def later_states(each: RowSlice, features: Sequence[Feature], barred: Collection[str]) -> Iterator[Finding]:
    """Totals that equal another feature but for rows of one class, where they are larger."""
    sample = np.random.default_rng(0).permutation(len(each.label))[:PAIRED]
    taken = [feature.name for feature in features if feature.type in ("number", "integer")]
    rows = {name: numbers(each.rows[name][sample]) for name in taken}
    rows = {name: values for name, values in rows.items() if len(np.unique(values)) > 2}
    names, positive = list(rows), each.label[sample] > 0
    glance = np.array([values[:GLANCED] for values in rows.values()])
    near = NEAR * np.abs(glance)
    for name in (name for name in names if name not in barred):
        alike = np.abs(glance - rows[name][:GLANCED]) <= near
        for index in np.flatnonzero(alike.mean(axis=1) >= TWIN / 2):
            other = names[index]
            if other != name and _continues(rows[name], rows[other], positive):
                detail = f"{name!r} equals {other!r} but for rows of one class: it goes on after the cutoff."
                yield Finding("holds_the_future", name, "block", detail, {"other": other})
                break


def _continues(values: Floats, earlier: Floats, positive: NDArray[np.bool_]) -> bool:
    """Whether one number equals another or exceeds it, and exceeds it in one class only."""
    known = ~(np.isnan(values) | np.isnan(earlier))
    more, less = values > earlier + NEAR * np.abs(earlier), values < earlier - NEAR * np.abs(earlier)
    equal = known & ~more & ~less
    if equal.mean() < TWIN or less.mean() > FEW:
        return False
    ones, zeros = more[known & positive], more[known & ~positive]
    return bool(len(ones) and len(zeros) and abs(ones.mean() - zeros.mean()) >= SEPARATING)
