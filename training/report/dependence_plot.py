"""How the score depends on its strongest features: contributions over values, in bins, so that no customer is a dot."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from features.spec.feature import Feature
from training.report.plots import STYLE

DEPENDENCE = "dependence.png"
ACROSS = 2  # pictures side by side
BINS = 20  # most bins of a number, of equal counts
LEVELS = 10  # most levels of a category shown, the most frequent
MIDDLE = (0.1, 0.5, 0.9)
LONG = 20  # times the median at which the top hundredth needs a logarithmic axis

Floats = NDArray[np.float64]


def dependence(
    features: Sequence[Feature], codes: Mapping[str, list[str]], values: Floats, contributions: Floats
) -> bytes:
    """One PNG, a picture a feature in the order given: median contribution (calibrated log-odds) and its middle 80%.

    `values` are encoded, shape (rows, features), as `contributions`; what spreads within a bin is what other features
    change.
    """
    down = -(-len(features) // ACROSS)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 2.1 * down), layout="tight")
        for at, feature in enumerate(features):
            axes = figure.add_subplot(down, ACROSS, at + 1)
            axes.set_title(feature.name, fontsize=8)
            axes.tick_params(labelsize=7)
            axes.axhline(0, color="grey", linewidth=0.6)
            if feature.type == "category":
                _levels(axes, codes[feature.name], values[:, at], contributions[:, at])
            else:
                _numbers(axes, feature, values[:, at], contributions[:, at])
        into = io.BytesIO()
        figure.savefig(into, format="png", dpi=100)
    return into.getvalue()


def binned(values: Floats, contributions: Floats) -> tuple[Floats, Floats]:
    """The mean value of each equal-count bin, rising, and its contribution's 10%, 50% and 90% point, (3, bins).

    Equal values are never parted, so there may be fewer bins than twenty.
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], method="lower"))
    place = np.searchsorted(edges, values, side="left")
    kept = np.unique(place)
    spread = [np.quantile(contributions[place == bin_], MIDDLE) for bin_ in kept]
    return np.array([values[place == bin_].mean() for bin_ in kept]), np.array(spread).T


def _numbers(axes: Any, feature: Feature, values: Floats, contributions: Floats) -> None:
    known = ~np.isnan(values)
    if not known.any():
        return
    x, (low, middle, high) = binned(values[known], contributions[known])
    if feature.type == "date":
        x = 1970 + x / 365.2425
    axes.fill_between(x, low, high, alpha=0.25, linewidth=0)
    axes.plot(x, middle, marker="o", markersize=2.5, linewidth=1.2)
    if feature.type != "date" and x.min() >= 0 and x.max() > LONG * max(float(np.median(values[known])), 1e-9):
        axes.set_xscale("symlog", linthresh=1.0)


def _levels(axes: Any, levels: list[str], codes: Floats, contributions: Floats) -> None:
    counts = np.bincount(codes.astype(np.int64), minlength=len(levels))
    shown = np.sort(np.argsort(-counts, kind="stable")[: min(LEVELS, int((counts > 0).sum()))])
    spread = np.array([np.quantile(contributions[codes == code], MIDDLE) for code in shown.tolist()])
    low, middle, high = spread.T
    axes.errorbar(range(len(shown)), middle, yerr=[middle - low, high - middle], fmt="o", markersize=3, capsize=2)
    axes.set_xticks(range(len(shown)), [_short(levels[code]) for code in shown.tolist()], rotation=35, ha="right")


def _short(level: str) -> str:
    return (level if len(level) <= 14 else f"{level[:13]}…").replace("$", r"\$")
