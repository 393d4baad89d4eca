"""Plots are well-formed SVG, drawn inside their axes."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.report.svg import TICKS, Box, Plot, Scale, document

VALUES = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20)


@given(VALUES, VALUES)
def test_points_lie_inside_their_axes(across: list[float], up: list[float]) -> None:
    """Wherever the values lie, one alone and equal ones included."""
    x, y = np.array(across), np.array(up)
    plot = Plot(Box(50, 10, 300, 200), Scale.around(x), Scale.around(y))

    plot.dots(x, np.resize(y, len(x)), "#000")
    circles = [ElementTree.fromstring(element) for element in plot.elements]  # noqa: S314 ours

    assert len(circles) == len(x)
    assert all(50 <= float(circle.attrib["cx"]) <= 350 for circle in circles)
    assert all(10 <= float(circle.attrib["cy"]) <= 210 for circle in circles)


@given(VALUES, st.booleans())
def test_ticks_rise_and_lie_on_the_axis(values: list[float], logarithmic: bool) -> None:
    """And are few."""
    scale = Scale.around(np.abs(values) if logarithmic else np.array(values), logarithmic=logarithmic)

    shares = scale.shares(np.array(scale.ticks()))

    assert 1 <= len(shares) <= (11 if logarithmic else TICKS + 1)
    assert (np.diff(shares) > 0).all()
    assert (shares >= -1e-6).all()


def test_texts_are_escaped_and_the_picture_parses() -> None:
    """A feature or a level may be called anything."""
    plot = Plot(Box(50, 10, 300, 200), Scale(0.0, 2.0), Scale(0.0, 1.0))
    x, y = np.arange(3.0), np.array([0.2, 0.4, 0.9])

    plot.band(x, y - 0.1, y + 0.1, "#000")
    plot.intervals(x, y - 0.1, y + 0.1, "#000")
    plot.crosses(x, y, "#000")
    plot.axes(title="a < b & c", names=["<1", "1–2", ">2"])
    plot.legend([("#000", "d & e")], top=230)
    root = ElementTree.fromstring(document(400, 250, [plot]))  # noqa: S314 ours
    texts = {"".join(element.itertext()) for element in root.iter()}

    assert {"a < b & c", "<1", "1–2", ">2", "d & e"} <= texts
