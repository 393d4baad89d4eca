"""One day of all customers written: scores, reasons and segments, the very rows that were scored, and an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET
from numpy.typing import NDArray

from features.spec.atomic import exchange, new_draft, put_in_place, sync
from features.spec.feature import CUSTOMER_ID, Feature
from scoring.answers.served_release import Live
from scoring.audiences.membership import SnapshotCounts
from scoring.audiences.snapshot import SegmentSnapshot, SnapshotInputs, snapshot_of, snapshot_tables
from scoring.batch.table_answers import covered_column, without_texts
from scoring.population.day_index import PROFILE, REASONS, codes_of, write_index
from scoring.population.days import MANIFEST, Day, DayManifest, day_folder, digests
from scoring.population.partitioned import Partitioned, part_name
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import read_batches

_RENAMED = {"path": "segment_path", "model_version": "version"}
_DROPPED = ("errors", "warnings")


@dataclass(frozen=True, slots=True)
class CustomerGroup:
    """The customers of some parts, and of no others."""

    parts: range
    read: Callable[[], pa.Table]  # their rows


@dataclass(frozen=True, slots=True)
class DayInputs:
    """All that a day is made of; in the source `NAME.covered` says whom a use case is about, where that is not all."""

    run_id: str
    as_of: datetime  # UTC
    snapshot: SnapshotInputs
    groups: Sequence[CustomerGroup] = ()  # of all customers in place of the source, so that memory holds one at a time
    alike: Mapping[str, str] = field(default_factory=dict)  # by use case the one whose customers and rows it has too
    before: Day | None = None  # the day before, whose parts are read with their group; else `snapshot.previous`


def write_day(home: Path, made_from: DayInputs, *, check: Callable[[Sequence[Path]], None]) -> SnapshotCounts:
    """Scores every customer of a table and writes the day; it appears whole, in place of one of the same moment.

    The same inputs give the same bytes. `check` sees the parts before they serve; what it raises leaves no day.

    Raises:
        BatchError: The source cannot be read or lacks a feature.
        AudienceError: A customer stands twice in it, or the day before is a later one.
        SuppressionError: The suppression list, or its key, cannot be read.
    """
    folder, tally = day_folder(home, made_from.as_of), SnapshotCounts()
    with new_draft(folder, folder=True) as (draft, _):
        _write_parts(draft, made_from, tally)
        check(sorted(draft.glob("part-*.parquet")))
        write_index(home, draft, codes_of(made_from.snapshot.live))
        manifest = DayManifest(
            run_id=made_from.run_id,
            as_of=made_from.as_of,
            policy=made_from.snapshot.policy.version,
            models={name: served.release.version for name, served in made_from.snapshot.live.items()},
            customers=tally.customers,
            warnings=_usual_warnings(made_from) or UNSET,
            files=digests(draft),
        )
        seal_day(draft, manifest)
        replace_day(draft, folder)
    return tally


def _usual_warnings(made_from: DayInputs) -> dict[str, tuple[str, ...]]:
    """What the models warn of nearly all customers, so that no customer's own row need say it."""
    live = made_from.snapshot.live
    return {name: usual for name, served in live.items() if (usual := served.usual_warnings())}


def seal_day(draft: Path, manifest: DayManifest) -> None:
    """Writes the manifest of a day whose files are all there."""
    (draft / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1))


def replace_day(draft: Path, folder: Path) -> None:
    """Puts a day in its place; at no moment there is none where there was one."""
    if not folder.exists():
        put_in_place(draft, folder)
        return
    for path in draft.iterdir():
        sync(path)
    exchange(draft, folder)


def _write_parts(draft: Path, made_from: DayInputs, tally: SnapshotCounts) -> None:
    live, answers = made_from.snapshot.live, Partitioned(draft, "part")
    features = {name: [each.name for each in served.release.bundle.features] for name, served in live.items()}
    owners = {name: _owner(name, made_from, features) for name in live}
    rows = {name: Partitioned(draft, f"features-{name}") for name in live if owners[name] == name}
    for inputs, tables in _by_group(made_from):
        for answered, table in snapshot_tables(inputs, tables, tally, reasons=REASONS, language=None):
            answers.write(_day_table(answered, table, made_from))
            for name, scored_rows in rows.items():
                scored_rows.write(_scored_rows(name, features[name], table))
        for written in (answers, *rows.values()):
            written.close()  # a part is whole with its group
    for name, owner in owners.items():
        for path in draft.glob(f"features-{owner}-??.parquet") if owner != name else ():
            (draft / path.name.replace(owner, name, 1)).hardlink_to(path)


def _owner(name: str, made_from: DayInputs, features: Mapping[str, Sequence[str]]) -> str:
    """The use case whose files of features are those of another to the byte, so that they are written once."""
    first = made_from.alike.get(name, name)
    return first if features.get(first) == features[name] else name


def _by_group(made_from: DayInputs) -> Iterator[tuple[SnapshotInputs, Iterable[pa.Table]]]:
    """What each group's snapshot is made of, and its rows."""
    live = made_from.snapshot.live
    if not made_from.groups:
        read = read_batches(made_from.snapshot.source, mark_broken=True)
        yield made_from.snapshot, (without_texts(live, table) for table in read)
    for group in made_from.groups:
        before = made_from.before
        previous = part_of_day(before, group.parts, stands_alone=True) if before else None
        yield replace(made_from.snapshot, previous=previous), [without_texts(live, group.read())]


def part_of_day(day: Day, numbers: Iterable[int], *, stands_alone: bool = False) -> SegmentSnapshot:
    """The snapshot that some parts of a day are, or of it what `memberships` reads; raises as `Day.file`."""
    files = [file for number in numbers if (file := day.file(part_name("part", number)))]
    found = snapshot_of(files or day.parts[:1], day.folder.name, stands_alone=stands_alone)
    return found if files else replace(found, rows=found.rows.slice(0, 0))


def _day_table(answered: pa.Table, table: pa.Table, made_from: DayInputs) -> pa.Table:
    """The columns that a day keeps of a batch's answers; `NAME_reason_1_value` is what the feature was, as text."""
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        CUSTOMER_ID: answered.column(CUSTOMER_ID),
        "as_of": pa.repeat(pa.scalar(made_from.as_of, pa.timestamp("us", "UTC")), len(table)),
    }
    owned = {f"{name}_{own}": (name, own) for name in made_from.snapshot.live for own in _own_columns(answered, name)}
    for column in answered.column_names[1:]:
        name, own = owned.get(column, (None, column))
        if own in _DROPPED:
            continue
        prefix = f"{name}_" if name else ""
        columns[prefix + _RENAMED.get(own, own)] = answered.column(column)
        if name and own.startswith("reason_") and own.endswith("_feature"):
            columns[f"{column.removesuffix('feature')}value"] = _values(answered.column(column), table)
    columns |= _profile_columns(table, made_from.snapshot.live)
    return pa.table(columns).replace_schema_metadata(answered.schema.metadata)


def _own_columns(answered: pa.Table, name: str) -> list[str]:
    return [column.removeprefix(f"{name}_") for column in answered.column_names if column.startswith(f"{name}_")]


def _values(named: pa.ChunkedArray, table: pa.Table) -> pa.Array:
    """The cell of the feature that each row names, as text; null where it is missing, or the row names none."""
    coded = named.combine_chunks().dictionary_encode()
    numbers = coded.indices.fill_null(-1).to_numpy()
    texts, rows = [pa.nulls(1, pa.string())], [np.empty(0, np.int64)]
    for number, feature in enumerate(coded.dictionary.to_pylist()):
        if feature in table.column_names:
            rows.append(np.flatnonzero(numbers == number))
            cells = table.column(feature).take(pa.array(rows[-1]))  # cast of these alone: that is what takes long
            texts += cells.cast(pa.string()).chunks
    naming = np.concatenate(rows)
    at = np.zeros(len(table), np.int64)
    at[naming] = np.arange(1, len(naming) + 1)
    return pa.concat_arrays(texts).take(pa.array(at))


def _profile_columns(table: pa.Table, live: Mapping[str, Live]) -> dict[str, pa.Array | pa.ChunkedArray]:
    """How many cells of the customers' own data are missing in each row, of how many, and how fresh the row is.

    Own data are the traits that the use cases covering a row read; freshness is null where no log says it.
    """
    covering: dict[str, NDArray[np.bool_]] = {}
    for name, served in live.items():
        column = covered_column(name)
        covered = np.ones(len(table), np.bool_)
        if column in table.column_names:
            covered = table.column(column).to_numpy()
        for cell in _own_cells(served.release.bundle.features):
            if cell in table.column_names:
                covering[cell] = covered | covering.get(cell, np.False_)
    missing, expected = (np.zeros(len(table), np.int16) for _ in range(2))
    for name, covered in covering.items():
        expected += covered
        missing += covered & pc.is_null(table.column(name), nan_is_null=True).to_numpy()
    fresh = table.column("freshness") if "freshness" in table.column_names else None
    freshness: pa.Array | pa.ChunkedArray = pa.nulls(len(table), pa.float64())
    if fresh is not None and pa.types.is_floating(fresh.type):
        freshness = fresh.cast(pa.float64())
    return dict(zip(PROFILE, (pa.array(missing), pa.array(expected), freshness), strict=True))


def _own_cells(features: Iterable[Feature]) -> Iterable[str]:
    """The features that stand for the customers' own data, one for a trait that makes several, whatever its group."""
    found: dict[str, str] = {}
    for feature in features:
        of_profile = feature.subject and feature.event is None and feature.window_days is None
        if of_profile or feature.family == "trait":
            found.setdefault(feature.subject or feature.name, feature.name)
    return found.values()


def _scored_rows(name: str, features: Iterable[str], table: pa.Table) -> pa.Table:
    """The features of a use case, of those it covers."""
    columns: dict[str, pa.Array | pa.ChunkedArray] = {CUSTOMER_ID: id_column(table.column(CUSTOMER_ID))}
    columns |= {feature: table.column(feature) for feature in features}
    rows = pa.table(columns)
    covered = covered_column(name)
    return rows.filter(table.column(covered)) if covered in table.column_names else rows
