"""A posted CSV of customers as a page shows it: scores, bands and reasons a row, or what keeps a row from them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.answers.served_release import Live
from scoring.encoding.notes import Note
from scoring.errors import PolicyFailedError
from scoring.privacy.suppression import open_suppression
from scoring.reasons.reasons import is_favourable
from scoring.segments.policy import Assignment
from serving.console.views.customer_rows import Labels, ReasonInWords
from serving.console.web.i18n import Texts
from serving.worker.request_context import RequestContext

if TYPE_CHECKING:
    import pyarrow as pa

    from scoring.batch.batch_answers import BatchAnswers

MOST_ROWS = 1_000  # as POST /v1/scores takes
MOST_BYTES = 2 << 20  # a file is posted again to be saved, in letters a third longer
REASONS = 3
_LISTED = 12  # columns that a message names
_AS_MISSING = ("not_a_number", "not_a_date", "not_an_answer", "beyond_float32")
_NO_TEXT = (b"\x1f\x8b", b"PAR1", b"PK\x03\x04")  # how gzip, Parquet and Excel's own files begin


Notes = dict[int, list[Note]]  # by row, from 0


class UploadError(ValueError):
    """A file is none of customers; `key` names its text, `parts` what the text speaks of."""

    def __init__(self, key: str, **parts: object) -> None:
        super().__init__(key)
        self.key, self.parts = key, parts


@dataclass(frozen=True, slots=True)
class FileScore:
    """What one use case says of a row; all but the status is empty where it is not `scored`."""

    status: str
    score: float | None = None
    probability: float | None = None
    band: str = ""  # its label
    reasons: Sequence[ReasonInWords] = ()


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row."""

    number: int  # 1 for the first below the header
    customer_id: str
    segment: str  # its label; empty where in none
    scores: Mapping[str, FileScore]
    errors: Sequence[Note]  # by column, never with a value
    missing: Sequence[Note]  # cells that were scored as missing, as what stands in them is no value of the column


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """All rows in the order of the file."""

    use_cases: Sequence[str]
    rows: Sequence[FileRow]
    unread: int  # columns that no use case reads

    @property
    def broken(self) -> list[FileRow]:
        """The rows with errors."""
        return [row for row in self.rows if row.errors]

    @property
    def doubtful(self) -> list[FileRow]:
        """The rows with cells that were scored as missing."""
        return [row for row in self.rows if row.missing]


def scored_file(context: RequestContext, content: bytes, texts: Texts) -> ScoredFile:
    """The rows of a CSV scored by every use case whose columns it has; takes long enough for a thread of its own.

    Raises:
        UploadError: It is no CSV, too large, or has not all the columns of a use case.
        SuppressionError: The suppression list cannot be read.
    """
    table = _read(content)
    live = _fitting(context.snapshot.served, set(table.column_names))
    while True:
        try:
            return _TableRows(context, table, live, texts).scored()
        except PolicyFailedError as error:
            context.give_up_policy(error)


def _read(content: bytes) -> pa.Table:
    import pyarrow as pa  # only a server that is given files needs it

    from scoring.storage.table_files import BatchError, read_batches

    if len(content) > MOST_BYTES:
        raise UploadError("file_large", most=MOST_BYTES >> 20)
    with tempfile.TemporaryDirectory(prefix="penchant-") as folder:
        file = Path(folder) / "rows.csv"
        file.write_bytes(_utf8(content))
        try:
            found: list[pa.Table] = []
            for table in read_batches(file, mark_broken=True):
                found.append(table)
                if sum(map(len, found)) > MOST_ROWS:
                    raise UploadError("file_long", most=MOST_ROWS)
        except BatchError:
            raise UploadError("file_unreadable") from None
    if not sum(map(len, found)):
        raise UploadError("file_empty")
    return pa.concat_tables(found, promote_options="default")


def _utf8(content: bytes) -> bytes:
    """The text in UTF-8; what is none is read as a French Excel saves it."""
    if not content.strip() or content.startswith(_NO_TEXT) or b"\x00" in content:
        raise UploadError("file_unreadable" if content.strip() else "file_empty")
    try:
        content.decode()
    except UnicodeDecodeError:
        try:
            return content.decode("cp1252").encode()
        except UnicodeDecodeError:
            raise UploadError("file_unreadable") from None
    return content


def _fitting(served: Mapping[str, Live], columns: set[str]) -> dict[str, Live]:
    """The use cases all of whose features are columns."""
    lacking = {name: sorted(live.scorer.encoder.lacking(columns)) for name, live in served.items()}
    fitting = {name: live for name, live in served.items() if not lacking[name]}
    if not fitting:
        name = min(lacking, key=lambda one: (len(lacking[one]), one))
        raise UploadError("file_columns", name=name, columns=lacking[name][:_LISTED], count=len(lacking[name]))
    return fitting


@dataclass(frozen=True, slots=True)
class _TableRows:
    context: RequestContext
    table: pa.Table
    live: Mapping[str, Live]
    texts: Texts

    def scored(self) -> ScoredFile:
        from scoring.batch.segment_columns import assign_rows
        from scoring.batch.table_answers import answer_table

        suppression = open_suppression(self.context.runtime.settings.home)
        language = self.texts.language
        answered = answer_table(self.live, self.table, reasons=REASONS, language=language, suppression=suppression)
        places = assign_rows(self.context.snapshot.policy, self.live, answered, self.table)
        return ScoredFile(list(self.live), self._rows(answered, places), self._unread())

    def _unread(self) -> int:
        from scoring.batch.table_answers import id_column_of
        from scoring.storage.csv_rows import BROKEN

        read = frozenset[str]().union(*(live.scorer.encoder.posted for live in self.live.values()))
        own = {BROKEN, id_column_of(self.live, self.table)}
        return len(set(self.table.column_names) - read - own)

    def _rows(self, answered: BatchAnswers, places: Sequence[Assignment]) -> list[FileRow]:
        ids = answered.customers.to_pylist()
        columns = {name: values.to_pylist() for name, values in answered.columns(prefixed=True).items()}
        errors, missing = self._notes()
        return [
            FileRow(
                row + 1,
                ids[row] or "",
                self._segment(places[row]),
                {name: self._score(columns, name, row) for name in self.live},
                errors.get(row, []),
                missing.get(row, []),
            )
            for row in range(len(ids))
        ]

    def _segment(self, place: Assignment) -> str:
        named = place.path[-1:] or place.also[:1]
        return named[0].labels[self.texts.language] if named else ""

    def _score(self, columns: Mapping[str, list[Any]], name: str, row: int) -> FileScore:
        def cell(own: str) -> Any:
            return columns[f"{name}_{own}"][row]

        if cell("status") != "scored":
            return FileScore(cell("status"))
        labels, polarity = Labels(self.context, self.live[name], self.texts), self.live[name].release.bundle.polarity
        reasons = [
            ReasonInWords(self.texts.kept_together(text), amount >= 0, is_favourable(amount, polarity))
            for rank in range(1, REASONS + 1)
            if (text := cell(f"reason_{rank}_text")) is not None
            and (amount := cell(f"reason_{rank}_contribution")) is not None
        ]
        return FileScore("scored", cell("score"), cell("probability"), labels.band(cell("band")), reasons)

    def _notes(self) -> tuple[Notes, Notes]:
        """What is wrong with each row, and its cells scored as missing; each once though several use cases read it."""
        from scoring.batch.use_case_columns import broken_rows

        broken: Notes = {
            row: [{"code": note["code"], "detail": note["detail"]}] for row, note in broken_rows(self.table)
        }
        errors, missing = Notes(broken), Notes()
        for live in self.live.values():
            encoded = live.scorer.encoder.table(self.table)
            for row, notes in encoded.errors.items():
                _add(errors, row, notes if row not in broken else [])
            for row, notes in encoded.warnings.items():
                _add(missing, row, [note for note in notes if note["code"] in _AS_MISSING and row not in broken])
        return errors, missing


def _add(found: Notes, row: int, notes: Sequence[Note]) -> None:
    known = found.get(row, [])
    if new := [note for note in notes if note not in known]:
        found[row] = [*known, *new]


def file_table(file: ScoredFile, texts: Texts) -> pa.Table:
    """The rows as a file has them."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {
        "row": [row.number for row in file.rows],
        "customer_id": [row.customer_id for row in file.rows],
        "segment": [row.segment or None for row in file.rows],
    }
    for name in file.use_cases:
        scores = [row.scores[name] for row in file.rows]
        columns[f"{name}_status"] = [texts.named(f"status_{score.status}") for score in scores]
        columns[f"{name}_score"] = [score.score for score in scores]
        columns[f"{name}_probability"] = [score.probability for score in scores]
        columns[f"{name}_band"] = [score.band or None for score in scores]
        for rank in range(REASONS):
            columns[f"{name}_reason_{rank + 1}_text"] = [
                score.reasons[rank].text if rank < len(score.reasons) else None for score in scores
            ]
    return pa.table(columns)
