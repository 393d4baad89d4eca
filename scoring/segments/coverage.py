"""What a policy's rules leave out: segments nobody can be in, and customers nobody takes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np

from features.spec.feature import Scalar
from scoring.segments.policy import Policy, Segment
from scoring.segments.rules import Kind, NullableColumn, Rule, evaluate, names

POINTS = 60_000  # beyond as many corners they are drawn, seeded, instead of all being tried
_BARE = [0.0, 1.0, 2.0]  # tried where no constant is named
Bounds = Mapping[str, tuple[float | None, float | None]]


def unreachable(policy: Policy, bounds: Bounds) -> Iterator[Segment]:
    """The segments whose rule no customer can satisfy within its parents, once earlier ones have taken theirs.

    Rules compare columns with constants, so the truth of a policy changes at those constants only: it is enough to
    try each constant, a value between and beyond, and null, within the columns' bounds. Where that is too much to try
    nothing is proved, and no segment named.
    """
    for segment in policy.ordered:
        parents = policy.ancestors(segment)
        around = {None, *(parent.code for parent in parents)}
        earlier = [other.rule for other in policy.earlier_exclusive(segment) if other.parent in around]
        needed = [segment.rule, *(parent.rule for parent in parents)]
        columns, count, complete = _corners([*needed, *earlier], policy.kinds, bounds)
        left = np.logical_and.reduce([evaluate(rule, columns, count) for rule in needed])
        for rule in earlier:
            left &= ~evaluate(rule, columns, count)
        if complete and not left.any():
            yield segment


def uncovered(policy: Policy, bounds: Bounds) -> dict[str, Scalar] | None:
    """A customer whom no exclusive segment of level 1 takes, as column: value; None where everyone is taken."""
    rules = [segment.rule for segment in policy.ordered if segment.exclusive and segment.level == 1]
    if not rules:
        return {}
    columns, count, _ = _corners(rules, policy.kinds, bounds)
    taken = np.zeros(count, dtype=np.bool_)
    for rule in rules:
        taken |= evaluate(rule, columns, count)
    missed = np.flatnonzero(~taken)
    if not len(missed):
        return None
    return {name: column.values[missed[0]] if column.known[missed[0]] else None for name, column in columns.items()}


def _corners(
    rules: Sequence[Rule], kinds: Mapping[str, Kind], bounds: Bounds
) -> tuple[dict[str, NullableColumn], int, bool]:
    """Columns of customers to try, how many there are, and whether they are all that matter."""
    read = sorted({name for rule in rules for name in names(rule)})
    choices = [_choices(name, kinds[name], rules, bounds.get(name, (None, None))) for name in read]
    total = math.prod(len(values) for values in choices)
    if total <= POINTS:
        points = list(product(*choices))
    else:
        rng = np.random.default_rng(0)
        points = list(
            zip(*([values[i] for i in rng.integers(0, len(values), POINTS)] for values in choices), strict=True)
        )
    columns = {name: NullableColumn.of([point[i] for point in points], kinds[name]) for i, name in enumerate(read)}
    return columns, len(points), total <= POINTS


def _choices(name: str, kind: Kind, rules: Sequence[Rule], bounds: tuple[float | None, float | None]) -> list[Any]:
    alike = _compared(name, rules)
    constants = sorted(
        {value for other in alike for rule in rules for value in _constants(rule, other)},
        key=lambda value: (str(type(value)), value),
    )
    if kind == "boolean":
        return [None, True, False]
    if kind == "text":
        return [None, *constants, "\0another"]
    numbers = [float(value) for value in constants]
    parts = (1 / 3, 2 / 3) if len(alike) > 1 else (1 / 2,)  # two columns between the same constants have an order too
    between = [low + (high - low) * part for low, high in pairwise(numbers) for part in parts]
    edges = [*(numbers[0] - step for step in (2, 1)), *(numbers[-1] + step for step in (1, 2))] if numbers else _BARE
    low, high = (-math.inf if bounds[0] is None else bounds[0]), (math.inf if bounds[1] is None else bounds[1])
    ends = [bound for bound in bounds if bound is not None]
    return [None, *(value for value in (*numbers, *between, *edges, *ends) if low <= value <= high)]


def _compared(name: str, rules: Sequence[Rule]) -> set[str]:
    """A column and all that it is compared with, directly or by way of others."""
    pairs = [pair for rule in rules for pair in _pairs(rule)]
    found, size = {name}, 0
    while len(found) > size:
        size = len(found)
        found |= {one for pair in pairs if found & pair for one in pair}
    return found


def _pairs(rule: Rule) -> Iterator[set[str]]:
    if rule[0] == "compare":
        if all(side[0] == "column" for side in rule[2:]):
            yield {side[1] for side in rule[2:]}
    else:
        for part in rule[1:]:
            if isinstance(part, tuple):
                yield from _pairs(part)


def _constants(rule: Rule, name: str) -> Iterator[Any]:
    """The constants a column is compared with."""
    head = rule[0]
    if head == "compare":
        sides = rule[2:]
        if ("column", name) in sides:
            yield from (side[1] for side in sides if side[0] == "literal")
    elif head == "in":
        if rule[1] == ("column", name):
            yield from rule[2]
    else:
        for part in rule[1:]:
            if isinstance(part, tuple):
                yield from _constants(part, name)
