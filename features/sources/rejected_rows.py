"""Rows that broke a rule: counted, set aside with where they stood, and too many of them rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import ibis.expr.types as ir
import polars as pl

from features.errors import DataError
from features.sources.engine import frame
from features.sources.source import FILE, ROW, Source
from features.spec.data_report import BadRowCounts

BROKEN = "__broken"  # the rule a row broke, null for a good one
GUEST = "guest_customer_id"  # its id is a word for nothing: nobody in particular, and no fault of the data
_format_hints = {
    f"unreadable_{rule}": f" (must be in ISO form, such as 2026-04-26 17:30, or as {key} says: "
    "a form, a list of forms, epoch_s or excel_days)"
    for rule, key in (
        ("timestamp", "events.timestamp_format"),
        ("order", "table.order_by_format"),
        ("valid_from", "profiles.valid_from_format"),
    )
}


@dataclass(frozen=True, slots=True)
class BadRows:
    """Rows of a source that broke a rule: how many each, and the rows themselves with file, row number and rule."""

    read: int
    rules: Mapping[str, int]
    rows: pl.DataFrame  # __file, __row, rule, then the cells as they were, under the file's own names

    @property
    def total(self) -> int:
        """How many rows were set aside."""
        return sum(self.rules.values())

    def locations(self) -> BadRows:
        """The same without the cells: where each row stands, and the rule."""
        return self if self.rows.is_empty() else replace(self, rows=self.rows.select(FILE, ROW, "rule"))

    def to_json(self) -> BadRowCounts:
        """As the data report gives it."""
        share = self.total / self.read if self.read else 0.0
        return {"read": self.read, "total": self.total, "share": share, "rules": dict(self.rules)}


def together(each: Sequence[BadRows]) -> BadRows:
    """The counts of several sources as those of one; the rows stay with each."""
    rules = sorted({rule for bad in each for rule in bad.rules})
    counts = {rule: sum(bad.rules.get(rule, 0) for bad in each) for rule in rules}
    return BadRows(sum(bad.read for bad in each), counts, pl.DataFrame())


def bad_rows(source: Source, typed: ir.Table, counts: pl.DataFrame) -> BadRows:
    """The rows of a typed table with a broken rule, fetched; `counts` has how many (`n`) broke which."""
    counted = counts.group_by(BROKEN).agg(pl.col("n").sum())
    rules = {rule: n for rule, n in counted.iter_rows() if rule is not None}
    for _, _, rule in source.ragged:
        rules[rule] = rules.get(rule, 0) + 1
    read = int(counted["n"].sum()) + len(source.ragged)
    return BadRows(read, dict(sorted(rules.items())), _as_they_were(source, typed) if rules else pl.DataFrame())


def _as_they_were(source: Source, typed: ir.Table) -> pl.DataFrame:
    """The bad rows' cells as text, with where they stood and the rule they broke."""
    broken = typed.filter(typed[BROKEN].notnull()).select(FILE, ROW, rule=BROKEN)
    cells = source.table.mutate(**{f"c{i}": source.table[f"c{i}"].cast("string") for i in range(len(source.columns))})
    found = frame(broken.inner_join(cells, [FILE, ROW]).order_by([FILE, ROW]))
    taken = (FILE, ROW, "rule")
    found = found.rename({f"c{i}": f"{name}_" if name in taken else name for i, name in enumerate(source.columns)})
    ragged = pl.DataFrame(source.ragged, schema={FILE: pl.String, ROW: pl.Int64, "rule": pl.String}, orient="row")
    return pl.concat([found.cast({ROW: pl.Int64}), ragged], how="diagonal")


def bad_rows_of(source: Source, cells: pl.DataFrame) -> BadRows:
    """The same of a frame of `c0`.. with the rule each row broke, if any, in `__broken`."""
    taken = (FILE, ROW, "rule")
    names = {f"c{i}": f"{name}_" if name in taken else name for i, name in enumerate(source.columns)}
    broken = cells.filter(pl.col(BROKEN).is_not_null()).select(
        FILE, pl.col(ROW).cast(pl.Int64), pl.col(BROKEN).alias("rule"), *names
    )
    ragged = pl.DataFrame(source.ragged, schema={FILE: pl.String, ROW: pl.Int64, "rule": pl.String}, orient="row")
    rows = pl.concat([broken.rename(names), ragged], how="diagonal")
    counts = dict(sorted(rows["rule"].value_counts().iter_rows()))
    return BadRows(len(cells) + len(ragged), counts, rows)


def reject_too_many(source: Source, bad: BadRows, tolerated: float, columns: Mapping[str, str | None]) -> None:
    """Stops where the share of bad rows exceeds what is tolerated; `columns` names the column a rule is about.

    Rows of guests are left out and counted, and tolerated however many they are.

    Raises:
        DataError: with the count of each rule and the first rows that broke it.
    """
    faulty = bad.total - bad.rules.get(GUEST, 0)
    if faulty <= tolerated * bad.read:
        return
    lines = [
        f"{_column_prefix(columns.get(rule))}{rule}: {count} rows, "
        f"first at {_first_rows(bad.rows.filter(pl.col('rule') == rule))}{_format_hints.get(rule, '')}"
        for rule, count in bad.rules.items()
        if rule != GUEST
    ]
    arrived = f"{faulty} of {bad.read} ({faulty / bad.read:.1%})"
    share = f"at most {tolerated:.1%} of the rows may be bad (quality.bad_rows), got {arrived}"
    raise DataError(source.path, [share, *lines])


def _column_prefix(column: str | None) -> str:
    return "" if column is None else f"column {column!r}: "


def _first_rows(rows: pl.DataFrame) -> str:
    first = rows.head(3).select(FILE, ROW).iter_rows()
    return ", ".join(f"row {row} of {file}" for file, row in first)
