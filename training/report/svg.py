"""Plots as SVG, written line by line: a drawing library takes a third of a second for each, and a second to import."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b")
GREY = "#808080"
TICKS = 6  # on an axis at most
ROW, SAMPLE = 14, 18  # of a legend: height of a row, width of its line
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """The values of an axis, from its beginning to its end."""

    low: float
    high: float
    logarithmic: bool = False  # beyond 1, linear below it; none is negative

    @classmethod
    def around(cls, values: Floats, *, logarithmic: bool = False) -> Scale:
        """A scale that leaves a little room beyond the values."""
        low, high = float(np.min(values)), float(np.max(values))
        room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        return cls(0.0, high, logarithmic=True) if logarithmic else cls(low - room, high + room)

    def shares(self, values: Floats) -> Floats:
        """How far along the axis each value lies, 0..1."""
        low, high = self._bent(np.array([self.low, self.high]))
        shares: Floats = (self._bent(np.asarray(values, dtype=np.float64)) - low) / ((high - low) or 1.0)
        return shares

    def ticks(self) -> list[float]:
        """Round values: steps of 1, 2 or 5, or powers of ten.

        >>> Scale(0, 1).ticks(), Scale(0, 5000, logarithmic=True).ticks()
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 1.0, 10.0, 100.0, 1000.0])
        """
        if self.logarithmic:
            return [0.0, *(10.0**power for power in range(math.floor(math.log10(max(self.high, 1.0))) + 1))]
        power = 10.0 ** math.floor(math.log10((self.high - self.low) / TICKS))
        step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if (self.high - self.low) / step < TICKS)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{number * step:.15g}") for number in range(first, last + 1)]

    def _bent(self, values: Floats) -> Floats:
        if not self.logarithmic:
            return values
        return np.where(values > 1, 1 + np.log10(np.maximum(values, 1.0)), values)


@dataclass(frozen=True, slots=True)
class Box:
    """Where a plot lies, in pixels from the top left."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn over two axes, as elements of SVG."""

    box: Box
    x: Scale
    y: Scale
    elements: list[str] = field(default_factory=list)

    def curve(self, x: Floats, y: Floats, style: str) -> None:
        """A line through points; one that lies where the last one does is left out."""
        self.elements.append(f'<path d="M{"L".join(self._points(x, y))}" fill="none" {style}/>')

    def band(self, x: Floats, low: Floats, high: Floats, colour: str) -> None:
        """What lies between two curves."""
        around = [*self._points(x, low), *self._points(x[::-1], high[::-1])]
        self.elements.append(f'<path d="M{"L".join(around)}Z" fill="{colour}" fill-opacity=".25"/>')

    def dots(self, x: Floats, y: Floats, colour: str, radius: float = 1.8) -> None:
        """A point each."""
        self.elements.extend(
            f'<circle cx="{across:.1f}" cy="{down:.1f}" r="{radius}" fill="{colour}"/>'
            for across, down in self._places(x, y)
        )

    def crosses(self, x: Floats, y: Floats, colour: str) -> None:
        """A cross each."""
        ends = "".join(f"M{a - 2.5:.1f} {b - 2.5:.1f}l5 5m0-5l-5 5" for a, b in self._places(x, y))
        self.elements.append(f'<path d="{ends}" stroke="{colour}" stroke-opacity=".7"/>')

    def intervals(self, x: Floats, low: Floats, high: Floats, colour: str) -> None:
        """An upright bar each, with a stroke at either end."""
        pairs = zip(self._places(x, low), self._places(x, high), strict=True)
        bars = "".join(f"M{a - 2:.1f} {b:.1f}h4m-2 0V{end:.1f}m-2 0h4" for (a, b), (_, end) in pairs)
        self.elements.append(f'<path d="{bars}" fill="none" stroke="{colour}"/>')

    def level(self, y: float) -> None:
        """A grey line across."""
        ends = np.array([self.x.low, self.x.high])
        self.curve(ends, np.array([y, y]), f'stroke="{GREY}" stroke-width=".6"')

    def axes(self, *, title: str = "", across: str = "", up: str = "", names: Sequence[str] | None = None) -> None:
        """The axes with ticks and a faint grid, below all else; `names` stand at 0, 1, ... in place of numbers."""
        box, bottom = self.box, self.box.top + self.box.height
        drawn = [f'<path d="M{box.left} {box.top}V{bottom}H{box.left + box.width}" fill="none" stroke="#000"/>']
        ticks = self.x.ticks() if names is None else [float(at) for at in range(len(names))]
        for at, (share, value) in enumerate(zip(self.x.shares(np.array(ticks)), ticks, strict=True)):
            place = box.left + share * box.width
            drawn.append(_grid(f"M{place:.1f} {bottom}V{box.top}"))
            if names is None:
                drawn.append(_text(place, bottom + 12, f"{value:.10g}", "middle"))
            else:
                drawn.append(_text(place, bottom + 10, names[at], "end", turned=-35))
        for share, value in zip(self.y.shares(np.array(self.y.ticks())), self.y.ticks(), strict=True):
            drawn.append(_grid(f"M{box.left} {bottom - share * box.height:.1f}h{box.width}"))
            drawn.append(_text(box.left - 4, bottom - share * box.height + 3, f"{value:.10g}", "end"))
        middle = box.left + box.width / 2
        drawn += [_text(middle, bottom + 28, across, "middle"), _text(middle, box.top - 5, title, "middle")]
        drawn.append(_text(box.left - 34, box.top + box.height / 2, up, "middle", turned=-90))
        self.elements[:0] = [element for element in drawn if element]

    def legend(self, entries: Sequence[tuple[str, str]], *, top: float) -> None:
        """What each colour stands for, one below the other."""
        for at, (colour, name) in enumerate(entries):
            down, left = top + ROW * at, self.box.left
            self.elements.append(f'<path d="M{left} {down - 3}h{SAMPLE}" stroke="{colour}" stroke-width="1.8"/>')
            self.elements.append(_text(left + SAMPLE + 5, down, name, "start"))

    def _places(self, x: Floats, y: Floats) -> list[tuple[float, float]]:
        across = self.box.left + self.x.shares(x) * self.box.width
        down = self.box.top + (1 - self.y.shares(y)) * self.box.height
        return list(zip(across.tolist(), down.tolist(), strict=True))

    def _points(self, x: Floats, y: Floats) -> list[str]:
        points = (f"{across:.1f} {down:.1f}" for across, down in self._places(x, y))
        return [point for point, _ in groupby(points)]


def document(width: int, height: int, plots: Sequence[Plot]) -> bytes:
    """One picture of all plots, on white."""
    inside = "\n".join(element for plot in plots for element in plot.elements)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    opened = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="10">'
    return f'{opened}<rect width="100%" height="100%" fill="#fff"/>\n{inside}\n</svg>\n'.encode()


def _grid(path: str) -> str:
    return f'<path d="{path}" stroke="#000" stroke-opacity=".1"/>'


def _text(across: float, down: float, text: str, anchor: str, *, turned: int = 0) -> str:
    """A text, or nothing where there is none."""
    turn = f' transform="rotate({turned} {across:.1f} {down:.1f})"' if turned else ""
    place = f'<text x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}"{turn}>'
    return f"{place}{escape(text, quote=False)}</text>" if text else ""
