"""What opens of mail are worth: the winner's kind, taught once more from a log that has none, on the same test rows."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from features.build.without_opens import counts_opens, without_opens
from features.config.use_case import LogUseCase
from training.data.split import Parts
from training.errors import CalibrationError
from training.evaluation.paired_gain import PairedGain, paired_gain
from training.fitting.fit import teach
from training.selection.cross_validation import tuned_fit
from training.selection.winner import Learned, contend_as
from training.task import Task


@dataclass(frozen=True, slots=True)
class OpensWorth:
    """What the model gains by opens; None where without them no score rises with the outcome."""

    gain: PairedGain | None


def opens_worth(task: Task, parts: Parts, learned: Learned) -> OpensWorth | None:
    """The gain of the served model over one of its kind that knows no open; None where no feature is made of opens."""
    use_case = task.use_case
    if not isinstance(use_case, LogUseCase) or not counts_opens(task.table.feature_plan):
        return None
    sizes = [part.height for part in (parts.fit, parts.stop, parts.calibrate, parts.test)]
    rows = without_opens(use_case, pl.concat([parts.learning, parts.test]), task.objectors)
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    fit, stop, calibrate, test = (rows[end - size : end] for end, size in zip(ends, sizes, strict=True))
    taught = teach(task.table.features, fit, stop, calibrate, label_event=task.label_event)
    kind = learned.choice.kind
    try:
        other = contend_as(taught, kind, tuned_fit(task.candidates(), learned.choice)[kind], task.seed)
    except CalibrationError:
        return OpensWorth(None)
    served = learned.served[kind]
    without = other.probability(taught.matrix(test))
    return OpensWorth(paired_gain(learned.test_labels, served, without, learned.test_clusters, seed=task.seed))
