"""Words of texts become features where enough customers use them and they tell the outcome, and none other."""

from __future__ import annotations

import polars as pl
import pytest

from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from features.spec.texts.text_marks import FAMILY, words_in
from features.tables.learning_table import LearningTable
from tests.support.surveys import NEVER, write_survey
from training.data.split import split
from training.data.text_corpus import LEAST_CUSTOMERS
from training.data.text_words import MOST_WORDS, with_marks_of, with_text_marks


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> LearningTable:
    """The survey as it is learned from, before its texts are read."""
    return learning_table(load_use_case(write_survey(tmp_path_factory.mktemp("survey"))))


def words(table: LearningTable) -> list[str]:
    """The words that are features, folded."""
    return [one.name.removeprefix("comment: ") for one in table.features if one.family == FAMILY]


def test_words_that_tell_the_outcome_are_features(survey: LearningTable) -> None:
    """As people write them where they read them, each mark as the one rule has it; texts without one are null."""
    marked = with_text_marks(survey, ["comment"], seed=0)

    assert {"retard", "remboursement", "refund", "conforme", "satisfait"} <= set(words(marked))
    assert len(words(marked)) <= MOST_WORDS
    assert {one.subject for one in marked.features} >= {"comment: demandé"}
    for text, said in marked.rows.select("comment", "comment: retard").iter_rows():
        assert said == (None if text is None else "retard" in words_in(text))


def test_further_rows_have_the_marks_of_the_same_words(survey: LearningTable) -> None:
    """Of whatever texts stand in them; rows of a table without texts are as they were."""
    marked = with_text_marks(survey, ["comment"], seed=0)
    later = survey.rows.reverse()

    assert with_marks_of(later, marked.features).equals(marked.rows.reverse().select(*later.columns, *marks(marked)))
    assert with_marks_of(later, survey.features).equals(later)


def marks(table: LearningTable) -> list[str]:
    """The names of the features that mark a word."""
    return [one.name for one in table.features if one.family == FAMILY]


def test_no_word_names_somebody_or_is_of_few(survey: LearningTable) -> None:
    """A rare one, a name by its capital or as a first name, an address, what tells of health: all tell here."""
    marked = with_text_marks(survey, ["comment"], seed=0)
    learning = split(survey, seed=0).learning["comment"].drop_nulls()

    assert not set(words(marked)) & set(NEVER)
    assert not any(word in str(note) for note in marked.report["notes"] for word in NEVER)
    for word in words(marked):
        assert sum(word in words_in(text) for text in learning) >= LEAST_CUSTOMERS


def test_rows_to_judge_by_have_no_say_in_the_words(survey: LearningTable) -> None:
    """What test rows write changes none."""
    test = split(survey, seed=0).test["__customer_id"]
    other = pl.when(pl.col("__customer_id").is_in(test.implode())).then(pl.lit("bizarre")).otherwise("comment")
    changed = with_text_marks(
        LearningTable(
            survey.rows.with_columns(other.alias("comment")), survey.features, None, None, survey.report, survey.digest
        ),
        ["comment"],
        seed=0,
    )

    assert words(changed) == words(with_text_marks(survey, ["comment"], seed=0))


def test_what_texts_are_about_is_noted(survey: LearningTable) -> None:
    """Counts and themes, for the report alone."""
    notes = {note["rule"]: note for note in with_text_marks(survey, ["comment"], seed=0).report["notes"]}

    assert notes["text_words"]["figures"]["chosen"] == len(words(with_text_marks(survey, ["comment"], seed=0)))
    assert "conforme" in str(notes["text_themes"]["figures"]["themes"])


def test_texts_without_a_telling_word_add_nothing(survey: LearningTable) -> None:
    """Texts that all say the same, and none at all."""
    for text in ("bizarre bizarre", None):
        same = LearningTable(
            survey.rows.with_columns(pl.lit(text, pl.String).alias("comment")),
            survey.features,
            None,
            None,
            survey.report,
            survey.digest,
        )
        assert words(with_text_marks(same, ["comment"], seed=0)) == []
