"""The data report as JSON: what was read of a use case's data and what was done to it; never a customer's value."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from features.spec.feature import FindingRecord, NoteRecord


class BadRowCounts(TypedDict):
    """How many rows were read and rejected, and by which rules."""

    read: int
    total: int
    share: float
    rules: dict[str, int]


class ColumnReport(TypedDict):
    """One column."""

    name: str
    role: str
    source_type: str
    type: str | None
    missing: float
    distinct: int | None
    range: list[int | float | str] | None
    outliers: int | None
    done: list[str]
    dropped: str | None


class CutoffDates(TypedDict):
    """The moments learned at and tested at, in ISO 8601."""

    train: list[str]
    test: str


class EligibleCount(TypedDict):
    """The eligible customers of a cutoff."""

    cutoff: str
    customers: int
    base_rate: float


class LogReport(TypedDict):
    """One of several logs."""

    name: str
    file: str
    rows: int
    first_event: str
    last_event: str
    event_types: list[str]
    customers: int
    shared_customers: int  # who have events in another log too
    duplicates_removed: int
    bad_rows: BadRowCounts


class ContradictionReport(TypedDict):
    """A column of an outside table beside one of the profiles that should say the same."""

    column: str
    known: str
    compared: int
    differ: int


class EnrichmentReport(TypedDict):
    """How an outside table fits the profiles that it is joined to."""

    name: str
    file: str
    key: str
    on: str
    rows: int
    repeated_keys: int
    profiles: int
    with_key: int
    matched: int
    match_rate: float | None  # of the profiles with a key; None where none has one
    contradictions: list[ContradictionReport]
    as_of: str | None
    age_days: int | None  # at the test cutoff
    columns: list[str]


class ProfilesReport(TypedDict):
    """The table of profiles beside a log."""

    bad_rows: BadRowCounts
    columns: list[ColumnReport]


class DataReport(TypedDict):
    """A log or a ready table; what only one of them has need not be there."""

    source: Literal["log", "table"]
    rows: int
    rows_used: int
    bad_rows: BadRowCounts
    notes: list[NoteRecord]
    columns: list[ColumnReport]
    logs: NotRequired[list[LogReport]]  # where there are several
    first_event: NotRequired[str]
    last_event: NotRequired[str]
    event_types: NotRequired[list[str]]
    duplicates_removed: NotRequired[int]
    cutoffs: NotRequired[CutoffDates]
    eligible: NotRequired[list[EligibleCount]]
    profiles: NotRequired[ProfilesReport | None]
    enrichments: NotRequired[list[EnrichmentReport]]  # where there are some
    base_rate: NotRequired[float]
    null_labels_dropped: NotRequired[int]
    duplicate_rows: NotRequired[int]
    sensitive: NotRequired[list[FindingRecord]]  # what may tell something sensitive, left out unless accepted
