"""A log is the same log, however it is kept; what is wrong with a file is said."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from features.build.log_table import learning_table, scoring_table
from features.config.use_case import UseCase, load_use_case
from features.errors import DataError
from tests.support.worlds import log_case, purchases, utc, write_use_case

CUTOFF = utc(200)
ODD = {"customer_id": 'le "client"', "ts": "date d'achat ✓", "amount": "select"}


def case(folder: Path, path: str, **keys: object) -> UseCase:
    """A use case on a log in this file."""
    section = {
        "path": path,
        "customer_id": "customer_id",
        "timestamp": "ts",
        "amount": "amount",
        "type": "purchase",
        **keys,
    }
    sections = {
        "events": section,
        "window": {"observation": "100d", "prediction": "30d", "train_cutoffs": 2},
        "label": {"event": "purchase", "outcome": "present"},
    }
    return load_use_case(write_use_case(folder, sections))


def as_csv(folder: Path, log: pl.DataFrame) -> str:
    """A plain CSV."""
    log.write_csv(folder / "log.csv")
    return "log.csv"


def as_excel_csv(folder: Path, log: pl.DataFrame) -> str:
    """A CSV with BOM, semicolons, decimal commas and carriage returns."""
    text = log.with_columns(pl.col("amount").cast(pl.String).str.replace(".", ",", literal=True)).write_csv(
        separator=";"
    )
    (folder / "log.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    return "log.csv"


def as_gzip(folder: Path, log: pl.DataFrame) -> str:
    """Tab-separated, compressed."""
    (folder / "log.csv.gz").write_bytes(gzip.compress(log.write_csv(separator="\t").encode()))
    return "log.csv.gz"


def as_folder(folder: Path, log: pl.DataFrame) -> str:
    """Two Parquet files, columns in different order, beside files that are no data."""
    parts = folder / "parts"
    (parts / "_hidden").mkdir(parents=True)
    (parts / "README.md").write_text("not data")
    log.head(100).write_parquet(parts / "b.parquet")
    log.slice(100).select(*reversed(log.columns)).write_parquet(parts / "a.parquet")
    return "parts"


def as_csv_folder(folder: Path, log: pl.DataFrame) -> str:
    """Two CSV files of different dialects."""
    (folder / "parts").mkdir()
    log.head(100).write_csv(folder / "parts/a.csv")
    log.slice(100).write_csv(folder / "parts/b.csv", separator=";")
    return "parts"


def as_duckdb(folder: Path, log: pl.DataFrame) -> str:
    """A table of a DuckDB file."""
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.register("given", log.to_arrow())
        connection.execute("CREATE TABLE sales AS SELECT * FROM given")
    return "shop.duckdb"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The features of the purchases as Parquet has them."""
    return scoring_table(log_case(tmp_path_factory.mktemp("plain"), purchases()), CUTOFF)


@pytest.mark.parametrize(
    "keep", [as_csv, as_excel_csv, as_gzip, as_folder, as_csv_folder, as_duckdb], ids=lambda keep: keep.__name__
)
def test_a_log_is_the_same_however_it_is_kept(
    plain: pl.DataFrame, tmp_path: Path, keep: Callable[[Path, pl.DataFrame], str]
) -> None:
    """Parquet, CSV of three dialects, gzip, folders and a DuckDB file give the same features."""
    log = purchases()

    table = scoring_table(case(tmp_path, keep(tmp_path, log)), CUTOFF)

    assert table.equals(plain)


@pytest.mark.parametrize(
    ("written", "moments"),
    [
        ("%d/%m/%Y %H:%M:%S", pl.col("ts").dt.strftime("%d/%m/%Y %H:%M:%S")),
        ("%m-%d-%y %I:%M:%S %p", pl.col("ts").dt.strftime("%m-%d-%y %I:%M:%S %p")),
        ("epoch_s", pl.col("ts").dt.epoch("s")),
        ("epoch_ms", pl.col("ts").dt.epoch("ms").cast(pl.Float64)),
        ("epoch_us", pl.col("ts").dt.epoch("us").cast(pl.String)),
    ],
    ids=["day first", "month first", "seconds", "milliseconds as doubles", "microseconds as text"],
)
def test_a_log_is_the_same_however_its_moments_are_written(
    plain: pl.DataFrame, tmp_path: Path, written: str, moments: pl.Expr
) -> None:
    """Moments that are not ISO are read in the form the use case says."""
    log = purchases()
    log.with_columns(ts=moments).write_parquet(tmp_path / "written.parquet")

    table = scoring_table(case(tmp_path, "written.parquet", timestamp_format=written), CUTOFF)

    assert table.equals(plain)


@pytest.mark.parametrize("zone", ["+0100", " +0100", "+01:00", " +01:00"])
def test_a_zone_may_be_written_as_shops_export_it(plain: pl.DataFrame, tmp_path: Path, zone: str) -> None:
    """With or without a colon, with or without a blank before it."""
    log = purchases()
    there = (pl.col("ts") + pl.duration(hours=1)).dt.strftime(f"%Y-%m-%d %H:%M:%S{zone}")
    log.with_columns(ts=there).write_parquet(tmp_path / "zoned.parquet")

    assert scoring_table(case(tmp_path, "zoned.parquet"), CUTOFF).equals(plain)


@pytest.mark.parametrize("moment", ["31/12/2023 10:00", 1_700_000_000], ids=["day first", "seconds"])
def test_moments_that_are_not_iso_are_refused_with_the_key_to_set(tmp_path: Path, moment: object) -> None:
    """Days and months are never guessed: the message names `timestamp_format`."""
    pl.DataFrame({"customer_id": ["c"], "ts": [moment], "amount": [1.0]}).write_parquet(tmp_path / "a.parquet")

    with pytest.raises(DataError, match=r"column 'ts'.*timestamp_format"):
        scoring_table(case(tmp_path, "a.parquet"), CUTOFF)


def test_moments_in_another_form_than_the_one_said_are_bad_rows(tmp_path: Path) -> None:
    """A date that the form does not fit is no event, but one that begins with its year can mean but one day."""
    log = purchases().with_columns(ts=pl.col("ts").dt.strftime("%d/%m/%Y"))
    odd = log.head(3).with_columns(ts=pl.Series(["01-02-2024", "31/02/2024", "2024-02-01"]))
    pl.concat([log, odd]).write_parquet(tmp_path / "a.parquet")

    report = learning_table(case(tmp_path, "a.parquet", timestamp_format="%d/%m/%Y")).report

    assert report["bad_rows"]["rules"] == {"unreadable_timestamp": 2}


def test_columns_may_have_any_name(plain: pl.DataFrame, tmp_path: Path) -> None:
    """Blanks, quotes, keywords and signs in a name change nothing, nor do names that differ in case only."""
    log = purchases()
    odd = log.rename(ODD).with_columns(pl.lit("x").alias("SELECT"), pl.lit(1).alias("__row"), pl.lit(2).alias("c0"))
    odd.write_parquet(tmp_path / "odd.parquet")

    keys = {"customer_id": ODD["customer_id"], "timestamp": ODD["ts"], "amount": ODD["amount"]}
    table = scoring_table(case(tmp_path, "odd.parquet", **keys), CUTOFF)

    assert table.equals(plain)


@pytest.mark.parametrize("kind", [pl.Int32, pl.Int64, pl.Float64, pl.String, pl.Categorical])
def test_an_id_of_any_type_is_read_as_text(tmp_path: Path, kind: type[pl.DataType]) -> None:
    """12, 12.0 and "12" are one customer."""
    log = purchases().with_columns(pl.col("customer_id").str.slice(1))
    expected = scoring_table(log_case(tmp_path, log), CUTOFF)
    number = pl.col("customer_id") if kind in (pl.String, pl.Categorical) else pl.col("customer_id").cast(pl.Int64)

    table = scoring_table(log_case(tmp_path, log.with_columns(number.cast(kind))), CUTOFF)

    assert table.equals(expected)


@pytest.mark.parametrize(
    "zoned",
    [
        pl.col("ts").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York"),
        pl.col("ts").dt.cast_time_unit("ns"),
        pl.col("ts").dt.cast_time_unit("ms"),
        pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        pl.col("ts").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo").dt.strftime("%Y-%m-%d %H:%M:%S%:z"),
        pl.format(" {} ", pl.col("ts").dt.strftime("%Y-%m-%d %H:%M:%S")),
    ],
    ids=["aware", "nanoseconds", "milliseconds", "ISO with Z", "ISO with offset", "text with blanks"],
)
def test_a_moment_is_the_same_however_it_is_written(plain: pl.DataFrame, tmp_path: Path, zoned: pl.Expr) -> None:
    """A zone is turned into UTC, none is UTC."""
    log = purchases()

    table = scoring_table(log_case(tmp_path, log.with_columns(ts=zoned)), CUTOFF)

    assert table.equals(plain)


def test_a_date_is_its_midnight(tmp_path: Path) -> None:
    """An event dated the day before the cutoff is one day old."""
    log = purchases().with_columns(pl.col("ts").dt.date())

    table = scoring_table(log_case(tmp_path, log), datetime(2024, 7, 19, tzinfo=UTC))

    assert (table["days_since_purchase"] % 1 == 0).all()
    assert table["days_since_purchase"].min() == 1.0


def broken_files(folder: Path) -> dict[str, tuple[str, str]]:
    """Files that cannot be read, and what must be said of them."""
    whole = purchases()
    whole.write_parquet(folder / "whole.parquet")
    data = (folder / "whole.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(data[: len(data) // 2])
    (folder / "empty.csv").write_bytes(b"")
    (folder / "twice.csv").write_text("customer_id,ts,amount,ts\n1,2024-01-01,1,2024-01-01\n")
    (folder / "header.csv").write_text("customer_id,ts,amount\n")
    (folder / "wide.csv").write_bytes("customer_id,ts,amount\n".encode("utf-16"))
    (folder / "latin.csv").write_bytes("customer_id,ts,amount,été\n".encode("latin-1"))
    (folder / "cut.csv.gz").write_bytes(gzip.compress(whole.write_csv().encode())[:200])
    (folder / "noise.csv").write_bytes(bytes(range(256)) * 40)
    (folder / "nothing").mkdir()
    (folder / "two").mkdir()
    whole.write_parquet(folder / "two/a.parquet")
    whole.drop("amount").write_parquet(folder / "two/b.parquet")
    whole.rename({"ts": "when"}).write_parquet(folder / "renamed.parquet")
    whole.with_columns(ts=pl.lit(1)).write_parquet(folder / "number.parquet")
    whole.with_columns(amount=pl.lit(True)).write_parquet(folder / "boolean.parquet")
    return {
        "cut.parquet": ("cut.parquet", "cannot be read"),
        "cut.csv.gz": ("cut.csv.gz", "cannot be read"),
        "empty.csv": ("empty.csv", "is empty"),
        "twice.csv": ("twice.csv", "column 'ts' must be there once"),
        "header.csv": ("header.csv", "at least one readable event"),
        "wide.csv": ("wide.csv", "must be UTF-8"),
        "latin.csv": ("latin.csv", "must be UTF-8"),
        "noise.csv": ("noise.csv", "must"),
        "nothing": ("nothing", "without a data file"),
        "nowhere.csv": ("nowhere.csv", "is not there"),
        "two": ("b.parquet", "column 'amount' is in the folder's first file"),
        "renamed.parquet": ("renamed.parquet", "column 'ts' must be in the file"),
        "number.parquet": ("number.parquet", "column 'ts' must hold a date"),
        "boolean.parquet": ("boolean.parquet", "column 'amount' must hold numbers"),
    }


def test_a_broken_file_is_named_with_the_rule(tmp_path: Path) -> None:
    """Each ends in a data error that names the file and what must hold; nothing is written."""
    expected = broken_files(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    for path, (file, rule) in expected.items():
        with pytest.raises(DataError) as failure:
            learning_table(case(tmp_path, path), quarantine=tmp_path / "quarantine")
        assert file in str(failure.value), path
        assert rule in str(failure.value), path

    assert [path for path in sorted(tmp_path.rglob("*")) if path.suffix != ".toml"] == before


def test_a_database_of_many_tables_asks_which(tmp_path: Path) -> None:
    """The tables are named, and `table` chooses."""
    as_duckdb(tmp_path, purchases())
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute('CREATE TABLE "Other Things" AS SELECT 1 AS x')

    with pytest.raises(DataError, match=r"'Other Things'.*'sales'"):
        learning_table(case(tmp_path, "shop.duckdb"))

    assert len(learning_table(case(tmp_path, "shop.duckdb", table="sales")).rows)


def test_bad_rows_are_set_aside_with_the_rule_they_broke(tmp_path: Path) -> None:
    """Up to the tolerated share: counted in the report, written to the quarantine file with file, row and rule."""
    good = purchases().write_csv()
    n = good.count("\n") - 1
    bad = ["c1,not a date,1.0", ",2024-01-05,1.0", "c1,2024-01-05,much", "c1,,3.0", "c1,2024-01-05,1.0,surplus"]
    (tmp_path / "log.csv").write_text(good + "\n".join(bad) + "\n")

    table = learning_table(case(tmp_path, "log.csv"), quarantine=tmp_path / "quarantine")

    counts = table.report["bad_rows"]
    kept = pl.read_parquet(tmp_path / "quarantine/case-events.parquet")
    assert counts["read"] == n + 5
    assert counts["rules"] == {
        "missing_customer_id": 1,
        "missing_timestamp": 1,
        "too_many_fields": 1,
        "unreadable_number in 'amount'": 1,
        "unreadable_timestamp": 1,
    }
    assert kept["__row"].sort().to_list() == [n + 1, n + 2, n + 3, n + 4, n + 5]
    assert kept.filter(pl.col("rule") == "unreadable_timestamp")["ts"].to_list() == ["not a date"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_bad_rows_are_told_by_their_place_in_the_file(tmp_path: Path, end: bytes) -> None:
    """Rows that could not be read, blank lines and line ends inside quotes move no number."""
    random = np.random.default_rng(4)
    good = [line.encode() for line in purchases(rate=0.02).write_csv().splitlines()[1:]]
    odd = {
        "invalid_encoding": b"c1,2024-01-05,\xff",
        "too_many_fields": b"c1,2024-01-05,1.0,surplus",
        "too_many_columns": b"c1,2024-01-05,1.0,far,too,many",
        "unreadable_timestamp": b"c1,soon,2.0",
        "unquoted_value": b'"c"1,2024-01-05,2.0',
        "nul_byte": b"c1\x00,2024-01-05,2.0",
        "blank": b"",
        "two lines": b'"c' + end + b'1",2024-01-05,2.0',
    }
    rules = random.choice(
        np.array([None, *odd], dtype=object), len(good), p=[0.97, *[0.03 / len(odd)] * len(odd)]
    ).tolist()
    lines = [line if rule is None else odd[rule] for line, rule in zip(good, rules, strict=True)]
    (tmp_path / "log.csv").write_bytes(end.join([b"customer_id,ts,amount", *lines, b""]))

    learning_table(case(tmp_path, "log.csv"), quarantine=tmp_path / "quarantine")

    kept = pl.read_parquet(tmp_path / "quarantine/case-events.parquet").select("rule", "__row").rows()
    expected = [(rule, row) for row, rule in enumerate(rules, 1) if rule not in (None, "blank", "two lines")]
    assert {rule for rule, _ in expected} == set(odd) - {"blank", "two lines"}
    assert sorted(kept) == sorted(expected)


def test_too_many_bad_rows_stop_the_run(tmp_path: Path) -> None:
    """Beyond the tolerated share the counts are reported, with row numbers and without a single value."""
    log = purchases().with_columns(pl.col("ts").dt.strftime("%Y-%m-%d"))
    strange = log.with_columns(ts=pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("SECRET")).otherwise("ts"))

    with pytest.raises(DataError, match=r"at most 5.0% of the rows may be bad") as failure:
        learning_table(log_case(tmp_path, strange), quarantine=tmp_path / "quarantine")

    assert "unreadable_timestamp: " in str(failure.value)
    assert "row 1 of events.parquet" in str(failure.value)
    assert "SECRET" not in str(failure.value)


def test_rows_with_one_id_and_content_are_one(tmp_path: Path) -> None:
    """Exact duplicates go where an id is declared; without one, and with other content, all stay."""
    log = purchases().with_row_index("invoice")
    doubled = pl.concat([log, log.head(30), log.head(10).with_columns(pl.col("amount") + 1)])

    with_id = learning_table(log_case(tmp_path, doubled, events={"id": "invoice"}))
    without = learning_table(log_case(tmp_path, doubled))

    assert (with_id.report["rows"], with_id.report["duplicates_removed"]) == (len(log) + 10, 30)
    assert (without.report["rows"], without.report["duplicates_removed"]) == (len(log) + 40, 0)
