"""The dossier: from what runs and what is stated, in both languages; nothing is claimed that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from penchant.cli.dossier import main
from penchant.dossier.render import DossierBlock, as_html, as_markdown
from scoring.privacy.audit_trail import FILE

Capture = pytest.CaptureFixture[str]
STATED = """
[controller]
name = "Vantelle SAS"
address = "3 rue des Lilas, Lyon"
contact = "contact@vantelle.example"
[dpo]
name = "Jeanne Martin"
[processing]
purpose = { fr = "choisir qui contacter", en = "choose whom to contact" }
legal_basis = { fr = "intérêt légitime", en = "legitimate interest" }
people = { fr = "clients", en = "customers" }
source = { fr = "vos achats", en = "your purchases" }
recipients = [{ fr = "notre routeur", en = "our mailing provider" }]
transfers = { fr = "aucun", en = "none" }
security = [{ fr = "disques chiffrés", en = "encrypted disks" }]
rights = "dpo@vantelle.example"
authority = "CNIL"
necessity = { fr = "rien de moins", en = "nothing less" }
consulted = { fr = "favorable", en = "in favour" }
"""
ENGLISH = ("Vantelle SAS, 3 rue des Lilas, Lyon", "Jeanne Martin", "choose whom to contact", "our mailing provider")
FRENCH = ("Vantelle SAS, 3 rue des Lilas, Lyon", "Jeanne Martin", "choisir qui contacter", "notre routeur")


def written(home: Path, out: Path, capsys: Capture) -> tuple[dict[str, str], int]:
    """The four files by ending, and how much is to be filled in."""
    assert main(["--home", str(home), "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    files = {Path(file).name.removeprefix("dossier."): Path(file).read_text("utf-8") for file in document["files"]}
    return files, document["to_fill"]


def test_what_is_not_stated_is_marked_and_what_is_stated_stands_in_it(
    full: Path, tmp_path: Path, capsys: Capture
) -> None:
    """In each language and form; the parts that are for people to judge stay marked."""
    bare, missing = written(full, tmp_path / "bare", capsys)
    (full / "dossier.toml").write_text(STATED, encoding="utf-8")
    files, left = written(full, tmp_path / "stated", capsys)

    assert bare["en.md"].count("TO BE FILLED IN") == bare["fr.md"].count("À COMPLÉTER") == missing + 1
    assert bare["en.html"].count("<mark>") == missing + 1
    assert all(text in files["en.md"] and text in files["en.html"] for text in ENGLISH)
    assert all(text in files["fr.md"] for text in FRENCH)
    assert "encrypted disks" in files["en.md"]
    assert "name and contact of the controller" not in files["en.md"]
    assert missing - left >= 15
    assert files["en.md"].count("likelihood, severity") == 4


def test_it_says_what_the_home_holds_and_does(full: Path, tmp_path: Path, capsys: Capture) -> None:
    """The same figures in both languages; no customer; one file that loads nothing."""
    files, _ = written(full, tmp_path / "out", capsys)
    english = files["en.md"]

    assert "learned from no more (2 today)" in english
    assert "the moment (1 so far)" in english
    assert "by key (keys: 1): analyst (explain, score)" in english
    assert "Scores given over HTTP are kept" in english
    assert "| console | csv | 1 | 7 |" in files["fr.md"]
    assert "35 days with features and reasons" in english
    assert "Whoever has not been in touch for 3 years (by purchase)" in english
    assert "as it was written: yes." in english
    assert [len(files[one].splitlines()) for one in ("en.md", "en.html")] == [
        len(files[one].splitlines()) for one in ("fr.md", "fr.html")
    ]
    assert not re.search(r"\bc\d+\b", english)
    assert not re.search(r"<script|https?://|src=|@import", files["fr.html"])


def test_nothing_is_claimed_that_does_not_run(tmp_path: Path, capsys: Capture) -> None:
    """Of an empty home: no key, no consent, no record, no model, no rule that anybody would be erased by."""
    (tmp_path / "home").mkdir()
    files, _ = written(tmp_path / "home", tmp_path / "out", capsys)
    text = files["en.md"]

    for line in (
        "No model is in service.",
        "There is no key: whoever works on this machine is answered",
        "Who did what: nothing is recorded yet.",
        "Scores given over HTTP are not kept",
        "No contacts with their consent are named",
        "nobody is erased by that rule",
        "monitoring has not looked at this home",
        "No list has left this home.",
        "It encrypts neither its files nor its connections",
    ):
        assert line in text, line


def test_a_trail_that_was_changed_is_not_called_whole(full: Path, tmp_path: Path, capsys: Capture) -> None:
    """Nor are files that others may read passed over."""
    (full / FILE).write_bytes((full / FILE).read_bytes().replace(b'"crm"', b'"eve"'))
    for path in full.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    (full / "keys.json").chmod(0o644)

    text = written(full, tmp_path / "out", capsys)[0]["en.md"]

    assert "as it was written: no." in text
    assert "others than its owner may read: 1." in text


@pytest.mark.parametrize(
    "text", ["[controler]\nname = 'X'\n", "[controller]\nnam = 'X'\n", "[processing]\npurpose = ''\n"]
)
def test_what_is_stated_has_strict_keys(tmp_path: Path, text: str, capsys: Capture) -> None:
    """Exit code 2, and which key."""
    (tmp_path / "dossier.toml").write_text(text)

    assert main(["--home", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "dossier.toml: " in capsys.readouterr().err


def test_what_is_stated_is_text_and_no_markup() -> None:
    """In HTML a sign is a sign; in a table of Markdown a bar does not part cells."""
    block = DossierBlock("table", rows=(("a", "b"), ("<b>x</b>", "y|z")))

    assert "<b>x" not in as_html([block], "en", "t")
    assert "y\\|z" in as_markdown([block])
