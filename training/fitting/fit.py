"""One way to fit, stop and calibrate, for every candidate and on every set of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.spec.feature import Feature
from scoring.encoding.encoder import Encoder
from scoring.models.calibration import Calibration
from scoring.models.model import Model
from training.data.calendar_drift import clocks
from training.data.clusters import Clusters
from training.data.encode import encode, fit_encoder
from training.data.split import clusters_of, labels
from training.fitting.calibrate import fit_calibration
from training.fitting.lesson import Fit, Fitted, Lesson


@dataclass(frozen=True)
class Taught:
    """Rows encoded by what the fitting rows alone have shown."""

    features: tuple[Feature, ...]
    codes: dict[str, list[str]]
    encoder: Encoder
    lesson: Lesson
    calibrate: NDArray[np.float32]
    calibrate_labels: NDArray[np.float64]
    clusters: Clusters  # which rows are one customer's: the stopping rows, then the calibration rows
    others: tuple[NDArray[np.uint64], NDArray[np.uint64]]  # their marks: of the calibration rows, of the stopping rows

    @cached_property
    def whole(self) -> Lesson:
        """The lesson of a model that other predictions stop and calibrate: every row is fitted on."""
        lesson = self.lesson
        return replace(
            lesson,
            fit=np.concatenate([lesson.fit, self.calibrate, lesson.stop]),
            fit_labels=np.concatenate([lesson.fit_labels, self.calibrate_labels, lesson.stop_labels]),
            groups=None if lesson.groups is None else np.concatenate([lesson.groups, *self.others]),
            stop=lesson.stop[:0],
            stop_labels=lesson.stop_labels[:0],
        )

    def matrix(self, rows: pl.DataFrame) -> NDArray[np.float32]:
        """Further rows, as the model reads them."""
        return encode(self.encoder, rows, np.float32)


@dataclass(frozen=True)
class Contender:
    """A fitted candidate and its calibration."""

    fitted: Fitted
    model: Model
    calibration: Calibration

    def probability(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """What it would serve for encoded rows."""
        return self.calibration.probability(self.model.margin(matrix))


def teach(
    features: Sequence[Feature],
    fit: pl.DataFrame,
    stop: pl.DataFrame,
    calibrate: pl.DataFrame,
    *,
    label_event: str | None,
) -> Taught:
    """Encodes three sets of rows by an encoder that has met the first only."""
    learned, codes = fit_encoder(features, fit)
    return _taught(learned, codes, (fit, stop, calibrate), label_event)


def teach_alike(taught: Taught, fit: pl.DataFrame, stop: pl.DataFrame, calibrate: pl.DataFrame) -> Taught:
    """Three sets of other rows, encoded as those of a model that is there: both read a row the same way."""
    return _taught(taught.features, taught.codes, (fit, stop, calibrate), taught.lesson.label_event)


def _taught(
    learned: tuple[Feature, ...],
    codes: dict[str, list[str]],
    parts: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
    label_event: str | None,
) -> Taught:
    fit, stop, calibrate = parts
    encoder = Encoder(learned, codes)
    fit_matrix, stop_matrix, calibrate_matrix = (encode(encoder, rows, np.float32) for rows in (fit, stop, calibrate))
    drifting = clocks(learned, pl.concat([fit, stop, calibrate]))
    clusters = clusters_of(pl.concat([rows.select("__group") for rows in (stop, calibrate)]))
    stops = clusters.taken(slice(stop.height))
    own, stopping, calibrating = (rows["__group"].to_numpy() for rows in parts)
    seen = (fit_matrix, labels(fit), stop_matrix, labels(stop))
    lesson = Lesson(learned, codes, *seen, label_event, drifting, own, stops)
    marks = (calibrating, stopping)
    return Taught(learned, codes, encoder, lesson, calibrate_matrix, labels(calibrate), clusters, marks)


def contend(taught: Taught, fit: Fit, *, seed: int, calibration: Calibration | None = None) -> Contender:
    """Fits a candidate and calibrates it on rows it has not seen; on none where its calibration is known already.

    Raises:
        CalibrationError: Its margin does not rise with the outcome.
    """
    if calibration is None:
        return calibrated(taught, fit(taught.lesson, seed))
    fitted = fit(taught.whole, seed)
    return Contender(fitted, fitted.model(), calibration)


def calibrated(taught: Taught, fitted: Fitted) -> Contender:
    """A fitted candidate, calibrated on rows it has not seen.

    Raises:
        CalibrationError: Its margin does not rise with the outcome.
    """
    model = fitted.model()
    return Contender(fitted, model, fit_calibration(model.margin(taught.calibrate), taught.calibrate_labels))
