"""A broken input ends by its exit code and a message with file, column and rule; nothing is half-written."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from features.__main__ import main
from tests.support.broken import CUTOFF, LEARNING, LOG, LOGS, PARQUET, SECRET, TEXT, Case, log

Capture = pytest.CaptureFixture[str]


def told(folder: Path, case: Case, capsys: Capture, *, code: int) -> str:
    """What was said on stderr, held against what every refusal must be."""
    said = capsys.readouterr()
    assert code == case.code, said.err
    for words in case.said:
        assert words in said.err
    assert "Traceback" not in said.err
    assert SECRET not in said.err
    assert said.out == ""
    assert not [path for path in folder.rglob("*") if ".tmp" in path.name or "quarantine" in path.parts]
    return said.err


def names(folder: Path) -> list[str]:
    """Every file and folder there is."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("case", LOGS.values(), ids=LOGS)
def test_a_broken_log_builds_nothing(tmp_path: Path, capsys: Capture, case: Case) -> None:
    """`build` leaves no file and no folder."""
    file = case.write(tmp_path)
    before = names(tmp_path)

    code = main(["build", str(file), "--cutoff", CUTOFF, "--out", str(tmp_path / "new/t.parquet")])

    told(tmp_path, case, capsys, code=code)
    assert names(tmp_path) == before


@pytest.mark.parametrize("case", LEARNING.values(), ids=LEARNING)
def test_what_cannot_be_learned_is_not_reported_either(tmp_path: Path, capsys: Capture, case: Case) -> None:
    """`report` and `prove` say the same, and no page is written."""
    file = case.write(tmp_path)
    before = names(tmp_path)

    words = [
        told(tmp_path, case, capsys, code=main(["report", str(file), "--html", str(tmp_path / "page.html")])),
        told(tmp_path, case, capsys, code=main(["prove", str(file)])),
    ]

    assert words[0] == words[1]
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("e.parquet", PARQUET[:300], "e.parquet: cannot be read"),
        ("gone.csv", None, "gone.csv: is not there"),
        ("e.csv", b"a,b\n", "e.csv: must have a column of two values"),
        ("e.csv", TEXT.encode("utf-16"), "e.csv: must be UTF-8"),
    ],
    ids=["truncated", "missing", "zero rows", "UTF-16"],
)
def test_init_of_a_broken_file_writes_no_use_case(
    tmp_path: Path, capsys: Capture, file: str, content: bytes | None, said: str
) -> None:
    """Neither the file nor its folder."""
    case = Case({} if content is None else {file: content}, {}, 3, (said,))
    case.write(tmp_path)
    before = names(tmp_path)

    code = main(["init", str(tmp_path / file), "--out", str(tmp_path / "new/case.toml")])

    told(tmp_path, case, capsys, code=code)
    assert names(tmp_path) == before


@pytest.mark.parametrize("out", ["e.parquet/t.parquet", "folder.parquet", "e.parquet/parts"])
def test_an_output_that_cannot_be_is_refused_at_once(tmp_path: Path, capsys: Capture, out: str) -> None:
    """Under a file, or a folder called like a file."""
    case = log("e.parquet", PARQUET, 2, "--out", files={"folder.parquet": None})
    file = case.write(tmp_path)
    before = names(tmp_path)

    code = main(["build", str(file), "--cutoff", CUTOFF, "--out", str(tmp_path / out)])

    told(tmp_path, case, capsys, code=code)
    assert names(tmp_path) == before


def mixed(text: str) -> bytes:
    """Three kinds of line ends in turn."""
    return "".join(line + ("\r\n", "\n", "\r")[i % 3] for i, line in enumerate(text.splitlines())).encode()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("e.csv", b"\xef\xbb\xbf" + TEXT.encode()),
        ("e.csv", mixed(TEXT)),
        ("e.csv", TEXT.replace("\n", "\r").encode()),
        ("e.csv", gzip.compress(mixed(TEXT))),
        ("e.csv.gz", TEXT.encode()),
        ("e.csv", PARQUET),
        ("e.csv", TEXT.replace(f"{SECRET}-c1,", f'"{SECRET}-c1",').replace("amount", 'amount,"5"" pipe"').encode()),
    ],
    ids=["BOM", "mixed line ends", "CR", "gzip by another name", "no gzip", "Parquet by another name", "quotes"],
)
def test_what_only_looks_broken_works(tmp_path: Path, file: str, content: bytes) -> None:
    """The same table as of the plain Parquet file."""
    plain = log("e.parquet", PARQUET, 0).write(tmp_path)
    assert main(["build", str(plain), "--cutoff", CUTOFF, "--out", str(tmp_path / "plain.parquet")]) == 0
    other = tmp_path / "other"
    other.mkdir()

    code = main(
        ["build", str(log(file, content, 0).write(other)), "--cutoff", CUTOFF, "--out", str(other / "t.parquet")]
    )

    assert code == 0
    assert pl.read_parquet(other / "t.parquet").equals(pl.read_parquet(tmp_path / "plain.parquet"))
    assert not (other / "quarantine").exists()


def test_files_of_a_folder_may_differ_in_type(tmp_path: Path) -> None:
    """Whole amounts in the first file round none in the second."""
    whole, parts = LOG.head(100).with_columns(pl.col("amount").round(0)), LOG.slice(100)
    both = log("e.parquet", None, 0, files={})
    (tmp_path / "e.parquet").mkdir()
    whole.cast({"amount": pl.Int32}).write_parquet(tmp_path / "e.parquet/a.parquet")
    parts.write_parquet(tmp_path / "e.parquet/b.parquet")
    file = both._replace(files={}).write(tmp_path)
    assert main(["build", str(file), "--cutoff", CUTOFF, "--out", str(tmp_path / "parts.csv")]) == 0
    (tmp_path / "one").mkdir()
    pl.concat([whole, parts]).write_parquet(tmp_path / "one/e.parquet")

    one = both._replace(files={}).write(tmp_path / "one")

    assert main(["build", str(one), "--cutoff", CUTOFF, "--out", str(tmp_path / "one.csv")]) == 0
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "parts.csv").read_text()
