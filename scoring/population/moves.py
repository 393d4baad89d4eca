"""Why a customer's score and segment changed between two days whose features are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.spec.feature import CUSTOMER_ID
from features.spec.languages import Language
from features.spec.suppression_list import Objectors, objectors_of
from scoring.answers.wire import Move
from scoring.batch.customer_move import CustomerDay, DayScore, GoneError, Placed, Served, explain_move, placed_by
from scoring.batch.table_answers import covered_column
from scoring.population.days import Day, day_name, days_of
from scoring.population.partitioned import part_name, part_of
from scoring.population.read_days import without
from scoring.storage.table_files import BatchError

LISTED = 5  # days that a message names


@dataclass(frozen=True, slots=True)
class MoveNote:
    """One thing that keeps a move from being explained; it names no customer."""

    code: str
    field: str  # of the request
    detail: str


class MoveError(ValueError):
    """A move cannot be explained; `notes` says every reason."""

    def __init__(self, notes: Sequence[MoveNote]) -> None:
        super().__init__(" ".join(note.detail for note in notes))
        self.notes = notes


@dataclass(frozen=True, slots=True)
class AskedMove:
    """Whose move is asked for; a day is given by its name, its date or its moment."""

    use_case: str
    customer: str
    first: str
    last: str
    language: Language = "en"


def customer_move(home: Path, asked: AskedMove, served: Served) -> Move:
    """What moved a customer between two days; `served` are releases that are loaded already.

    Raises:
        MoveError: A day is unknown or thinned, does not know the customer or the use case, or what scored it is gone.
        PopulationError: One of the days is not what a run writes.
        SuppressionError: The suppression list cannot be read.
    """
    days = days_of(home)
    reader = _MoveReader(home, asked, served, objectors_of(home), [])
    before, after = (reader.read(field, named, days) for field, named in (("from", asked.first), ("to", asked.last)))
    if before is None or after is None:
        raise MoveError(reader.notes)
    try:
        return explain_move(asked.use_case, before, after, asked.language)
    except BatchError as error:
        raise MoveError([MoveNote("features_missing", "from", str(error))]) from error


@dataclass(frozen=True, slots=True)
class _MoveReader:
    """Reads a customer's days, and gathers all that keeps them from being read."""

    home: Path
    asked: AskedMove
    served: Served
    objectors: Objectors | None
    notes: list[MoveNote]

    def read(self, field: str, named: str, days: Sequence[Day]) -> CustomerDay | None:
        """The customer on a day; None where it could not be read."""
        day = next((day for day in days if day.folder.name == _folder_name(named)), None)
        if day is None:
            kept = ", ".join(day.folder.name for day in days[-LISTED:]) or "none"
            self._note("unknown_day", field, f"Must be a day that is kept (the latest: {kept}), got another.")
            return None
        stood, placed = self._row(day, "part"), self._placed(field, day)
        self._check(field, day, stood)
        if stood is None or placed is None or self.notes:
            return None
        return _customer_day(day, placed, stood, self._features(day, placed))

    def _check(self, field: str, day: Day, stood: pa.Table | None) -> None:
        if day.manifest.thin:
            self._note("thinned_day", field, f"The features of {day.folder.name} must be kept, they are gone by age.")
        if self.asked.use_case not in day.manifest.models:
            scored = ", ".join(sorted(day.manifest.models))
            self._note("unscored_use_case", field, f"{day.folder.name} scored {scored}, not the use case asked for.")
        if stood is None:
            self._note("unknown_customer", field, f"{day.folder.name} must know the customer, it does not.")

    def _placed(self, field: str, day: Day) -> Placed | None:
        try:
            return placed_by(
                self.home, day.manifest.policy, day.manifest.models, self.asked.use_case, served=self.served
            )
        except GoneError as gone:
            things = " and ".join(gone.things)
            self._note("release_gone", field, f"What scored {day.folder.name} must be kept, gone: {things}.")
            return None

    def _note(self, code: str, field: str, detail: str) -> None:
        self.notes.append(MoveNote(code, field, detail))

    def _row(self, day: Day, prefix: str) -> pa.Table | None:
        """The customer's row of a day's files; None where there is none, or the customer objected."""
        path = day.file(part_name(prefix, part_of(self.asked.customer)))
        if path is None:
            return None
        found = without(pq.read_table(path, filters=[(CUSTOMER_ID, "=", self.asked.customer)]), self.objectors)
        return found if len(found) else None

    def _features(self, day: Day, placed: Placed) -> pa.Table:
        """The customer's features of all use cases in one row, with whom each is about; unknown ones are null."""
        columns: dict[str, pa.Array | pa.ChunkedArray] = {CUSTOMER_ID: pa.array([self.asked.customer])}
        for name, live in placed.live.items():
            row = self._row(day, f"features-{name}")
            columns[covered_column(name)] = pa.array([row is not None])
            if row is not None:
                columns |= {column: row.column(column) for column in row.column_names}
                continue
            for feature in live.release.bundle.features:
                columns.setdefault(feature.name, pa.nulls(1, pa.string()))
        return pa.table(columns)


def _folder_name(named: str) -> str:
    """The folder of a day that is named by a date or a moment, else the name itself."""
    try:
        moment = datetime.fromisoformat(named)
    except ValueError:
        return named
    return day_name(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _customer_day(day: Day, placed: Placed, stood: pa.Table, row: pa.Table) -> CustomerDay:
    """A customer on a day, as the day wrote it."""

    def cell(column: str) -> Any:
        return stood.column(column)[0].as_py()

    scores = {
        name: DayScore(cell(f"{name}_status"), cell(f"{name}_score"), cell(f"{name}_probability"))
        for name in day.manifest.models
    }
    entered = [
        *zip(cell("segment_path"), cell("path_since"), strict=True),
        *zip(cell("also"), cell("also_since"), strict=True),
    ]
    members = frozenset(code for code, since in entered if since < day.manifest.as_of.date())
    segment = cell("segment") or next(iter(cell("also")), None)
    return CustomerDay(day.folder.name, placed.live, placed.policy, row, scores, segment, members)
