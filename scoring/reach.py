"""What a policy's rules leave out: segments nobody can be in, and customers nobody takes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np

from scoring.policy import Policy, Segment
from scoring.rules import Column, Kind, Rule, evaluate, names

POINTS = 60_000  # beyond as many corners they are drawn, seeded, instead of all being tried
Bounds = Mapping[str, tuple[float | None, float | None]]


def unreachable(policy: Policy, bounds: Bounds) -> Iterator[Segment]:
    """The segments whose rule no customer can satisfy once earlier ones have taken theirs.

    Rules compare columns with constants, so the truth of a policy changes at those constants only: it is enough to
    try each constant, a value between and beyond, and null, within the columns' bounds.
    """
    for group in _groups(policy):
        for position, segment in enumerate(group):
            rivals = [rival for rival in group[:position] if rival.exclusive] if segment.exclusive else []
            rules = [segment.rule, *(rival.rule for rival in rivals)]
            columns, count = _corners(rules, policy.kinds, bounds)
            left = evaluate(segment.rule, columns, count)
            for rival in rivals:
                left &= ~evaluate(rival.rule, columns, count)
            if not left.any():
                yield segment


def uncovered(policy: Policy, bounds: Bounds) -> dict[str, Any] | None:
    """A customer whom no exclusive segment of level 1 takes, as column: value; None where everyone is taken."""
    rules = [segment.rule for segment in policy.ordered if segment.exclusive and segment.level == 1]
    if not rules:
        return {}
    columns, count = _corners(rules, policy.kinds, bounds)
    taken = np.zeros(count, dtype=np.bool_)
    for rule in rules:
        taken |= evaluate(rule, columns, count)
    missed = np.flatnonzero(~taken)
    if not len(missed):
        return None
    return {name: column.values[missed[0]] if column.known[missed[0]] else None for name, column in columns.items()}


def _groups(policy: Policy) -> list[list[Segment]]:
    """Segments that compete: of one level and parent, in the order they are asked."""
    groups: dict[tuple[int, str | None], list[Segment]] = {}
    for segment in policy.ordered:
        groups.setdefault((segment.level, segment.parent), []).append(segment)
    return list(groups.values())


def _corners(rules: Sequence[Rule], kinds: Mapping[str, Kind], bounds: Bounds) -> tuple[dict[str, Column], int]:
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
    columns = {name: Column.of([point[i] for point in points], kinds[name]) for i, name in enumerate(read)}
    return columns, len(points)


def _choices(name: str, kind: Kind, rules: Sequence[Rule], bounds: tuple[float | None, float | None]) -> list[Any]:
    constants = sorted(
        {value for rule in rules for value in _constants(rule, name)}, key=lambda value: (str(type(value)), value)
    )
    if kind == "boolean":
        return [None, True, False]
    if kind == "text":
        return [None, *constants, "\0another"]
    numbers = [float(value) for value in constants]
    between = [(low + high) / 2 for low, high in pairwise(numbers)]
    edges = [numbers[0] - 1, numbers[-1] + 1] if numbers else [0.0, 1.0, 2.0]
    low, high = (-math.inf if bounds[0] is None else bounds[0]), (math.inf if bounds[1] is None else bounds[1])
    ends = [bound for bound in bounds if bound is not None]
    return [None, *(value for value in (*numbers, *between, *edges, *ends) if low <= value <= high)]


def _constants(rule: Rule, name: str) -> Iterator[Any]:
    """The constants a column is compared with; a column compared with a column takes on all of that one's."""
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
