"""Blends of fitted candidates in log-odds: their weights, by maximum likelihood, and how a bundle holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring.bundle.bundle import canonical_json
from scoring.bundle.manifest import Setting
from scoring.models.stored_model import BLEND, MEMBER, BlendDocument, BlendMember
from training.fitting.calibrate import newton
from training.fitting.candidates import trees_of
from training.fitting.lesson import Fit, Fitted, Lesson

BLENDED = "blend"  # the kind

Floats = NDArray[np.float64]


def weigh(margins: Floats, label: Floats, fold: NDArray[np.int64]) -> Floats | None:
    """The weights under which a sum of margins makes labels most likely; None where one of them is not positive.

    `margins`, shape (rows, members), are of rows that no member was fitted on, `fold`, 0, 1, ..., is who predicted each
    row: a fold has an offset of its own, since an outcome's rate may move from one to the next. Weights need not add up
    to 1: what is blended is calibrated afterwards, and a member may be too sure or not sure enough by itself.
    """
    members, folds = margins.shape[1], np.eye(int(fold.max()) + 1)[fold]
    start = np.r_[np.full(members, 1.0 / members), np.zeros(folds.shape[1])]
    weights = newton(np.column_stack([margins, folds]), label, start)[:members]
    return weights if (weights > 0).all() else None


@dataclass(frozen=True, slots=True)
class BlendFit:
    """A fit of a blend: every member is fitted on the same lesson, its weight is given."""

    members: Mapping[str, Fit]
    weights: Mapping[str, float]

    def __call__(self, lesson: Lesson, seed: int) -> Fitted:
        """The blend fitted on a lesson."""
        return blended([fit(lesson, seed) for fit in self.members.values()], list(self.weights.values()))


def blended(members: Sequence[Fitted], weights: Sequence[float]) -> Fitted:
    """The blend of fitted members, whose settings stand among its own behind their kind."""
    entries, files = [], {}
    params: dict[str, Setting] = {"members": [one.kind for one in members]}
    for one, weight in zip(members, weights, strict=True):
        ((name, stored),) = one.files.items()
        file = f"{MEMBER}{one.kind}{PurePath(name).suffix}"
        files[file] = stored
        entries.append(BlendMember(file, weight))
        params |= {f"{one.kind}_weight": weight, **{f"{one.kind}_{key}": value for key, value in one.params.items()}}
    params["trees"] = sum(trees_of(one.params) for one in members)
    document = canonical_json(msgspec.to_builtins(BlendDocument(tuple(entries))))
    return Fitted(BLENDED, {BLEND: document, **files}, params)
