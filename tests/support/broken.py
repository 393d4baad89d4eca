"""Inputs that are broken, each in one way, and what must be said of it. Every customer is called Zanzibar."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from tests.support.worlds import purchases, write_use_case

SECRET = "Zanzibar"  # noqa: S105 a planted value
CUTOFF = "2024-06-01"
LOG = purchases(80, 200).with_columns(customer_id=f"{SECRET}-" + pl.col("customer_id"))
TEXT = LOG.with_columns(pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%S")).write_csv()
ROWS = [line.split(",") for line in TEXT.splitlines()[1:]]
TABLE = pl.DataFrame({"x": [i * 1.5 % 37 for i in range(200)], "y": ["yes" if i % 3 else "no" for i in range(200)]})
PROFILES = pl.DataFrame({"customer_id": [f"{SECRET}-c{i // 2}" for i in range(80)], "size": ["s", "m"] * 40})


class Case(NamedTuple):
    """A folder's content (file name to bytes; None is a folder), the use case, and what must come of it."""

    files: dict[str, bytes | None]
    sections: dict[str, dict[str, Any]]
    code: int
    said: tuple[str, ...]

    def write(self, folder: Path) -> Path:
        """Writes it; gives the use case's path."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if content is None else path.write_bytes(content)
        return write_use_case(folder, self.sections) if self.sections else folder / "case.toml"


def parquet(table: pl.DataFrame) -> bytes:
    """A table as Parquet."""
    sink = io.BytesIO()
    table.write_parquet(sink)
    return sink.getvalue()


PARQUET = parquet(LOG)
DAMAGED = PARQUET[:300] + bytes(sign ^ 255 for sign in PARQUET[300:364]) + PARQUET[364:]


def with_cells(*cells: pl.Expr, **named: pl.Expr) -> pl.DataFrame:
    """The log with other cells."""
    return LOG.with_columns(*cells, **named)


def log(path: str, content: bytes | None, code: int, *said: str, files: Any = None, **sections: Any) -> Case:
    """A log in one file; `sections` add to the use case."""
    given = {} if path == "gone.parquet" else {path: content}
    base: dict[str, dict[str, Any]] = {
        "events": {
            "path": path,
            "customer_id": "customer_id",
            "timestamp": "ts",
            "amount": "amount",
            "type": "purchase",
        },
        "window": {"observation": "100d", "prediction": "30d", "train_cutoffs": 2},
        "label": {"event": "purchase", "outcome": "present"},
    }
    for name, keys in sections.items():
        base[name] = {**base.get(name, {}), **keys}
    return Case({**given, **(files or {})}, base, code, said)


def csv(rows: Callable[[int, list[str]], str], *said: str) -> Case:
    """A CSV log with each row written anew."""
    lines = "".join(rows(i, row) + "\n" for i, row in enumerate(ROWS))
    return log("e.csv", f"customer_id,ts,amount\n{lines}".encode(), 3, "e.csv", *said)


def ready(table: pl.DataFrame, code: int, *said: str, **keys: Any) -> Case:
    """A ready table."""
    return Case(
        {"t.parquet": parquet(table)},
        {"table": {"path": "t.parquet", "label": "y", "positive": "yes", **keys}},
        code,
        said,
    )


def ordered(moments: pl.Expr, said: str) -> Case:
    """A ready table ordered by a column `d`."""
    return ready(TABLE.with_columns(d=moments), 3, f"column 'd': {said}", order_by="d")


def toml(content: bytes | None, *said: str) -> Case:
    """A use-case file as it stands."""
    return Case({} if content is None else {"case.toml": content}, {}, 2, ("case.toml", *said))


def three_ways(i: int, text: str) -> str:
    """A date in one of three formats."""
    return datetime.fromisoformat(text).strftime(("%Y-%m-%d", "%d/%m/%Y", "%b %d %Y")[i % 3])


def quiet() -> pl.DataFrame:
    """A log in which nothing happens for months."""
    day = pl.col("ts").dt.ordinal_day()
    return LOG.filter((day < 100) | (day > 195))


BAD = "of the rows may be bad"
COPY = {"e.parquet": PARQUET}
PEOPLE = {"path": "p.parquet", "customer_id": "customer_id"}
LOGS: dict[str, Case] = {
    "truncated Parquet": log("e.parquet", PARQUET[: len(PARQUET) // 2], 3, "e.parquet: cannot be read"),
    "damaged Parquet page": log("e.parquet", DAMAGED, 3, "e.parquet: cannot be read to its end"),
    "a CSV called Parquet": log("e.parquet", TEXT.encode(), 3, "e.parquet: cannot be read"),
    "empty file": log("e.csv", b"", 3, "e.csv: is empty"),
    "blank lines only": log("e.csv", b"\n\n\n", 3, "e.csv: must name the columns in its first line"),
    "Latin-1 in the rows": log(
        "e.csv", TEXT.replace("bar", "bár").encode("latin-1"), 3, "e.csv", BAD, "invalid_encoding"
    ),
    "Latin-1 in the header": log("e.csv", TEXT.replace("mou", "mòu").encode("latin-1"), 3, "e.csv: must be UTF-8"),
    "UTF-16": log("e.csv", TEXT.encode("utf-16"), 3, "e.csv: must be UTF-8, got UTF-16"),
    "UTF-16 without mark": log("e.csv", TEXT.encode("utf-16-le"), 3, "e.csv: must be a Parquet, CSV or DuckDB file"),
    "a zip archive": log("e.csv", b"PK\x03\x04\x00\x00" + PARQUET, 3, "e.csv: must be a Parquet, CSV or DuckDB file"),
    "JSON": log("e.json", LOG.write_ndjson().encode(), 3, "e.json: must be a Parquet, CSV or DuckDB file"),
    "no header": log("e.csv", TEXT.split("\n", 1)[1].encode(), 3, "e.csv: column 'ts' must be in the file"),
    "a column named twice": log(
        "e.csv", TEXT.replace("amount", "ts", 1).encode(), 3, "e.csv: column 'ts' must be there once"
    ),
    "dates in three formats": csv(
        lambda i, r: f"{r[0]},{three_ways(i, r[1])},{r[2]}", "column 'ts': unreadable_timestamp"
    ),
    "amounts beside words": csv(lambda _, r: f"{r[0]},{r[1]},about {r[2]}", "unreadable_number in 'amount'"),
    "ragged rows": csv(lambda i, r: ",".join(r) + ",7,7" * (i % 4 == 0), BAD, "too_many"),
    "short rows": csv(lambda i, r: ",".join(r[: 1 if i % 4 == 0 else 3]), BAD, "too_few_fields"),
    "NUL bytes": csv(lambda i, r: ",".join(r).replace("-", "\0" if i % 4 == 0 else "-", 1), BAD, "nul_byte"),
    "a quote never closed": csv(lambda i, r: '"' * (i == 300) + ",".join(r), "a quote must be closed", "row 301"),
    "stray quotes": csv(lambda i, r: f'"{r[0]}"x,{r[1]},{r[2]}' if i % 9 == 0 else ",".join(r), BAD, "unquoted_value"),
    "truncated gzip": log("e.csv.gz", gzip.compress(TEXT.encode())[:300], 3, "e.csv.gz: cannot be read"),
    "damaged gzip": log("e.csv.gz", gzip.compress(TEXT.encode())[:40] + bytes(300), 3, "e.csv.gz: cannot be read"),
    "zero rows of Parquet": log(
        "e.parquet", parquet(LOG.head(0)), 3, "e.parquet: must hold at least one readable event"
    ),
    "zero rows of CSV": log("e.csv", b"customer_id,ts,amount\n", 3, "e.csv: must hold at least one readable event"),
    "missing file": log("gone.parquet", None, 3, "gone.parquet: is not there"),
    "missing column": log("e.parquet", parquet(LOG.drop("ts")), 3, "e.parquet: column 'ts' must be in the file"),
    "a folder without files": log("e", None, 3, "e: is a folder without a data file"),
    "a folder called a CSV": log("e.csv", None, 3, "e.csv: is a folder without a data file"),
    "a folder of both kinds": log(
        "e", None, 3, "Parquet files only or CSV", files={"e/a.csv": TEXT.encode(), "e/b.parquet": PARQUET}
    ),
    "one damaged file of a folder": log(
        "e", None, 3, "b.parquet: cannot be read", files={"e/a.parquet": PARQUET, "e/b.parquet": PARQUET[:99]}
    ),
    "amounts as text in one file of a folder": log(
        "e",
        None,
        3,
        BAD,
        "unreadable_number in 'amount'",
        "b.parquet",
        files={"e/a.parquet": PARQUET, "e/b.parquet": parquet(with_cells(amount=pl.lit(SECRET)))},
    ),
    "all ids blank": log(
        "e.parquet", parquet(with_cells(customer_id=pl.lit(" "))), 3, "column 'customer_id': missing_customer_id"
    ),
    "time as a number": log("e.parquet", parquet(with_cells(ts=pl.lit(17))), 3, "column 'ts' must hold a date"),
    "amounts as lists": log(
        "e.parquet", parquet(with_cells(pl.concat_list("amount"))), 3, "column 'amount' must hold numbers"
    ),
    "cutoff outside the log": log(
        "e.parquet", PARQUET, 3, "column 'ts': the test cutoff must lie inside", window={"test_cutoff": "2031-01-01"}
    ),
    "a log of 19 days": log(
        "e.parquet", parquet(LOG.filter(pl.col("ts").dt.ordinal_day() < 20)), 3, "column 'ts': the log must span"
    ),
    "label event never met": log(
        "e.parquet",
        parquet(with_cells(kind=pl.lit("visit"))),
        3,
        "column 'kind': label event 'purchase'",
        events={"type": {"column": "kind"}},
    ),
    "duplicate profiles": log(
        "p.parquet",
        parquet(PROFILES),
        3,
        "p.parquet",
        "column 'customer_id': repeated_customer_id",
        files=COPY,
        events={"path": "e.parquet"},
        profiles=PEOPLE,
    ),
    "profiles without the column": log(
        "p.parquet",
        parquet(PROFILES),
        3,
        "p.parquet: column 'id' must",
        files=COPY,
        events={"path": "e.parquet"},
        profiles={**PEOPLE, "customer_id": "id"},
    ),
    "links without columns": log(
        "l.csv",
        b"a,b\n1,2\n",
        3,
        "l.csv: column 'same_as' must",
        files=COPY,
        events={"path": "e.parquet", "links": "l.csv"},
    ),
    "a negative window": log(
        "e.parquet", PARQUET, 2, "case.toml: window.prediction: must be", window={"prediction": "-3d"}
    ),
    "a window of nothing": log("e.parquet", PARQUET, 2, "case.toml: window.prediction:", window={"prediction": "0d"}),
    "a key that is none": log(
        "e.parquet", PARQUET, 2, "case.toml: window.predicton: unknown key", window={"predicton": "3d"}
    ),
    "no TOML": toml(b"this is { no toml", "is not TOML"),
    "TOML in UTF-16": toml('name = "x"'.encode("utf-16"), "is not TOML"),
    "an empty use case": toml(b"", "exactly one of [events] and [table]"),
    "no use case": toml(None, "cannot be read"),
}
LEARNING: dict[str, Case] = {
    "no eligible customer": log(
        "e.parquet",
        parquet(quiet()),
        3,
        "e.parquet: the test part must have eligible customers",
        eligible={"active_within": "2d"},
    ),
    "one class only": ready(TABLE.with_columns(y=pl.lit("yes")), 3, "t.parquet", "label 0 (column 'y')"),
    "positive value never met": ready(TABLE, 3, "t.parquet", "must be table.positive ('Oui')", "'yes'", positive="Oui"),
    "label all null": ready(
        TABLE.with_columns(y=pl.lit(None, pl.String)), 3, "t.parquet: column 'y': the label must be filled"
    ),
    "label is a list": ready(TABLE.with_columns(pl.concat_list("y")), 3, "t.parquet: column 'y' must hold one value"),
    "zero rows": ready(TABLE.head(0), 3, "t.parquet: must hold at least one row"),
    "excluded column not in the table": ready(TABLE, 2, "case.toml: table.exclude", "'z' is none", exclude=["z"]),
    "order_by unreadable": ready(
        TABLE.with_columns(d=pl.format("{}/05/2024", pl.int_range(pl.len()) % 28 + 1)),
        3,
        "column 'd': unreadable_order",
        "table.order_by_format",
        order_by="d",
    ),
    "order_by of one moment": ready(
        TABLE.with_columns(d=pl.lit("2024-01-01")), 3, "column 'd': must hold at least two", order_by="d"
    ),
}
