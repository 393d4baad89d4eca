"""Customers who are the same person under two ids: merged only where someone has accepted the link."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

from features.columns.expressions import as_id
from features.errors import DataError
from features.sources.engine import frame
from features.sources.source import missing_column, open_source, reading
from features.spec.booleans import YES
from features.spec.feature import CUSTOMER_ID, normalise
from features.spec.suppression_list import Objectors

SAME_AS, ACCEPTED = "same_as", "accepted"


def accepted_links(backend: Any, *paths: Path | None) -> dict[str, str]:
    """Each id that is merged away, and the id it becomes: of all that are linked the least as text.

    A file of links has the columns `customer_id` and `same_as`; where it has `accepted`, only rows that say yes count.

    Raises:
        DataError: a file cannot be read or lacks a column.
    """
    files = dict.fromkeys(path for path in paths if path is not None)
    return _merged_into([pair for path in files for pair in _accepted_pairs(backend, path)])


def _accepted_pairs(backend: Any, path: Path) -> list[tuple[str, str]]:
    source = open_source(backend, path)
    lacking = [missing_column(name, source.columns) for name in (CUSTOMER_ID, SAME_AS) if name not in source.columns]
    if lacking:
        raise DataError(path, lacking)
    cells: dict[str, ir.Value] = {name: as_id(source.column(name)) for name in (CUSTOMER_ID, SAME_AS)}
    if ACCEPTED in source.columns:
        cells[ACCEPTED] = source.column(ACCEPTED).cast("string")
    with reading(path):
        rows = frame(source.table.select(**cells)).drop_nulls()
    if ACCEPTED in cells:
        rows = rows.filter(pl.Series([normalise(cell) in YES | {"x"} for cell in rows[ACCEPTED]], dtype=pl.Boolean))
    return list(rows.select(CUSTOMER_ID, SAME_AS).iter_rows())


def barred_among(customers: Collection[str], objectors: Objectors | None, links: Mapping[str, str]) -> frozenset[str]:
    """Those of some customers who must not be learned from: they objected, or were erased, or are linked so."""
    if objectors is None:
        return frozenset()
    listed = objectors.among({*customers, *links, *links.values()})
    persons = {links.get(one, one) for one in listed}
    return frozenset(one for one in customers if links.get(one, one) in persons)


def merged(backend: Any, table: ir.Table, column: str, links: Mapping[str, str]) -> ir.Table:
    """The table with each merged customer's id replaced in a column of ids."""
    if not links:
        return table
    rows = pl.DataFrame({"__alias": list(links), "__into": list(links.values())}).to_arrow()
    known = backend.create_table("penchant_links", rows, temp=True, overwrite=True)
    joined = table.left_join(known, table[column] == known["__alias"])
    return joined.mutate(**{column: ibis.coalesce(joined["__into"], joined[column])}).drop("__alias", "__into")


def _merged_into(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The least id of each set of linked ones, for every other of the set.

    >>> sorted(_merged_into([("b", "c"), ("c", "a"), ("x", "x")]).items())
    [('b', 'a'), ('c', 'a')]
    """
    parent: dict[str, str] = {}

    def root(one: str) -> str:
        while parent.setdefault(one, one) != one:
            one = parent[one]
        return one

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return {one: root(one) for one in parent if root(one) != one}
