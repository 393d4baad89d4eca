"""The answers of one table's rows as columns: the numbers of HTTP, for a batch of a file or of a snapshot."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID
from features.spec.languages import Language
from features.spec.suppression_list import Objectors
from features.spec.texts.text_marks import text_columns
from scoring.answers.served_release import STATUSES, Live, status_codes
from scoring.batch.cluster_columns import cluster_columns
from scoring.encoding.encoder import Encoded, Encoder
from scoring.encoding.file_values import file_reader
from scoring.encoding.notes import Note
from scoring.encoding.text_columns import with_marks
from scoring.privacy.suppression import Suppression
from scoring.reasons.reason_columns import reason_columns, value_columns
from scoring.segments.assignment import (
    DEFAULT,
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
from scoring.storage.csv_rows import BROKEN
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import BatchError

SEGMENT_ACTION = "segment_action"  # the next step by a customer's segment; `action` is that by a use case's band
_UNKNOWN = [STATUSES.index(status) for status in ("invalid", "insufficient_data", "opted_out")]  # have no cluster
_EVENTS = "events.json"  # in the bundle of a use case that learned from a log


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
            "segment": _texts(codes),
            **segment_actions(policy, codes, language),
        }
    )


def segment_actions(policy: Policy, codes: Sequence[str | None], language: Language) -> dict[str, pa.Array]:
    """What to do next with each customer of these segments, as a column; none where the policy states nothing."""
    if not policy.states_actions:
        return {}
    return {SEGMENT_ACTION: _texts(Repeated.of(codes).each(lambda code: policy.action(code, language)))}


def _texts(rows: Repeated[str | None]) -> pa.Array:
    return pa.array(rows.values, pa.string()).take(pa.array(rows.which))


def _code(assigned: Assignment) -> str | None:
    """The code of the segment that an answer would name."""
    named = assigned.path[-1:] or assigned.also[:1]
    return named[0].code if named else None


@dataclass(frozen=True, slots=True)
class BatchAnswers:
    """A table's answers: whose they are, and each use case's part."""

    customers: pa.Array  # ids as text
    parts: Mapping[str, _Part]
    discovered: Mapping[str, pa.Array] = field(default_factory=dict)  # of learned clusters, by whichever use case

    def columns(self, *, prefixed: bool) -> dict[str, pa.Array]:
        """All parts' columns, with the use case's name before them where asked."""
        return {
            f"{name}_{column}" if prefixed else column: values
            for name, part in self.parts.items()
            for column, values in part.columns.items()
        }


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
    parts = {name: _score(served, table, reasons, language, barred) for name, served in live.items()}
    parts = {name: _covered(part, name, table) for name, part in parts.items()}
    return BatchAnswers(customers, parts, _first_of(parts.values()))


def _first_of(parts: Iterable[_Part]) -> dict[str, pa.Array]:
    """The clusters by the first use case that knows a customer's."""
    found: dict[str, pa.Array] = {}
    for part in parts:
        for name, values in part.clusters.items():
            found[name] = pc.coalesce(found[name], values) if name in found else values
    return found


def _covered(part: _Part, name: str, table: pa.Table) -> _Part:
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
            return [None] * len(table) if column is None else _nullable(column)
        owner = next(part for part in parts.values() if name in part.encoder.names)
        return owner.feature(name, table)

    return read


@dataclass(frozen=True, slots=True)
class _Part:
    """One use case's columns of a batch, and the rows as encoded."""

    columns: dict[str, pa.Array]
    encoder: Encoder
    matrix: NDArray[np.float64]
    clusters: dict[str, pa.Array]  # of segmentations that read these rows

    def field(self, field: str, codes: tuple[str, ...]) -> NullableColumn:
        """What a segment's rule reads of the answers."""
        if field in ("lowest_band", "highest_band"):
            return _nullable(pc.equal(self.columns["band"], codes[0] if field == "lowest_band" else codes[-1]))
        return _nullable(self.columns[field])

    def feature(self, name: str, table: pa.Table) -> list[Any] | NullableColumn:
        """What a segment's rule reads of the rows: categories by their level, all else as encoded."""
        position = [feature.name for feature in self.encoder.features].index(name)
        feature = self.encoder.features[position]
        if feature.type == "category":
            read = file_reader(feature)
            return self.encoder.as_scored(name, [read(cell)[0] for cell in table.column(name).to_pylist()])
        values = self.matrix[:, position]
        known = ~np.isnan(values)
        return NullableColumn(np.where(known, values, 0.0), known)


def _nullable(column: pa.Array) -> NullableColumn:
    """A column as rules read it: texts as they are, numbers and truths as float64."""
    known = column.is_valid().to_numpy(zero_copy_only=False)
    if not pa.types.is_string(column.type):
        return NullableColumn(column.cast(pa.float64()).fill_null(0.0).to_numpy(), known)
    encoded = column.fill_null("").dictionary_encode()
    return NullableColumn(np.asarray(encoded.dictionary.to_pylist(), dtype=object)[encoded.indices.to_numpy()], known)


def _score(served: Live, table: pa.Table, reasons: int, language: Language | None, barred: Sequence[int]) -> _Part:
    """One use case's columns; those of the barred rows are null but for their status."""
    try:
        encoded = served.scorer.encoder.table(table)
    except ValueError as error:
        raise BatchError(f"{error}{_if_a_log(served, table)}") from error
    for row, note in broken_rows(table):
        encoded.errors[row] = [note]
        encoded.warnings.pop(row, None)
    status = status_codes(served.scorer, encoded.matrix)
    status[list(encoded.errors)] = STATUSES.index("invalid")
    status[list(barred)] = STATUSES.index("opted_out")
    for row in barred:
        encoded.errors.pop(row, None)
        encoded.warnings.pop(row, None)
    silent = status != STATUSES.index("scored")
    scored = served.scorer.score(encoded.matrix)
    if seen := served.on_scored:
        spoken = ~silent if silent.any() else slice(None)  # a mask copies what it leaves whole
        seen(encoded.matrix[spoken], scored.probability[spoken])
    columns = {
        "status": pa.array(STATUSES).take(pa.array(status)),
        "probability": pa.array(scored.probability, mask=silent),
        "score": pa.array(scored.score, mask=silent),
        "percentile": pa.array(scored.percentile.astype(np.int32), mask=silent),
        "band": pa.array(served.scorer.bundle.ladder.codes).take(pa.array(scored.rung, mask=silent)),
        "model_version": pa.repeat(served.release.version, len(status)),
        "errors": _notes(encoded.errors, len(status)),
        "warnings": _notes(encoded.warnings, len(status)),
    }
    if reasons:
        columns |= _reasons(served, encoded, scored.margin, ~silent, reasons, language)
    columns |= _effects(served, encoded.matrix, scored.margin, ~silent, reasons, language)
    columns |= _valued(served, encoded.matrix, ~silent, reasons, language)
    if served.states_actions and language:
        actions = [band.get("action") for band in served.bands[language]]
        columns["action"] = pa.array(actions, pa.string()).take(pa.array(scored.rung, mask=silent))
    known = ~np.isin(status, _UNKNOWN)
    clusters = cluster_columns(served, encoded.matrix, known, reasons, language)
    return _Part(columns, served.scorer.encoder, encoded.matrix, clusters)


def _if_a_log(served: Live, table: pa.Table) -> str:
    """What to do where a table seems to hold the events that a use case learned from, instead of its features."""
    stored = served.release.bundle.files.get(_EVENTS)
    if stored is None:
        return ""
    moment = next(column for column in json.loads(stored)["events"] if column["key"] == "ts")
    if not set(moment.get("names") or ()) & set(table.column_names):
        return ""
    return " It seems to hold events: make features of them by `python -m features build USE_CASE.toml`."


def broken_rows(table: pa.Table) -> Iterator[tuple[int, Note]]:
    """The rows that could not be read, each with the line it stands in and the rule."""
    if BROKEN in table.column_names:
        for row, text in enumerate(table.column(BROKEN).to_pylist()):
            if text is not None:
                line, _, rule = text.partition(": ")
                yield row, {"code": "broken_row", "feature": line, "detail": f"{rule[:1].upper()}{rule[1:]}."}


def _reasons(
    served: Live,
    encoded: Encoded,
    margin: NDArray[np.float32],
    scored_rows: NDArray[np.bool_],
    count: int,
    language: Language | None,
) -> dict[str, pa.Array]:
    """The columns of the reasons; null where the row was not scored, or has no more of them."""
    matrix = encoded.matrix[scored_rows]
    contributions = served.scorer.explain(matrix, margin[scored_rows], in_bulk=True).contributions
    found = reason_columns(served.release.bundle, matrix, contributions, count, language)
    return _spread(found, scored_rows)


def _spread(found: Mapping[str, pa.Array], scored_rows: NDArray[np.bool_]) -> dict[str, pa.Array]:
    """Columns of the scored rows as columns of all, null where a row was not scored."""
    among = pa.array(np.cumsum(scored_rows) - 1, mask=~scored_rows)  # each row's position among those scored
    return {name: values.take(among) for name, values in found.items()}


def _effects(
    served: Live,
    matrix: NDArray[np.float64],
    margin: NDArray[np.float32],
    scored_rows: NDArray[np.bool_],
    count: int,
    language: Language | None,
) -> dict[str, pa.Array]:
    """The columns of the effect of a contact; none where the bundle does not serve it."""
    if not served.serves_uplift:
        return {}
    matrix, scorer = matrix[scored_rows], served.scorer
    effects = scorer.uplift(matrix, margin[scored_rows])
    if effects is None:
        return {}
    columns = {
        "uplift": pa.array(effects.uplift),
        "log_odds_if_treated": pa.array(effects.treated),
        "log_odds_if_not": pa.array(effects.control),
    }
    if count:
        contributions = scorer.explain_uplift(matrix, effects, in_bulk=True).contributions
        reasons = reason_columns(served.release.bundle, matrix, contributions, count, language)
        columns |= {f"log_odds_difference_{name}": values for name, values in reasons.items()}
    return _spread(columns, scored_rows)


def _valued(
    served: Live, matrix: NDArray[np.float64], scored_rows: NDArray[np.bool_], count: int, language: Language | None
) -> dict[str, pa.Array]:
    """The columns of what customers will bring; none where the bundle does not serve it."""
    if not served.serves_value:
        return {}
    matrix, scorer = matrix[scored_rows], served.scorer
    values = scorer.value(matrix)
    if values is None:
        return {}
    columns = {
        "value": pa.array(values.expected),
        "value_low": pa.array(values.low),
        "value_high": pa.array(values.high),
    }
    if count:
        factors = scorer.explain_value(matrix, values.expected).factors
        found = reason_columns(served.release.bundle, matrix, factors, count, language)
        columns |= {f"value_{name}": column for name, column in value_columns(found, count, language).items()}
    return _spread(columns, scored_rows)


def _notes(notes: Mapping[int, list[Note]], count: int) -> pa.Array:
    """Each row's notes as one text; null where it has none."""
    if not notes:
        return pa.nulls(count, pa.string())
    texts = {row: "; ".join(f"{note['feature']}: {note['detail']}" for note in found) for row, found in notes.items()}
    return pa.array([texts.get(row) for row in range(count)], pa.string())


def id_column_of(live: Mapping[str, Live], table: pa.Table) -> str | None:
    """Where the ids stand: in the column `customer_id`, else in a use case's own; None where there is neither."""
    names = [CUSTOMER_ID, *(served.release.bundle.manifest.customer_id for served in live.values())]
    return next((name for name in names if name and name in table.column_names), None)
