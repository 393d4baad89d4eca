from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from features.spec.ids import read_id
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.batch.score_files import score_file
from scoring.batch.table_answers import score_table
from scoring.cli.main import main
from scoring.models.model import TreeModel
from scoring.releases.store import load_release
from scoring.storage.spreadsheet import neutral
from scoring.storage.table_files import BatchError
from tests.support.models import release_shop, shop_rows


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Five hundred customers, one of them broken."""
    rows = [{"customer_id": f"c{number}", **row} for number, row in enumerate(shop_rows(500, seed=4))]
    rows[17]["days_since_purchase"] = -4.0
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet", row_group_size=120)
    return tmp_path / "in.parquet"


def test_a_file_is_scored_as_the_rows_are(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """Every number, reason, status and segment is that of posted rows, to the bit, in order."""
    score_file(live, source, tmp_path / "out.parquet", reasons=3, language="fr")

    written = pq.read_table(tmp_path / "out.parquet").to_pylist()
    features = [
        {key: value for key, value in row.items() if key != "customer_id"} for row in pq.read_table(source).to_pylist()
    ]
    posted = [{"customer_id": f"c{number}", "features": row} for number, row in enumerate(features)]
    for row, answer in zip(written, score_profiles(live, posted, reasons=3, language="fr"), strict=True):
        assert row["customer_id"] == answer["customer_id"]
        assert row["segment"] == (answer["segment"]["code"] if answer["segment"] else None)
        for name, score in answer["scores"].items():
            assert row[f"{name}_status"] == score["status"]
            for key in ("probability", "score", "percentile"):
                assert row[f"{name}_{key}"] == score.get(key)
            for rank, reason in enumerate(score.get("reasons", ())):
                assert row[f"{name}_reason_{rank + 1}_text"] == reason["text"]
                assert row[f"{name}_reason_{rank + 1}_contribution"] == reason["contribution"]
    assert written[17]["churn_status"] == "invalid"


def test_a_file_scored_in_bulk_is_as_the_rows_are(
    home: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reasons by tables, whose use is forced here, give the file that the plain way gives, byte for byte."""
    # models of one file and as many threads are one model
    plain, bulk = ({"churn": Live(load_release(home, "churn", threads=threads))} for threads in (1, 2))
    score_file(plain, source, tmp_path / "plain.parquet", reasons=6)
    monkeypatch.setattr("scoring.models.bulk_shapley._COMPILED", 0)
    monkeypatch.setattr("scoring.models.bulk_shapley._PREPARED", 0)

    score_file(bulk, source, tmp_path / "bulk.parquet", reasons=6)

    models = [served["churn"].release.bundle.model for served in (plain, bulk)]
    assert [isinstance(model, TreeModel) and model._bulk is not None for model in models] == [False, True]
    assert (tmp_path / "bulk.parquet").read_bytes() == (tmp_path / "plain.parquet").read_bytes()


@pytest.mark.parametrize("kind", ["dictionary pages", "plain pages", "large texts", "dictionaries", "nothing twice"])
def test_texts_mean_the_same_however_parquet_holds_them(
    live: dict[str, Live], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Levels, blanks, nulls and texts never met: each row's answer is that of the row alone in a CSV file."""
    odd = [None, "", " WEB ", "store", "unheard of", *(f"level {number}" for number in range(40))]
    rows = [{"customer_id": f"c{n}", **row} for n, row in enumerate(shop_rows(90, seed=6))]
    for row, text in zip(rows, [*odd, *odd], strict=True):
        row["canal d'achat"] = text if kind != "nothing twice" else f"{text} {row['customer_id']}"
    table = pa.Table.from_pylist(rows)
    pacsv.write_csv(table, tmp_path / "in.csv")
    place = table.column_names.index("canal d'achat")
    cells = table.column(place)
    if kind == "large texts":
        table = table.set_column(place, "canal d'achat", cells.cast(pa.large_string()))
    elif kind == "dictionaries":
        table = table.set_column(place, "canal d'achat", cells.dictionary_encode())
    monkeypatch.setattr("scoring.storage.table_files.ROWS", 7)
    pq.write_table(table, tmp_path / "in.parquet", use_dictionary=kind != "plain pages")

    for ending in ("csv", "parquet"):
        score_file(live, tmp_path / f"in.{ending}", tmp_path / f"from-{ending}.parquet", reasons=3)

    found, expected = (pq.read_table(tmp_path / f"from-{ending}.parquet").to_pylist() for ending in ("parquet", "csv"))
    assert found == expected


def test_one_use_case_has_plain_columns(
    home: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line writes the columns a warehouse expects."""
    code = main(["--home", str(home), "--use-case", "churn", "--input", str(source), "--output",
                 str(tmp_path / "out.csv"), "--reasons", "1", "--json"])  # fmt: skip

    assert code == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 500
    header = (tmp_path / "out.csv").read_text().splitlines()[0].replace('"', "").split(",")
    assert header[:6] == ["customer_id", "status", "probability", "score", "percentile", "band"]
    assert {"segment", "model_version", "reason_1_code", "reason_1_text", "reason_1_contribution"} <= set(header)


def test_a_table_without_ids_gets_row_numbers(live: dict[str, Live], tmp_path: Path) -> None:
    """From 1, across row groups."""
    pq.write_table(pa.Table.from_pylist(shop_rows(5)), tmp_path / "in.parquet", row_group_size=2)

    score_file({"churn": live["churn"]}, tmp_path / "in.parquet", tmp_path / "out.parquet")

    assert pq.read_table(tmp_path / "out.parquet").column("customer_id").to_pylist() == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("kind", ["not a table", "lacks a feature", "empty"])
def test_a_file_that_cannot_be_scored_leaves_nothing_behind(live: dict[str, Live], tmp_path: Path, kind: str) -> None:
    """The error names the rule; neither a target nor a draft remains."""
    source = tmp_path / "in.parquet"
    if kind == "not a table":
        source.write_bytes(b"PAR1 nonsense")
    else:
        rows = shop_rows(3)
        table = pa.Table.from_pylist(rows)
        pq.write_table(table.drop(["subscribed"]) if kind == "lacks a feature" else table.slice(0, 0), source)

    with pytest.raises(BatchError):
        score_file(live, source, tmp_path / "out.parquet")

    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_scoring_files_loads_no_training_library(home: Path, source: Path, tmp_path: Path) -> None:
    """The process that scores imports none of mlflow, scikit-learn, pandas, shap, pandera, ibis."""
    script = (
        "import sys; from scoring.lean_imports import BARRED, bar_training_libraries; bar_training_libraries();"
        "from scoring.cli.main import main; code = main(sys.argv[1:]);"
        "assert not {name.partition('.')[0] for name in sys.modules} & set(BARRED); sys.exit(code)"
    )
    options = [
        "--home",
        str(home),
        "--use-case",
        "churn",
        "--input",
        str(source),
        "--output",
        str(tmp_path / "o.parquet"),
    ]

    subprocess.run([sys.executable, "-c", script, *options], check=True)


def test_reasons_in_bulk_load_no_training_library(home: Path, source: Path, tmp_path: Path) -> None:
    """The process that scores compiles, where that pays, with none of the barred libraries nor scipy."""
    script = (
        "import sys; from scoring.lean_imports import BARRED, bar_training_libraries; bar_training_libraries();"
        "from scoring.cli.main import main; from scoring.models import bulk_shapley; bulk_shapley._COMPILED = 0;"
        "code = main(sys.argv[1:]); assert 'scoring.models.bulk_kernel' in sys.modules;"
        "assert not {name.partition('.')[0] for name in sys.modules} & set(BARRED);"
        "assert 'scipy.linalg' not in sys.modules; sys.exit(code)"
    )
    files = ["--input", str(source), "--output", str(tmp_path / "o.parquet")]

    subprocess.run(
        [sys.executable, "-c", script, "--home", str(home), "--use-case", "churn", *files, "--reasons", "3"], check=True
    )


def written(path: Path) -> list[dict[str, Any]]:
    """Every row of a Parquet file, or of a folder of them."""
    return pq.read_table(path).to_pylist()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 64 rows, so that a small file has many."""
    monkeypatch.setattr("scoring.storage.table_files.ROWS", 64)
    monkeypatch.setattr("scoring.batch.score_files.ROWS", 64)


def test_a_killed_run_goes_on_and_every_row_comes_out_once(
    home: Path, live: dict[str, Live], small_batches: None, source: Path, tmp_path: Path
) -> None:
    """Killed in the midst of the batches by a signal that nothing catches; what is done is not done again."""
    script = (
        "import os, signal, sys; from pathlib import Path;"
        "import scoring.storage.table_files; scoring.storage.table_files.ROWS = 64;"
        "from scoring.answers.served_release import Live; from scoring.batch.score_files import score_file;"
        "from scoring.releases.store import load_release;"
        "stop = lambda rows: os.kill(os.getpid(), signal.SIGKILL);"
        "names = ('churn', 'propensity'); live = {name: Live(load_release(Path(sys.argv[1]), name)) for name in names};"
        "score_file(live, Path(sys.argv[2]), Path(sys.argv[3]), reasons=2, progress=stop)"
    )
    target, whole = tmp_path / "out.parquet", tmp_path / "whole.parquet"
    killed = subprocess.run([sys.executable, "-c", script, str(home), str(source), str(target)], check=False)
    parts = {path: path.stat().st_mtime_ns for path in tmp_path.glob(".out.parquet.parts/*.arrow")}
    seen = []

    tally = score_file(live, source, target, reasons=2, progress=lambda _: seen.append(keep(parts)))
    score_file(live, source, whole, reasons=2)

    assert killed.returncode == -9
    assert 0 < len(parts) < 500 // 64 + 1
    assert seen[0] == list(parts.values())
    assert tally.rows == 500
    assert target.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "out.parquet", "whole.parquet"]


def keep(parts: Iterable[Path]) -> list[int]:
    """When the parts were written."""
    return [path.stat().st_mtime_ns for path in parts]


def test_another_run_begins_anew(live: dict[str, Live], small_batches: None, source: Path, tmp_path: Path) -> None:
    """What a run with other arguments left is never mixed in; nor is a part that was cut off."""
    target = tmp_path / "out.parquet"
    folder = tmp_path / ".out.parquet.parts"

    def fail(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_file(live, source, target, reasons=1, progress=fail)
    first = next(iter(sorted(folder.glob("*.arrow"))))
    score_file(live, source, tmp_path / "one.parquet", reasons=1)
    first.write_bytes(first.read_bytes()[:500])
    score_file(live, source, target, reasons=1)
    assert target.read_bytes() == (tmp_path / "one.parquet").read_bytes()

    with pytest.raises(KeyboardInterrupt):
        score_file(live, source, target, reasons=1, progress=fail)
    score_file(live, source, target)
    assert "churn_reason_1_code" not in pq.read_schema(target).names


def test_an_input_replaced_at_equal_size_and_time_is_never_mixed(
    live: dict[str, Live], small_batches: None, tmp_path: Path
) -> None:
    """Only the content says whether a part is of this input; what did not change is not scored again."""
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    rows = [{"customer_id": f"c{number:03}", **row} for number, row in enumerate(shop_rows(500, seed=4))]
    plain = {"row_group_size": 64, "compression": "none", "use_dictionary": False, "write_statistics": False}
    pq.write_table(pa.Table.from_pylist(rows), source, **plain)
    old = source.stat()
    seen = []

    def interrupt(rows: int) -> None:
        seen.append(rows)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_file(live, source, target, progress=interrupt)
    parts = sorted(tmp_path.glob(".out.parquet.parts/*.arrow"))
    before = keep(parts)
    rows[70] |= {"days_since_purchase": 1.0}
    pq.write_table(pa.Table.from_pylist(rows), source, **plain)
    os.utime(source, ns=(old.st_atime_ns, old.st_mtime_ns))
    after = []
    score_file(live, source, target, progress=lambda _: after.append(keep(parts)))
    score_file(live, source, tmp_path / "fresh.parquet")

    assert (source.stat().st_size, source.stat().st_mtime_ns) == (old.st_size, old.st_mtime_ns)
    assert target.read_bytes() == (tmp_path / "fresh.parquet").read_bytes()
    assert [one != other for one, other in zip(before, after[-1], strict=True)] == [at == 1 for at in range(len(parts))]


SIGNS = ["=1+1", "+33", "-5", "@x", "\t=1", "\r=1", "  =1", "'=1", "plain", "007"]


def test_no_id_of_a_csv_is_a_formula_and_parquet_keeps_it(live: dict[str, Live], tmp_path: Path) -> None:
    """An apostrophe stands before it, as in exports; numbers below zero stay numbers."""
    rows = [{"customer_id": one, **row} for one, row in zip(SIGNS, shop_rows(len(SIGNS)), strict=True)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")

    for name in ("out.csv", "out.parquet"):
        score_file({"churn": live["churn"]}, tmp_path / "in.parquet", tmp_path / name, reasons=1)

    with (tmp_path / "out.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    ids = [str(read_id(one)) for one in SIGNS]  # without blanks around
    assert [row["customer_id"] for row in read] == [neutral(one) for one in ids]
    assert [one for one in ids if neutral(one) != one] == ids[:7]
    assert pq.read_table(tmp_path / "out.parquet").column("customer_id").to_pylist() == ids
    assert any(float(row["reason_1_contribution"] or 0) < 0 for row in read)


def test_one_run_at_a_time_writes_a_target(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """The second is told so, and the first goes on."""
    target = tmp_path / "out.parquet"

    def second(rows: int) -> None:
        with pytest.raises(BatchError, match="under way"):
            score_file(live, source, target)

    assert score_file(live, source, target, progress=second).rows == 500
    assert target.exists()


def test_a_folder_and_a_csv_give_what_one_parquet_file_gives(
    live: dict[str, Live], small_batches: None, source: Path, tmp_path: Path
) -> None:
    """Whatever the rows come in and go out in; a CSV's ids keep their zeros."""
    table = pq.read_table(source)
    ids = pa.array([f"{row:05}" for row in range(len(table))])
    table = table.set_column(table.column_names.index("customer_id"), "customer_id", ids)
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(table, tmp_path / "in.parquet")
    pq.write_table(table.slice(0, 200), folder / "a.parquet")
    pacsv.write_csv(table.slice(200), folder / "b.csv")

    score_file(live, tmp_path / "in.parquet", tmp_path / "one.parquet", reasons=2)
    score_file(live, folder, tmp_path / "many", reasons=2)

    assert len(list((tmp_path / "many").iterdir())) > 1
    assert written(tmp_path / "many") == written(tmp_path / "one.parquet")
    assert written(tmp_path / "many")[7]["customer_id"] == "00007"


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_a_csv_that_training_reads_is_read_here_too(
    live: dict[str, Live], source: Path, tmp_path: Path, ending: str
) -> None:
    """Parted by semicolons, with a BOM and blanks around the columns' names."""
    table = pq.read_table(source)
    padded = table.rename_columns([f" {name} " for name in table.column_names])
    text = io.BytesIO()
    pacsv.write_csv(padded, text, pacsv.WriteOptions(delimiter=";"))
    marked = b"\xef\xbb\xbf" + text.getvalue()
    (tmp_path / f"in{ending}").write_bytes(gzip.compress(marked) if ending.endswith("gz") else marked)

    score_file(live, tmp_path / f"in{ending}", tmp_path / "from_csv.parquet")
    score_file(live, source, tmp_path / "out.parquet")

    assert written(tmp_path / "from_csv.parquet") == written(tmp_path / "out.parquet")


def test_a_bad_row_is_one_row(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """It is invalid and says its line; the others are scored as without it."""
    lines = csv_of(source)
    (tmp_path / "clean.csv").write_bytes(b"\n".join(lines))
    (tmp_path / "in.csv").write_bytes(b"\n".join([*lines[:300], b"TOTAL;12", b"c9;\xe9;;;;;", *lines[300:]]))

    score_file(live, tmp_path / "clean.csv", tmp_path / "clean.parquet", reasons=1)
    score_file(live, tmp_path / "in.csv", tmp_path / "out.parquet", reasons=1)

    rows = written(tmp_path / "out.parquet")
    assert [*rows[:299], *rows[301:]] == written(tmp_path / "clean.parquet")
    assert [row["churn_status"] for row in rows[299:301]] == ["invalid", "invalid"]
    assert rows[299]["churn_errors"] == "line 301: Must hold as many cells as the header, got fewer."
    assert rows[300]["churn_errors"] == "line 302: Must be UTF-8."
    assert rows[299]["customer_id"] == "TOTAL"


def csv_of(source: Path) -> list[bytes]:
    """The lines of a table as CSV, parted by semicolons."""
    text = io.BytesIO()
    pacsv.write_csv(pq.read_table(source), text, pacsv.WriteOptions(delimiter=";"))
    return text.getvalue().split(b"\n")


def test_an_output_is_what_its_ending_says(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """Parquet, CSV and tabs, in capitals too, with the same cells."""
    for name in ("out.parquet", "out.csv", "out.TSV"):
        score_file(live, source, tmp_path / name)

    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert (tmp_path / "out.TSV").read_text(encoding="utf-8").splitlines()[0] == lines[0].replace(",", "\t")
    assert len(lines) - 1 == len(written(tmp_path / "out.parquet")) == 500


@pytest.mark.parametrize("name", ["out.xlsx", "out.json", "out.csv.gz"])
def test_another_ending_is_refused_before_anything_is_scored(
    home: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """It is named with those there are; nothing is left behind."""
    code = main(["--home", str(home), "--use-case", "churn", "--input", str(source), "--output", str(tmp_path / name)])

    assert code == 2
    assert "must end in .parquet, .csv or .tsv" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_forbidden_features_are_told_together(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As other factors, with the sum that a posted row gets, to the bit."""
    home = tmp_path_factory.mktemp("home")
    release_shop(home, "churn", scratch=tmp_path_factory.mktemp("b"), forbid=["canal d'achat", "monetary_365d"])
    live = {"churn": Live(load_release(home, "churn"))}
    rows = shop_rows(300, seed=6)

    table = score_table(live, pa.Table.from_pylist(rows), reasons=8).to_pylist()

    posted = [{"customer_id": "c", "features": row} for row in rows]
    for row, answer in zip(table, score_profiles(live, posted, reasons=8), strict=True):
        expected = answer["scores"]["churn"].get("reasons", [])
        for key in ("code", "feature", "text", "contribution"):
            found = [row[f"reason_{rank}_{key}"] for rank in range(1, 9)]
            assert found == [*(reason[key] for reason in expected), *[None] * (8 - len(expected))]


def test_every_core_gives_the_bits_of_one(
    live: dict[str, Live], small_batches: None, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order in which batches are done leaves no trace."""
    score_file(live, source, tmp_path / "many.parquet", reasons=1)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    score_file(live, source, tmp_path / "one.parquet", reasons=1)

    assert (tmp_path / "many.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()
