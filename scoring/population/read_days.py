"""Days read back: a whole one, and what all of them hold of some customers; whoever objected or was erased is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.spec.feature import CUSTOMER_ID, Json
from features.spec.suppression_list import Objectors, objectors_of
from scoring.audiences.snapshot import SegmentSnapshot, open_snapshot, snapshot_of
from scoring.batch.table_answers import covered_column
from scoring.population.days import OUTCOMES, Day, days_of, open_day, outcome_files
from scoring.population.partitioned import part_name, part_of


def day_rows(home: Path, day: Day) -> pa.Table:
    """A day's customers, a row each, as `write_day` names the columns.

    Raises:
        SuppressionError: The suppression list cannot be read.
    """
    objectors = objectors_of(home)
    return pa.concat_tables([without(pq.read_table(path), objectors) for path in day.parts])


def without(rows: pa.Table, objectors: Objectors | None) -> pa.Table:
    """The rows of those who neither objected nor were erased."""
    if objectors is None:
        return rows
    gone = objectors.among(rows.column(CUSTOMER_ID).to_pylist())
    there = pc.invert(pc.is_in(rows.column(CUSTOMER_ID), pa.array(sorted(gone), pa.string())))
    return rows.filter(there) if gone else rows


def open_checked(path: Path) -> SegmentSnapshot:
    """The snapshot in a file or in the folder of a day, of which every file is what the run wrote.

    Raises:
        AudienceError: It is no snapshot.
        PopulationError: It is a day, and damaged.
    """
    return snapshot_of(open_day(path).parts, path.name) if path.is_dir() else open_snapshot(path)


def scored_parts(
    home: Path, day: Day, features: Mapping[str, Sequence[str]], *, parts: Sequence[int] | None = None
) -> Iterator[tuple[SegmentSnapshot, pa.Table]]:
    """Part by part where a day's customers stand, and in the same order the very rows that were scored of them.

    Args:
        home: Whose day it is.
        day: One whose features are kept.
        features: Those to be read, by use case; `NAME.covered` says whom a use case is about.
        parts: The numbers of some parts; None: all.

    Raises:
        SuppressionError: The suppression list cannot be read.
    """
    objectors = objectors_of(home)
    files = day.parts if parts is None else [file for one in parts if (file := day.file(part_name("part", one)))]
    for path in files:
        stood = open_snapshot(path)
        stood = replace(stood, rows=without(stood.rows, objectors))
        yield stood, _beside(stood.rows.column(CUSTOMER_ID), day, path.name, features)


def _beside(customers: pa.ChunkedArray, day: Day, part: str, features: Mapping[str, Sequence[str]]) -> pa.Table:
    """The features of some customers of a part, null where a use case is not about them."""
    columns: dict[str, pa.Array | pa.ChunkedArray] = {CUSTOMER_ID: customers}
    for name, wanted in features.items():
        file = day.file(part.replace("part-", f"features-{name}-", 1))
        own = pq.read_table(file) if file else pa.table({CUSTOMER_ID: pa.array([], pa.string())})
        at = pc.index_in(customers, value_set=own.column(CUSTOMER_ID))
        columns[covered_column(name)] = pc.is_valid(at)
        for feature in wanted:
            found = own.column(feature).take(at) if feature in own.column_names else pa.nulls(len(at), pa.string())
            known = columns.get(feature)
            columns[feature] = found if known is None or feature not in own.column_names else pc.coalesce(known, found)
    return pa.table(columns)


def kept_of(home: Path, customers: Sequence[str]) -> Mapping[str, list[dict[str, Json]]]:
    """All that the days and their outcomes hold of customers, by id, the earliest day first.

    Of objectors too, since it is theirs to see.
    """
    found: dict[str, list[dict[str, Json]]] = {}
    for day in days_of(home):
        for prefix in sorted({path.name.rsplit("-", 1)[0] for path in day.folder.glob("*.parquet")}):
            for customer, row in _rows_of(day, prefix, customers):
                file = f"{day.folder.name}/{prefix}"
                found.setdefault(customer, []).append({"file": file, **row})
    for path in outcome_files(home):
        for row in pq.read_table(path, filters=[(CUSTOMER_ID, "in", list(customers))]).to_pylist():
            file = f"{OUTCOMES}/{path.parent.name}/{path.stem}"
            found.setdefault(str(row.pop(CUSTOMER_ID)), []).append({"file": file, **row})
    return found


def _rows_of(day: Day, prefix: str, customers: Sequence[str]) -> Iterator[tuple[str, dict[str, Json]]]:
    for number in sorted({part_of(customer) for customer in customers}):
        if path := day.file(part_name(prefix, number)):
            for row in pq.read_table(path, filters=[(CUSTOMER_ID, "in", list(customers))]).to_pylist():
                yield row.pop(CUSTOMER_ID), {name: _as_json(value) for name, value in row.items()}


def _as_json(value: Any) -> Json:
    """A cell with its dates in ISO form, those of a list too."""
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    cell: Json = value.isoformat() if hasattr(value, "isoformat") else value
    return cell
