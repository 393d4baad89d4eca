"""The one reader of CSV, as SQL that DuckDB runs in training and in scoring: every cell as text, every row judged.

A row that breaks a rule stands out by it: DuckDB sets those aside that it cannot part into cells, in a table of
rejects; of the others `RULE` says what is wrong.
"""

# ruff: noqa: S608  every name and text in the SQL is ours or quoted
from __future__ import annotations

from pathlib import Path

from features.spec.csv_dialect import Dialect

RULE = "__rule"  # the rule a row broke, null for a good one
ROW_RULES = {
    "too_many_fields": "must not hold more cells than the header",
    "too_many_columns": "must not hold more cells than the header",
    "too_few_fields": "must hold as many cells as the header, got fewer",
    "nul_byte": "must hold no NUL byte",
    "invalid_encoding": "must be UTF-8",
    "unquoted_value": "must have nothing beside a cell in quotes",
    "line_size_over_maximum": "must be shorter than 10 MB",
}
_longest = 10_000_000  # bytes of a row
_unlikely = "\x01"  # stands for no cell: so that an empty cell is empty and one that is not there is null


def rows_sql(file: Path, written: Dialect, *, rejects: str, nul: bool, whole: bool = True, zipped: bool = False) -> str:
    """A query for a file's rows in their order: `c0`.. as text, null where empty, and `RULE`.

    What DuckDB cannot part goes to the table `rejects`, to be read by `rejects_sql` once all rows are fetched.

    Args:
        file: What is read.
        written: How it is written.
        rejects: A name for the table, new to the connection.
        nul: Whether there is a NUL byte in it.
        whole: Whether what stands above the rows is still there.
        zipped: Whether it is gzipped.
    """
    width = len(written.columns)
    types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    above = f"header=true, skip={written.skipped}" if whole else "header=false, skip=0"
    cells = ", ".join(f"nullif(c{index}, '') AS c{index}" for index in range(width))
    return (
        f"SELECT {cells}, {_rule(written, nul=nul)} AS {RULE} "
        f"FROM read_csv({_literal(str(file))}, auto_detect=false, {above}, "
        f"delim={_literal(written.delimiter)}, quote='\"', escape='\"', columns={{{types}, 'extra': 'VARCHAR'}}, "
        f"compression='{'gzip' if zipped else 'none'}', nullstr={_literal(_unlikely)}, null_padding=true, "
        f"strict_mode=true, parallel=false, store_rejects=true, rejects_table='{rejects}', "
        f"rejects_scan='{rejects}_scans', max_line_size={_longest})"
    )


def rejects_sql(rejects: str) -> str:
    """A query for the rows set aside: the number of each from 1, as Python's `csv` counts them, and its rule."""
    rule = "replace(lower(error_type::VARCHAR), ' ', '_')"
    return f"SELECT line, min({rule}) FROM {rejects} GROUP BY line ORDER BY line"


def _rule(written: Dialect, *, nul: bool) -> str:
    """The SQL of the rule that a row broke."""
    last = f"c{len(written.columns) - 1}"
    short = "" if written.padded else f"WHEN {last} IS NULL THEN 'too_few_fields' "
    cells = " OR ".join(f"contains(c{index}, chr(0))" for index in range(len(written.columns)))
    broken = f"WHEN {cells} THEN 'nul_byte' " if nul else ""
    return f"CASE WHEN extra <> '' THEN 'too_many_fields' {short}{broken}END"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
