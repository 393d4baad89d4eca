"""The data report for people: as text, and as one self-contained HTML page."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Any

from features.spec.data_report import ColumnReport, DataReport, EnrichmentReport, LogReport

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1a1a1a}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{border-bottom:1px solid #ddd;padding:.3rem .5rem;"
    "text-align:left;vertical-align:top}th{background:#f5f5f5}td.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".dropped{color:#a33}"
)


def as_text(report: DataReport) -> str:
    """The report in lines: what was read, the notes, a line for each column."""
    lines = [f"{name}: {value}" for name, value in _facts(report)]
    lines += [f"note: {note['detail']}" for note in report["notes"]]
    lines += [f"sensitive: {finding['detail']}" for finding in report.get("sensitive", [])]
    for title, columns in _tables(report):
        lines += ["", title]
        lines += [f"  {column['name']}: {_summary(column)}" for column in columns]
    return "\n".join(lines)


def as_page(name: str, report: DataReport) -> str:
    """The report as a page without any outside asset."""
    facts = "".join(f"<tr><th>{_safe(key)}</th><td>{_safe(value)}</td></tr>" for key, value in _facts(report))
    said = [*report["notes"], *report.get("sensitive", [])]
    notes = "".join(f"<li>{_safe(note['detail'])}</li>" for note in said)
    tables = "".join(f"<h2>{_safe(title)}</h2>{_columns(columns)}" for title, columns in _tables(report))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data report: {_safe(name)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>Data report: {_safe(name)}</h1>"
        f"<table>{facts}</table><ul>{notes}</ul>{tables}</body></html>\n"
    )


def _facts(report: DataReport) -> Iterator[tuple[str, str]]:
    yield "source", report["source"]
    yield "rows", f"{report['rows']:,} read, {report['rows_used']:,} used"
    bad = report["bad_rows"]
    yield "bad rows", f"{bad['total']:,} of {bad['read']:,} ({bad['share']:.2%})"
    for rule, n in bad["rules"].items():
        yield f"bad rows, {rule}", f"{n:,}"
    counts = {
        "duplicates removed": report.get("duplicates_removed"),
        "duplicate rows": report.get("duplicate_rows"),
        "null labels dropped": report.get("null_labels_dropped"),
        "first event": report.get("first_event"),
        "last event": report.get("last_event"),
    }
    yield from ((name, str(value)) for name, value in counts.items() if value is not None)
    for log in report.get("logs", []):
        yield f"log {log['name']}", _log_line(log)
    for table in report.get("enrichments", []):
        yield f"outside table {table['name']}", _enrichment_line(table)
    for each in report.get("eligible", []):
        yield f"eligible on {each['cutoff'][:10]}", f"{each['customers']:,}, base rate {each['base_rate']:.1%}"
    if "base_rate" in report:
        yield "base rate", f"{report['base_rate']:.1%}"


def _log_line(log: LogReport) -> str:
    reach = f"{log['first_event'][:10]} to {log['last_event'][:10]}"
    customers = f"{log['customers']:,} customers, {log['shared_customers']:,} of them in another log too"
    bad = log["bad_rows"]
    return f"{log['file']}: {log['rows']:,} rows, {bad['total']:,} bad, {reach}, {customers}"


def _enrichment_line(table: EnrichmentReport) -> str:
    rate = "no profile has a key" if table["match_rate"] is None else f"{table['match_rate']:.1%} of keys found"
    against = [
        f"{one['column']} contradicts {one['known']} in {one['differ']:,} of {one['compared']:,} rows"
        for one in table["contradictions"]
    ]
    age = (
        "of no stated date"
        if table["as_of"] is None
        else f"of {table['as_of']}, {table['age_days']:,} days old at the test"
    )
    return "; ".join([f"{table['file']}: {table['rows']:,} rows", rate, *against, age])


def _tables(report: DataReport) -> Iterator[tuple[str, Sequence[ColumnReport]]]:
    yield "Columns", report["columns"]
    if profiles := report.get("profiles"):
        yield "Profiles", profiles["columns"]


def _summary(column: ColumnReport) -> str:
    if column["dropped"]:
        return f"dropped: {column['dropped']}"
    if column["role"] != "feature":
        return str(column["role"]).replace("_", " ")
    parts = [str(column["type"]), f"{column['missing']:.1%} missing", f"{column['distinct']} distinct"]
    if column["range"]:
        parts.append(f"{_short(column['range'][0])} to {_short(column['range'][1])}")
    if column["outliers"]:
        parts.append(f"{column['outliers']:,} outliers")
    return ", ".join([*parts, *column["done"]])


def _columns(columns: Sequence[ColumnReport]) -> str:
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in _HEAD) + "</tr>"
    return f"<table>{head}{''.join(map(_row, columns))}</table>"


_HEAD = ("column", "role", "type", "missing", "distinct", "range", "outliers", "what was done")


def _row(column: ColumnReport) -> str:
    span = " to ".join(_short(value) for value in column["range"]) if column["range"] else ""
    done = "; ".join([*column["done"], *([f"dropped: {column['dropped']}"] if column["dropped"] else [])])
    cells = (
        column["name"],
        column["role"],
        column["type"] or "",
        f"{column['missing']:.1%}",
        column["distinct"],
        span,
        column["outliers"] or "",
        done,
    )
    style = ' class="dropped"' if column["dropped"] else ""
    return f"<tr{style}>" + "".join(f"<td>{_safe(cell)}</td>" for cell in cells) + "</tr>"


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _safe(value: Any) -> str:
    return html.escape("" if value is None else str(value))
