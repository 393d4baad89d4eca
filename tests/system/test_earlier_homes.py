"""Homes of released versions, put back on this machine, serve, score files and retrain as they did.

`earlier_homes/home-VERSION.tar.xz` holds a backup of a home that a version made (releases of a logit, of boosted trees
and of a log, registry, store, keys, an objection), its use cases and data, and what the version answered in
`NAME-scored.csv`. Pictures and reports are left out of it. A version is added before the one after it changes anything.
"""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import polars as pl
import pytest

from penchant.cli.restore import main as restore
from scoring.privacy.trail_check import checked_trail
from serving.auth.api_keys import read_keys
from tests.conftest import made_once
from tests.support import forks
from tests.support.servers import QUICK, ROOT, start, stop

HERE = Path(__file__).parent
HOMES = {path.name.removeprefix("home-").removesuffix(".tar.xz"): path for path in HERE.glob("earlier_homes/*.tar.xz")}
FIGURES = ("customer_id", "status", "probability", "score", "percentile", "band", "model_version")
ROWS = {"offer": "csv", "cross": "csv", "again": "parquet"}


@pytest.fixture(scope="module", params=sorted(HOMES))
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a version left, its home restored in `home` by the command of today."""

    def unpack(folder: Path) -> None:
        with tarfile.open(HOMES[request.param]) as packed:
            packed.extractall(folder, filter="data")
        assert restore([str(folder / "backup"), "--home", str(folder / "home"), "--without-ledger", "--json"]) == 0

    return made_once(tmp_path_factory, f"earlier-{request.param}", unpack)


def ended(shop: Path, *words: str) -> str:
    """What a command printed that ended well."""
    line = ["-m", *words, "--home", str(shop / "home")]
    run = forks.run(line, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", "PENCHANT_HOME": ""})
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("name", ROWS)
def test_files_are_scored_to_the_bit(shop: Path, name: str, tmp_path: Path) -> None:
    """Every figure, and who objected; of reasons their features."""
    rows, scored = shop / f"{name}-rows.{ROWS[name]}", tmp_path / "scored.csv"
    ended(shop, "scoring", "--use-case", name, "--input", str(rows), "--output", str(scored), "--reasons", "2")

    before, now = pl.read_csv(shop / f"{name}-scored.csv"), pl.read_csv(scored)
    same = [*FIGURES, *(column for column in before.columns if column.endswith("_feature"))]

    assert now.select(same).equals(before.select(same))
    assert "opted_out" in before["status"].to_list()


def test_the_server_answers_as_the_files_say(shop: Path, tmp_path: Path) -> None:
    """By the store of then and by posted features, to the keys of then."""
    [key] = read_keys(shop / "home").keys
    stored = pl.read_csv(shop / "again-scored.csv").filter(status="scored").head(20)
    posted = pl.read_csv(shop / "cross-rows.csv").head(20)
    keys = (shop / "home/keys.json").read_bytes()
    (shop / "home/keys.json").unlink()  # of which only hashes are known
    server = start(shop / "home", tmp_path, QUICK)
    try:
        with server.client() as client:
            ready = client.get("/readyz").json()
            by_id = client.post("/v1/scores", json={"customer_ids": stored["customer_id"].to_list()}).json()["results"]
            profiles = [
                {"customer_id": who, "features": {"a": a, "b": b, "c": c}} for who, a, b, c in posted.iter_rows()
            ]
            crossed = client.post("/v1/scores", json={"use_cases": ["cross"], "profiles": profiles}).json()["results"]
    finally:
        stop(server)
        (shop / "home/keys.json").write_bytes(keys)

    scored = pl.read_csv(shop / "cross-scored.csv").head(20)
    assert key.scopes == {"score", "explain"}
    assert (ready["refused"], set(ready["use_cases"])) == ({}, set(ROWS))
    assert [one["scores"]["again"]["probability"] for one in by_id] == stored["probability"].to_list()
    assert [one["scores"]["cross"].get("probability") for one in crossed] == scored["probability"].to_list()


def test_a_retraining_is_held_against_the_model_of_then(shop: Path) -> None:
    """Which the registry still has, wherever the home stands now; the trail begins and is whole."""
    [line] = json.loads(ended(shop, "training", str(shop / "offer.toml"), "--json"))

    assert line["version"] == "2"
    assert "of the champion" in line["reason"]
    assert (shop / "home/releases/offer/CURRENT").read_text().strip() == ("2" if line["promoted"] else "1")
    assert checked_trail(shop / "home").faults == []


def test_another_machine_takes_its_models_from_the_same_registry(shop: Path, tmp_path: Path) -> None:
    """What the aliases name, to the byte, with no home of its own but that."""
    there = tmp_path / "second"
    registry = f"sqlite:///{shop / 'home/mlflow.db'}"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": registry, "OMP_NUM_THREADS": "1"}
    run = forks.run(["-m", "training", "sync", "--home", str(there)], cwd=ROOT, env=environment)

    assert run.returncode == 0, run.stderr
    for name in ROWS:
        version = (shop / f"home/releases/{name}/CURRENT").read_text()
        own = shop / f"home/releases/{name}/{version.strip()}"
        assert (there / f"releases/{name}/CURRENT").read_text() == version
        for file in ("manifest.json", "golden.jsonl"):
            assert (there / f"releases/{name}/{version.strip()}" / file).read_bytes() == (own / file).read_bytes()
