"""Commands by another engine: the same feature file, the same model, a sentence where it cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from features.__main__ import main
from features.build.log_table import learning_table, scoring_table
from features.config.engine.chosen_engine import with_engine
from features.config.use_case import LogUseCase
from penchant.cli.run import main as run
from penchant.daily.day_features import log_features
from tests.support.engines import ADDRESS
from tests.support.postgres import Cluster, cluster
from tests.support.worlds import log_case, purchases, utc

CUTOFF = "2024-07-19"


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    """A database of this machine, whose address is in the environment."""
    with cluster() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv(ADDRESS, running.address)
        yield running


def case(folder: Path) -> LogUseCase:
    """A use case on purchases, with no engine stated."""
    return log_case(folder, purchases(60, 300))


def test_a_file_of_features_is_the_same_file(database: Cluster, tmp_path: Path) -> None:
    """To the byte; a partition that one engine wrote is not written again by another."""
    assert database.port
    file, home = str(case(tmp_path).file), str(tmp_path / "home")
    words = ["build", file, "--cutoff", CUTOFF, "--home", home]
    elsewhere = ["--engine", "postgres", "--url-env", ADDRESS]

    codes = [
        main([*words, "--out", str(tmp_path / "here.parquet")]),
        main([*words, "--out", str(tmp_path / "there.parquet"), *elsewhere]),
        main([*words, "--out", str(tmp_path / "days"), *elsewhere]),
    ]
    written = next((tmp_path / "days").rglob("*.parquet"))
    before = written.stat().st_mtime_ns
    codes.append(main([*words, "--out", str(tmp_path / "days")]))

    assert codes == [0] * 4
    assert (tmp_path / "here.parquet").read_bytes() == (tmp_path / "there.parquet").read_bytes()
    assert written.stat().st_mtime_ns == before


def test_a_learning_table_is_the_same_table(database: Cluster, tmp_path: Path) -> None:
    """Rows, groups and labels, and the search for leaks, which asks the engine again; and that of a moment."""
    assert database.port
    here = case(tmp_path)
    there = with_engine(here, "postgres", url_env=ADDRESS)

    one, other = learning_table(here), learning_table(there)

    assert other.rows.equals(one.rows)
    assert other.rows.schema == one.rows.schema
    assert (other.digest, other.findings, other.report) == (one.digest, one.findings, one.report)
    assert scoring_table(there, utc(200)).equals(scoring_table(here, utc(200)))


def test_a_step_of_a_run_is_handed_the_engine(database: Cluster, tmp_path: Path) -> None:
    """The command of the step reads the file again, and computes where the run says."""
    assert database.port
    use_case, moment = case(tmp_path), datetime.fromisoformat(f"{CUTOFF}T00:00:00+00:00")
    gone = with_engine(use_case, "postgres", url_env="PENCHANT_NO_SUCH_VARIABLE")
    there = with_engine(use_case, "postgres", url_env=ADDRESS)

    with pytest.raises(Exception, match="exit code 1"):
        log_features(gone, moment, tmp_path / "days", tmp_path / "home")
    file = log_features(there, moment, tmp_path / "days", tmp_path / "home")

    assert pl.read_parquet(file).equals(scoring_table(use_case, moment))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--engine", "postgres"], 2, "--engine: url_env must name the environment variable that holds the address"),
        (["--master", "local"], 2, "--engine: master does not go with kind 'duckdb'"),
        (["--engine", "postgres", "--url-env", "NO_SUCH_URL"], 1, "engine postgres: NO_SUCH_URL must hold an address"),
    ],
    ids=["no address", "no cluster", "unset"],
)
def test_what_an_engine_lacks_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    """With the exit code of usage where the words are wrong, and of a failure where the engine is."""
    file = str(case(tmp_path).file)

    ended = main(["build", file, "--cutoff", CUTOFF, "--out", str(tmp_path / "f.parquet"), *words])

    assert ended == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "f.parquet").exists()


def test_a_run_refuses_an_engine_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is computed, by the rule of the use case."""
    file = case(tmp_path).file
    home = tmp_path / "home"
    home.mkdir()
    (home / "run.toml").write_text(f"[[use_case]]\nfile = {json.dumps(str(file))}\n", encoding="utf-8")

    code = run(["--home", str(home), "--engine", "postgres"])

    assert code == 2
    assert "url_env must name" in capsys.readouterr().err
