"""Traits that are derived from columns of profiles by the rules that serving has too."""

from __future__ import annotations

from typing import Any

import polars as pl

from features.columns.categories import as_category
from features.columns.expressions import as_text
from features.columns.type_inference import InferredColumn
from features.config.use_case import Derive, LogUseCase
from features.errors import DataError, UseCaseError
from features.point_in_time.outside_tables import WidenedProfiles
from features.sources.engine import frame
from features.sources.source import FILE, ROW, missing_column, open_source, reading
from features.spec.derive.derivation import KM, Derivation, derive
from features.spec.derive.nearest_shop import Shop
from features.spec.feature import Feature

_columns = ("name", "latitude", "longitude")


def derivations(backend: Any, section: Derive) -> dict[str, Derivation]:
    """What a section derives, by the names of the traits.

    Raises:
        DataError: the list of shops cannot be read.
    """
    if section.rule != "nearest_shop" or section.shops is None:
        return {section.name: {"rule": section.rule, "of": list(section.of)}}
    shops = _shops(backend, section)
    nearest: Derivation = {"rule": "nearest_shop", "of": list(section.of), "shops": shops}
    return {section.name: nearest, f"{section.name}_km": {**nearest, "rule": KM}}


def with_derived(use_case: LogUseCase, made: dict[str, Derivation], rows: WidenedProfiles) -> WidenedProfiles:
    """The rows with derived columns: each different combination of cells is looked at once.

    Raises:
        UseCaseError: a column is called as one that is there, or what it is derived from is not there.
    """
    broken = [
        f"profiles.derive.{name}: {missing_column(column, rows.columns)} of profiles"
        for name, one in made.items()
        for column in one["of"]
        if column not in rows.columns
    ]
    known = {name.casefold() for name in rows.columns}
    broken += [
        f"profiles.derive.{name}: must be another name than that of a column of the profiles"
        for name in made
        if name.casefold() in known
    ]
    if broken:
        raise UseCaseError(use_case.file, broken)
    return rows.with_columns([_derived(name, one, rows) for name, one in made.items()])


def read_derived(raw: pl.Series, known: pl.Series) -> InferredColumn:
    """A derived column as a trait: a number, or a category of the levels that were known in time."""
    if raw.dtype == pl.Float64:
        return InferredColumn(raw, Feature(raw.name, "number", unit="km", lower=0.0), ("derived",))
    filled = known.drop_nulls()
    counts = filled.alias("text").value_counts(name="n").sort("text")
    levels = as_category(filled, counts).levels
    if filled.n_unique() < 2:
        return InferredColumn(raw, None, ("derived",), "it has the same value in all rows, or none")
    feature = Feature(raw.name, "category", levels=levels)
    return InferredColumn(raw, feature, ("derived",), distinct=raw.drop_nulls().n_unique())


def _derived(name: str, one: Derivation, rows: WidenedProfiles) -> pl.Series:
    cells = pl.DataFrame([rows.series(column) for column in one["of"]])
    kind = pl.Float64() if one["rule"] == KM else pl.String()
    once = cells.unique(maintain_order=True)
    values = pl.Series(name, [derive(one, row) for row in once.iter_rows(named=True)], dtype=kind)
    return cells.join(once.with_columns(values), on=cells.columns, how="left", nulls_equal=True, maintain_order="left")[
        name
    ]


def _shops(backend: Any, section: Derive) -> list[Shop]:
    path = section.shops
    if path is None:
        return []
    source = open_source(backend, path)
    lacking = [missing_column(name, source.columns) for name in _columns if name not in source.columns]
    if lacking:
        raise DataError(path, lacking)
    with reading(path):
        cells = {name: as_text(source.column(name)) for name in _columns}
        rows = frame(source.table.select(FILE, ROW, **cells)).sort(FILE, ROW)
    shops = [_shop(*row) for row in rows.select(_columns).iter_rows()]
    found = [shop for shop in shops if shop is not None]
    if len(found) < len(shops) or not found:
        rule = "must be shops, each with a name, a latitude within 90 and a longitude within 180 degrees"
        raise DataError(path, [f"{rule}; {len(shops) - len(found)} of {len(shops)} rows are not"])
    return found


def _shop(name: str | None, latitude: str | None, longitude: str | None) -> Shop | None:
    try:
        place = float(str(latitude).replace(",", ".")), float(str(longitude).replace(",", "."))
    except ValueError:
        return None
    if not name or abs(place[0]) > 90 or abs(place[1]) > 180:
        return None
    return {"name": name.strip(), "latitude": place[0], "longitude": place[1]}
