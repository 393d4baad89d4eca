"""What pages say of the day in service."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.spec.languages import Language
from scoring.population.days import DayManifest, day_folder
from scoring.population.write_day import seal_day
from serving.console.views.day_in_service import day_notes
from serving.console.web.i18n import Texts

DAY = datetime(2026, 3, 1, tzinfo=UTC)
LIMIT = '[deliver]\nmax_age = "36h"\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a day that nobody is in, and a limit."""
    folder = day_folder(tmp_path, DAY)
    folder.mkdir(parents=True)
    seal_day(folder, DayManifest(run_id="r", as_of=DAY, policy="p", models={}, customers=0, files={}))
    (tmp_path / "run.toml").write_text(LIMIT)
    return tmp_path


@pytest.mark.parametrize(("language", "said"), [("en", "too old"), ("fr", "trop anciens")])
def test_a_day_past_the_limit_is_too_old_to_leave(home: Path, language: Language, said: str) -> None:
    """A second before nothing is said."""
    limit, texts = DAY + timedelta(hours=36), Texts(language)

    in_time, late = (day_notes(home, texts, now=limit + timedelta(seconds=more)) for more in (0, 1))

    assert (in_time.sentences, in_time.deliverable) == ([], True)
    assert not late.deliverable
    assert len(late.sentences) == 1
    assert said in late.sentences[0]


def test_without_a_limit_any_day_may_leave(home: Path) -> None:
    """As in a home whose days are of long ago."""
    (home / "run.toml").write_text("[deliver]\n")

    assert day_notes(home, Texts("en"), now=DAY + timedelta(days=9_000)).deliverable


@pytest.mark.parametrize("text", ["max_age = 36", 'max_age = "0h"', "max_age ="])
def test_a_limit_that_cannot_be_read_lets_nothing_leave(home: Path, text: str) -> None:
    """Nobody knows then how old a day may be."""
    (home / "run.toml").write_text(f"[deliver]\n{text}\n")

    notes = day_notes(home, Texts("en"), now=DAY)

    assert not notes.deliverable
    assert "no list leaves" in notes.sentences[0]


@pytest.mark.parametrize(("status", "told_of"), [("failed", True), ("running", True), ("done", False)])
def test_a_run_that_did_not_end_well_is_named_with_its_moment(home: Path, status: str, told_of: bool) -> None:
    """One that was killed too, as nobody writes days any more."""
    state = {"status": status, "as_of": "2026-03-02T00:00:00+00:00", "at": "2026-03-02T05:15:00+00:00"}
    (home / "population/last_run.json").write_text(json.dumps(state))

    sentences = day_notes(home, Texts("en"), now=DAY).sentences

    assert [sentence for sentence in sentences if "2 March 2026, 05:15 UTC" in sentence] == sentences
    assert bool(sentences) == told_of


def test_another_day_than_the_latest_is_shown_since_that_is_damaged(home: Path) -> None:
    """Its date is named."""
    assert "1 March 2026" in day_notes(home, Texts("en"), served=DAY - timedelta(days=1), now=DAY).sentences[0]
