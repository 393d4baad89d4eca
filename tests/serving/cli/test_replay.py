"""An auditor scores the decisions log anew: what was given comes out again, and what does not is named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.releases.store import load_release
from serving.cli import replay
from serving.customers import feature_store as store
from serving.customers.decision_log import Decisions
from tests.support.models import release_shop, shop_rows
from tests.support.servers import ROOT

ROWS = shop_rows(30, seed=3)
IDS = [f"Planted-{number}-é" for number in range(len(ROWS))]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose log holds what two versions of one use case and another said of thirty customers."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch)
    release_shop(home, "churn", "1", scratch=scratch, polarity="negative")
    release_shop(home, "churn", "2", scratch=scratch, polarity="negative", seed=2)
    log = Decisions(home, days=90, on=True)
    profiles = [{"customer_id": who, "features": row} for who, row in zip(IDS, ROWS, strict=True)]
    for version, reasons in (("1", 3), ("2", 0)):
        live = {
            "churn": Live(load_release(home, "churn", version=version)),
            "propensity": Live(load_release(home, "propensity")),
        }
        log.record(f"request-{version}", "crm", score_profiles(live, profiles, reasons=reasons))
    log.flush()
    store.put(home, list(ROWS[0]), [(who, list(row.values())) for who, row in zip(IDS, ROWS, strict=True)], as_of=1.0)
    return home


def asked(home: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    """The command's exit code, its lines and its summary."""
    code = replay.main([*arguments, "--home", str(home)])
    out, said = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], said


def table(folder: Path, rows: list[dict[str, Any]]) -> str:
    """A feature table of all the customers, as a file."""
    path = folder / "features.parquet"
    pl.DataFrame({"customer_id": IDS, **{name: [row[name] for row in rows] for name in rows[0]}}).write_parquet(path)
    return str(path)


@pytest.mark.parametrize("source", ["table", "store"])
def test_every_decision_comes_out_as_it_was_given(
    audited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    """Score, band and reasons, each by the version that gave it; no line names a customer."""
    code, lines, said = asked(audited, capsys, *([table(tmp_path, ROWS)] if source == "table" else []))

    assert code == 0
    assert {line["outcome"] for line in lines} == {"agrees"}
    assert {(line["use_case"], line["model_version"]) for line in lines} == {
        ("churn", "1"),
        ("churn", "2"),
        ("propensity", "1"),
    }
    assert any(line["logged"]["reasons"] for line in lines)
    assert f"{len(lines)} agrees, 0 differs" in said
    assert "Planted" not in json.dumps(lines) + said


def test_other_features_and_lost_versions_are_named(
    audited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A decision that others' features do not give differs, and fails the audit; a version that is gone cannot say."""
    home = tmp_path / "home"
    shutil.copytree(audited, home)
    shutil.rmtree(home / "releases/churn/1")
    changed = [{**row, "purchases_90d": 40, "days_since_purchase": 2.0} for row in ROWS[:10]]
    silent = [{**row, "days_since_purchase": None} for row in ROWS[10:12]]

    code, lines, said = asked(home, capsys, table(tmp_path, [*changed, *silent, *ROWS[12:]]))

    outcomes = {
        outcome: [line for line in lines if line["outcome"] == outcome]
        for outcome in ("agrees", "differs", "version gone", "not scored")
    }
    assert code == 1
    assert all(outcomes.values()), said
    assert {(line["use_case"], line["model_version"]) for line in outcomes["version gone"]} == {("churn", "1")}
    assert all(line["replayed"] != line["logged"] for line in outcomes["differs"])
    assert all(line["replayed"] is None for line in outcomes["not scored"])


def test_it_is_a_command_of_serving(audited: Path, tmp_path: Path) -> None:
    """`python -m serving replay`; a file that is no table is exit 3, a home without a log has nothing to say."""
    command = [sys.executable, "-m", "serving", "replay", "--home"]
    told = subprocess.run([*command, str(audited)], cwd=ROOT, capture_output=True, text=True, check=True)
    (tmp_path / "x.csv").write_text("a\n1\n")

    assert told.stdout.count('"outcome": "agrees"') == len(told.stdout.splitlines()) > 0
    assert replay.main([str(tmp_path / "x.csv"), "--home", str(audited)]) == 3
    assert replay.main(["--home", str(tmp_path)]) == 0
