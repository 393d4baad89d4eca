"""Why one customer's score and segment are others on one day than on an earlier one, from the rows that were scored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import pyarrow as pa

from features.spec.languages import Language
from scoring.answers.score_change import ScoreChange, score_change
from scoring.answers.served_release import Live, release_of_version
from scoring.answers.wire import Move, MovePoint, RuleChange, Status
from scoring.batch.batch_answers import BatchAnswers
from scoring.batch.segment_columns import rules_of_rows
from scoring.batch.table_answers import answer_table
from scoring.reasons.move_texts import MovedScore, MovedSegment, move_text
from scoring.segments.assignment import policy_of_version
from scoring.segments.names import Named
from scoring.segments.policy import Policy
from scoring.storage.table_files import BatchError

Served = Mapping[str, Live]


class GoneError(LookupError):
    """What placed a customer on a day is not kept any more; `things` names each release and policy."""

    def __init__(self, things: list[str]) -> None:
        super().__init__(", ".join(things))
        self.things = things


@dataclass(frozen=True, slots=True)
class DayScore:
    """What a day said of a customer by one use case; no score where the status is another than `scored`."""

    status: str | None  # None where the use case was not about the customer
    score: float | None
    probability: float | None


@dataclass(frozen=True)
class CustomerDay:
    """A customer on a day: the releases and the policy that placed it, and one row with the features of them all."""

    day: str
    live: Mapping[str, Live]
    policy: Policy
    row: pa.Table
    scores: Mapping[str, DayScore]
    segment: str | None  # the code
    members: frozenset[str]  # the segments it was in, and had been in before

    @cached_property
    def answers(self) -> BatchAnswers:
        """The row as encoded, and what the releases say of it."""
        return answer_table(self.live, self.row)

    @cached_property
    def rules(self) -> frozenset[str]:
        """The segments whose own rule was true; none of somebody who objected then."""
        if any(self.scores[name].status == "opted_out" for name in self.policy.use_cases if name in self.scores):
            return frozenset()
        return rules_of_rows(self.policy, self.live, self.answers, self.row, members=[self.members])[0]

    def point(self, name: str, language: Language) -> MovePoint:
        """Where the customer stood."""
        score = self.scores[name]
        return {
            "day": self.day,
            "status": cast("Status | None", score.status),
            "score": score.score,
            "probability": score.probability,
            "segment": None if self.segment is None else self.named(self.segment, language),
            "model_version": self.live[name].release.version,
        }

    def named(self, code: str, language: Language) -> Named:
        """A segment by its code, with its label where the policy knows it."""
        segment = self.policy.by_code.get(code)
        return {"code": code, "label": segment.labels[language] if segment else code}


@dataclass(frozen=True, slots=True)
class Placed:
    """What placed the customers of a day."""

    live: Mapping[str, Live]
    policy: Policy


def placed_by(home: Path, policy_version: str, models: Mapping[str, str], use_case: str, *, served: Served) -> Placed:
    """The releases and the policy that placed a day's customers: those that the policy reads, and one use case's.

    Args:
        home: Whose they are.
        policy_version: Of the day.
        models: The day's versions by use case.
        use_case: The one whose score moved.
        served: Releases that are loaded already.

    Raises:
        GoneError: One of them is not there any more.
    """
    policy = policy_of_version(home, policy_version, models)
    read = {use_case, *(policy.use_cases if policy else ())} & models.keys()
    loaded = {
        name: served[name]
        if name in served and served[name].release.version == models[name]
        else release_of_version(home, name, models[name])
        for name in sorted(read)
    }
    gone = [f"version {models[name]} of {name}" for name, live in loaded.items() if live is None]
    if policy is None or gone:
        raise GoneError([*gone, *([] if policy else [f"policy {policy_version}"])])
    return Placed({name: live for name, live in loaded.items() if live is not None}, policy)


def explain_move(name: str, before: CustomerDay, after: CustomerDay, language: Language) -> Move:
    """What moved the score of a use case and the segment of a customer.

    Raises:
        BatchError: The later model reads a feature that the earlier row does not hold.
    """
    unscored = [day.day for day in (before, after) if day.scores[name].score is None]
    change = None if unscored else _score_change(name, before, after)
    score = None if change is None else _moved_score(name, before, after, change)
    rules = _rule_changes(before, after)
    return {
        "from": before.point(name, language),
        "to": after.point(name, language),
        "contributions": change.named if change else {},
        "sum": change.sum if change else None,
        "rules": rules,
        "text": move_text(
            (before.day, after.day), unscored, score, _moved_segment(before, after, rules, language), language
        ),
    }


def _score_change(name: str, before: CustomerDay, after: CustomerDay) -> ScoreChange:
    old, new = before.live[name], after.live[name]
    try:
        encoded = new.scorer.encoder.table(before.row)
    except ValueError as error:
        raise BatchError(f"Version {new.release.version} reads features that {before.day} does not hold.") from error
    said, moved = before.answers.parts[name].matrix, after.answers.parts[name].matrix
    return score_change(old, new, said=said, before=encoded.matrix, after=moved)


def _moved_score(name: str, before: CustomerDay, after: CustomerDay, change: ScoreChange) -> MovedScore:
    old, new = before.live[name], after.live[name]
    return MovedScore(
        before.scores[name].score or 0.0,
        after.scores[name].score or 0.0,
        new.release.bundle,
        new.scorer.encoder.table(before.row).matrix[0].tolist(),
        after.answers.parts[name].matrix[0].tolist(),
        change.features,
        change.model or 0.0,
        (old.release.version, new.release.version),
    )


def _rule_changes(before: CustomerDay, after: CustomerDay) -> list[RuleChange]:
    """The segments whose own rule was true on one day only, in the later policy's order, then the earlier one's."""
    codes = dict.fromkeys(one.code for policy in (after.policy, before.policy) for one in policy.ordered)
    return [
        {"code": code, "before": code in before.rules, "after": code in after.rules}
        for code in codes
        if (code in before.rules) != (code in after.rules)
    ]


def _moved_segment(
    before: CustomerDay, after: CustomerDay, rules: Iterable[RuleChange], language: Language
) -> MovedSegment:
    began, ceased = ([rule["code"] for rule in rules if rule[side]] for side in ("after", "before"))

    def labels(day: CustomerDay, codes: Iterable[str]) -> list[str]:
        return [day.named(code, language)["label"] for code in codes]

    def label(day: CustomerDay) -> str | None:
        return None if day.segment is None else day.named(day.segment, language)["label"]

    left = before.policy.by_code.get(before.segment or "")
    moved, new_policy = before.segment != after.segment, before.policy.version != after.policy.version
    return MovedSegment(
        label(before),
        label(after),
        began=labels(after, began),
        ceased=labels(before, ceased),
        new_policy=new_policy,
        stay_over=bool(moved and not new_policy and not began and not ceased and left and left.minimum_stay),
    )
