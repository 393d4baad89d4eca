"""The curves of an additive model: what a value adds to its score, feature by feature, exactly as it is served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import Feature
from scoring.bundle.bundle import Bundle
from scoring.models.additive import LinearModel, SplineTerm
from scoring.reasons.sentences import described
from serving.console.charts.svg import Axes, Chart
from serving.console.web.i18n import Texts

MOST = 6  # curves drawn, those that move scores most
STEPS = 60  # points of a curve
MARGIN = 0.05  # of the span, above and below

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """A feature's curve, and what it says at its knots, as texts."""

    chart: Chart
    table: list[tuple[str, str]]  # a value, and what it adds


def shape_charts(bundle: Bundle, texts: Texts) -> list[Shape]:
    """The curves of the features that may be named, the one of the widest span first; none of another kind of model."""
    if not isinstance(bundle.model, LinearModel):
        return []
    bent = [
        (feature, term)
        for feature, term in zip(bundle.features, bundle.model.terms, strict=True)
        if isinstance(term, SplineTerm) and feature.name not in bundle.forbidden and np.ptp(term.values) > 0
    ]
    bent.sort(key=lambda one: -float(np.ptp(one[1].values)))
    return [_shape(bundle, feature, term, texts) for feature, term in bent[:MOST]]


def _shape(bundle: Bundle, feature: Feature, term: SplineTerm, texts: Texts) -> Shape:
    x, y = curve_of(term, bundle.calibration.a)
    years = feature.type == "date"
    across, shown = (1970 + x / 365.2425 if years else x), (_year if years else texts.number)
    low, high = float(min(y.min(), 0.0)), float(max(y.max(), 0.0))
    room = MARGIN * (high - low)
    axes = Axes(float(across.min()), float(across.max()), low - room, high + room)
    title = described(feature, texts.language, bundle.manifest.labels_of(feature.name, texts.language))
    lines = [axes.line(title, "served", across, y), axes.line(texts["adds_nothing"], "chance", across[[0, -1]], (0, 0))]
    chart = Chart(title, feature.unit or "", texts["adds"], lines, *axes.ticks(shown, texts.number))
    met = np.isin(x, np.expm1(term.knots) if term.log1p else term.knots)
    table = [(shown(at), texts.number(add, 2)) for at, add in zip(across[met].tolist(), y[met].tolist(), strict=True)]
    return Shape(chart, table)


def curve_of(term: SplineTerm, scale: float) -> tuple[Values, Values]:
    """Values between the outer knots, as they are given, and what each adds in calibrated log-odds."""
    read = np.unique(np.r_[np.linspace(term.knots[0], term.knots[-1], STEPS), term.knots])
    return np.expm1(read) if term.log1p else read, scale * np.interp(read, term.knots, term.values)


def _year(value: float) -> str:
    return str(round(value))
