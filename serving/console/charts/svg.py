"""Drawings as numbers: templates turn them into SVG, each with a table that says the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 360, 240
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 30  # room around the plot
Numbers = Sequence[float] | NDArray[np.float64]
Format = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class PlotLine:
    """One curve of a chart; the first is the model's, the others differ by their dashes."""

    name: str
    path: str
    style: str  # served, beside-1, beside-2, ... or chance


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what stands there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point with an interval above and below."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of curves or points over two axes, in units of WIDTH x HEIGHT."""

    title: str
    across: str
    up: str
    lines: list[PlotLine]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    dots: list[Dot] = field(default_factory=list)
    mark: tuple[float, float] | None = None  # a place to point at
    area: str = ""  # an interval around the first curve


@dataclass(frozen=True, slots=True)
class Axes:
    """From values to the drawing's units."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        """The place across."""
        return self.xs([value])[0]

    def y(self, value: float) -> float:
        """The place from the top."""
        return self.ys([value])[0]

    def xs(self, values: Numbers) -> list[float]:
        """Places across, all at once: one by one they take most of a page's time."""
        share = (np.asarray(values, dtype=np.float64) - self.x_low) / ((self.x_high - self.x_low) or 1.0)
        places: list[float] = np.round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1).tolist()
        return places

    def ys(self, values: Numbers) -> list[float]:
        """Places from the top."""
        share = (np.asarray(values, dtype=np.float64) - self.y_low) / ((self.y_high - self.y_low) or 1.0)
        places: list[float] = np.round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1).tolist()
        return places

    def line(self, name: str, style: str, x: Numbers, y: Numbers) -> PlotLine:
        """A curve through points, those left out that would not be seen."""
        points: list[tuple[float, float]] = []
        for point in zip(self.xs(x), self.ys(y), strict=True):
            if not points or abs(point[0] - points[-1][0]) + abs(point[1] - points[-1][1]) >= 1:
                points.append(point)
        return PlotLine(name, "M" + "L".join(f"{a:g} {b:g}" for a, b in points), style)

    def area(self, x: Numbers, low: Numbers, high: Numbers) -> str:
        """What lies between two curves."""
        across = self.xs(x)
        up = [f"{at:g} {value:g}" for at, value in zip(across, self.ys(high), strict=True)]
        back = [f"{at:g} {value:g}" for at, value in zip(across, self.ys(low), strict=True)]
        return f"M{'L'.join([*up, *back[::-1]])}Z"

    def ticks(self, x: Format, y: Format) -> tuple[list[Tick], list[Tick]]:
        """Round places on both axes."""
        across = [Tick(self.x(at), x(at)) for at in round_steps(self.x_low, self.x_high)]
        return across, [Tick(self.y(at), y(at)) for at in round_steps(self.y_low, self.y_high)]


def round_steps(low: float, high: float, *, most: int = 6) -> list[float]:
    """Round numbers from low to high, at most so many.

    >>> round_steps(0, 1), round_steps(-300, 4100)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 1000.0, 2000.0, 3000.0, 4000.0])
    """
    spread = high - low
    if not (spread > 0 and math.isfinite(spread)):
        return [low]
    power = 10.0 ** math.floor(math.log10(spread / most))
    step = next(power * digit for digit in (1, 2, 5, 10, 20) if spread / (power * digit) <= most - 1 + 1e-9)
    first = math.ceil(low / step - 1e-9)
    return [round(step * n, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram: its place, its height as a share of the highest, and the share it stands for."""

    low: float
    high: float
    share: float
    height: float


def histogram(boundaries: Numbers, *, steps: int = 10) -> list[Bar]:
    """Shares of a population by equal steps of 0..1, read from its 99 percentiles: right to a hundredth.

    >>> [bar.share for bar in histogram([0.05] * 49 + [0.95] * 50)][:2]
    [0.49, 0.0]
    """
    below = [sum(value < edge / steps for value in boundaries) for edge in range(steps + 1)]
    below = [0, *below[1:-1], len(boundaries) + 1]
    shares = [(high - low) / below[-1] for low, high in pairwise(below)]
    highest = max(shares) or 1.0
    return [Bar(n / steps, (n + 1) / steps, share, share / highest) for n, share in enumerate(shares)]
