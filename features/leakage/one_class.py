"""Values that occur with one class only, beyond what chance and the rows next to them explain."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from features.leakage.univariate import MISSING_GROUP, Floats, Grouping, UnivariateEvidence
from features.spec.feature import Scalar

LEAST_ROWS = 20
LEVEL = 0.01  # of a false alarm in a whole table, before it is shared out among the groups
FAR, FARTHER = 5.0, 20.0  # odds ratio against its neighbours that an honest group may have: to ask, to block
EXCEPTIONS = 0.005  # share of the other class that is still "only"
RARE = 0.2  # share of a class among the neighbours below which lacking it is no surprise
_context = (100, 500)  # rows of neighbours looked at on each side: as many as the set has, within these


@dataclass(frozen=True, slots=True)
class OneClassEvidence:
    """Which values, as text and as figures, and whether the evidence is strong."""

    text: str
    figures: Mapping[str, Scalar]
    strong: bool


@dataclass(frozen=True, slots=True)
class _Set:
    """Groups taken together, and how the rows they are compared with are spread."""

    text: str
    figures: Mapping[str, str]  # the values in the text: `where` is missing, filled, value or span
    rows: float
    exceptions: float  # rows of the other class
    expected: float  # share of the other class among the neighbours


def one_class_only(grouping: Grouping, seen: UnivariateEvidence, groups: int) -> list[OneClassEvidence]:
    """The strongest evidence of a grouping, if any; `groups` is how many were looked at in the whole table.

    A set of groups is evidence where so few rows of the other class have a probability below `LEVEL / groups` even if
    the odds were `FAR` times lower than among its neighbours: for numbers the nearest rows on either side, the less
    surprising of the two; for a level, and for what is missing or filled, all other rows.
    """
    found = []
    for positive in (True, False):
        others = seen.rows - seen.positives if positive else seen.positives
        found += [_evidence_of(each, LEVEL / groups, positive) for each in _sets(grouping, seen.rows, others)]
    known = [evidence for evidence in found if evidence is not None]
    return sorted(known, key=lambda evidence: not evidence.strong)[:1]


def _evidence_of(each: _Set, level: float, positive: bool) -> OneClassEvidence | None:
    if each.rows < LEAST_ROWS or each.exceptions > EXCEPTIONS * each.rows or not 0 < each.expected < 1:
        return None
    surprising = each.expected >= RARE
    if not surprising and each.exceptions:
        return None
    strong = _tail(each, FARTHER) < level
    if not (strong or (surprising and _tail(each, FAR) < level)):
        return None
    kind, other = ("positive", "negative") if positive else ("negative", "positive")
    text = (
        f"{each.text} in {each.rows:.0f} rows, {each.rows - each.exceptions:.0f} of them {kind}; "
        f"of the rows beside them {each.expected:.1%} are {other}"
    )
    hits = round(each.rows - each.exceptions)
    figures: dict[str, Scalar] = {
        **each.figures,
        "rows": round(each.rows),
        "hits": hits,
        "kind": kind,
        "beside": round(each.expected, 4),
    }
    return OneClassEvidence(text, figures, strong and surprising)


def _tail(each: _Set, ratio: float) -> float:
    """A bound on the probability of so few exceptions, their odds being `ratio` times lower (Chernoff 1952)."""
    odds = each.expected / (1 - each.expected) / ratio
    rate, share = odds / (1 + odds), each.exceptions / each.rows
    if share >= rate:
        return 1.0
    divergence = (1 - share) * math.log((1 - share) / (1 - rate)) + (share * math.log(share / rate) if share else 0.0)
    return math.exp(-each.rows * divergence)


def _sets(grouping: Grouping, rows: Floats, others: Floats) -> Iterator[_Set]:
    total, exceptions = float(rows.sum()), float(others.sum())

    def against_all(text: str, n: float, k: float, **figures: str) -> _Set:
        rest = total - n
        return _Set(text, figures, n, k, (exceptions - k) / rest if rest else 0.0)

    missing, k = float(rows[MISSING_GROUP]), float(others[MISSING_GROUP])
    if 0 < missing < total:
        yield against_all("is missing", missing, k, where="missing")
        yield against_all("is filled", total - missing, exceptions - k, where="filled")
    if grouping.ordered:
        yield from _runs(grouping, rows, others)
        return
    for at in range(1, len(rows)):
        name = grouping.names[at]
        yield against_all(f"is {name}", float(rows[at]), float(others[at]), where="value", value=str(name))


def _runs(grouping: Grouping, rows: Floats, others: Floats) -> Iterator[_Set]:
    """Neighbouring groups of one class, against the nearest rows on either side."""
    taken = [at for at in range(1, len(rows)) if rows[at]]
    pure = [others[at] <= EXCEPTIONS * rows[at] for at in taken]
    start = 0
    while start < len(taken):
        stop = start + 1
        while stop < len(taken) and pure[stop] == pure[start]:
            stop += 1
        if pure[start]:
            inside = taken[start:stop]
            n, k = float(rows[inside].sum()), float(others[inside].sum())
            reach = float(np.clip(n, *_context))
            sides = [_share_among_neighbours(side, rows, others, reach) for side in (taken[:start][::-1], taken[stop:])]
            known = [side for side in sides if side is not None]
            if known:
                yield _Set(*_span(grouping, inside), n, k, min(known))
        start = stop


def _share_among_neighbours(nearest_first: list[int], rows: Floats, others: Floats, reach: float) -> float | None:
    """The share of the other class among the nearest rows; None where there are none."""
    if not nearest_first:
        return None
    reached = np.cumsum(rows[nearest_first])
    near = nearest_first[: int(np.searchsorted(reached, reach)) + 1]
    return float(others[near].sum() / rows[near].sum())


def _span(grouping: Grouping, inside: list[int]) -> tuple[str, dict[str, str]]:
    """Which values a run holds, as text and as figures."""
    first, last = str(grouping.names[inside[0]]), str(grouping.names[inside[-1]])
    if len(inside) == 1:
        return f"is {first}", {"where": "value", "value": first}
    return f"goes from {first} to {last}", {"where": "span", "first": first, "last": last}
