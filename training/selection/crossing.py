"""Every learning row predicted by candidates that were fitted on other folds; these predictions choose and calibrate.

No row is given up for calibration: two numbers fitted on n rows are expected to lose 1/n nats (Akaike 1974), a model
with a seventh of its rows kept from it more than that on a small table. What is served is fitted on all rows; a fold's
candidates on four fifths of them, so that the slope and shift that their predictions ask for are nearly its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.spec.feature import Feature
from scoring.models.calibration import Calibration
from training.data.split import SHARES, labels, share_out
from training.errors import CalibrationError
from training.evaluation.metrics import row_losses
from training.fitting.blending import BLENDED
from training.fitting.calibrate import fit_calibration
from training.fitting.candidates import BOOSTED, trees_of
from training.fitting.fit import teach
from training.fitting.lesson import Fit
from training.selection.blend_selection import FoundBlend, blend_at_once, pool
from training.selection.judging import calibrated
from training.selection.settings_search import SearchedSettings, search_settings

FOLDS = 5
REPEATS = 2  # of the folds, each dealt anew
STOPPING = (SHARES[0] + SHARES[2], SHARES[1])  # of a fold's learning rows: fit, stop

Floats = NDArray[np.float64]
Margins = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Crossed:
    """What predictions from outside say of every candidate that rises with the outcome."""

    losses: dict[str, Floats]  # of each row, the mean over repeats; either part of the customers calibrated by others
    calibrations: dict[str, Calibration]  # by all rows, each once
    blend: FoundBlend | None


def predicted_outside_folds(
    rows: pl.DataFrame,
    features: Sequence[Feature],
    fits: Mapping[str, Fit],
    *,
    seed: int,
    repeats: int,
) -> tuple[SearchedSettings, dict[str, Margins]]:
    """Each candidate's margins, shape (repeats x rows,), and the settings that the first fold's rows have shown."""
    settings, rounds = SearchedSettings(), defaultdict[str, list[int]](list)
    margins = {kind: np.empty((repeats, rows.height), dtype=np.float32) for kind in fits}
    for repeat in range(repeats):
        part = share_out(rows, (1.0,) * FOLDS, seed=seed + 2 + 1000 * repeat)
        for fold in range(FOLDS):
            learn, judged = rows.filter(part != fold), part == fold
            stops = share_out(learn, STOPPING, seed=seed + fold + 1) == 1
            taught = teach(features, learn.filter(~stops), learn.filter(stops), learn.clear(), label_event=None)
            if repeat == fold == 0:
                settings = search_settings(taught.lesson, fits, seed=seed)
                fits = settings.of(fits)
            matrix = taught.matrix(rows.filter(judged))
            for kind, fit in fits.items():
                fitted = fit(taught.lesson, seed)
                margins[kind][repeat, judged] = fitted.model().margin(matrix)
                if kind in BOOSTED:
                    rounds[kind].append(trees_of(fitted.params))
    settings = replace(settings, rounds={kind: int(np.median(met)) for kind, met in rounds.items()})
    return settings, {kind: said.ravel() for kind, said in margins.items()}


def crossed(margins: Mapping[str, Margins], rows: pl.DataFrame, *, repeats: int, seed: int) -> Crossed:
    """Candidates, and the blend of them, judged and calibrated by their margins of the rows, repeated so often."""
    outcome = np.tile(labels(rows), repeats)
    part = np.tile(share_out(rows, (1.0,) * FOLDS, seed=seed + 3), repeats)
    losses: dict[str, Floats] = {}
    calibrations: dict[str, Calibration] = {}
    for kind, said in margins.items():
        try:
            calibrations[kind] = fit_calibration(said[: rows.height], outcome[: rows.height])
        except CalibrationError:
            continue
        losses[kind] = crossed_losses(said, outcome, part)
    blend = blend_at_once({kind: margins[kind] for kind in pool(losses)}, outcome, part, pool(losses))
    if blend is not None:
        members = np.column_stack([margins[kind][: rows.height] for kind in blend.weights]).astype(np.float64)
        said = (members @ list(blend.weights.values())).astype(np.float32)
        calibrations[BLENDED] = fit_calibration(said, outcome[: rows.height])
        losses[BLENDED] = np.concatenate(blend.losses)
    means = {kind: loss.reshape(repeats, rows.height).mean(axis=0) for kind, loss in losses.items()}
    return Crossed(means, calibrations, blend)


def crossed_losses(margin: Margins, label: Floats, part: NDArray[np.int64]) -> Floats:
    """The row losses of margins, each part (0, 1, ...) calibrated by the others; by their rate if these fall."""
    losses = np.empty(len(label))
    for number in np.unique(part):
        judged = part == number
        losses[judged] = row_losses(label[judged], calibrated(margin[~judged], label[~judged], margin[judged])[0])
    return losses
