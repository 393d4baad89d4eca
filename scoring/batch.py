"""Files of customers in, files of scores out: a row group at a time, memory flat, the numbers those of HTTP."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.types import CUSTOMER_ID
from scoring.answers import Live, statuses_of
from scoring.encoder import Encoder
from scoring.policy import Place, Policy
from scoring.reasons import top_reasons
from scoring.segments import DEFAULT, field_of, place_all
from scoring.suppression import Suppression
from scoring.wording import Language

ROWS = 65_536  # a batch: large enough to be fast, small enough to keep memory flat


class BatchError(ValueError):
    """The file to score is not one the use case can read."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run did, for its last line."""

    rows: int
    statuses: Mapping[str, int]


def score_file(
    live: Mapping[str, Live],
    source: Path,
    target: Path,
    *,
    reasons: int = 0,
    language: Language = "en",
    policy: Policy = DEFAULT,
    suppression: Suppression | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Tally:
    """Scores every row of a Parquet or CSV file into another; the target appears whole or not at all.

    With one use case the columns are `status, probability, ...`; with several each has its name before them.
    Whoever is on the suppression list is `opted_out`.

    Raises:
        BatchError: The file cannot be read, or lacks a feature's column.
        SuppressionError: The suppression list cannot be read.
    """
    rows, statuses = 0, dict[str, int]()
    with whole_file(target) as write:
        for table in read_batches(source):
            scored = score_table(
                live,
                table,
                first=rows,
                reasons=reasons,
                language=language,
                policy=policy,
                suppression=suppression,
            )
            write(scored)
            rows += len(table)
            for name in (name for name in scored.column_names if name.endswith("status")):
                for entry in scored.column(name).value_counts().to_pylist():
                    statuses[entry["values"]] = statuses.get(entry["values"], 0) + entry["counts"]
            progress(len(table))
    return Tally(rows, statuses)


def score_table(
    live: Mapping[str, Live],
    table: pa.Table,
    *,
    first: int = 0,
    reasons: int = 0,
    language: Language = "en",
    policy: Policy = DEFAULT,
    suppression: Suppression | None = None,
) -> pa.Table:
    """The answers of a table's rows as columns; `first` is the number of rows before it, for ids of rows without one.

    Raises:
        BatchError: The table lacks a feature's column.
    """
    told = tell(live, table, first=first, reasons=reasons, language=language, suppression=suppression)
    segments = [place.told("en") for place in place_rows(policy, live, told, table)]
    codes = pa.array([segment["code"] if segment else None for segment in segments], pa.string())
    return pa.table({CUSTOMER_ID: told.customers, **told.columns(prefixed=len(live) > 1), "segment": codes})


@dataclass(frozen=True, slots=True)
class Told:
    """A table's answers: whose they are, and each use case's part."""

    customers: pa.Array  # ids as text
    parts: Mapping[str, _Part]

    def columns(self, *, prefixed: bool) -> dict[str, pa.Array]:
        """All parts' columns, with the use case's name before them where asked."""
        return {
            f"{name}_{column}" if prefixed else column: values
            for name, part in self.parts.items()
            for column, values in part.columns.items()
        }


def tell(
    live: Mapping[str, Live],
    table: pa.Table,
    *,
    first: int = 0,
    reasons: int = 0,
    language: Language = "en",
    suppression: Suppression | None = None,
) -> Told:
    """The answers of a table's rows, before any segment; arguments and errors are those of `score_table`."""
    column = _id_column(live, table)
    customers = pa.array([str(first + row + 1) for row in range(len(table))])  # where nobody has an id
    barred: list[int] = []
    if column is not None:
        customers = table.column(column).cast(pa.string())
        barred = _barred(customers.to_pylist(), suppression) if suppression else []
    return Told(customers, {name: _score(served, table, reasons, language, barred) for name, served in live.items()})


def _barred(customers: Sequence[str | None], suppression: Suppression) -> list[int]:
    """The rows of those who objected."""
    objectors = suppression.among({customer for customer in customers if customer is not None})
    return [row for row, customer in enumerate(customers) if customer in objectors] if objectors else []


def place_rows(
    policy: Policy,
    live: Mapping[str, Live],
    told: Told,
    table: pa.Table,
    *,
    members: Sequence[Mapping[str, bool]] = (),
) -> list[Place]:
    """Where each row's customer stands; nowhere unless every use case of the policy was asked.

    `members` are as `Policy.place` takes them.
    """
    parts = told.parts
    if not all(name in parts for name in policy.use_cases):
        return [Place()] * len(table)

    def read(name: str) -> list[Any]:
        if parsed := field_of(name):
            return parts[parsed[0]].field(parsed[1], live[parsed[0]].scorer.bundle.ladder.codes)
        owner = next(part for part in parts.values() if name in part.encoder.names)
        return owner.feature(name, table)

    statuses = {name: parts[name].columns["status"].to_pylist() for name in policy.use_cases}
    return place_all(policy, statuses, read, members=members)


@dataclass(frozen=True, slots=True)
class _Part:
    """One use case's columns of a batch, and the rows as encoded."""

    columns: dict[str, pa.Array]
    encoder: Encoder
    matrix: NDArray[np.float64]

    def field(self, field: str, codes: tuple[str, ...]) -> list[Any]:
        """What a segment's rule reads of the answers."""
        if field in ("lowest_band", "highest_band"):
            rung = codes[0] if field == "lowest_band" else codes[-1]
            return [None if code is None else code == rung for code in self.columns["band"].to_pylist()]
        return self.columns[field].to_pylist()

    def feature(self, name: str, table: pa.Table) -> list[Any]:
        """What a segment's rule reads of the rows: categories as written, all else as encoded."""
        position = [feature.name for feature in self.encoder.features].index(name)
        if self.encoder.features[position].type == "category":
            return table.column(name).cast(pa.string()).to_pylist()
        return [None if math.isnan(value) else value for value in self.matrix[:, position].tolist()]


def _score(served: Live, table: pa.Table, reasons: int, language: Language, barred: Sequence[int]) -> _Part:
    """One use case's columns; nothing is said of the barred rows."""
    try:
        encoded = served.scorer.encoder.table(table)
    except ValueError as error:
        raise BatchError(str(error)) from error
    statuses = statuses_of(served.scorer, encoded.matrix)
    for row in encoded.errors:
        statuses[row] = "invalid"
    for row in barred:
        statuses[row] = "opted_out"
        encoded.errors.pop(row, None)
        encoded.warnings.pop(row, None)
    speaking = np.asarray([status == "scored" for status in statuses], dtype=np.bool_)
    scored = served.scorer.score(encoded.matrix)
    codes = served.scorer.bundle.ladder.codes
    silent = ~speaking
    columns = {
        "status": pa.array(statuses, pa.string()),
        "probability": pa.array(scored.probability, mask=silent),
        "score": pa.array(scored.score, mask=silent),
        "percentile": pa.array(scored.percentile.astype(np.int32), mask=silent),
        "band": pa.array(np.asarray(codes, dtype=object)[scored.rung], pa.string(), mask=silent),
        "model_version": pa.array([served.release.version] * len(statuses), pa.string()),
        "errors": pa.array([_told(encoded.errors.get(row)) for row in range(len(statuses))], pa.string()),
        "warnings": pa.array([_told(encoded.warnings.get(row)) for row in range(len(statuses))], pa.string()),
    }
    if reasons:
        columns |= _reasons(served, encoded.matrix, scored.margin, speaking, reasons, language)
    return _Part(columns, served.scorer.encoder, encoded.matrix)


def _reasons(
    served: Live, matrix: Any, margin: Any, speaking: Any, count: int, language: Language
) -> dict[str, pa.Array]:
    rows = np.flatnonzero(speaking)
    told: list[list[dict[str, Any]]] = [[] for _ in matrix]
    if len(rows):
        contributions = served.scorer.explain(matrix[rows], margin[rows]).contributions
        for row, values, amounts in zip(rows.tolist(), matrix[rows].tolist(), contributions, strict=True):
            told[row] = top_reasons(served.release.bundle, values, amounts, count, language)
    kinds = {"code": pa.string(), "feature": pa.string(), "text": pa.string(), "contribution": pa.float64()}
    return {
        f"reason_{rank + 1}_{part}": pa.array([row[rank][part] if rank < len(row) else None for row in told], kind)
        for rank in range(count)
        for part, kind in kinds.items()
    }


def _told(notes: list[dict[str, str]] | None) -> str | None:
    return "; ".join(f"{note['feature']}: {note['detail']}" for note in notes) if notes else None


def _id_column(live: Mapping[str, Live], table: pa.Table) -> str | None:
    """Where the ids stand: in the column `customer_id`, else in a use case's own; None where there is neither."""
    names = [CUSTOMER_ID, *(served.release.bundle.manifest["customer_id"] for served in live.values())]
    return next((name for name in names if name and name in table.column_names), None)


def read_batches(source: Path) -> Iterator[pa.Table]:
    """A Parquet or CSV file a batch at a time.

    Raises:
        BatchError: It cannot be read.
    """
    try:
        if source.suffix == ".csv":
            yield from (pa.Table.from_batches([batch]) for batch in pacsv.open_csv(source))
        else:
            with pq.ParquetFile(source) as file:
                yield from (pa.Table.from_batches([batch]) for batch in file.iter_batches(ROWS))
    except (OSError, pa.ArrowInvalid) as error:
        raise BatchError(
            f"{source.name} must be a readable Parquet or CSV file, got {type(error).__name__}."
        ) from error


@contextmanager
def whole_file(target: Path) -> Iterator[Callable[[pa.Table], None]]:
    """A writer whose file is renamed to its place once all is written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    writer: Any = None

    def write(table: pa.Table) -> None:
        nonlocal writer
        if writer is None:
            make = pacsv.CSVWriter if target.suffix == ".csv" else pq.ParquetWriter
            writer = make(draft, table.schema)
        writer.write_table(table)

    try:
        yield write
        if writer is None:
            raise BatchError("A file to score must hold at least one row, got none.")
        writer.close()
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
