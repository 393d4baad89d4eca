"""Free texts from a training to an answer: the same marks at each door, and no text in anything that is kept."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from features.config.use_case import load_use_case
from features.spec.languages import Language
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live, open_live
from scoring.batch.table_answers import score_table
from tests.conftest import ROOT, newcomer
from tests.support import forks
from tests.support.days import made
from tests.support.surveys import NEVER, survey_rows, write_survey

ROWS = 200


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home trained on the survey, with a day of its customers; what the training said beside it."""
    folder = tmp_path_factory.mktemp("survey")
    home = folder / "home"
    done = forks.run(
        ["-m", "training", str(write_survey(folder)), "--home", str(home), "--json"], cwd=ROOT, env=newcomer()
    )
    assert done.returncode == 0, done.stderr
    (home / "said.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    customers = survey_rows(ROWS).drop("left").rename({"client": "customer_id"})
    customers.write_parquet(folder / "customers.parquet")
    made(home, open_live(home, ["survey"]), folder / "customers.parquet")
    return home


@pytest.fixture(scope="module")
def live(home: Path) -> dict[str, Live]:
    """Its release."""
    return open_live(home, ["survey"])


def test_no_text_and_no_rare_word_is_kept(home: Path) -> None:
    """Bundle, report, registry, days, what the training said: not a byte of a rare word, a name, an address."""
    wanted = [word.encode() for word in (*NEVER, "Le retard est inacceptable", "Signé")]
    kept = [path for path in home.rglob("*") if path.is_file() and path.name != "sensitive_words.toml"]  # our own words

    leaked = {(path.name, word) for path in kept for word in wanted if word.lower() in path.read_bytes().lower()}

    assert len(kept) > 20
    assert leaked == set()
    assert any(b"remboursement" in path.read_bytes() for path in kept)  # what enough customers write is known


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_text_means_the_same_posted_and_in_a_file(live: dict[str, Live], language: Language) -> None:
    """Score and reasons to the bit, texts of reasons too, which name up to three words."""
    rows = survey_rows(ROWS).drop("left")
    scored = score_table(live, rows.to_arrow(), reasons=2, language=language)
    profiles = [
        {"customer_id": row["client"], "features": {"comment": row["comment"], "visits": row["visits"]}}
        for row in rows.to_dicts()
    ]

    answers = [one["scores"]["survey"] for one in score_profiles(live, profiles, reasons=2, language=language)]

    assert [one["probability"] for one in answers] == scored.column("probability").to_pylist()
    for rank in range(2):
        texts = [one["reasons"][rank]["text"] for one in answers]
        assert texts == scored.column(f"reason_{rank + 1}_text").to_pylist()
        assert any(text.startswith("Écrit : " if language == "fr" else "Writes of: ") for text in texts)


def test_marks_can_be_posted_in_the_place_of_a_text(live: dict[str, Live]) -> None:
    """As golden rows have them; what is no text is refused by the name of its column."""
    encoder = live["survey"].scorer.encoder
    marks = dict.fromkeys(encoder.texts["comment"].values(), False) | {"comment: retard": True}
    posted: list[dict[str, object]] = [
        {**marks, "visits": 3},
        {"comment": "retard", "visits": 3},
        {"comment": 5, "visits": 3},
    ]

    answers = score_profiles(live, [{"customer_id": "c", "features": each} for each in posted], use_cases=["survey"])

    by_marks, by_text, number = (one["scores"]["survey"] for one in answers)
    assert by_marks["probability"] == by_text["probability"]
    assert [error["feature"] for error in number["errors"]] == ["comment"]


def test_a_log_has_no_texts(tmp_path: Path) -> None:
    """The section goes with a ready table, and names its columns."""
    file = write_survey(tmp_path)
    file.write_text(file.read_text().replace('["comment"]', '["gone"]'), encoding="utf-8")
    done = forks.run(["-m", "features", "report", str(file)], cwd=ROOT, env=newcomer())

    assert done.returncode == 2
    assert "texts.columns: must name columns of the table, 'gone' is none" in done.stderr
    assert load_use_case(file).name == "survey"
    assert pl.read_csv(tmp_path / "survey.csv").height > 0
