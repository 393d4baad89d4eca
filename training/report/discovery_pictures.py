"""Pictures of a discovery, as SVG: inertia and silhouettes by k, realised rates, a dendrogram, a map's ridges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.report.svg import COLOURS, GREY, ROW, Box, Plot, Scale, document
from training.segmentation.discover import Discovered
from training.segmentation.prototypes import Dendrogram, OrganisedMap

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 440, 280
BOX = Box(60, 20, 360, 210)
SHOWN_LEAVES = 40  # of a dendrogram: joins below its last ones are not drawn


def pictures(found: Discovered, codes: Sequence[str]) -> dict[str, bytes]:
    """What there is to draw, by name."""
    drawn: dict[str, bytes] = {}
    if found.structure is not None:
        drawn["elbow"] = _elbow(np.array([one.inertia for one in found.structure.plain]))
        null = found.structure.null
        drawn["null"] = _null(np.array(null.observed), np.array(null.mean), np.array(null.spread))
    if found.rates:
        drawn["outcomes"] = _rates(found, codes)
    if isinstance(found.grouping.drawn, Dendrogram):
        drawn["tree"] = _tree(found.grouping.drawn)
    if isinstance(found.grouping.drawn, OrganisedMap):
        drawn["map"] = _map(found.grouping.drawn.ridges())
    return drawn


def _elbow(inertia: Floats) -> bytes:
    ks = np.arange(1, len(inertia) + 1, dtype=np.float64)
    plot = Plot(BOX, Scale.around(ks), Scale(0.0, float(inertia.max()) * 1.05 or 1.0))
    plot.curve(ks, inertia, f'stroke="{COLOURS[0]}" stroke-width="1.8"')
    plot.dots(ks, inertia, COLOURS[0], 2.5)
    plot.axes(across="k", up="Inertia | Inertie")
    return document(WIDTH, HEIGHT, [plot])


def _null(observed: Floats, mean: Floats, spread: Floats) -> bytes:
    ks = np.arange(2, len(observed) + 2, dtype=np.float64)
    edges = np.concatenate([observed, mean - 2 * spread, mean + 2 * spread, [0.0]])
    plot = Plot(BOX, Scale.around(ks), Scale.around(edges))
    plot.band(ks, mean - 2 * spread, mean + 2 * spread, COLOURS[1])
    plot.curve(ks, mean, f'stroke="{COLOURS[1]}"')
    plot.curve(ks, observed, f'stroke="{COLOURS[0]}" stroke-width="1.8"')
    plot.dots(ks, observed, COLOURS[0], 2.5)
    plot.axes(across="k", up="Silhouette")
    plot.legend([(COLOURS[0], "Data | Données"), (COLOURS[1], "Redraws | Tirages")], top=HEIGHT + 2)
    return document(WIDTH, HEIGHT + 2 * ROW, [plot])


def _rates(found: Discovered, codes: Sequence[str]) -> bytes:
    places = np.arange(len(codes), dtype=np.float64)
    highest = max(one.high for each in found.rates for one in each)
    plot = Plot(BOX, Scale.around(places), Scale(0.0, min(1.05 * highest, 1.0) or 1.0))
    for at, rates in enumerate(found.rates):
        beside = places + 0.12 * (at - (len(found.rates) - 1) / 2)
        low, high = np.array([one.low for one in rates]), np.array([one.high for one in rates])
        plot.intervals(beside, low, high, COLOURS[at])
        plot.dots(beside, np.array([one.rate for one in rates]), COLOURS[at], 2.5)
    plot.axes(names=list(codes), up="Rate | Taux")
    return document(WIDTH, HEIGHT + 40, [plot])


def _tree(tree: Dendrogram) -> bytes:
    """The last joins of a dendrogram; leaves stand in the order that crosses no lines."""
    count = len(tree.leaves)
    shown = min(SHOWN_LEAVES, count)
    first = count - shown  # the join from which on all are drawn
    place, height = dict[int, float](), dict[int, float]()
    for node in _in_order(tree, first):
        place[node], height[node] = float(len(place)), float(tree.heights[node - count]) if node >= count else 0.0
    plot = Plot(BOX, Scale(-0.5, shown - 0.5), Scale(0.0, float(tree.heights[-1]) * 1.05))
    for at in range(first, count - 1):
        a, b = (int(node) for node in tree.joins[at])
        top = float(tree.heights[at])
        x = np.array([place[a], place[a], place[b], place[b]])
        plot.curve(x, np.array([height[a], top, top, height[b]]), f'stroke="{COLOURS[0]}"')
        place[count + at], height[count + at] = (place[a] + place[b]) / 2, top
    plot.axes(names=[], up="Height | Hauteur")
    return document(WIDTH, HEIGHT, [plot])


def _in_order(tree: Dendrogram, first: int) -> list[int]:
    """The nodes that are drawn as leaves, from left to right."""
    count, waiting, leaves = len(tree.leaves), [2 * len(tree.leaves) - 2], list[int]()
    while waiting:
        node = waiting.pop()
        if node >= count + first:
            waiting.extend(int(one) for one in tree.joins[node - count][::-1])
        else:
            leaves.append(node)
    return leaves


def _map(ridges: Floats) -> bytes:
    """The U-matrix: dark where neighbouring units are far apart."""
    side, most = len(ridges), float(ridges.max()) or 1.0
    size = BOX.height / side
    cells = [
        f'<rect x="{BOX.left + column * size:.1f}" y="{BOX.top + row * size:.1f}" width="{size:.1f}" '
        f'height="{size:.1f}" fill="{GREY}" fill-opacity="{ridges[row, column] / most:.2f}"/>'
        for row in range(side)
        for column in range(side)
    ]
    return document(WIDTH, HEIGHT, [Plot(BOX, Scale(0, 1), Scale(0, 1), cells)])
