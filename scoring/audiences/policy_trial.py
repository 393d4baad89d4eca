"""What a policy would make of customers before it serves: sizes, and who moves against the policy in service.

Both policies place the same rows by the same releases, each customer a member of what the day says: whoever moves does
so because of the policy alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import chain, zip_longest
from typing import TypedDict

import pyarrow as pa

from scoring.answers.served_release import Live
from scoring.audiences.membership import Membership, SegmentFlow, minimum_stays
from scoring.audiences.snapshot import SegmentSnapshot
from scoring.batch.batch_answers import BatchAnswers
from scoring.batch.segment_columns import assign_rows
from scoring.batch.table_answers import answer_table
from scoring.segments.policy import Assignment, Policy

EXAMPLES = 20
Passage = tuple[str | None, str | None]  # the segment before and the one after; None is none

# A customer as an example: the scores by use case, null where there is none.
TrialExample = TypedDict(
    "TrialExample", {"customer_id": str, "from": str | None, "to": str | None, "scores": dict[str, float | None]}
)


class TrialSize(TypedDict):
    """How many a segment has; null where that policy does not know it."""

    code: str
    before: int | None
    after: int | None


class TrialDocument(TypedDict):
    """All that a trial found."""

    day: str
    against: str  # the version of the policy in service
    customers: int
    segments: list[TrialSize]  # those tried in the order their rules are asked, then those that would go
    unplaced: TrialSize
    moved: int
    flows: list[SegmentFlow]  # the largest first, those who stay too
    examples: list[TrialExample]
    faults: list[str]  # none, as for a policy that is installed


class PolicyTrial:
    """A policy tried on customers who are added part by part."""

    def __init__(self, live: Mapping[str, Live], tried: Policy, current: Policy, as_of: date) -> None:
        self._live, self._tried, self._current, self._as_of = live, tried, current, as_of
        self._before, self._after = Counter[str](), Counter[str]()
        self._unplaced = [0, 0]
        self._flows = Counter[Passage]()
        self._examples: dict[Passage, list[TrialExample]] = {}

    def add(self, stood: SegmentSnapshot, rows: pa.Table) -> None:
        """Places some customers, given by where they stand and by what is scored of them.

        Raises:
            BatchError: The rows lack a feature.
        """
        answered, was = answer_table(self._live, rows), stood.memberships()
        stands = [was[customer] for customer in answered.customers.to_pylist()]
        before, after = (self._place(policy, stands, answered, rows) for policy in (self._current, self._tried))
        for row, (old, new) in enumerate(zip(before, after, strict=True)):
            self._before.update(_codes(old))
            self._after.update(_codes(new))
            self._unplaced[0] += not _codes(old)
            self._unplaced[1] += not _codes(new)
            move = _named(old), _named(new)
            self._flows[move] += 1
            examples = self._examples.setdefault(move, [])
            if len(examples) < EXAMPLES:
                examples.append(_example(answered, row, move))

    def _place(
        self, policy: Policy, stands: Sequence[Membership], answered: BatchAnswers, rows: pa.Table
    ) -> Sequence[Assignment]:
        members = [minimum_stays(policy, stand, self._as_of) for stand in stands]
        return assign_rows(policy, self._live, answered, rows, members=members)

    def document(self, day: str) -> TrialDocument:
        """What was found, of the day of that name."""
        flows = sorted(self._flows.items(), key=lambda pair: (-pair[1], pair[0][0] or "", pair[0][1] or ""))
        codes = dict.fromkeys(one.code for policy in (self._tried, self._current) for one in policy.ordered)
        return {
            "day": day,
            "against": self._current.version,
            "customers": self._flows.total(),
            "segments": [self._size(code) for code in codes],
            "unplaced": {"code": "", "before": self._unplaced[0], "after": self._unplaced[1]},
            "moved": sum(count for (old, new), count in flows if old != new),
            "flows": [{"from": old, "to": new, "customers": count} for (old, new), count in flows],
            "examples": self._spread([move for move, _ in flows]),
            "faults": [],
        }

    def _size(self, code: str) -> TrialSize:
        before = self._before[code] if code in self._current.by_code else None
        return {"code": code, "before": before, "after": self._after[code] if code in self._tried.by_code else None}

    def _spread(self, moves: list[Passage]) -> list[TrialExample]:
        """Examples of every move in turn, of those who stay only where there are not enough who move."""
        found: list[TrialExample] = []
        for part in ([move for move in moves if move[0] != move[1]], [move for move in moves if move[0] == move[1]]):
            turns = zip_longest(*(self._examples[move] for move in part))
            found += [example for example in chain.from_iterable(turns) if example is not None]
        return found[:EXAMPLES]


def _codes(place: Assignment) -> list[str]:
    """Every segment that a customer is in."""
    return [segment.code for segment in (*place.path, *place.also)]


def _named(place: Assignment) -> str | None:
    """The segment that an answer would name."""
    return next((segment.code for segment in (*place.path[-1:], *place.also)), None)


def _example(answered: BatchAnswers, row: int, move: Passage) -> TrialExample:
    scores = {name: part.columns["score"][row].as_py() for name, part in answered.parts.items()}
    return {"customer_id": answered.customers[row].as_py(), "from": move[0], "to": move[1], "scores": scores}
