from __future__ import annotations

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.answers import score_profiles
from scoring.batch import BatchError, score_file
from scoring.command import main
from tests.models import shop_rows


@pytest.fixture
def source(tmp_path):
    """Five hundred customers, one of them broken."""
    rows = [{"customer_id": f"c{number}", **row} for number, row in enumerate(shop_rows(500, seed=4))]
    rows[17]["days_since_purchase"] = -4.0
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet", row_group_size=120)
    return tmp_path / "in.parquet"


def test_a_file_is_scored_as_the_rows_are(live, source, tmp_path):
    """Every number, reason, status and segment is that of posted rows, to the bit, in order."""
    score_file(live, source, tmp_path / "out.parquet", reasons=3, language="fr")

    written = pq.read_table(tmp_path / "out.parquet").to_pylist()
    features = [
        {key: value for key, value in row.items() if key != "customer_id"} for row in pq.read_table(source).to_pylist()
    ]
    posted = [{"customer_id": f"c{number}", "features": row} for number, row in enumerate(features)]
    for row, answer in zip(written, score_profiles(live, posted, reasons=3, language="fr"), strict=True):
        assert row["customer_id"] == answer["customer_id"]
        assert row["segment"] == (answer["segment"] or {}).get("code")
        for name, score in answer["scores"].items():
            assert row[f"{name}_status"] == score["status"]
            for key in ("probability", "score", "percentile"):
                assert row[f"{name}_{key}"] == score.get(key)
            for rank, reason in enumerate(score.get("reasons", ())):
                assert row[f"{name}_reason_{rank + 1}_text"] == reason["text"]
                assert row[f"{name}_reason_{rank + 1}_contribution"] == reason["contribution"]
    assert written[17]["churn_status"] == "invalid"


def test_one_use_case_has_plain_columns(home, source, tmp_path, capsys):
    """The command line writes the columns a warehouse expects."""
    code = main(["--home", str(home), "--use-case", "churn", "--input", str(source), "--output",
                 str(tmp_path / "out.csv"), "--reasons", "1", "--json"])  # fmt: skip

    assert code == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 500
    header = (tmp_path / "out.csv").read_text().splitlines()[0].replace('"', "").split(",")
    assert header[:6] == ["customer_id", "status", "probability", "score", "percentile", "band"]
    assert {"segment", "model_version", "reason_1_code", "reason_1_text", "reason_1_contribution"} <= set(header)


def test_a_table_without_ids_gets_row_numbers(live, tmp_path):
    """From 1, across row groups."""
    pq.write_table(pa.Table.from_pylist(shop_rows(5)), tmp_path / "in.parquet", row_group_size=2)

    score_file({"churn": live["churn"]}, tmp_path / "in.parquet", tmp_path / "out.parquet")

    assert pq.read_table(tmp_path / "out.parquet").column("customer_id").to_pylist() == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("kind", ["not a table", "lacks a feature", "empty"])
def test_a_file_that_cannot_be_scored_leaves_nothing_behind(live, tmp_path, kind):
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


def test_scoring_files_loads_no_training_library(home, source, tmp_path):
    """The process that scores imports none of mlflow, scikit-learn, pandas, shap, pandera, ibis."""
    script = (
        "import sys; from scoring.lean import BARRED, bar_training_libraries; bar_training_libraries();"
        "from scoring.command import main; code = main(sys.argv[1:]);"
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
