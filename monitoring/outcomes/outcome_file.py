"""HOME/outcomes/NAME/DAY.parquet: the customers whom a use case scored on a day, and their outcome once it is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from features.spec.atomic import draft_of
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import objectors_of
from features.tables.outcome_schema import FIRST_OUTCOME, OUTCOME, check_outcomes
from scoring.health.matured_windows import EstimatedQuality
from scoring.population.days import OUTCOMES, PopulationError, day_name
from scoring.population.read_days import without
from scoring.storage.table_files import parquet_writer

GIVEN = ".http"  # after the name of a use case: the scores that it gave over HTTP
_KEY = b"penchant"
_OWN = 0o600  # customers are their owner's alone


class OutcomeError(PopulationError):
    """A file of outcomes is not what was written, or not what it must be."""


class OutcomeFacts(Struct, frozen=True, kw_only=True):
    """What a file says of itself."""

    use_case: str
    as_of: datetime  # UTC
    known_on: date | None = None  # when the outcome of all is known; None of a ready table, which says no window
    runs: dict[str, str] = {}  # what scored the rows of a version: the id of the run that made the day
    estimates: dict[str, EstimatedQuality] = {}  # by version, as made with the rows
    matched: int = 0  # rows whose outcome is known
    changed: int = 0  # of them otherwise than when it was first known
    currency: str | None = None  # of `value`, where a log says what was bought and its use case in what
    looked: datetime | None = None  # to what moment the log was last asked; None before it was, and of files


@dataclass(frozen=True, slots=True)
class DayOutcomes:
    """A file, read."""

    facts: OutcomeFacts
    rows: pl.DataFrame  # as `outcome_schema` says; without those who objected or were erased


def outcomes_file(home: Path, use_case: str, as_of: datetime) -> Path:
    """Where the outcomes of a day stand, or would."""
    return home / OUTCOMES / use_case / f"{day_name(as_of)}.parquet"


def kept_outcomes(home: Path, use_case: str) -> list[tuple[Path, OutcomeFacts]]:
    """The files of a use case and what they say of themselves, the earliest day first. Raises as `facts_of`."""
    return [(file, facts_of(file)) for file in sorted((home / OUTCOMES / use_case).glob("[!.]*.parquet"))]


def read_outcomes_of(home: Path, file: Path) -> DayOutcomes:
    """One file, without whoever objected or was erased since.

    Raises:
        OutcomeError: It is damaged.
        SuppressionError: The suppression list cannot be read.
    """
    try:
        table = pq.read_table(file)
        facts = _DECODE((table.schema.metadata or {})[_KEY])
    except (OSError, KeyError, pa.ArrowInvalid, msgspec.DecodeError) as error:
        rule = "must be outcomes as they were written"
        raise OutcomeError(f"{file.parent.name}/{file.name} {rule}, got {type(error).__name__}.") from error
    return DayOutcomes(facts, as_frame(without(table, objectors_of(home))))


def as_frame(table: pa.Table) -> pl.DataFrame:
    """A table's rows as polars has them."""
    rows = pl.from_arrow(table.replace_schema_metadata(None))
    assert isinstance(rows, pl.DataFrame)  # noqa: S101 a table becomes one
    return rows


def facts_of(file: Path) -> OutcomeFacts:
    """What a file says of itself, its rows unread. Raises as `read_outcomes_of`."""
    try:
        return _DECODE((pq.read_schema(file).metadata or {})[_KEY])
    except (OSError, KeyError, pa.ArrowInvalid, msgspec.DecodeError) as error:
        rule = "must be outcomes as they were written"
        raise OutcomeError(f"{file.parent.name}/{file.name} {rule}, got {type(error).__name__}.") from error


def write_outcomes(home: Path, facts: OutcomeFacts, rows: pl.DataFrame) -> None:
    """Replaces the outcomes of a day, counted anew; the same ones are the same bytes.

    Raises:
        DataError: The rows break the schema.
    """
    file = outcomes_file(home, facts.use_case, facts.as_of)
    rows = rows.sort(CUSTOMER_ID, "version")
    check_outcomes(rows, file)
    matched, changed = rows[OUTCOME].is_not_null().sum(), (rows[OUTCOME] != rows[FIRST_OUTCOME]).sum()
    facts = msgspec.structs.replace(facts, matched=int(matched), changed=int(changed))
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    table = table.replace_schema_metadata({_KEY: msgspec.json.encode(facts, order="deterministic")})
    for folder in (home / OUTCOMES, file.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    with draft_of(file, mode=_OWN) as draft, parquet_writer(draft, table.schema) as writer:
        writer.write_table(table)


_DECODE = msgspec.json.Decoder(OutcomeFacts).decode
