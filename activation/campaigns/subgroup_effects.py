"""The effect within segments, corrected for how many there are, and on those who unsubscribed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl
from scipy.stats import norm

from activation.campaigns.arm_figures import ARMS, ArmFigures
from activation.campaigns.effect import difference, rate_interval, rate_moments, sequence_interval
from scoring.audiences.campaign_result import SegmentEffect

LEAST_SEGMENT = 20  # customers of an arm within a segment
Hits = tuple[int, int]  # how many answered, and of how many


def segment_effects(figures: ArmFigures, level: float) -> tuple[SegmentEffect, ...]:
    """The effect within each segment of the day that has customers enough of both arms.

    Intervals are of Bonferroni's level, all of them at once; p-values are Holm's (1979).
    """
    counts = (
        figures.rows.drop_nulls("segment")
        .group_by("segment", "arm")
        .agg(pl.len().alias("n"), pl.col("answered").sum().alias("hits"))
    )
    found: dict[tuple[str, str], Hits] = {
        (row["segment"], row["arm"]): (int(row["hits"]), int(row["n"])) for row in counts.to_dicts()
    }
    codes = sorted({segment for segment, _ in found})
    enough = [code for code in codes if all(found.get((code, arm), (0, 0))[1] >= LEAST_SEGMENT for arm in ARMS)]
    each = 1 - (1 - level) / max(len(enough), 1)
    pairs = [(found[code, "treated"], found[code, "held_out"]) for code in enough]
    corrected = holm([_p(*pair) for pair in pairs])
    return tuple(
        msgspec.structs.replace(_effect(code, *pair, each), p=p)
        for code, pair, p in zip(enough, pairs, corrected, strict=True)
    )


def guardrail(figures: ArmFigures, level: float, *, planned: bool) -> SegmentEffect | None:
    """Those who unsubscribed, where it was reported of both arms; before the planned look by a sequence."""
    arms = {name: figures.arm(name) for name in ARMS}
    hits = [(arm.unsubscribed, arm.n) for arm in arms.values()]
    (treated, n), (control, m) = hits
    if treated is None or control is None:
        return None
    found = _effect(None, (treated, n), (control, m), level)
    if planned:
        return found
    apart = difference(rate_moments(treated, n), rate_moments(control, m))
    return msgspec.structs.replace(found, interval=sequence_interval(apart, level, tightest_at=figures.drawn))


def holm(p: Sequence[float]) -> list[float]:
    """Each p-value so that, whichever nulls are true, one of them is below a bound as rarely as the bound says.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda place: p[place])
    corrected, highest = [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = highest
    return corrected


def _p(treated: Hits, control: Hits) -> float:
    """Two-sided, of no difference of rates."""
    found = difference(rate_moments(*treated), rate_moments(*control))
    return float(2 * norm.sf(abs(found.estimate) / found.standard_error))


def _effect(code: str | None, treated: Hits, control: Hits, level: float) -> SegmentEffect:
    rate = treated[0] / treated[1] - control[0] / control[1]
    interval = rate_interval(treated, control, level)
    return SegmentEffect(segment=code, treated=treated[1], control=control[1], rate=rate, interval=interval)
