"""How the score depends on its strongest features: contributions over values, in bins, so that no customer is a dot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import Feature
from training.report.svg import COLOURS, Box, Plot, Scale, document

DEPENDENCE = "dependence.svg"
WIDTH, HEIGHT = 380, 210  # of one feature's picture
ACROSS = 2  # pictures side by side
BINS = 20  # most bins of a number, of equal counts
LEVELS = 10  # most levels of a category shown, the most frequent
MIDDLE = (0.1, 0.5, 0.9)
LONG = 20  # times the median at which the top hundredth needs a logarithmic axis

Floats = NDArray[np.float64]


def dependence(
    features: Sequence[Feature], codes: Mapping[str, list[str]], values: Floats, contributions: Floats
) -> bytes:
    """One SVG, a picture a feature in the order given: median contribution (calibrated log-odds) and its middle 80%.

    `values` are encoded, shape (rows, features), as `contributions`; what spreads within a bin is what other features
    change.
    """
    plots = []
    for at, feature in enumerate(features):
        box = Box(WIDTH * (at % ACROSS) + 52, HEIGHT * (at // ACROSS) + 20, WIDTH - 64, HEIGHT - 72)
        if feature.type == "category":
            plots.append(_levels(box, feature, codes[feature.name], values[:, at], contributions[:, at]))
        else:
            plots.append(_numbers(box, feature, values[:, at], contributions[:, at]))
    return document(WIDTH * ACROSS, HEIGHT * -(-len(features) // ACROSS), plots)


def binned(values: Floats, contributions: Floats) -> tuple[Floats, Floats]:
    """The mean value of each equal-count bin, rising, and its contribution's 10%, 50% and 90% point, (3, bins).

    Equal values are never parted, so there may be fewer bins than twenty.
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], method="lower"))
    place = np.searchsorted(edges, values, side="left")
    kept = np.unique(place)
    spread = [np.quantile(contributions[place == bin_], MIDDLE) for bin_ in kept]
    return np.array([values[place == bin_].mean() for bin_ in kept]), np.array(spread).T


def _numbers(box: Box, feature: Feature, values: Floats, contributions: Floats) -> Plot:
    known = ~np.isnan(values)
    if not known.any():
        plot = Plot(box, Scale(0.0, 1.0), Scale(-1.0, 1.0))
        plot.axes(title=feature.name)
        return plot
    x, (low, middle, high) = binned(values[known], contributions[known])
    if feature.type == "date":
        x = 1970 + x / 365.2425
    typical = max(float(np.median(values[known])), 1e-9)
    wide = bool(feature.type != "date" and x.min() >= 0 and x.max() > LONG * typical and x.max() > 10)
    plot = Plot(box, Scale.around(x, logarithmic=wide), Scale.around(np.r_[0.0, low, high]))
    plot.level(0.0)
    plot.band(x, low, high, COLOURS[0])
    plot.curve(x, middle, f'stroke="{COLOURS[0]}" stroke-width="1.2"')
    plot.dots(x, middle, COLOURS[0])
    plot.axes(title=feature.name)
    return plot


def _levels(box: Box, feature: Feature, levels: list[str], codes: Floats, contributions: Floats) -> Plot:
    counts = np.bincount(codes.astype(np.int64), minlength=len(levels))
    shown = np.sort(np.argsort(-counts, kind="stable")[: min(LEVELS, int((counts > 0).sum()))])
    spread = np.array([np.quantile(contributions[codes == code], MIDDLE) for code in shown.tolist()])
    low, middle, high = spread.T
    plot = Plot(box, Scale(-0.5, len(shown) - 0.5), Scale.around(np.r_[0.0, spread.ravel()]))
    x = np.arange(len(shown), dtype=np.float64)
    plot.level(0.0)
    plot.intervals(x, low, high, COLOURS[0])
    plot.dots(x, middle, COLOURS[0])
    plot.axes(title=feature.name, names=[_short(levels[code]) for code in shown.tolist()])
    return plot


def _short(level: str) -> str:
    return level if len(level) <= 14 else f"{level[:13]}…"
