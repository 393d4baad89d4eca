"""The forms an audience leaves in: plain CSV and Parquet, a French Excel's CSV, what Brevo and Mailchimp import."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from features.spec.atomic import draft_of, remove_orphans
from scoring.storage.spreadsheet import neutral

_BREVO = {"customer_id": "EXT_ID", "email": "EMAIL", "since": "SEGMENT_SINCE"}
_MAILCHIMP = {"email": "Email Address", "segment": "Tags"}


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """How a CSV is written."""

    header: Callable[[str], str]
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    day: str = "%Y-%m-%d"
    addressed: bool = False  # it is of no use without an address


def _named(known: Mapping[str, str]) -> Callable[[str], str]:
    """Known names, all others as the names of attributes: capitals, digits and _."""
    return lambda name: known.get(name) or re.sub(r"[^A-Z0-9_]", "_", name.upper())


FORMS: Mapping[str, ExportFormat] = {
    "csv": ExportFormat(str),
    "brevo": ExportFormat(_named(_BREVO), delimiter=";", addressed=True),
    "mailchimp": ExportFormat(_named(_MAILCHIMP), addressed=True),
    "excel-fr": ExportFormat(str, delimiter=";", encoding="utf-8-sig", decimal=",", day="%d/%m/%Y"),
}
FORMATS = (*FORMS, "parquet")


def write_audience(rows: pa.Table, target: Path, format_: str) -> None:
    """Writes an audience in one of `FORMATS`; the target appears whole or not at all."""
    remove_orphans(target.parent)
    if format_ == "parquet":
        with draft_of(target) as draft:
            pq.write_table(rows, draft)
        return
    form = FORMS[format_]
    with draft_of(target) as draft, draft.open("w", encoding=form.encoding, newline="") as file:
        _write_csv(rows, file, form)


def _write_csv(rows: pa.Table, file: TextIO, form: ExportFormat) -> None:
    writer = csv.writer(file, delimiter=form.delimiter, lineterminator="\r\n")
    writer.writerow([neutral(form.header(name)) for name in rows.column_names])
    columns: Sequence[list[Any]] = [column.to_pylist() for column in rows.columns]
    writer.writerows([_cell(value, form) for value in row] for row in zip(*columns, strict=True))


def _cell(value: Any, form: ExportFormat) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.strftime(form.day)
    return str(value).replace(".", form.decimal) if isinstance(value, float) else neutral(str(value))
