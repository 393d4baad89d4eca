"""What a candidate learns from, and what it leaves: rows as encoded, and a model as the bundle holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xgboost
from numpy.typing import NDArray

from features.spec.feature import Feature
from scoring.bundle.manifest import Setting
from scoring.models.model import Model
from scoring.models.stored_model import parse_model
from training.data.clusters import Clusters

FEWEST_BINS, MOST_BINS, ROWS_A_BIN = 64, 256, 32  # of a number: what few rows tell of its cuts needs no more
ONE_THREAD_CELLS = 2_000_000  # up to which threads cost more than they save: each waits for the slowest, tree by tree


@dataclass(frozen=True)
class Lesson:
    """Encoded rows to learn from: fitting rows, stopping rows, and what their columns are."""

    features: tuple[Feature, ...]
    codes: dict[str, list[str]]
    fit: NDArray[np.float32]
    fit_labels: NDArray[np.float64]
    stop: NDArray[np.float32]
    stop_labels: NDArray[np.float64]
    label_event: str | None = None  # the slug of the event that is predicted; None for a ready table
    clocks: frozenset[str] = frozenset()  # features that tell the cutoff, not the customer
    groups: NDArray[np.uint64] | None = None  # marks that fitting rows of one customer share; None: each is another's
    clusters: Clusters | None = None  # which stopping rows are one customer's; None: each is another's

    @property
    def threads(self) -> int:
        """How many a booster may use, 0 for all there are; the number does not change a bit of it."""
        return 1 if self.fit.size <= ONE_THREAD_CELLS else 0

    @property
    def bins(self) -> int:
        """Cuts of a number that a booster may try: on a few thousand rows most of its time is spent on trying them."""
        return max(FEWEST_BINS, min(MOST_BINS, len(self.fit) // ROWS_A_BIN))

    @cached_property
    def fitting(self) -> xgboost.QuantileDMatrix:
        """The fitting rows in bins, which every booster on them shares."""
        return xgboost.QuantileDMatrix(self.fit, label=self.fit_labels, max_bin=self.bins, nthread=self.threads)

    @cached_property
    def stopping(self) -> xgboost.QuantileDMatrix:
        """The stopping rows in the fitting rows' bins: trees part them as they would the numbers themselves."""
        return xgboost.QuantileDMatrix(
            self.stop, label=self.stop_labels, ref=self.fitting, max_bin=self.bins, nthread=self.threads
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model as the bundle holds it: its files, by name."""

    kind: str
    files: Mapping[str, bytes]
    params: Mapping[str, Setting]

    def model(self) -> Model:
        """The model, parsed; most candidates only predict many rows."""
        return parse_model(self.files, prepared=False)


Fit = Callable[[Lesson, int], Fitted]
