"""A customer of the mailing example: export, objection, erasure, a backup put back, a training after."""

from __future__ import annotations

import json
import runpy
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.build.log_table import learning_table, scoring_table
from features.spec.suppression_list import objectors_of
from penchant.cli.retention import main as retention
from penchant.cli.trail import trail_command
from scoring.audiences.snapshot import SnapshotInputs
from scoring.population.write_day import DayInputs, write_day
from scoring.segments.assignment import DEFAULT
from serving.auth.api_keys import add_key
from serving.cli import load, suppress
from serving.customers.pending_erasures import pending_of
from serving.customers.subject_rights import export
from tests.support.days import released
from tests.support.models import release_log
from tests.support.servers import QUICK, start, stop, until
from tests.support.stored import traces
from tests.support.worlds import load_log
from training.__main__ import main as training

EXAMPLE = Path(__file__).parents[2] / "examples/b2b-mailing"
NAME, DAY = "mailing-propensity", datetime(2026, 6, 1, tzinfo=UTC)
Capture = pytest.CaptureFixture[str]
USE_CASE = """
name = "mailing-propensity"
polarity = "positive"
seed = 7
[events]
path = "data/events.parquet"
customer_id = "customer_id"
timestamp = "timestamp"
type = { column = "event_type" }
[window]
observation = "180d"
prediction = "30d"
test_cutoff = "2026-06-01"
train_cutoffs = 2
[label]
event = "visit"
outcome = "present"
"""


@pytest.fixture
def mailing(tmp_path: Path) -> Path:
    """The example, small, with a model in service, a day of its customers and the store."""
    folder = tmp_path / "mailing"
    runpy.run_path(str(EXAMPLE / "generate.py"))["write_example"](folder / "data", customers=300, seed=7)
    file = folder / "propensity.toml"
    file.write_text(USE_CASE, encoding="utf-8")
    home, use_case = folder / "home", load_log(file)
    release_log(home, use_case)
    scoring_table(use_case, DAY).write_parquet(folder / "today.parquet")
    inputs = SnapshotInputs(released(home, NAME), DEFAULT, folder / "today.parquet", DAY.date())
    write_day(home, DayInputs("run", DAY, inputs), check=lambda _: None)
    assert load.main([str(folder / "today.parquet"), "--home", str(home), "--as-of", "2026-06-01"]) == 0
    return folder


def kept_of(home: Path, customer: str) -> Mapping[str, Any]:
    """What is left of a customer, without the mark that they were erased or objected."""
    [found] = export(home, [customer])
    return {name: found[name] for name in ("store", "decisions", "population", "requests")}


def restored(home: Path, backup: Path) -> None:
    """Puts a backup in the place of the home, but for the trail and its key, as the guide says."""
    for path in home.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in ("trail.jsonl", "trail.head", "customers.key"):
            path.unlink()
    newest = {path: path.read_bytes() for path in home.iterdir()}
    shutil.copytree(backup, home, dirs_exist_ok=True)
    for path, content in newest.items():
        path.write_bytes(content)


def test_nothing_of_an_erased_customer_comes_back_by_a_backup(
    mailing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Not to a caller, not to a file, not into a model; and each step stands in the trail, by whom it was."""
    home, ids = mailing / "home", tmp_path / "ids.txt"
    customer = str(pl.read_parquet(mailing / "today.parquet")["customer_id"][5])
    ids.write_text(f"{customer}\n")
    key = add_key(home, "dpo", ["admin"])
    backup = shutil.copytree(home, tmp_path / "backup")
    monkeypatch.setenv("PENCHANT_WHO", "Ada Martin")

    server = start(home, tmp_path, QUICK)
    try:
        with server.client() as client:
            client.headers["authorization"] = f"Bearer {key}"
            body = {"customer_ids": [customer]}
            exported = client.post("/v1/customers/export", json=body).json()["customers"][0]
            assert suppress.main(["add", str(ids), "--home", str(home)]) == 0
            assert client.post("/v1/customers/erase", json=body).status_code == 200
            until(lambda: not pending_of(home))
    finally:
        stop(server)
    restored(home, backup)
    assert traces(home, customer)
    assert objectors_of(home) is None  # its list too is as it was before
    (mailing / "gone.toml").write_text(USE_CASE.replace("data/events", "data/gone"), encoding="utf-8")
    code = training([str(mailing / "gone.toml"), "--home", str(home), "--json"])  # the first thing that any does
    learned = learning_table(load_log(mailing / "propensity.toml"), objectors=objectors_of(home))
    capsys.readouterr()
    assert retention(["purge", "--home", str(home), "--json"]) == 0

    assert exported["store"]
    assert exported["population"]
    assert code == 3
    assert customer not in learned.rows["__customer_id"].to_list()
    assert json.loads(capsys.readouterr().out)["returned"] == 1
    assert all(not left for left in kept_of(home, customer).values())
    assert export(home, [customer])[0]["opted_out"]
    assert traces(home, customer) == set()
    assert trail_command(["--customers", str(ids), "--home", str(home), "--json"]) == 0
    trail = json.loads(capsys.readouterr().out)
    steps = [(one["action"]["what"], one["action"]["by"]["who"]) for one in trail["entries"]]
    assert trail["faults"] == []
    assert steps == [
        ("export", "dpo"),
        ("objection", "Ada Martin"),
        ("erase", "dpo"),
        ("erased", None),
        ("returned", "Ada Martin"),
        ("erased", None),
    ]
