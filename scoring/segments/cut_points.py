"""Cut-points of features fitted in training: the tenths of the rows a model was fitted on."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

from scoring.bundle.bundle import Bundle

Cuts = Mapping[str, tuple[float, ...]]  # feature -> its nine tenths, rising


def cuts_of(bundle: Bundle) -> Cuts:
    """The tenths of each number a bundle holds a reference of; of rows where it is known."""
    reference = json.loads(bundle.files["reference.json"]).get("features", {})
    return {name: tenths(entry["edges"], entry["counts"]) for name, entry in reference.items() if entry.get("edges")}


def tenths(edges: Sequence[float], counts: Sequence[int]) -> tuple[float, ...]:
    """The nine lower tenths of a reference's histogram, whose edges are those tenths without their repetitions.

    The k-th is the value at position floor(k / 10 * (n - 1)) of the sorted rows: the largest edge with no more than
    that many rows below it.

    >>> tenths([0.0, 3.0], [0, 8, 3])
    (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 3.0)
    """
    below, last = list(accumulate(counts))[:-1], sum(counts) - 1
    return tuple(edges[max(bisect_right(below, k * last // 10) - 1, 0)] for k in range(1, 10))
