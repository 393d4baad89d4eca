"""Lineage of commands as an orchestrator calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.cli.forward import main
from tests.support.lineage_events import datasets, facets, read_events
from tests.support.worlds import log_case, purchases


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose file asks for events."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/run.toml").write_text('[lineage]\nfile = "lineage/events.jsonl"\nnamespace = "shop"\n')
    return tmp_path / "home"


def test_a_build_names_its_log_and_its_table(home: Path, tmp_path: Path) -> None:
    """With columns and rows of the table once it is there; no value of anybody."""
    file = log_case(tmp_path, purchases(40)).file
    out = tmp_path / "table.parquet"

    words = ["features", "build", str(file), "--cutoff", "2024-10-01", "--out", str(out), "--home", str(home)]
    assert main(words) == 0

    first, last = read_events(home / "lineage/events.jsonl")
    assert (first["eventType"], last["eventType"]) == ("START", "COMPLETE")
    assert first["run"]["runId"] == last["run"]["runId"]
    assert last["job"]["name"] == "penchant.features.build"
    assert datasets(last, "inputs") == {("file", str(tmp_path / "events.parquet"))}
    assert datasets(first, "outputs") == datasets(last, "outputs") == {("file", str(out)), ("shop", "features/case")}
    found = facets(last, "outputs", str(out))
    assert found["outputStatistics"]["rowCount"] > 10
    assert "customer_id" in [field["name"] for field in found["schema"]["fields"]]
    assert "c1" not in (home / "lineage/events.jsonl").read_text().replace("schema", "").split('"')


@pytest.mark.parametrize(
    "words",
    [
        ["train", "nowhere.toml"],
        ["features", "build", "nowhere.toml", "--cutoff", "2024-10-01", "--out", "out.parquet"],
        ["features", "build"],
        ["activate", "sync", "nowhere.toml"],
        ["score", "--use-case", "none", "--input", "a.csv", "--output", "b.csv"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_command_that_fails_is_never_complete(
    home: Path, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its exit code, or by how argparse ends it; its own message stands first."""
    monkeypatch.setattr("penchant.cli.forward.bar_training_libraries", lambda: None)
    try:
        code = main([*words, "--home", str(home)])
    except SystemExit as ended:
        code = int(ended.code or 0)

    assert code
    assert capsys.readouterr().err
    assert [one["eventType"] for one in read_events(home / "lineage/events.jsonl")] == ["START", "FAIL"]


def test_other_commands_have_no_event(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that an orchestrator has no reason to call."""
    with pytest.raises(SystemExit):
        main(["activate", "plan", "--help", "--home", str(home)])

    assert "usage" in capsys.readouterr().out
    assert not (home / "lineage").exists()
