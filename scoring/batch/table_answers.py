"""The answers of one table's rows as columns: the numbers of HTTP, for a batch of a file or of a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.spec.feature import CUSTOMER_ID
from features.spec.languages import Language
from features.spec.suppression_list import Objectors
from features.spec.texts.text_marks import text_columns
from scoring.answers.served_release import Live
from scoring.batch.batch_answers import BatchAnswers, UseCaseAnswers
from scoring.batch.segment_columns import assign_rows, segment_actions, text_column
from scoring.batch.use_case_columns import use_case_columns
from scoring.encoding.text_columns import with_marks
from scoring.privacy.suppression import Suppression
from scoring.segments.assignment import DEFAULT
from scoring.segments.policy import Assignment, Policy
from scoring.storage.id_columns import id_column


def covered_column(name: str) -> str:
    """The column of a table of several use cases' customers that says whom one of them covers; without it all.

    No feature can have its name.
    """
    return f"{name}.covered"


def without_texts(live: Mapping[str, Live], table: pa.Table) -> pa.Table:
    """A table with marks of words in the place of free texts, all that a day may keep of them."""
    features = (feature for served in live.values() for feature in served.release.bundle.features)
    return with_marks(table, text_columns(features))


def score_table(
    live: Mapping[str, Live],
    table: pa.Table,
    *,
    first: int = 0,
    reasons: int = 0,
    language: Language = "en",
    policy: Policy = DEFAULT,
    suppression: Suppression | Objectors | None = None,
) -> pa.Table:
    """The answers of a table's rows as columns; `first` is the number of rows before it, for ids of rows without one.

    Raises:
        BatchError: The table lacks a feature's column.
    """
    answered = answer_table(live, table, first=first, reasons=reasons, language=language, suppression=suppression)
    codes = assign_rows(policy, live, answered, table).each(_code)
    return pa.table(
        {
            CUSTOMER_ID: answered.customers,
            **answered.columns(prefixed=len(live) > 1),
            **answered.discovered,
            "segment": text_column(codes),
            **segment_actions(policy, codes, language),
        }
    )


def _code(assigned: Assignment) -> str | None:
    """The code of the segment that an answer would name."""
    named = assigned.path[-1:] or assigned.also[:1]
    return named[0].code if named else None


def answer_table(
    live: Mapping[str, Live],
    table: pa.Table,
    *,
    first: int = 0,
    reasons: int = 0,
    language: Language | None = "en",
    suppression: Suppression | Objectors | None = None,
) -> BatchAnswers:
    """The answers of a table's rows, before any segment; arguments and errors are those of `score_table`.

    Without a language there are no texts: neither of reasons nor of what to do next.
    """
    column = id_column_of(live, table)
    barred: list[int] = []
    if column is None:  # nobody has an id
        customers = pc.cast(pa.array(np.arange(first + 1, first + 1 + len(table))), pa.string())
    else:
        customers = id_column(table.column(column))
        barred = _barred(customers.to_pylist(), suppression) if suppression else []
    parts = {name: use_case_columns(served, table, reasons, language, barred) for name, served in live.items()}
    parts = {name: _covered(part, name, table) for name, part in parts.items()}
    return BatchAnswers(customers, parts, _first_of(parts.values()))


def _first_of(parts: Iterable[UseCaseAnswers]) -> dict[str, pa.Array]:
    """The clusters by the first use case that knows a customer's."""
    found: dict[str, pa.Array] = {}
    for part in parts:
        for name, values in part.clusters.items():
            found[name] = pc.coalesce(found[name], values) if name in found else values
    return found


def _covered(part: UseCaseAnswers, name: str, table: pa.Table) -> UseCaseAnswers:
    """A use case's columns, all null, the status too, where it does not cover the row."""
    column = covered_column(name)
    if column not in table.column_names:
        return part
    among = table.column(column).combine_chunks()
    columns = {
        own: pc.if_else(among, values, pa.nulls(len(values), values.type)) for own, values in part.columns.items()
    }
    clusters = {
        own: pc.if_else(among, values, pa.nulls(len(values), values.type)) for own, values in part.clusters.items()
    }
    return replace(part, columns=columns, clusters=clusters)


def _barred(customers: Sequence[str | None], suppression: Suppression | Objectors) -> list[int]:
    """The rows of those who objected."""
    objectors = suppression.among({customer for customer in customers if customer is not None})
    return [row for row, customer in enumerate(customers) if customer in objectors] if objectors else []


def id_column_of(live: Mapping[str, Live], table: pa.Table) -> str | None:
    """Where the ids stand: in the column `customer_id`, else in a use case's own; None where there is neither."""
    names = [CUSTOMER_ID, *(served.release.bundle.manifest.customer_id for served in live.values())]
    return next((name for name in names if name and name in table.column_names), None)
