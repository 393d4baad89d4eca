"""Texts encoded as numbers, which the engine sorts, groups and stores at half the cost.

What a text means is worked out once for each distinct cell of a column, not for each of millions of rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
import polars as pl

from features.sources.engine import frame, store

CELL, TEXT = "__cell", "__text"
_NUMBER = "__number"


@dataclass(frozen=True, slots=True)
class TextDictionary:
    """Texts and their numbers, from 0 in the order of the texts' bytes.

    `texts` has each `__text` once, with its `__number`; `cells` each distinct `__cell` of a column, with the number of
    the text that it means, null where it means none.
    """

    texts: ir.Table
    cells: ir.Table

    def encode(self, table: ir.Table, column: str, to: str) -> ir.Table:
        """The table with a column `to`: the numbers of a column's cells, null where a cell means no text."""
        return _joined(table, column, self.cells.select(__by=self.cells[CELL], __to=self.cells[_NUMBER]), to)

    def decode(self, table: ir.Table, column: str) -> ir.Table:
        """The table with texts in place of a column's numbers."""
        return _joined(table, column, self.texts.select(__by=self.texts[_NUMBER], __to=self.texts[TEXT]), column)

    def encode_texts(self, table: ir.Table, column: str) -> ir.Table:
        """The table with numbers in place of a column's texts, without the rows of texts that have none."""
        known = self.texts.select(__by=self.texts[TEXT], __to=self.texts[_NUMBER])
        joined = table.inner_join(known, table[column] == known["__by"])
        return joined.select(**{name: joined["__to" if name == column else name] for name in table.columns})

    def without(self, texts: Collection[str]) -> TextDictionary:
        """The same, but that no cell means any of some texts; their numbers stay theirs."""
        number = ibis.ifelse(self.cells[TEXT].isin(sorted(texts)), None, self.cells[_NUMBER])
        return TextDictionary(self.texts, self.cells.mutate(**{_NUMBER: number}))

    def between(self, low: ir.Value, high: ir.Value) -> TextDictionary:
        """The same for tables with no other numbers than those from `low` to below `high`."""
        number = self.texts[_NUMBER]
        return TextDictionary(self.texts.filter((number >= low) & (number < high)), self.cells)

    def known(self) -> list[str]:
        """Every text."""
        return [str(text) for text in frame(self.texts)[TEXT]]

    def numbers(self, texts: Collection[str]) -> ir.Table:
        """The numbers of some texts, in `__number`."""
        wanted = pl.DataFrame({TEXT: sorted(texts)}, schema={TEXT: pl.String})
        found = frame(self.texts).join(wanted, on=TEXT)[_NUMBER].cast(pl.Int32)
        return ibis.memtable(found.to_frame().to_arrow())

    def count(self) -> int:
        """How many texts there are."""
        return int(self.texts.count().execute())

    def codes(self) -> dict[str, int]:
        """The number of each text."""
        return dict(frame(self.texts).select(TEXT, _NUMBER).iter_rows())


def distinct_cells(column: ir.Column) -> ir.Table:
    """The distinct cells of a column, in `__cell`."""
    return column.name(CELL).as_table().distinct()


def build_dictionary(backend: Any, name: str, meant: ir.Table, kind: Literal["int16", "int32"]) -> TextDictionary:
    """The dictionary of a column, stored by the engine; `meant` has in `__text` what each `__cell` means, or null.

    What means nothing is not filtered out: the engine would do so before it makes the cells distinct, in every row.
    """
    text = meant[TEXT]
    number = ibis.dense_rank().over(order_by=ibis.asc(text, nulls_first=False))
    numbered = meant.select(CELL, TEXT, **{_NUMBER: ibis.ifelse(text.isnull(), None, number).cast(kind)})
    cells = store(backend, f"{name}_cells", numbered)
    texts = store(backend, f"{name}_texts", cells.filter(cells[TEXT].notnull()).select(TEXT, _NUMBER).distinct())
    return TextDictionary(texts, cells)


def _joined(table: ir.Table, column: str, known: ir.Table, to: str) -> ir.Table:
    joined = table.left_join(known, table[column] == known["__by"])
    columns = {name: joined[name] for name in table.columns if name != to}
    found = {**columns, to: joined["__to"]}
    return joined.select(**{name: found[name] for name in dict.fromkeys([*table.columns, to])})
