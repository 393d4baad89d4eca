"""A real cluster on loopback: a master, two workers of one processor each, and the command as its driver."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.cli.main import main
from scoring.privacy.suppression import add
from scoring.releases.served_counts import served_folder
from tests.support.models import release_shop, shop_rows
from tests.support.segmented import release_habits
from tests.support.spark_cluster import ROOT, spark_cluster

FILES, ROWS = 20, 1000  # a file is at least a task


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two use cases, a segmentation, and two customers who objected."""
    folder, scratch = tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("scratch")
    release_shop(folder, "churn", scratch=scratch, polarity="negative", seed=1)
    release_shop(folder, "propensity", scratch=scratch)
    release_habits(folder, scratch)
    add(folder, ["c7", "c15000"])
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty thousand customers in twenty files, one of them broken."""
    folder = tmp_path_factory.mktemp("source") / "customers"
    folder.mkdir()
    rows = [{"customer_id": f"c{number}", **row} for number, row in enumerate(shop_rows(FILES * ROWS, seed=4))]
    rows[17]["days_since_purchase"] = -4.0
    for number in range(FILES):
        part = pa.Table.from_pylist(rows[number * ROWS : (number + 1) * ROWS])
        pq.write_table(part, folder / f"{number:02}.parquet", row_group_size=300)
    return folder


@pytest.fixture(scope="module")
def expected(shop: Path, source: Path, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """What this machine makes of them."""
    target = tmp_path_factory.mktemp("expected") / "out.parquet"
    assert main(options(shop, source, target)) == 0
    return pq.read_table(target)


def options(home: Path, source: Path, target: Path) -> list[str]:
    """Two use cases with three reasons in French."""
    words = ["--home", home, "--use-case", "churn", "--use-case", "propensity", "--input", source, "--output", target]
    return [*map(str, words), "--reasons", "3", "--language", "fr", "--json"]


def command(master: str, words: list[str]) -> list[str]:
    """The command that drives a cluster."""
    return [sys.executable, "-m", "scoring", *words, "--engine", "spark", "--master", master]


def on_cluster(master: str, environment: Mapping[str, str], words: list[str]) -> subprocess.CompletedProcess[str]:
    """The command's end."""
    surroundings = {**os.environ, **environment}
    return subprocess.run(
        command(master, words), env=surroundings, cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def written(shop: Path, source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """What a cluster makes of them, in a folder of its own, and what the command printed."""
    target = tmp_path_factory.mktemp("written") / "out"
    with spark_cluster() as cluster:
        done = on_cluster(cluster.master, cluster.environment, options(shop, source, target))
    assert done.returncode == 0, done.stderr
    return target, json.loads(done.stdout)


def test_a_cluster_writes_what_one_machine_does(expected: pa.Table, written: tuple[Path, dict[str, Any]]) -> None:
    """Every column of every row in order, to the bit: scores, bands, segments, clusters, reasons."""
    folder, printed = written

    assert pq.read_table(folder).equals(expected)
    assert printed["rows"] == FILES * ROWS
    assert printed["statuses"]["opted_out"] == 4


def test_a_cluster_counts_the_values_that_one_machine_does(
    shop: Path, expected: pa.Table, written: tuple[Path, dict[str, Any]]
) -> None:
    """The home has both runs' counts of each use case by then, and they are alike."""
    for name in ("churn", "propensity"):
        files = sorted(served_folder(shop, name, "1").rglob("batch-*.json"))

        assert len(files) == 2
        assert files[0].read_bytes() == files[1].read_bytes()


def test_the_manifest_names_every_part(written: tuple[Path, dict[str, Any]]) -> None:
    """With its rows and its sha256; nothing else is in the folder or beside it."""
    folder, _ = written

    manifest = json.loads((folder / "_manifest.json").read_text())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.parquet")}
    assert {part["part"]: part["sha256"] for part in manifest["parts"]} == found
    assert {path.name for path in folder.iterdir()} == {"_manifest.json", *found}
    assert manifest["rows"] == sum(part["rows"] for part in manifest["parts"]) == FILES * ROWS
    assert manifest["models"] == {"churn": "1", "propensity": "1"}
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_a_table_that_lacks_a_feature_leaves_nothing(shop: Path, source: Path, tmp_path: Path) -> None:
    """The rule is the one of one machine, the exit code too; a master in the driver's own process serves as well."""
    pq.write_table(pq.read_table(source / "00.parquet").drop_columns(["subscribed"]), tmp_path / "in.parquet")

    words = options(shop, tmp_path / "in.parquet", tmp_path / "out")
    done = on_cluster("local[1]", {"SPARK_LOCAL_IP": "127.0.0.1"}, words)

    assert done.returncode == 3
    assert "subscribed" in done.stderr.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_a_worker_that_is_killed_loses_and_doubles_nothing(
    shop: Path, source: Path, expected: pa.Table, tmp_path: Path
) -> None:
    """SIGKILL of a worker and its executor once a part is there; until the end a reader sees no folder at all."""
    with spark_cluster() as running:
        arguments = command(running.master, options(shop, source, tmp_path / "out"))
        environment = {**os.environ, **running.environment}
        driver = subprocess.Popen(arguments, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)

        while driver.poll() is None and not list(tmp_path.glob(".out.*/part-*.parquet")):
            time.sleep(0.005)
        running.kill_worker()
        seen, unfinished = (tmp_path / "out").exists(), driver.poll() is None
        _, messages = driver.communicate()

    assert unfinished
    assert not seen
    assert driver.returncode == 0, messages
    assert pq.read_table(tmp_path / "out").equals(expected)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["--master", "spark://127.0.0.1:1"], "for --engine spark alone"),
        (["--engine", "spark", "--output", "out.parquet"], r"a folder, whose name has no ending, got .parquet"),
        (["--engine", "spark", "--output", "."], "not there yet"),
    ],
)
def test_what_an_engine_cannot_do_is_refused_at_once(
    shop: Path, source: Path, capsys: pytest.CaptureFixture[str], words: list[str], rule: str
) -> None:
    """Before anything is read; a usage error."""
    code = main([*options(shop, source, Path("out.parquet")), *words])

    assert code == 2
    assert rule in capsys.readouterr().err


def test_without_pyspark_a_sentence_says_what_to_install(
    shop: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is left."""
    monkeypatch.setitem(sys.modules, "pyspark", None)

    code = main([*options(shop, source, tmp_path / "out"), "--engine", "spark"])

    assert code == 1
    assert "pip install 'penchant[spark]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
