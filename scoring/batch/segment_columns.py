"""Where each row's customer stands by a policy, and what to do next there, as columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from features.spec.languages import Language
from scoring.answers.served_release import Live
from scoring.batch.batch_answers import BatchAnswers, nullable_column
from scoring.segments.assignment import (
    ColumnReader,
    assign_all,
    cluster_column,
    discovered_of,
    field_of,
    rules_that_hold,
)
from scoring.segments.policy import Assignment, Policy
from scoring.segments.repeated import Repeated
from scoring.segments.rules import NullableColumn

SEGMENT_ACTION = "segment_action"  # the next step by a customer's segment; `action` is that by a use case's band


def segment_actions(policy: Policy, codes: Sequence[str | None], language: Language) -> dict[str, pa.Array]:
    """What to do next with each customer of these segments, as a column; none where the policy states nothing."""
    if not policy.states_actions:
        return {}
    return {SEGMENT_ACTION: text_column(Repeated.of(codes).each(lambda code: policy.action(code, language)))}


def text_column(rows: Repeated[str | None]) -> pa.Array:
    """Texts that repeat, as a column."""
    return pa.array(rows.values, pa.string()).take(pa.array(rows.which))


def assign_rows(
    policy: Policy,
    live: Mapping[str, Live],
    answered: BatchAnswers,
    table: pa.Table,
    *,
    members: Sequence[Mapping[str, bool]] = (),
) -> Repeated[Assignment]:
    """Where each row's customer stands; nowhere unless every use case of the policy was asked.

    `members` are as `Policy.assign` takes them.
    """
    if not all(name in answered.parts for name in policy.use_cases):
        return Repeated([Assignment()], np.zeros(len(table), np.intp))
    return assign_all(policy, _statuses(policy, answered), _rule_reader(live, answered, table), members=members)


def rules_of_rows(
    policy: Policy,
    live: Mapping[str, Live],
    answered: BatchAnswers,
    table: pa.Table,
    *,
    members: Sequence[Collection[str]],
) -> list[frozenset[str]]:
    """The segments whose own rule each row's customer satisfies; `members` are as `rules_that_hold` takes them."""
    if not all(name in answered.parts for name in policy.use_cases):
        return [frozenset()] * len(table)
    return rules_that_hold(policy, _statuses(policy, answered), _rule_reader(live, answered, table), members)


def _statuses(policy: Policy, answered: BatchAnswers) -> dict[str, Repeated[str]]:
    encoded = {name: answered.parts[name].columns["status"].dictionary_encode("encode") for name in policy.use_cases}
    return {name: Repeated(one.dictionary.to_pylist(), one.indices.to_numpy()) for name, one in encoded.items()}


def _rule_reader(live: Mapping[str, Live], answered: BatchAnswers, table: pa.Table) -> ColumnReader:
    """Gives the values that a segment's rule reads of a table and its answers."""
    parts = answered.parts

    def read(name: str) -> list[Any] | NullableColumn:
        if parsed := field_of(name):
            return parts[parsed[0]].field(parsed[1], live[parsed[0]].scorer.bundle.ladder.codes)
        if asked := discovered_of(name):
            column = answered.discovered.get(cluster_column(asked))
            return [None] * len(table) if column is None else nullable_column(column)
        owner = next(part for part in parts.values() if name in part.encoder.names)
        return owner.feature(name, table)

    return read
