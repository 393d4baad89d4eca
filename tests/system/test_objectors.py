"""Whoever objected is scored through no endpoint, in whichever spelling and kind of file the objection came."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.spec.ids import read_id
from features.spec.suppression_list import keyed, read_key
from scoring.audiences.audience import read_suppressed
from scoring.audiences.snapshot import AudienceError
from scoring.cli.main import main as scoring
from scoring.privacy import suppression
from serving.cli import load, suppress
from tests.scoring.segments.test_assignment import GOOD
from tests.support.answers import results, statuses
from tests.support.models import release_shop, shop_rows
from tests.support.servers import QUICK, Server, start, stop

ROW = next(row for row in shop_rows(50, seed=5) if None not in row.values())
# The list's spelling of an id, and that of those who ask.
OBJECTORS: dict[str, tuple[str, Any]] = {
    "text": ("616", "616"),
    "float": ("617.0", "617"),
    "integer": ("618", 618),
    "13 digits": ("9243015634602.0", "9243015634602"),
    "an exponent": ("9.243015634603e+12", 9243015634603),
    "beyond 2^53": ("9007199254740993", "9007199254740993"),
    "leading zeros": ("00123", "00123"),
    "a blank behind": ("c1 ", "c1"),
    "blanks before": ("  c2", "c2"),
    "a mark": ("c3\u200b", "\ufeffc3"),
    "a code with an exponent": ("1e5", "1e5"),
    "decomposed": ("Zoe\u0301", "Zo\u00e9"),
    "composed": ("Ad\u00e9le", "Ade\u0301le"),
    "an address": ("Ada@example.org", "Ada@example.org"),
}
LISTED = [listed for listed, _ in OBJECTORS.values()]
ASKED = [asked for _, asked in OBJECTORS.values()]
OTHERS = ["0123", "1E5", "ada@example.org", "6160", 61]


def _lines(path: Path, *, head: str = "", sign: str = ",", mark: str = "", end: str = "\n", why: str = "") -> None:
    rows = ([head + (f"{sign}why" if why else "")] if head else []) + [
        f"{one}{sign}{why}" if why else one for one in LISTED
    ]
    path.write_text(mark + end.join([*rows, ""]), encoding="utf-8", newline="")


FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "lines": ("ids.txt", _lines),
    "lines with a mark": ("IDS.TXT", lambda path: _lines(path, mark="\ufeff", end="\r\n")),
    "CSV": ("ids.csv", lambda path: _lines(path, head="customer_id", why="asked")),
    "CSV of Excel": (
        "IDS.CSV",
        lambda path: _lines(path, head="Customer_ID ", sign=";", mark="\ufeff", end="\r\n", why="x"),
    ),
    "CSV without a header": ("bare.csv", _lines),
    "TSV": ("ids.tsv", lambda path: _lines(path, head="customer_id", sign="\t", why="asked")),
    "a table in lines": ("table.txt", lambda path: _lines(path, head="customer_id", why="asked")),
    "Parquet": ("ids.parquet", lambda path: pl.DataFrame({"customer_id": LISTED}).write_parquet(path)),
    "Parquet in capitals": ("IDS.PARQUET", lambda path: pl.DataFrame({"customer_id": LISTED}).write_parquet(path)),
    "gzipped": (
        "ids.csv.gz",
        lambda path: path.write_bytes(gzip.compress("\n".join(["customer_id", *LISTED]).encode())),
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose store and policy know all customers."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch)
    release_shop(home, "churn", scratch=scratch, polarity="negative", seed=1)
    (scratch / "policy.toml").write_text(GOOD, encoding="utf-8")
    assert scoring(["segments", str(scratch / "policy.toml"), "--home", str(home)]) == 0
    rows = [{"customer_id": str(asked), **ROW} for asked in [*ASKED, *OTHERS]]
    pq.write_table(pa.Table.from_pylist(rows), home / "in.parquet")
    assert load.main([str(home / "in.parquet"), "--home", str(home)]) == 0
    suppression.add(home, ["nobody"])
    running = start(home, tmp_path_factory.mktemp("server"), QUICK)
    yield running
    stop(running)


@pytest.mark.parametrize(("name", "write"), FILES.values(), ids=FILES)
def test_every_objector_is_opted_out_everywhere(
    shop: Server, tmp_path: Path, name: str, write: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    """By profile, by id, in a batch, a snapshot, an export and the console; all others are scored."""
    write(tmp_path / name)
    assert suppress.main(["add", str(tmp_path / name), "--home", str(shop.home), "--json"]) == 0
    try:
        counted = json.loads(capsys.readouterr().out)
        assert counted == {"customers": len(LISTED), "changed": len(LISTED), "known": len(LISTED)}
        assert _over_http(shop) == {"opted_out": len(ASKED), "scored": len(OTHERS)}
        assert _in_batch(shop.home, tmp_path) == {"opted_out": len(ASKED), "scored": len(OTHERS)}
        assert _exported(shop.home, tmp_path) == {str(one) for one in OTHERS}
        assert _in_console(shop) == len(ASKED)
    finally:
        assert suppress.main(["remove", str(tmp_path / name), "--home", str(shop.home)]) == 0
    assert suppression.count(shop.home) == 1


def _everyone() -> list[Any]:
    return [*ASKED, *OTHERS]


def _over_http(shop: Server) -> dict[str, int]:
    """How many got which status, the same by profile and by id."""
    everyone = _everyone()
    with shop.client() as client:
        by_id = results(client, customer_ids=everyone)
        by_profile = results(client, profiles=[{"customer_id": one, "features": ROW} for one in everyone])
    assert [statuses(one) for one in by_id] == [statuses(one) for one in by_profile]
    assert all(isinstance(one["customer_id"], str) for one in by_profile)
    found = [statuses(one)["churn"] for one in by_id]
    return {status: found.count(status) for status in sorted(set(found))}


def _in_batch(home: Path, folder: Path) -> dict[str, int]:
    """How many got which status of a file of ids as text."""
    with (folder / "in.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["customer_id", *ROW])
        writer.writeheader()
        writer.writerows({"customer_id": f"{one} ", **ROW} for one in [*ASKED, *OTHERS])
    words = ["--use-case", "churn", "--input", str(folder / "in.csv"), "--output", str(folder / "out.parquet")]
    assert scoring(["--home", str(home), *words]) == 0
    found = pl.read_parquet(folder / "out.parquet")["status"]
    return dict(sorted(found.value_counts().iter_rows()))


def _exported(home: Path, folder: Path) -> set[str]:
    """Whom an export holds, of a snapshot in which objectors have no score, and with the list as --suppress."""
    words = ["--input", str(home / "in.parquet"), "--output", str(folder / "snapshot.parquet")]
    assert scoring(["snapshot", "--home", str(home), *words]) == 0
    snapshot = pl.read_parquet(folder / "snapshot.parquet")
    assert snapshot.filter(pl.col("churn_status") == "opted_out").height == len(ASKED)
    with (folder / "contacts.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows(
            [
                ("customer_id", "email", "consent"),
                *((f" {one}", f"{at}@x.org", "yes") for at, one in enumerate(_everyone())),
            ]
        )
    found: set[str] = set()
    for code in snapshot["segment"].drop_nulls().unique():
        target = folder / f"{code}.parquet"
        words = ["--segment", code, "--format", "parquet", "--output", str(target)]
        words += ["--snapshot", str(folder / "snapshot.parquet"), "--contacts", str(folder / "contacts.csv")]
        words += ["--email", "email", "--consent", "consent"]
        assert scoring(["export", "--home", str(home), *words]) == 0
        found |= set(pl.read_parquet(target)["customer_id"])
    return found


def _in_console(shop: Server) -> int:
    """How many customers' pages say that they opted out."""
    with shop.client() as client:
        pages = [client.post("/console/customer", data={"customer_id": str(one)}).text for one in ASKED]
    return sum("This customer has opted out." in page for page in pages)


@pytest.mark.parametrize(("name", "write"), FILES.values(), ids=FILES)
def test_an_export_heeds_every_list_or_ends(tmp_path: Path, name: str, write: Callable[[Path], object]) -> None:
    """`export --suppress` bars every objector of a list with a header; one without could hold addresses: it ends."""
    write(tmp_path / name)

    if write is _lines or name == "IDS.TXT":
        with pytest.raises(AudienceError, match="must hold customer_id"):
            read_suppressed(tmp_path / name, email=None, contacts=None)
        return
    barred = read_suppressed(tmp_path / name, email=None, contacts=None)

    assert barred.customers == {read_id(asked) for asked in ASKED}


@pytest.mark.parametrize("name", ["ids.parquet", "IDS.CSV", "ids.tsv"])
def test_an_export_heeds_ids_that_are_floats(tmp_path: Path, name: str) -> None:
    """As pandas writes whole numbers beside a gap."""
    ids = pl.DataFrame({"customer_id": [616.0, None, 9243015634602.0], "why": ["x", "y", "z"]})
    if name.endswith("parquet"):
        ids.write_parquet(tmp_path / name)
    else:
        (tmp_path / name).write_text(ids.write_csv(separator="\t" if name.endswith("tsv") else ";"))

    barred = read_suppressed(tmp_path / name, email=None, contacts=None)

    assert barred.customers == {"616", "9243015634602"}


@pytest.mark.parametrize("name", ["ids.xlsx", "ids.json", "ids"])
def test_a_list_of_an_unknown_kind_is_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the endings there are; nobody is put on a list."""
    (tmp_path / name).write_text("616\n")

    assert suppress.main(["add", str(tmp_path / name), "--home", str(tmp_path)]) != 0
    assert ".parquet" in capsys.readouterr().err
    assert suppression.count(tmp_path) == 0


def test_a_table_without_a_column_of_ids_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which of its columns were meant?"""
    (tmp_path / "ids.csv").write_text("client;why\n616;asked\n")

    assert suppress.main(["add", str(tmp_path / "ids.csv"), "--home", str(tmp_path)]) != 0
    assert "customer_id" in capsys.readouterr().err
    assert suppression.count(tmp_path) == 0


@pytest.mark.parametrize("spelled", ["616", "616.0", "6.16e+02", " 616", "616 ", "\ufeff616"])
def test_an_earlier_list_is_heeded_whatever_its_spelling(tmp_path: Path, spelled: str) -> None:
    """A home made before there was one reading of ids holds hashes of ids as they were spelled."""
    suppression.add(tmp_path, ["someone"])
    _as_before(tmp_path, spelled)

    listed = suppression.open_suppression(tmp_path)

    assert listed
    assert listed.among(["616", "6160"]) == {"616"}
    assert suppression.remove(tmp_path, ["616"]) == 1


def _as_before(home: Path, spelled: str) -> None:
    with sqlite3.connect(home / suppression.FILE) as connection:
        connection.execute("PRAGMA user_version = 0")
        connection.execute("INSERT INTO suppressed VALUES (?)", [keyed(read_key(home), spelled)])
