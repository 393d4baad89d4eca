"""The columns that one use case answers a batch's rows with: scores, bands, reasons, effects and values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.spec.languages import Language
from scoring.answers.served_release import STATUSES, Live, status_codes
from scoring.batch.batch_answers import UseCaseAnswers
from scoring.batch.cluster_columns import cluster_columns
from scoring.encoding.encoder import Encoded
from scoring.encoding.notes import Note
from scoring.reasons.reason_columns import reason_columns, value_columns
from scoring.storage.csv_rows import BROKEN
from scoring.storage.table_files import BatchError

_UNKNOWN = [STATUSES.index(status) for status in ("invalid", "insufficient_data", "opted_out")]  # have no cluster
_EVENTS = "events.json"  # in the bundle of a use case that learned from a log


def use_case_columns(
    served: Live, table: pa.Table, reasons: int, language: Language | None, barred: Sequence[int]
) -> UseCaseAnswers:
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
    return UseCaseAnswers(columns, served.scorer.encoder, encoded.matrix, clusters)


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
        explained = scorer.explain_value(matrix, values.expected)
        columns["value_base"] = pa.array(explained.base)
        found = reason_columns(served.release.bundle, matrix, explained.factors, count, language)
        columns |= {f"value_{name}": column for name, column in value_columns(found, count, language).items()}
    return _spread(columns, scored_rows)


def _notes(notes: Mapping[int, list[Note]], count: int) -> pa.Array:
    """Each row's notes as one text; null where it has none."""
    if not notes:
        return pa.nulls(count, pa.string())
    texts = {row: "; ".join(f"{note['feature']}: {note['detail']}" for note in found) for row, found in notes.items()}
    return pa.array([texts.get(row) for row in range(count)], pa.string())
