"""Which members a blend has, and what it would have been worth on the validation rows of every fold.

Either half of the customers is predicted by weights that the other half has shown, so that no row is judged by weights
it was weighed on. A blend of fewer members stands for one of more where the loss is small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from training.errors import CalibrationError
from training.evaluation.metrics import row_losses
from training.fitting.blending import weigh
from training.fitting.calibrate import fit_calibration
from training.fitting.candidates import OF_TREES, SMOOTH
from training.fitting.level_rates import SUFFIX
from training.selection.judging import Judged, judged

SIMPLER = 0.002  # share of the best log-loss that a simpler candidate may be behind and still be taken

Floats = NDArray[np.float64]
Margins = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FoldMargins:
    """What all candidates said of one fold's rows."""

    calibrate_labels: Floats
    outcome: Floats  # of the validation rows
    half: NDArray[np.int64]  # 0 or 1, of the validation rows
    seen: Mapping[str, Judged]


@dataclass(frozen=True, slots=True)
class FoundBlend:
    """The members' weights, and the levelled losses of each fold's validation rows."""

    weights: Mapping[str, float]
    losses: Sequence[Floats]

    @property
    def loss(self) -> float:
        """Over the rows of all folds."""
        return float(np.concatenate(self.losses).mean())


def pool(losses: Mapping[str, Floats]) -> list[str]:
    """The candidates that may be members: the best sum of terms, the better forest and the better boosted trees."""
    smooth = [kind for kind in SMOOTH if kind in losses]
    best = sorted(smooth, key=lambda kind: float(losses[kind].sum()))[:1]
    for plain in OF_TREES:
        alike = [kind for kind in (plain, plain + SUFFIX) if kind in losses]
        best += sorted(alike, key=lambda kind: float(losses[kind].sum()))[:1]
    return best


def best_blend(folds: Sequence[FoldMargins], kinds: Sequence[str]) -> FoundBlend | None:
    """The blend of fewest members within .2 % of the best loss; None where no two of them help each other."""
    return _simplest(_crossed(folds, members) for members in _groups(kinds))


def blend_at_once(
    margins: Mapping[str, Margins], label: Floats, part: NDArray[np.int64], kinds: Sequence[str]
) -> FoundBlend | None:
    """The same by predictions of rows alone: each part of them, 0, 1, ..., is weighed and calibrated by the others."""
    return _simplest(
        _crossed_once([margins[kind] for kind in members], members, label, part) for members in _groups(kinds)
    )


def _groups(kinds: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for size in (2, 3):
        yield from combinations(kinds, size)


def _simplest(blends: Iterable[FoundBlend | None]) -> FoundBlend | None:
    found = [blend for blend in blends if blend is not None]
    if not found:
        return None
    most = (1 + SIMPLER) * min(blend.loss for blend in found)
    return min(found, key=lambda blend: (blend.loss > most, len(blend.weights), blend.loss))


def _crossed_once(
    margins: Sequence[Margins], members: Sequence[str], label: Floats, part: NDArray[np.int64]
) -> FoundBlend | None:
    columns, losses = np.column_stack(margins).astype(np.float64), np.empty(len(label))
    alike = np.zeros(len(label), dtype=np.int64)  # one fold
    for judging in (part == number for number in np.unique(part)):
        weights = weigh(columns[~judging], label[~judging], alike[~judging])
        if weights is None:
            return None
        blended = (columns @ weights).astype(np.float32)
        try:
            probability = fit_calibration(blended[~judging], label[~judging]).probability(blended[judging])
        except CalibrationError:
            return None
        losses[judging] = row_losses(label[judging], probability)
    whole = weigh(columns, label, alike)
    return None if whole is None else FoundBlend(dict(zip(members, whole.tolist(), strict=True)), [losses])


def _crossed(folds: Sequence[FoldMargins], members: Sequence[str]) -> FoundBlend | None:
    margins = np.concatenate([_columns(fold, members) for fold in folds])
    label, half = (np.concatenate([getattr(fold, name) for fold in folds]) for name in ("outcome", "half"))
    number = np.repeat(np.arange(len(folds)), [len(fold.outcome) for fold in folds])
    sides = [weigh(margins[half == side], label[half == side], number[half == side]) for side in (1, 0)]
    whole = weigh(margins, label, number)
    if whole is None or sides[0] is None or sides[1] is None:
        return None
    by_other, mean = np.array([sides[0], sides[1]]), (sides[0] + sides[1]) / 2
    losses = []
    for fold in folds:
        blended = (_columns(fold, members) * by_other[fold.half]).sum(axis=1).astype(np.float32)
        calibrating = np.column_stack([fold.seen[kind].calibrating for kind in members]) @ mean
        losses.append(judged(calibrating.astype(np.float32), fold.calibrate_labels, blended, fold.outcome).levelled)
    return FoundBlend(dict(zip(members, whole.tolist(), strict=True)), losses)


def _columns(fold: FoldMargins, members: Sequence[str]) -> Floats:
    return np.column_stack([fold.seen[kind].margin for kind in members]).astype(np.float64)
