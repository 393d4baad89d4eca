"""Every file that a home can hold is of a store that `penchant retention` names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from penchant.cli.retention import main
from penchant.retention.register import STORES, files_by_store
from scoring.privacy.retention_file import RetentionRules, Span, read_retention
from tests.conftest import ROOT

Capture = pytest.CaptureFixture[str]
WRITTEN_BY_TRAINING = ("requests", "registry", "promotions", "contacts", "reports", "runs")


def test_every_file_of_a_full_home_is_of_a_store(full: Path, examples_home: Path) -> None:
    """Of one made by hand and of one that the commands made: whoever adds a store adds it to the register."""
    found, unknown = files_by_store(full)
    trained, others = files_by_store(examples_home)

    assert [path.relative_to(full) for path in unknown] == []
    assert [path.relative_to(examples_home) for path in others] == []
    held = {name for name, files in [*found.items(), *trained.items()] if files}
    assert {store.name for store in STORES} - held == {"drafts"}
    assert all(trained[name] for name in WRITTEN_BY_TRAINING)


def test_a_file_that_no_store_has_is_named(full: Path, capsys: Capture) -> None:
    """On stderr and in the document; the command goes on."""
    (full / "segments/notes").mkdir()
    (full / "landed.parquet").touch()

    assert main(["--home", str(full), "--json"]) == 0

    printed = capsys.readouterr()
    assert json.loads(printed.out)["unknown"] == ["landed.parquet"]
    assert printed.err == "no store of the register has landed.parquet\n"


def test_the_command_prints_each_store_with_its_oldest_row_and_its_rule(full: Path, capsys: Capture) -> None:
    """As a table and as JSON; nothing of the home changes."""
    before = {path: path.read_bytes() for path in full.rglob("*") if path.is_file()}
    (full / "retention.toml").write_text('[keep]\nquarantine = "2w"\n')

    assert main(["--home", str(full), "--json"]) == 0
    stores = {one["name"]: one for one in json.loads(capsys.readouterr().out)["stores"]}
    assert main(["--home", str(full)]) == 0
    text = capsys.readouterr().out

    assert list(stores) == [store.name for store in STORES]
    assert stores["store"] | {"oldest": "2026-03-01T00:00:00+00:00", "holds": "customers"} == stores["store"]
    assert (stores["campaigns"]["oldest"][:10], stores["quarantine"]["rule"]) == ("2026-03-02", "2w")
    assert stores["decisions"]["rule"] == "90d (PENCHANT_DECISIONS_DAYS)"
    assert "35d with features and reasons, month ends 13m (run.toml)" in text
    assert "customers were not in touch for 3y (by purchase)" in text
    assert before == {path: path.read_bytes() for path in before}


def test_the_guide_shows_the_defaults(tmp_path: Path) -> None:
    """Word for word: copied into a home they change nothing but who says how long decisions are kept."""
    text = (ROOT / "docs/guide/accountability.md").read_text(encoding="utf-8")
    (tmp_path / "retention.toml").write_text(text[text.index("[keep]") : text.index("```\n\n`decisions`")])

    assert read_retention(tmp_path) == replace(RetentionRules(), decisions=Span(90, "d"))


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("[keep]\ndecisions = 90\nletters = '3y'\n", 2),
        ("[last_contact]\nafter = '0d'\nevents = []\n[other]\n", 3),
        ("keep = 3\n", 1),
        ("[keep\n", 1),
    ],
)
def test_a_file_of_rules_is_strict(tmp_path: Path, text: str, rules: int, capsys: Capture) -> None:
    """Every broken rule at once, and exit code 2; nothing is purged by what is not understood."""
    (tmp_path / "retention.toml").write_text(text)

    for words in ([], ["purge"]):
        assert main([*words, "--home", str(tmp_path)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == rules
