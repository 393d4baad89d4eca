"""Whether a segmentation may serve, and who would move between its groups and the champion's."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from scoring.segments.learned import LearnedSegments
from scoring.segments.segmentation_bundle import Segmentation, Verdict
from scoring.text.promotion import BandMoves
from training.promotion.gate import Decision
from training.task import Mode

Ints = NDArray[np.int64]


def decide_segmentation(
    verdict: Verdict, champion: Segmentation | None, moves: BandMoves | None, *, mode: Mode
) -> Decision:
    """Whether a segmentation becomes the champion; where nothing was found no mode lets it.

    Args:
        verdict: What was found of it.
        champion: What is in service.
        moves: Who would move, where the champion can say where customers are.
        mode: `gate` decides, `never` and `always` are as of models.
    """
    if verdict == "none":
        return Decision(promote=False, rule="segmentation_none", refused=True)
    if mode == "never":
        return Decision(promote=False, rule="never")
    figures = Decision(promote=True, rule="").figures
    if moves:
        figures["group_moves"] = moves
    if mode == "always":
        return Decision(promote=True, rule="always", figures=figures)
    if champion is None:
        return Decision(promote=True, rule="segmentation_first", figures=figures)
    weaker = champion.manifest.verdict == "clusters" and verdict == "slices"
    rule = "segmentation_weaker" if weaker else "segmentation_refit"
    return Decision(promote=not weaker, rule=rule, figures=figures)


def group_moves(before: Ints, after: Ints, champion: LearnedSegments, learned: LearnedSegments) -> BandMoves:
    """How many of the same customers would be in another group, by the champion's code, then by the new one."""
    counted = Counter(zip(before.tolist(), after.tolist(), strict=True))
    from_to: dict[str, dict[str, int]] = {}
    for (old, new), count in sorted(counted.items()):
        from_to.setdefault(champion.codes[old], {})[learned.codes[new]] = count
    changed = sum(count for (old, new), count in counted.items() if champion.codes[old] != learned.codes[new])
    return {"changed": changed, "rows": len(before), "from_to": from_to}
