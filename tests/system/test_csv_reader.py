"""One reader of CSV: what training reads of a file, a batch reads too, and what one refuses, the other refuses."""

from __future__ import annotations

import gzip
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.errors import DataError
from features.sources.engine import engine
from features.sources.source import ROW, open_source
from scoring.storage import csv_rows
from scoring.storage.csv_rows import BROKEN
from scoring.storage.table_files import BatchError, read_batches

PLAIN = b"client,montant,ville\nc1,12.5,Paris\nc2,,Lyon\n00123,3,\n"
Rows = list[tuple[str | None, ...]]


def in_training(path: Path) -> tuple[Rows, list[int]]:
    """The columns and the good rows in order, and the numbers of those that are rejected."""
    with engine() as backend:
        source = open_source(backend, path)
        cells = [f"c{at}" for at in range(len(source.columns))]
        rows = source.table.order_by(ROW).select(*cells).to_pyarrow().to_pylist()
        rejected = sorted(row for _, row, _ in source.ragged)
    return [source.columns, *(tuple(row.values()) for row in rows)], rejected


def in_batch(path: Path) -> tuple[Rows, list[int]]:
    """The same as a batch reads it."""
    tables = list(read_batches(path, mark_broken=True))
    columns = [name for name in tables[0].column_names if name != BROKEN]
    rows = list(chain.from_iterable(table.to_pylist() for table in tables))
    good = [tuple(row[name] for name in columns) for row in rows if not row.get(BROKEN)]
    return [tuple(columns), *good], [number for number, row in enumerate(rows, 1) if row.get(BROKEN)]


FILES = {
    "plain": PLAIN,
    "semicolons": PLAIN.replace(b",", b";"),
    "tabs": PLAIN.replace(b",", b"\t"),
    "marked": b"\xef\xbb\xbf" + PLAIN,
    "gzip": gzip.compress(PLAIN),
    "CR LF": PLAIN.replace(b"\n", b"\r\n"),
    "CR": PLAIN.replace(b"\n", b"\r"),
    "mixed line ends": PLAIN.replace(b"\n", b"\r\n", 2),
    "no last line end": PLAIN[:-1],
    "declared sign": b"sep=;\r\n" + PLAIN.replace(b",", b";"),
    "title": b"Export clients 2024\n" + PLAIN,
    "padded title": b"Export clients 2024;;\n" + PLAIN.replace(b",", b";"),
    "title and blank line": b"Clients du mois\n\n" + PLAIN,
    "blank lines": b"\n\n" + PLAIN.replace(b"\n", b"\n\n"),
    "line end in the header": b'"client","montant","ville\nde naissance"\n' + PLAIN.split(b"\n", 1)[1],
    "line ends in cells": PLAIN + b'c4,"1\n2","Saint\n\nDenis"\n',
    "quotes in quotes": PLAIN + b'c4,1,"dit ""Paris"""\n',
    "inch sign": PLAIN + b'c4,5,12" tube\nc5,1,Nice\n',
    "trailing sign": PLAIN.replace(b"Paris", b"Paris,"),
    "short row": PLAIN + b"TOTAL,15.5\nc5,1,Nice\n",
    "long row": PLAIN + b"c4,1,Nice,x\nc5,1,Nice\n",
    "longer row": PLAIN + b"c4,1,Nice,x,y,z\nc5,1,Nice\n",
    "other code": PLAIN + b"c4,1,Orl\xe9ans\nc5,1,Nice\n",
    "NUL": PLAIN + b"c4,1,N\x00ice\nc5,1,Nice\n",
    "text beside quotes": PLAIN + b'"c4"x,1,Nice\nc5,1,Nice\n',
    "bad rows and line ends in cells": PLAIN + b'c4,"1\n2",Nice\nTOTAL,1\nc6,1,\xe9\nc7,"1\n2",Nice\nc8,1,b,c\n',
    "mostly short": b"client,montant,note\nc1,1\nc2,2\nc3,3,x\n",
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_batch_reads_what_training_reads(tmp_path: Path, content: bytes) -> None:
    """The same columns, the same texts in the same order, and the same rows rejected."""
    path = tmp_path / "t.csv"
    path.write_bytes(content)

    assert in_batch(path) == in_training(path)


def test_blocks_part_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a file falls into blocks, each row comes once and in order, and the line of a bad one is right."""
    random = np.random.default_rng(3)
    good = [b'%d,"a\nb",Paris', b"%d,1,Lyon", b'%d,"x ""y""",']
    kinds = [*good, b"", b"%d,1", b"%d,1,\xff", b"%d,1,2,3"]
    chosen = [kinds[kind] for kind in random.integers(0, len(kinds), 200)]
    rows = [kind % number if kind else b"" for number, kind in enumerate(chosen)]
    begins = [2 + sum(row.count(b"\n") + 1 for row in rows[:at]) for at in range(len(rows))]
    path = tmp_path / "t.csv"
    path.write_bytes(b"\n".join([b"client,montant,ville", *rows, b""]))
    whole = in_batch(path)
    monkeypatch.setattr(csv_rows, "_block", 100)

    parts = list(read_batches(path, mark_broken=True))

    assert len(parts) > 10
    assert in_batch(path) == whole
    assert whole[0] == in_training(path)[0]
    lines = [text.split(":")[0] for table in parts for text in named(table) if text]
    bad = [begin for begin, kind in zip(begins, chosen, strict=True) if kind and kind not in good]
    assert lines == [f"line {begin}" for begin in bad]


def named(table: Any) -> list[str | None]:
    """What is said of each row."""
    return table.column(BROKEN).to_pylist() if BROKEN in table.column_names else [None] * len(table)


REFUSED = {
    "UTF-16": ("client,ville\n1,2\n".encode("utf-16"), "UTF-16"),
    "Excel": (b"PK\x03\x04" + b"\x00" * 60, "Excel workbook"),
    "JSON": (b'[{"client": 1}]\n', "must be a Parquet, CSV"),
    "Latin-1 header": ("client,été\n1,2\n".encode("latin-1"), "first line"),
    "nameless": (b",,\n1,2,3\n", "first line"),
    "empty": (b"", "is empty"),
    "open quote": (PLAIN + b'c4,"1,Nice\nc5,1,Nice\n', "quote"),
}


@pytest.mark.parametrize(("content", "rule"), REFUSED.values(), ids=REFUSED)
def test_what_training_refuses_a_batch_refuses(tmp_path: Path, content: bytes, rule: str) -> None:
    """By a sentence that says what the file or its first line is."""
    path = tmp_path / "t.csv"
    path.write_bytes(content)

    with pytest.raises(DataError, match=rule):
        in_training(path)
    with pytest.raises(BatchError, match=rule):
        in_batch(path)


@pytest.mark.parametrize("name", ["T.CSV", "t.tsv", "t.txt", "t", "folder/t.TXT", "folder/a/t.csv"])
def test_the_name_of_a_file_says_nothing(tmp_path: Path, name: str) -> None:
    """Content decides; folders are read to their depth."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PLAIN)
    source = tmp_path / "folder" if name.startswith("folder") else path

    assert in_batch(source) == in_training(source)


def test_a_list_of_ids_with_a_bad_row_is_refused_with_its_line(tmp_path: Path) -> None:
    """What must be complete, such as who objected, is never read in part."""
    (tmp_path / "t.csv").write_bytes(PLAIN + b"c4,1,Nice,x\n")

    with pytest.raises(BatchError, match="line 5"):
        list(read_batches(tmp_path / "t.csv"))
