"""Large tables: every candidate is fitted once, on the parts the model is made of, and the one that wins is served.

Folds and the median of several seeds make the most of few outcomes. The standard error of a difference in log-loss
falls with the root of the outcomes it is seen on: calibration rows with thousands of either class tell candidates apart
as surely as folds of a small table ever do, and folds would fit every candidate three times more to say it a little
more surely still. So candidates are compared on the calibration rows, which none was fitted or stopped
on, each half of them by a calibration fitted on the other half. What was validated is what is served, to the byte: no
other deal and no other seed. The price is that the served calibration, two numbers, is fitted on rows that the model
was chosen on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import Feature
from training.data.split import Parts, labels, share_out
from training.errors import CalibrationError, NothingLearned
from training.fitting.blending import BLENDED, blended
from training.fitting.candidates import offered
from training.fitting.fit import Contender, calibrated, teach
from training.fitting.lesson import Fit
from training.selection.blend_selection import blend_at_once, pool
from training.selection.cross_validation import Choice, Made, compare, winner
from training.selection.crossing import crossed_losses
from training.selection.settings_search import search_settings, seeds_for

MANY = 3_000  # calibration rows of either class from which one look at them tells candidates apart

Floats = NDArray[np.float64]


def is_large(parts: Parts, *, width: int) -> bool:
    """Whether one look at the calibration rows is enough to choose by; a log is validated on its cutoffs instead.

    As long as rows of `width` features afford several seeds, and so folds, these are worth their work.
    """
    positives = float(labels(parts.calibrate).sum())
    enough = min(positives, parts.calibrate.height - positives) >= MANY
    return enough and seeds_for(parts.fit.height * width) == 1 and not parts.calibrate["__cutoff"].count()


def choose_once(
    parts: Parts, features: Sequence[Feature], fits: Mapping[str, Fit], *, seed: int, asked: str | None = None
) -> Choice:
    """Fits every candidate once and names the winner, the one asked for if any; what was fitted goes along.

    Raises:
        NothingLearned: No candidate's margin rises with the outcome.
    """
    taught = teach(features, parts.fit, parts.stop, parts.calibrate, label_event=None)
    fits = offered(fits, features, parts.fit, asked)
    settings = search_settings(taught.lesson, fits, seed=seed)
    fits = settings.of(fits)
    outcome, half = taught.calibrate_labels, share_out(parts.calibrate, (0.5, 0.5), seed=seed + 2)
    fitted = {kind: fit(taught.lesson, seed) for kind, fit in fits.items()}
    contenders: dict[str, Contender] = {}
    losses: dict[str, Floats] = {}
    for kind, one in fitted.items():
        try:
            contenders[kind] = calibrated(taught, one)
            losses[kind] = crossed_losses(contenders[kind].model.margin(taught.calibrate), outcome, half)
        except CalibrationError:
            contenders.pop(kind, None)
    if not losses:
        raise NothingLearned("A model needs a feature that rises or falls with the outcome, got none that does.")
    margins = {kind: contenders[kind].model.margin(taught.calibrate) for kind in pool(losses)}
    blend = blend_at_once(margins, outcome, half, list(margins))
    if blend is not None:
        members = [fitted[kind] for kind in blend.weights]
        try:
            contenders[BLENDED] = calibrated(taught, blended(members, list(blend.weights.values())))
            losses[BLENDED] = np.concatenate(blend.losses)
        except CalibrationError:
            blend = None
    weights = {} if blend is None else blend.weights
    table = compare(losses, parts.calibrate["__group"].to_numpy())
    made = Made(taught, contenders)
    return Choice(winner(table, asked), settings, weights, table, 1, parts.calibrate.height, made=made)
