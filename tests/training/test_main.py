"""`python -m training`: words on stderr, one JSON document on stdout, and an exit code that means something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import polars as pl
import pytest

from tests.support import forks
from training.__main__ import BAD_DATA, DONE, FAILED, NO_REGISTRY, NOT_PROMOTED, USAGE, main
from training.evaluation.calibration_error import CALIBRATED

CONTRACT = Path(__file__).parents[1] / "contract" / "training-report.schema.json"
Lines = dict[str, dict[str, Any]]
# Seconds of processor time each; what pydantic and numpy cost is not worth a rule.
SLOW = {"mlflow", "shap", "sklearn", "xgboost", "ibis", "pandera", "polars", "matplotlib", "pandas", "scipy", "pyarrow"}
LISTED = (
    "import atexit, sys; atexit.register(lambda: print(*sys.modules)); "
    "from training.__main__ import main; sys.exit(main(sys.argv[1:]))"
)

# MLflow's own client warns of the libraries it stands on
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


def table_case(folder: Path, rows: pl.DataFrame, name: str, *, label: str = "y") -> Path:
    """A use case on a ready table in a folder."""
    rows.write_parquet(folder / f"{name}.parquet")
    file = folder / f"{name}.toml"
    file.write_text(
        f'name = "{name}"\npolarity = "positive"\n[table]\npath = "{name}.parquet"\nlabel = "{label}"\npositive = 1\n'
    )
    return file


def test_json_is_one_document_and_progress_goes_to_stderr(
    trained: Lines, world: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A retraining with --json prints the report and nothing else; the stages are told on stderr."""
    code = main([str(world / "shop.toml"), "--home", str(home), "--json"])

    said = capsys.readouterr()
    assert code == DONE
    jsonschema.validate(json.loads(said.out), json.loads(CONTRACT.read_text()))
    assert "shop: read" in said.err


def test_the_table_can_be_read(trained: Lines, world: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json a table shows the figures beside the baselines, the verdict, the worth and the bands."""
    main([str(world / "shop.toml"), "--home", str(home)])

    told = capsys.readouterr().out
    words = ("ROC-AUC", "RFM logit", "Recency alone", "Had you contacted", "90% interval", "in service. Unchanged")
    assert all(word in told for word in words)
    assert all(finding["feature"] in told for finding in trained["shop"]["findings"] if finding["feature"])


@pytest.mark.parametrize(
    "bands",
    ["scores = [40, 99.9]", 'codes = ["low", "high"]\nplan = { capacity = 100000 }'],
    ids=["scores", "capacity"],
)
def test_a_band_without_a_test_row_is_shown_so(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], bands: str
) -> None:
    """A score nobody reaches, or a capacity above the population, ends with the table, the report and 0."""
    (tmp_path / "visits.parquet").write_bytes((world / "visits.parquet").read_bytes())
    case = tmp_path / "visits.toml"
    case.write_text(f'candidate = "logit"\n{(world / "visits.toml").read_text(encoding="utf-8")}[bands]\n{bands}\n')

    code = main([str(case), "--home", str(tmp_path / "home")])

    assert code == DONE
    assert "no test row" in capsys.readouterr().out
    report = next((tmp_path / "home/releases/visits").glob("*/report.html")).read_text(encoding="utf-8")
    assert "no test row" in report
    assert "aucune ligne de test" in report


def test_a_wrong_use_case_is_usage(trained: Lines, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there, or not a use case, ends with 2 and says why."""
    code = main(["nowhere.toml", "--home", str(home)])

    assert code == USAGE
    assert "nowhere.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nofile.toml"], USAGE),
        (["wrong.toml", "nofile.toml", "--json"], USAGE),
        (["plan", "nohome"], FAILED),
        (["report", "nohome"], FAILED),
        (["promote", "--nothing"], USAGE),
        (["sync", "--help"], DONE),
        (["--help"], DONE),
    ],
    ids=str,
)
def test_a_mistyped_command_loads_no_library(tmp_path: Path, arguments: list[str], code: int) -> None:
    """What is wrong with a file, a key, a name or an option is known before anything that learns is imported."""
    (tmp_path / "wrong.toml").write_text('name = "x"\npolarity = "up"\n[table]\npath = "x.csv"\nlable = "y"\n')

    done = subprocess.run(
        [sys.executable, "-c", LISTED, *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(CONTRACT.parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert done.returncode == code
    assert "training" in loaded
    assert loaded & SLOW == set()


def test_bad_rows_are_told_by_their_place(
    trained: Lines, world: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, in the report, and in the home: file, row and rule, no cell; a clean source leaves no file."""
    main([str(world / "shop.toml"), "--home", str(home)])

    last = pl.read_parquet(world / "events.parquet").height
    kept = pl.read_parquet(home / "quarantine/shop-events.parquet")
    assert kept.rows(named=True) == [{"__file": "events.parquet", "__row": last, "rule": "missing_timestamp"}]
    assert f"1 of {last:,} rows of the events left out" in capsys.readouterr().err
    assert "missing_timestamp" in (home / str(trained["shop"]["report"])).read_text(encoding="utf-8")
    assert [path.name for path in (home / "quarantine").iterdir()] == ["shop-events.parquet"]


def test_too_many_bad_rows_are_bad_data(
    trained: Lines, world: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beyond the tolerated share: 3, a line for each rule with its count, and nothing set aside."""
    events = pl.read_parquet(world / "events.parquet")
    blank = pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise("when").alias("when")
    events.with_columns(blank).write_parquet(tmp_path / "events.parquet")
    (tmp_path / "shop.toml").write_text((world / "shop.toml").read_text().replace('"shop"', '"bad"'))

    code = main([str(tmp_path / "shop.toml"), "--home", str(home)])

    told = capsys.readouterr().err
    assert code == BAD_DATA
    assert "at most 5.0% of the rows may be bad" in told
    assert "column 'when': missing_timestamp: " in told
    assert told.count("error: ") == 2
    assert not (home / "quarantine/bad-events.parquet").exists()


def test_too_few_outcomes_are_bad_data(
    trained: Lines, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below 20 outcomes nothing is trained: 3, with the counts."""
    rows = pl.DataFrame({"x": range(400), "y": [int(row < 15) for row in range(400)]})

    code = main([str(table_case(tmp_path, rows, "rare")), "--home", str(home)])

    assert code == BAD_DATA
    assert "15" in capsys.readouterr().err


def test_one_that_fails_does_not_keep_the_others_back(
    trained: Lines, world: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a use case that is wrong the next one is still trained, and the code is the failure's."""
    code = main(["nowhere.toml", str(world / "shop.toml"), "--home", str(home), "--json"])

    assert code == USAGE
    assert [line["name"] for line in json.loads(capsys.readouterr().out)] == ["shop"]


def test_noise_is_never_promoted(
    trained: Lines, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table whose columns tell nothing of the label ends with 4 and leaves no release."""
    random = np.random.default_rng(1)
    rows = pl.DataFrame(
        {"x": random.normal(size=1200), "z": random.normal(size=1200), "y": random.integers(0, 2, 1200)}
    )

    code = main([str(table_case(tmp_path, rows, "noise")), "--home", str(home)])

    capsys.readouterr()
    assert code == NOT_PROMOTED
    assert not (home / "releases" / "noise").exists()


def test_a_small_table_with_odd_columns_trains(
    trained: Lines, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Few rows, columns named like our own words, blanks, constants and rare levels: linear models compete, 0."""
    random = np.random.default_rng(2)
    told = random.normal(size=160)
    rows = pl.DataFrame(
        {
            "customer_id": told,
            "eligible": random.choice(["yes", "no", "", "  "], 160),
            "select": [f"level {number}" for number in range(160)],
            'quo"ted, ünï': [None if number % 3 else float(number) for number in range(160)],
            "always": [1] * 160,
            "y": (told + random.normal(size=160) > 0.8).astype(int),
        }
    )

    code = main([str(table_case(tmp_path, rows, "small")), "--home", str(home), "--json"])

    line = json.loads(capsys.readouterr().out)[0]
    assert code == DONE
    assert line["kind"] == "logit"
    assert line["metrics"]["ece"] > CALIBRATED
    assert "calibration" not in {finding["rule"] for finding in line["findings"]}  # 32 rows show as much by chance


def test_a_plan_names_a_cut(trained: Lines, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A capacity gives one cut with an interval, and a person can read it too."""
    assert main(["plan", "shop", "--capacity", "50", "--home", str(home), "--json"]) == DONE
    (told,) = json.loads(capsys.readouterr().out)
    assert told["cut"]["rows"] <= 50
    assert told["cut"]["hits_low"] <= told["cut"]["hits"] <= told["cut"]["hits_high"]

    assert main(["plan", "shop", "--cost", "1.5", "--value", "30", "--save-rate", "0.2", "--home", str(home)]) == DONE
    assert "profit" in capsys.readouterr().out
    assert main(["plan", "shop", "--capacity", "1234567", "--home", str(home)]) == DONE
    assert "capacity 1,234,567  among " in (told := capsys.readouterr().out)
    assert "The capacity is no limit" in told
    assert main(["plan", "shop", "--cost", "100", "--value", "1", "--home", str(home)]) == DONE
    assert "No contact pays" in capsys.readouterr().out
    assert main(["plan", "shop", "--home", str(home), "--json"]) == DONE
    (tenth,) = json.loads(capsys.readouterr().out)
    assert 0 < tenth["cut"]["rows"] <= tenth["population"] / 10
    assert main(["plan", "shop", "--cost", "1", "--home", str(home)]) == USAGE


def test_promotion_by_hand_and_back(trained: Lines, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Promote and sync say which release stands; what cannot be promoted ends with 4."""
    version = str(trained["shop"]["version"])

    assert main(["promote", "shop", version, "--home", str(home), "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)[0]["release"] == f"releases/shop/{version}"
    assert main(["sync", "--home", str(home)]) == DONE
    assert main(["promote", "shop", "77", "--home", str(home)]) == NOT_PROMOTED
    assert main(["report", "shop", "--home", str(home)]) == DONE


@pytest.mark.parametrize(
    "lost", ["", "*/artifacts", "*/artifacts/artifacts/outcome.json"], ids=["all", "model", "file"]
)
def test_lost_artifacts_are_five(
    trained: Lines, world: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], lost: str
) -> None:
    """A version whose files are gone from the tracking store ends a training with 5 and names the version."""
    models = home / "mlartifacts/visits/models"
    gone = [(path, tmp_path / str(at)) for at, path in enumerate(models.glob(lost) if lost else [models])]
    for path, aside in gone:
        path.rename(aside)
    try:
        code = main([str(world / "visits.toml"), "--home", str(home)])
    finally:
        for path, aside in gone:
            aside.rename(path)

    assert gone
    assert code == NO_REGISTRY
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert told.startswith(
        f"error: The registry must hold what was stored of visits version {trained['visits']['version']}"
    )


def test_a_registry_out_of_reach_is_five(
    trained: Lines, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the tracking server down the training ends with 5 before it reads a row."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    assert main([str(world / "shop.toml"), "--home", str(tmp_path)]) == NO_REGISTRY


def test_first_commands_in_a_new_home_wait_for_one_another(tmp_path: Path) -> None:
    """MLflow makes its database once: whoever comes second waits, and neither ends in a traceback of its migrations."""
    asked = ["-m", "training", "sync", "--home", str(tmp_path / "home")]
    files = [tmp_path / f"{number}.txt" for number in range(3)]

    running = []
    for file in files:
        with file.open("wb") as sink:
            running.append(forks.start(asked, cwd=CONTRACT.parents[2], env=os.environ, stdout=sink, stderr=sink))
    codes = [one.wait() for one in running]
    said = [file.read_text() for file in files]

    assert codes == [DONE] * 3, said
    assert any("waiting for another training" in one for one in said)
    assert not any("Traceback" in one for one in said)
