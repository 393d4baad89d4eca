"""The audit of a home: counted by hand, in both languages, and naming nobody."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from monitoring.audit.audit_page import audit_page
from monitoring.audit.audit_record import audit
from penchant.cli.audit import main
from scoring.audiences.export_log import log_export
from scoring.health.alert_file import acknowledge, alerts_path
from scoring.health.health_file import health_path
from scoring.privacy import suppression
from scoring.privacy.audit_trail import Actor, What, record
from scoring.releases.promotion_log import log_decision
from tests.conftest import ROOT
from tests.support.looked_at import look_at
from tests.support.models import release_shop

ODD = ("c-4711 é", "O'Brien <b>", "=cmd()")


class Words(HTMLParser):
    """The texts of a page by the language of their part."""

    def __init__(self) -> None:
        super().__init__()
        self.languages: list[str] = []
        self.found: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A part begins."""
        if tag == "main":
            self.languages.append(str(dict(attrs)["lang"]))

    def handle_data(self, data: str) -> None:
        """A text."""
        if self.languages and data.strip():
            self.found.setdefault(self.languages[-1], []).append(data.strip())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two releases, decisions, lists that left, erased customers, and what monitoring left."""
    folder = tmp_path / "home"
    release_shop(folder, "churn", scratch=tmp_path, polarity="negative", seed=1)
    look_at(folder)
    log_decision(folder, "churn", {"version": "1", "rule": "promoted_by_hand", "promoted": True, "reason": "Better."})
    log_decision(folder, "churn", {"version": "2", "rule": "kept", "refused": True, "reason": "Worse."})
    counted = {"segment": "loyal", "members": 9, "written": 7, "left_out": {"no_consent": 2}, "ids": list(ODD)}
    log_export(folder, counted, format_="csv", by="console", key="crm")
    log_export(folder, counted, format_="csv", by="console")
    record(folder, "look", Actor("crm", "api"), customers=ODD, about={"route": "lookup"})
    record(folder, "look", Actor("crm", "api"), customers=ODD[:1], about={"route": "moves"})
    suppression.add(folder, ODD)
    suppression.mark_erased(folder, ODD[:2], at=datetime.now(UTC).timestamp())
    suppression.mark_erased(folder, ODD[2:], at=0.0)
    acknowledge(folder, "0a", by="Ada", now=datetime.now(UTC))
    return folder


def test_the_record_is_what_was_counted_by_hand(home: Path) -> None:
    """Of the months asked for: who was erased before them is not in them."""
    found = audit(home, date(2026, 1, 1), datetime.now(UTC).date())
    case = found.use_cases[0]

    assert (found.promoted, found.refused, found.erased, found.objectors) == (1, 1, 2, 3)
    assert [(one.by, one.lists, one.written, one.left_out) for one in found.exports] == [("console", 2, 14, 4)]
    assert [(one.who, one.via, one.looks, one.customers) for one in found.looks] == [("crm", "api", 2, len(ODD))]
    assert [one.action.by.who for one in found.done] == [None, "crm"]
    assert [alert.id for alert in found.alerts] == ["0b", "0a"]
    assert (case.name, case.version, case.known) == ("churn", "1", 30)
    assert [window.as_of[:10] for window in case.months] == ["2026-01-31", "2026-02-28", "2026-03-01"]
    assert audit(home, date(2020, 1, 1), date(2020, 6, 1)).promoted == 0


def test_the_file_says_the_same_in_both_languages(home: Path, tmp_path: Path) -> None:
    """One file without a script, nothing loaded from elsewhere, no customer in it; or one language alone."""
    out, alone = tmp_path / "audit.html", tmp_path / "fr.html"
    assert main(["--since", "2026-01-01", "--out", str(out), "--home", str(home)]) == 0
    assert main(["--since", "2026-01-01", "--out", str(alone), "--home", str(home), "--language", "fr"]) == 0
    text, words = out.read_text(), Words()
    words.feed(text)
    counts = re.findall(r'data-count="(\w+)">([^<]*)', text)

    assert words.languages == ["en", "fr"]
    assert counts[: len(counts) // 2] == counts[len(counts) // 2 :]
    assert dict(counts) | {"promoted": "1", "refused": "1", "erased": "2", "lists": "2", "alerted": "2"} == dict(counts)
    assert any("ranked worse than learned" in one for one in words.found["en"])
    assert any("moins bien classé" in one for one in words.found["fr"])
    assert "taken on by Ada" in words.found["en"]
    assert "The record is as it was written (lines: 4)." in words.found["en"]
    assert words.found["en"].count("list or audience left") == words.found["fr"].count("liste ou audience sortie") == 2
    assert any("Days since the last purchase drifted" in one for one in words.found["en"])
    assert {"Loyal", "Behind", "Reached", "Not measured yet"} <= set(words.found["en"])
    assert not re.search(r"<script|https?://|src=|@import|\{\{", text)
    assert [one for one in ODD if one in text or one.split()[0] in text] == []
    assert 'lang="en">\n<meta' not in alone.read_text()


def test_what_is_damaged_is_named_and_the_rest_is_there(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the page, and by the command."""
    health_path(home).write_bytes(b"{")
    alerts_path(home).write_bytes(b"[")

    code = main(["--since", "6m", "--out", str(tmp_path / "a.html"), "--home", str(home), "--json"])

    said = capsys.readouterr()
    assert code == 0
    assert json.loads(said.out) | {"unreadable": 2, "promoted": 1, "alerts": 0} == json.loads(said.out)
    assert said.err.count("must be what monitoring wrote") == 2
    assert (tmp_path / "a.html").read_text().count("must be what monitoring wrote") == 4


def test_a_feature_that_may_not_be_named_is_another_factor(home: Path) -> None:
    """In the audit too."""
    found = audit(home, date(2026, 1, 1), date(2026, 12, 31))
    manifest = found.use_cases[0].manifest
    assert manifest is not None
    case = replace(found.use_cases[0], manifest=msgspec.structs.replace(manifest, forbid=("days_since_purchase",)))

    page = audit_page(replace(found, use_cases=[case]), ("fr",))

    assert "Autres facteurs a dérivé" in page
    assert "Jours depuis le dernier achat" not in page
    assert "days_since_purchase" not in page


@pytest.mark.parametrize("words", [["--since", "soon"], ["--since", "6m"]], ids=["no span", "no file"])
def test_what_cannot_be_is_usage(tmp_path: Path, words: list[str]) -> None:
    """Exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--home", str(tmp_path)])

    assert ended.value.code == 2


@pytest.mark.parametrize("what", [what for what in get_args(What) if what != "look"])
def test_every_kind_of_action_has_its_words(what: str) -> None:
    """In both languages, so that a new kind cannot break the page."""
    texts = tomllib.loads((ROOT / "monitoring/audit/texts.toml").read_text(encoding="utf-8"))["audit"]

    assert texts[f"did_{what}"].keys() == {"en", "fr"}
