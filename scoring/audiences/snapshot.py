"""Snapshots: who is in which segment on a date, frozen in a Parquet file that says by which policy and models."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.spec.feature import CUSTOMER_ID
from features.spec.languages import Language
from scoring.answers.served_release import Live
from scoring.audiences.membership import Membership, SnapshotCounts, membership_after, minimum_stays
from scoring.audiences.stands import PLACE, StandsBefore, stand_columns, stands_of
from scoring.batch.segment_columns import assign_rows, segment_actions
from scoring.batch.table_answers import answer_table
from scoring.privacy.suppression import Suppression
from scoring.segments.policy import Policy
from scoring.segments.repeated import Repeated, paired
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import read_batches, whole_file

_KEY = b"penchant"
PART_FILES = "part-*.parquet"  # of a snapshot that is a folder


class AudienceError(ValueError):
    """A snapshot, or a file beside it, is not what it must be."""


class SnapshotSegment(TypedDict):
    """A segment of the policy that a snapshot was taken by."""

    code: str
    exclusive: bool
    labels: dict[str, str]
    level: int


class SnapshotRecord(TypedDict):
    """What a snapshot says of itself, beside its rows."""

    policy: str
    models: dict[str, str]  # versions by use case
    as_of: str
    segments: list[SnapshotSegment]  # in the order their rules are asked


@dataclass(frozen=True)
class SegmentSnapshot:
    """A snapshot read back."""

    facts: SnapshotRecord
    rows: pa.Table

    @property
    def as_of(self) -> date:
        """The date it speaks of."""
        return date.fromisoformat(self.facts["as_of"])

    @property
    def codes(self) -> list[str]:
        """The codes of the policy's segments, in the order their rules are asked."""
        return [segment["code"] for segment in self.facts["segments"]]

    def column(self, name: str) -> list[Any]:
        """A column's values."""
        return self.rows.column(name).to_pylist()

    def memberships(self) -> dict[str, Membership]:
        """Each customer's stand, by id."""
        return dict(zip(self.column(CUSTOMER_ID), stands_of(self.rows), strict=True))


@dataclass(frozen=True, slots=True)
class SnapshotInputs:
    """What a snapshot is made of."""

    live: Mapping[str, Live]
    policy: Policy
    source: Path  # features, one row a customer
    as_of: date
    previous: SegmentSnapshot | None = None  # its stay rules and minimum stays keep members, and dates of entry go on
    suppression: Suppression | None = None


def take_snapshot(
    live: Mapping[str, Live],
    policy: Policy,
    source: Path,
    target: Path,
    *,
    as_of: date,
    previous: SegmentSnapshot | None = None,
    reasons: int = 0,
    language: Language = "en",
    suppression: Suppression | None = None,
) -> SnapshotCounts:
    """Scores a file of features, places every customer and writes who is where; appears whole or not at all.

    With a previous snapshot stay rules and minimum stays keep its members, and dates of entry go on.

    Raises:
        BatchError: The source cannot be read or lacks a feature.
        SuppressionError: The suppression list cannot be read.
        AudienceError: A customer stands twice in it, or the previous snapshot is of a later date.
    """
    tally = SnapshotCounts()
    made_from = SnapshotInputs(live, policy, source, as_of, previous, suppression)
    tables = read_batches(source, mark_broken=True)
    with whole_file(target) as write:
        for table, _ in snapshot_tables(made_from, tables, tally, reasons=reasons, language=language):
            write(table)
    return tally


def snapshot_tables(
    made_from: SnapshotInputs,
    tables: Iterable[pa.Table],
    tally: SnapshotCounts,
    *,
    reasons: int = 0,
    language: Language | None = "en",
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The rows of a snapshot, a table of features at a time, and that table; what there is to count goes to `tally`.

    Without a language there are no texts.

    Raises:
        BatchError: A table lacks a feature.
        SuppressionError: The suppression list cannot be read.
        AudienceError: A customer stands twice in them, or the previous snapshot is of a later date.
    """
    live, policy, as_of, previous = made_from.live, made_from.policy, made_from.as_of, made_from.previous
    if previous is not None and previous.as_of > as_of:
        raise AudienceError(f"The previous snapshot must not be later than {as_of}, got one of {previous.as_of}.")
    before, seen = None if previous is None else StandsBefore(previous.rows), list[pa.Array]()
    facts = {_KEY: json.dumps(_facts(live, policy, as_of), ensure_ascii=False, sort_keys=True).encode()}
    for table in tables:
        answered = answer_table(
            live, table, first=tally.customers, reasons=reasons, language=language, suppression=made_from.suppression
        )
        _once(answered.customers, seen, first=tally.customers)
        seen.append(answered.customers)
        nowhere: Repeated[Membership | None] = Repeated([None], np.zeros(len(table), np.intp))
        was = before.of(answered.customers) if before else nowhere
        members = was.each(lambda stand: minimum_stays(policy, stand, as_of)) if before else ()
        places = assign_rows(policy, live, answered, table, members=members)
        moves = paired(places, was).each(lambda pair: (*pair, membership_after(*pair, as_of)))
        for (_, old, new), customers in moves.counts():
            tally.count(old, new, as_of, customers=customers, compared=before is not None)
        columns = {CUSTOMER_ID: answered.customers, **stand_columns(moves), **answered.columns(prefixed=True)}
        columns |= answered.discovered
        if language:
            columns |= segment_actions(policy, [new.segment for _, _, new in moves], language)
        yield pa.table(columns).replace_schema_metadata(facts), table
    tally.gone += before.gone if before else 0


def open_snapshot(path: Path) -> SegmentSnapshot:
    """The snapshot in a file, or in the folder of a day of the population.

    Raises:
        AudienceError: It is none.
    """
    return snapshot_of(sorted(path.glob(PART_FILES)) if path.is_dir() else [path], path.name)


def snapshot_of(files: Sequence[Path], name: str, *, stands_alone: bool = False) -> SegmentSnapshot:
    """The snapshot in some of its files.

    Args:
        files: At least one.
        name: What a message calls them.
        stands_alone: Whether only what `memberships` reads is read.

    Raises:
        AudienceError: They are none.
    """
    try:
        rows = pq.read_table(list(files), columns=_stand_columns(files[0]) if stands_alone else None)
        facts = json.loads((rows.schema.metadata or {})[_KEY])
        rows = rows.rename_columns(["path" if name == "segment_path" else name for name in rows.column_names])
        others = rows.select([name for name in rows.column_names if name != CUSTOMER_ID])
        customers = id_column(rows.column(CUSTOMER_ID))  # earlier snapshots hold other spellings
        return SegmentSnapshot(facts, others.add_column(0, CUSTOMER_ID, customers))
    except (KeyError, IndexError, ValueError, OSError, pa.ArrowInvalid) as error:
        raise AudienceError(f"{name} must be a readable snapshot, got {type(error).__name__}.") from error


def _stand_columns(file: Path) -> list[str]:
    wanted = {CUSTOMER_ID, "segment_path", *PLACE.names}
    return [name for name in pq.read_schema(file).names if name in wanted]


def _facts(live: Mapping[str, Live], policy: Policy, as_of: date) -> SnapshotRecord:
    return {
        "policy": policy.version,
        "models": {name: served.release.version for name, served in live.items()},
        "as_of": as_of.isoformat(),
        "segments": [
            {"code": one.code, "labels": dict(one.labels), "level": one.level, "exclusive": one.exclusive}
            for one in policy.ordered
        ],
    }


def _once(customers: pa.Array, before: Sequence[pa.Array], *, first: int) -> None:
    """Raises AudienceError where a customer has no id, or one that stood in an earlier row."""
    known = (pc.any(pc.is_in(customers, value_set=batch)).as_py() for batch in before)
    if not customers.null_count and len(customers.unique()) == len(customers) and not any(known):
        return
    seen = {customer for batch in before for customer in batch.to_pylist()}
    for row, customer in enumerate(customers.to_pylist()):
        if customer is None or customer in seen:
            kind = "none" if customer is None else "one that stands in an earlier row"
            raise AudienceError(
                f"Every row of a snapshot's input needs an id of its own, got {kind} in row {first + row + 1}."
            )
        seen.add(customer)
