"""A policy: the segments of a business as rules, in three levels, with who stays and for how long."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any, TypedDict

import numpy as np

from features.spec.languages import Language
from scoring.segments.goals import Goal, StoredGoal
from scoring.segments.names import Level, Named, SegmentPlace
from scoring.segments.repeated import Repeated
from scoring.segments.rules import Kind, Mask, NullableColumn, Rule, evaluate, from_json, holds_for_one, names

LEVELS: tuple[Level, ...] = (1, 2, 3)  # overall engagement, behaviour, context


class StoredGuidance(TypedDict, total=False):
    """What is said of a segment's use, as JSON; what is unsaid is not there."""

    action: dict[str, str]
    objective: str
    owner: str
    review_by: str
    goal: StoredGoal


class StoredSegment(StoredGuidance):
    """A segment as an installed policy holds it."""

    code: str
    labels: dict[str, str]
    text: str
    rule: Rule
    level: Level
    parent: str | None
    exclusive: bool
    priority: int
    stay: Rule | None
    stay_text: str | None
    minimum_stay_days: int


class StoredPolicy(TypedDict):
    """A policy as it is installed."""

    use_cases: list[str]
    kinds: dict[str, Kind]
    segments: list[StoredSegment]


@dataclass(frozen=True, slots=True)
class Guidance:
    """What a business does with a segment; all of it may be unsaid."""

    action: Mapping[str, str] = field(default_factory=dict)  # the next step with a member, by language
    objective: str | None = None
    owner: str | None = None
    review_by: date | None = None  # when the segment must be looked at again
    goal: Goal | None = None

    def to_json(self) -> StoredGuidance:
        """What is said of it."""
        stored = StoredGuidance()
        if self.action:
            stored["action"] = dict(self.action)
        if self.objective:
            stored["objective"] = self.objective
        if self.owner:
            stored["owner"] = self.owner
        if self.review_by:
            stored["review_by"] = self.review_by.isoformat()
        if self.goal:
            stored["goal"] = self.goal.to_json()
        return stored


@dataclass(frozen=True, slots=True)
class Segment:
    """A named group that a campaign can address; codes are stable, labels follow the language.

    An exclusive segment takes the customers that no earlier one of its level and parent has taken; an overlapping one
    takes all that its rule holds for. A `stay` rule keeps members whom the entry rule would not take again.
    """

    code: str
    labels: Mapping[str, str]
    text: str  # the rule as written
    rule: Rule
    level: Level = 1
    parent: str | None = None
    exclusive: bool = True
    priority: int = 0  # lower is asked first
    stay: Rule | None = None
    stay_text: str | None = None
    minimum_stay: timedelta = timedelta(0)
    guidance: Guidance = Guidance()

    def named(self, language: Language) -> Named:
        """Code and label as an answer gives them."""
        return {"code": self.code, "label": self.labels[language]}

    def to_json(self) -> StoredSegment:
        """The segment as an installed policy holds it; what is unsaid of its guidance stands nowhere."""
        return {
            "code": self.code,
            "labels": dict(self.labels),
            "text": self.text,
            "rule": self.rule,
            "level": self.level,
            "parent": self.parent,
            "exclusive": self.exclusive,
            "priority": self.priority,
            "stay": self.stay,
            "stay_text": self.stay_text,
            "minimum_stay_days": self.minimum_stay.days,
            **self.guidance.to_json(),
        }

    @classmethod
    def from_json(cls, stored: StoredSegment) -> Segment:
        """The segment that `to_json` wrote."""
        return cls(
            code=stored["code"],
            labels=stored["labels"],
            text=stored["text"],
            rule=from_json(stored["rule"]),
            level=stored["level"],
            parent=stored["parent"],
            exclusive=stored["exclusive"],
            priority=stored["priority"],
            stay=from_json(stored["stay"]) if stored["stay"] else None,
            stay_text=stored["stay_text"],
            minimum_stay=timedelta(days=stored["minimum_stay_days"]),
            guidance=Guidance(
                stored.get("action", {}),
                stored.get("objective"),
                stored.get("owner"),
                date.fromisoformat(stored["review_by"]) if "review_by" in stored else None,
                Goal.from_json(stored["goal"]) if "goal" in stored else None,
            ),
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where one customer stands: the path of exclusive segments from level 1 down, and the overlapping ones."""

    path: tuple[Segment, ...] = ()
    also: tuple[Segment, ...] = ()

    def to_answer(self, language: Language) -> SegmentPlace | None:
        """The segment of an answer: the deepest of the path, with the path; None where no rule holds."""
        if not self.path and not self.also:
            return None
        deepest = self.path[-1] if self.path else self.also[0]
        place: SegmentPlace = {
            "code": deepest.code,
            "label": deepest.labels[language],
            "level": deepest.level,
            "path": [segment.named(language) for segment in self.path],
            "also": [segment.named(language) for segment in self.also],
        }
        if deepest.guidance.action:
            place["action"] = deepest.guidance.action[language]
        return place


@dataclass(frozen=True)
class Policy:
    """Segments over the answers and features of some use cases."""

    use_cases: tuple[str, ...]  # all must be asked, and none invalid, for a customer to have a segment
    segments: tuple[Segment, ...]
    kinds: Mapping[str, Kind] = field(default_factory=dict)  # of every column the rules read
    version: str = "default"

    @cached_property
    def ordered(self) -> tuple[Segment, ...]:
        """By level, then priority, then as written."""
        return tuple(sorted(self.segments, key=lambda segment: (segment.level, segment.priority)))

    @cached_property
    def columns(self) -> frozenset[str]:
        """The names that any rule reads."""
        rules = [rule for segment in self.segments for rule in (segment.rule, segment.stay) if rule]
        return frozenset(name for rule in rules for name in names(rule))

    @cached_property
    def by_code(self) -> Mapping[str, Segment]:
        """Each segment by its code."""
        return {segment.code: segment for segment in self.segments}

    @cached_property
    def states_actions(self) -> bool:
        """Whether a segment says what to do next."""
        return any(segment.guidance.action for segment in self.segments)

    def action(self, code: str | None, language: Language) -> str | None:
        """What to do next with the members of a segment; None where nothing is stated, or the code is none."""
        segment = self.by_code.get(code or "")
        return segment.guidance.action.get(language) if segment else None

    def ancestors(self, segment: Segment) -> list[Segment]:
        """The segments a segment lies within, the nearest first."""
        found: list[Segment] = []
        while segment.parent is not None:
            segment = self.by_code[segment.parent]
            found.append(segment)
        return found

    def earlier_exclusive(self, segment: Segment) -> list[Segment]:
        """The exclusive segments that are asked before an exclusive one and may take its customers.

        One whose parent excludes a parent of the segment takes none of them.
        """
        if not segment.exclusive:
            return []
        lines = {ancestor.level: ancestor.code for ancestor in self.ancestors(segment)}
        before = self.ordered[: self.ordered.index(segment)]
        return [
            one
            for one in before
            if one.exclusive
            and one.level == segment.level
            and all(lines.get(above.level, above.code) == above.code for above in self.ancestors(one))
        ]

    def assign(
        self, columns: Mapping[str, NullableColumn], count: int, *, members: Sequence[Mapping[str, bool]] = ()
    ) -> Repeated[Assignment]:
        """Where each of `count` customers stands.

        Args:
            columns: A column for each of `self.columns`.
            count: How many customers.
            members: For each, the segments it was in, if known, and whether it must stay yet, its minimum stay not
                being over: then no other exclusive segment of that level takes it. A segment's `stay` rule keeps its
                other members from those asked after it.
        """
        stood = Repeated.of(members)
        within: dict[str | None, Mask] = {None: np.ones(count, dtype=np.bool_)}
        for level in LEVELS:
            asked = [segment for segment in self.ordered if segment.level == level]
            bound = {one.code: _bound(one, count, stood) & within[one.parent] for one in asked}
            reserved = _any([bound[one.code] for one in asked if one.exclusive], count)
            taken = np.zeros(count, dtype=np.bool_)
            for segment in asked:
                holds = self._holds(segment, columns, count, stood) & within[segment.parent]
                if segment.exclusive:
                    holds = (holds & ~reserved | bound[segment.code]) & ~taken
                    taken |= holds
                else:
                    holds |= bound[segment.code]
                within[segment.code] = holds
        return self._placed([within[segment.code] for segment in self.ordered], count)

    def _placed(self, holds: Sequence[Mask], count: int) -> Repeated[Assignment]:
        """One assignment a customer, the same one for all who stand alike; masks in the order of `ordered`."""
        if not holds:
            return Repeated([Assignment()], np.zeros(count, np.intp))
        packed = np.ascontiguousarray(np.packbits(np.stack(holds, axis=1), axis=1))
        keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        return Repeated([self._standing([bool(mask[row]) for mask in holds]) for row in first.tolist()], which)

    def _standing(self, holds: Sequence[bool]) -> Assignment:
        """Where one stands in whom these of the ordered segments hold."""
        into = [segment for segment, is_in in zip(self.ordered, holds, strict=True) if is_in]
        return Assignment(
            tuple(segment for segment in into if segment.exclusive),
            tuple(segment for segment in into if not segment.exclusive),
        )

    def place(self, values: Mapping[str, Any]) -> Assignment:
        """Where `assign` puts one customer of no known membership, without an array for each of its steps.

        Args:
            values: The customer's `plain_value` of each of `self.columns`.
        """
        within: set[str | None] = {None}
        taken: Level | None = None  # the level whose exclusive segment is found; levels come in order
        for segment in self.ordered:
            if segment.parent not in within or (segment.exclusive and segment.level == taken):
                continue
            if holds_for_one(segment.rule, values):
                within.add(segment.code)
                taken = segment.level if segment.exclusive else taken
        return self._standing([segment.code in within for segment in self.ordered])

    def _holds(
        self, segment: Segment, columns: Mapping[str, NullableColumn], count: int, members: Repeated[Mapping[str, bool]]
    ) -> Mask:
        """Whom the entry rule takes, or the stay rule keeps."""
        enters = evaluate(segment.rule, columns, count)
        if not members or segment.stay is None:
            return enters
        was = np.asarray([segment.code in member for member in members.values], dtype=np.bool_)[members.which]
        return enters | (was & evaluate(segment.stay, columns, count))

    def to_json(self) -> StoredPolicy:
        """The policy as it is installed; `version` is the name of its folder."""
        return {
            "use_cases": list(self.use_cases),
            "kinds": dict(self.kinds),
            "segments": [segment.to_json() for segment in self.segments],
        }

    @classmethod
    def from_json(cls, stored: StoredPolicy, version: str) -> Policy:
        """The policy that `to_json` wrote."""
        segments = tuple(Segment.from_json(segment) for segment in stored["segments"])
        return cls(tuple(stored["use_cases"]), segments, stored["kinds"], version)


def _bound(segment: Segment, count: int, members: Repeated[Mapping[str, bool]]) -> Mask:
    """The members whose minimum stay is not over."""
    if not members:
        return np.zeros(count, dtype=np.bool_)
    bound = np.asarray([member.get(segment.code, False) for member in members.values], dtype=np.bool_)
    return bound[members.which]


def _any(masks: Sequence[Mask], count: int) -> Mask:
    found: Mask = np.logical_or.reduce([np.zeros(count, dtype=np.bool_), *masks])
    return found


def days(text: str) -> timedelta:
    """A duration in whole days, as `30d`."""
    if not (found := re.fullmatch(r"(\d{1,5})d", text)):
        raise ValueError("A duration is a number of days, as 30d, got something else.")
    return timedelta(days=int(found[1]))
