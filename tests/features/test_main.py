"""The command line: words on stderr, results on stdout, an exit code for each kind of end."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.__main__ import main
from features.build.log_table import scoring_table
from features.config.use_case import load_use_case
from features.sources.source import digest
from tests.support.worlds import EXAMPLES, log_case, purchases, table_case, utc, write_use_case

CHURN = str(EXAMPLES / "cdnow/churn.toml")
Capture = pytest.CaptureFixture[str]


def test_build_writes_the_table_to_score(tmp_path: Path, capsys: Capture) -> None:
    """customer_id as text, the features, eligible last; the path on stdout."""
    out = tmp_path / "new/features.parquet"

    assert main(["build", CHURN, "--cutoff", "1998-04-02", "--out", str(out)]) == 0

    table = pl.read_parquet(out)
    assert capsys.readouterr().out.strip() == str(out)
    assert (table.columns[0], table.columns[-1]) == ("customer_id", "eligible")
    assert (len(table), table["eligible"].sum()) == (23570, 3808)
    assert [path.name for path in out.parent.iterdir()] == ["features.parquet"]


def test_build_into_a_folder_is_done_once(tmp_path: Path, capsys: Capture) -> None:
    """A partition with a manifest; the same digests write nothing again, other data do."""
    log_case(tmp_path, purchases())
    command = ["build", str(tmp_path / "case.toml"), "--cutoff", "2024-07-01", "--out", str(tmp_path / "parts")]
    assert main(command) == 0
    file = Path(capsys.readouterr().out.strip())
    written = file.stat().st_mtime_ns

    assert main(command) == 0
    assert "unchanged" in capsys.readouterr().err
    assert file.stat().st_mtime_ns == written
    assert json.loads((file.parent / "manifest.json").read_text())["cutoff"].startswith("2024-07-01")

    purchases(seed=8).write_parquet(tmp_path / "events.parquet")
    assert main(command) == 0
    assert pl.read_parquet(file).equals(scoring_table(load_use_case(tmp_path / "case.toml"), utc(182)))


def test_a_partition_says_what_it_was_made_from(tmp_path: Path, capsys: Capture) -> None:
    """Digests of the inputs, of the use case and of the code; a folder for each cutoff; no draft stays."""
    log_case(tmp_path, purchases())
    command = ["build", str(tmp_path / "case.toml"), "--out", str(tmp_path / "parts"), "--cutoff"]

    assert main([*command, "2024-07-01"]) == 0
    assert main([*command, "2024-07-01T12:00:00+02:00"]) == 0

    written = sorted(str(path.relative_to(tmp_path / "parts")) for path in (tmp_path / "parts").rglob("*.*"))
    folders = ["cutoff=2024-07-01", "cutoff=2024-07-01T100000"]
    assert written == [f"{folder}/{name}" for folder in folders for name in ("features.parquet", "manifest.json")]
    file, said = tmp_path / "parts" / written[0], json.loads((tmp_path / "parts" / written[1]).read_text())
    assert said["input_digest"] == digest(tmp_path / "events.parquet")
    assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert said["rows"] == len(pl.read_parquet(file))
    assert {"use_case", "cutoff", "config_digest", "code_digest"} < said.keys()


@pytest.mark.parametrize("change", ["use case", "links", "table cut off", "manifest lost", "manifest damaged"])
def test_a_partition_is_written_again_where_anything_changed(tmp_path: Path, capsys: Capture, change: str) -> None:
    """Other links between customers count as another input; what was written is held against its digest."""
    (tmp_path / "links.csv").write_text("customer_id,same_as\nc1,c2\n")
    log_case(tmp_path, purchases(), events={"links": "links.csv"})
    command = ["build", str(tmp_path / "case.toml"), "--cutoff", "2024-07-01", "--out", str(tmp_path / "parts")]
    assert main(command) == 0
    file = Path(capsys.readouterr().out.strip())
    whole, manifest = file.read_bytes(), file.parent / "manifest.json"
    if change == "use case":
        log_case(tmp_path, purchases(), events={"links": "links.csv"}, window={"observation": "60d"})
    elif change == "links":
        (tmp_path / "links.csv").write_text("customer_id,same_as\nc1,c3\n")
    elif change == "table cut off":
        file.write_bytes(whole[:500])
    else:
        manifest.unlink() if change == "manifest lost" else manifest.write_text("[1")

    assert main(command) == 0

    assert "unchanged" not in capsys.readouterr().err
    assert (file.read_bytes() == whole) == (change not in ("use case", "links"))
    assert main(command) == 0
    assert "unchanged" in capsys.readouterr().err


def test_a_use_case_moved_with_its_files_is_the_same(tmp_path: Path, capsys: Capture) -> None:
    """Not where a file lies but what it holds makes a partition another."""
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        log_case(tmp_path / name, purchases())
    out = ["--cutoff", "2024-07-01", "--out", str(tmp_path / "parts")]
    assert main(["build", str(tmp_path / "here/case.toml"), *out]) == 0

    assert main(["build", str(tmp_path / "there/case.toml"), *out]) == 0

    assert "unchanged" in capsys.readouterr().err


def test_each_end_has_its_code(tmp_path: Path, capsys: Capture) -> None:
    """2 for the use case, 3 for the data, and each message names file and rule."""
    log_case(tmp_path, purchases(), window={"test_cutoff": "2030-01-01"})
    (tmp_path / "bad.toml").write_text('name = "x"')
    pl.DataFrame({"y": ["yes", "no"]}).write_parquet(tmp_path / "t.parquet")
    table = write_use_case(tmp_path, {"table": {"path": "t.parquet", "label": "y", "positive": "yes"}}, name="table")
    out = ["--cutoff", "2024-07-01", "--out", str(tmp_path / "f.parquet")]

    assert main(["build", str(tmp_path / "case.toml"), *out]) == 3
    assert "events.parquet: column 'ts'" in capsys.readouterr().err
    assert main(["build", str(tmp_path / "bad.toml"), *out]) == 2
    assert "polarity: is required" in capsys.readouterr().err
    assert main(["build", str(table), *out]) == 2
    assert main(["report", str(table)]) == 3
    assert not (tmp_path / "f.parquet").exists()
    with pytest.raises(SystemExit) as usage:
        main(["build", CHURN, "--cutoff", "soon", "--out", "f"])
    assert usage.value.code == 2


def test_bad_rows_lie_beside_the_table(tmp_path: Path, capsys: Capture) -> None:
    """A build with a bad row writes the quarantine file too."""
    log = purchases().with_columns(customer_id=pl.when(pl.int_range(pl.len()) > 0).then("customer_id"))
    log_case(tmp_path, log)

    assert main(["build", str(tmp_path / "case.toml"), "--cutoff", "2024-07-01", "--out", str(tmp_path / "f.csv")]) == 0

    assert pl.read_parquet(tmp_path / "quarantine/case-events.parquet")["rule"].to_list() == ["missing_customer_id"]
    assert pl.read_csv(tmp_path / "f.csv").columns[0] == "customer_id"


def messy() -> dict[str, Any]:
    """Columns with something to say."""
    n = 300
    return {
        "age": [str(20 + i % 50) if i % 9 else " " for i in range(n)],
        "same": ["x"] * n,
        "town <b>": [("Paris", "paris ", "Lyon")[i % 3] for i in range(n)],
        "y": ["yes" if i % 3 == 0 else "no" for i in range(n)],
    }


def test_report_is_text_json_and_a_page(tmp_path: Path, capsys: Capture) -> None:
    """What was done to each column, what was dropped and why; the page needs nothing from outside."""
    table_case(tmp_path, pl.DataFrame(messy()))
    file, page = str(tmp_path / "case.toml"), tmp_path / "report.html"

    assert main(["report", file, "--json", "--html", str(page)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert main(["report", file]) == 0
    text = capsys.readouterr().out

    columns = {column["name"]: column for column in report["columns"]}
    assert (report["rows"], report["rows_used"]) == (300, 300)
    assert columns["age"]["type"] == "number"
    assert columns["age"]["missing"] == pytest.approx(34 / 300)
    assert columns["age"]["range"] == [20.0, 69.0]
    assert columns["same"]["dropped"] == "it is constant"
    assert "same: dropped: it is constant" in text
    html = page.read_text()
    assert "town &lt;b&gt;" in html
    assert "http" not in html
    assert "<script" not in html


def test_report_of_a_log_counts_eligible_customers(capsys: Capture) -> None:
    """Per cutoff: how many, and the base rate."""
    assert main(["report", CHURN, "--json"]) == 0

    report = json.loads(capsys.readouterr().out)

    assert [each["customers"] for each in report["eligible"]] == [5187, 4207, 4173, 3808]
    assert report["eligible"][-1]["base_rate"] == pytest.approx(0.541, abs=1e-3)


@pytest.mark.parametrize(
    ("file", "source", "said"),
    [
        ("bank/bank_full.parquet", "table", "base rate: 11.7%"),
        ("cdnow/transactions.parquet", "log", "eligible on 1998-04-02: 23,570"),
    ],
    ids=["a table", "a log"],
)
def test_init_writes_a_use_case_that_trains(tmp_path: Path, capsys: Capture, file: str, source: str, said: str) -> None:
    """Roles are guessed, the file is commented and loads, and what it would learn from is printed."""
    out = tmp_path / "first.toml"

    assert main(["init", str(EXAMPLES / file), "--out", str(out)]) == 0

    told = capsys.readouterr().out
    assert load_use_case(out).source == source
    assert out.read_text().startswith("# Written by")
    assert said in told
    assert main(["init", str(EXAMPLES / file), "--out", str(out)]) == 2
    assert main(["init", str(EXAMPLES / file), "--out", str(out), "--force"]) == 0


def test_init_of_a_file_without_roles_says_so(tmp_path: Path, capsys: Capture) -> None:
    """No label and no log: a data error, and no file."""
    pl.DataFrame({"a": [1.5, 2.5, 3.5]}).write_parquet(tmp_path / "a.parquet")

    assert main(["init", str(tmp_path / "a.parquet"), "--out", str(tmp_path / "a.toml")]) == 3

    assert not (tmp_path / "a.toml").exists()


def test_prove_has_nothing_to_say_of_honest_features(tmp_path: Path, capsys: Capture) -> None:
    """An empty list, exit 0."""
    log_case(tmp_path, purchases())

    assert main(["prove", str(tmp_path / "case.toml"), "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == []
