"""Rows of a ready table that are one customer's, or copies of one another: counted, and kept together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from hashlib import blake2b

import polars as pl

from features.columns.expressions import slug
from features.spec.feature import DataNote, Scalar
from features.tables.learning_table import GROUP

_customer = re.compile(
    r"^((id|no|num|numero|code|ref)_)?"
    r"(customer|client|cliente|cust|user|member|subscriber|donor|visitor|patient|household|person|abonne|adherent|kunde)"
    r"(_?(unique_)?(id|no|nr|num|number|ref|key|code))?$"
)
_fewest = 20  # values from which a column may name customers
_most_rows, _most_share = 50, 0.01  # rows, and share of all, that one customer may have


def duplicates(cells: pl.DataFrame, columns: Collection[str]) -> int:
    """How many rows repeat another in every column; copies share their group."""
    flat = [name for name in columns if not cells[name].dtype.is_nested()]
    again = cells.filter(pl.col(GROUP).is_duplicated()).select(flat)
    return again.height - again.n_unique() if again.height else 0


def customer_column(cells: pl.DataFrame, names: Mapping[str, str]) -> str | None:
    """The column that seems to name customers who come back, although the use case names none; `names` by column."""
    return next((column for column, name in names.items() if _names_customers(cells[column], name)), None)


def grouped_by(cells: pl.DataFrame, column: str) -> pl.DataFrame:
    """The cells, rows of one value of a column one group."""
    values = cells[column].cast(pl.String)
    marks = {text: int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) for text in values.unique()}
    return cells.with_columns(values.replace_strict(marks, return_dtype=pl.UInt64).alias(GROUP))


def repeated_notes(kept: pl.DataFrame, copies: int, declared: str | None, seeming: str | None) -> Iterator[DataNote]:
    """What there is to say of rows that come again: copies, and customers by a declared or a seeming column."""
    if copies:
        detail = f"{copies:,} rows repeat another row; they are kept, copies on one side of the split"
        yield DataNote("repeated", detail, {"rows": copies})
    customers, name = kept[GROUP].n_unique(), declared or seeming
    if name is None or customers == kept.height:
        return
    detail = f"{kept.height:,} rows are of {customers:,} customers by column {name!r}: a customer's stay on one side "
    detail += "of the split, and intervals are by customer"
    figures: dict[str, Scalar] = {"rows": kept.height, "customers": customers, "column": name}
    if declared:
        yield DataNote("repeated_customers", detail, figures)
    else:
        yield DataNote("unnamed_customers", detail, figures)


def _names_customers(values: pl.Series, name: str) -> bool:
    if not _customer.search(slug(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))) or values.null_count():
        return False
    sizes = values.value_counts()["count"]
    most = max(_most_rows, _most_share * len(values))
    return _fewest <= sizes.len() < len(values) and int(sizes.max() or 0) <= most  # type: ignore[arg-type]
