"""Words that may tell something sensitive are found in names and levels, however written, and few others are."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path

import polars as pl
import pytest

from features.config.sensitive import TOPICS, Topic, sensitive_level, sensitive_name
from tests.support.worlds import DATA, EXAMPLES

# Fifteen in each language, over all topics.
WORDS: dict[Topic, tuple[str, ...]] = {
    "health": (
        *("allergy", "diabetes", "wheelchair", "pregnancy", "gluten free"),
        *("handicap", "grossesse", "maladie chronique", "sans gluten"),
    ),
    "religion": ("halal", "kosher", "mosque", "religion", "culte", "église", "ramadan", "musulmane"),
    "origin": ("ethnicity", "mother tongue", "nationalité", "pays de naissance", "lieu naissance"),
    "sex_life": ("sexual orientation", "lesbian", "homosexuel", "préservatifs"),
    "opinions": ("political party", "voter", "militant", "opinion politique"),
    "union": ("trade union", "union member", "syndicat", "cotisation syndicale"),
}
INNOCENT = (
    *("culture", "patience", "jewellery", "cardigan", "arabica", "hospitality", "syndication", "classic", "aide"),
    *("campaign", "treatment", "treated", "account_status", "credit_union", "origin", "source", "orientation"),
    *("device", "opened", "helpful_votes", "gender", "sexe", "marital", "housing", "health_score_of_account"),
    *("party_size", "category", "vegetables", "christmas", "noël", "Santé & beauté", "étranger", "disabled account"),
    *("race_time_s", "complains", "weight", "first_aid_kit", "union européenne", "liberté", "profession libérale"),
)


def spelled(words: str) -> list[str]:
    """The same words as tables write them."""
    parts = words.split()
    return [
        "_".join(parts),
        "-".join(parts).upper(),
        "".join(part.capitalize() for part in parts),
        f"  {words.title()}  ",
        "".join(parts),
        f"purchases_{'_'.join(parts)}_90d",
        f"{words} (code 7)",
    ]


@pytest.mark.parametrize(("topic", "words"), [(topic, word) for topic, found in WORDS.items() for word in found])
def test_a_sensitive_word_is_found_in_names_and_levels(topic: Topic, words: str) -> None:
    """Of its topic, in any case, parted in any way or not at all, beside other words, with and without accents."""
    for text in (words, *spelled(words)):
        for found in (sensitive_name(text), sensitive_level(text)):
            assert found is not None, text
            assert found.topic == topic, text


def test_every_entry_of_the_catalogue_is_found() -> None:
    """As it stands there, also where its words are written together."""
    catalogue = tomllib.loads((EXAMPLES.parent / "features/config/sensitive_words.toml").read_text(encoding="utf-8"))
    entries = [
        word.replace("*", "")
        for topic in TOPICS
        for lists in catalogue[topic].values()
        for found in lists.values()
        for word in found
    ]
    lost = [entry for entry in entries for text in (entry, entry.replace(" ", "")) if sensitive_name(text) is None]
    assert len(entries) > 300
    assert not lost


def test_more_than_thirty_words_are_tried() -> None:
    """Over every topic."""
    assert len({word for words in WORDS.values() for word in words}) >= 30
    assert WORDS.keys() == TOPICS.keys()


@pytest.mark.parametrize("text", INNOCENT)
def test_a_word_within_another_tells_nothing(text: str) -> None:
    """Nor does one that means something else in a shop's data."""
    assert sensitive_name(text) is None
    assert sensitive_level(text) is None


def test_hardly_anything_of_the_examples_is_taken_for_sensitive(tmp_path: Path) -> None:
    """At most two names or levels over all example tables; none today."""
    runpy.run_path(str(EXAMPLES / "b2b-mailing/generate.py"))["write_example"](tmp_path, customers=100, seed=7)
    files = [*DATA.glob("*.parquet"), *EXAMPLES.rglob("*.parquet"), *tmp_path.glob("*.parquet")]

    flagged = [
        (file.name, name, text)
        for file in files
        for name, cells in pl.read_parquet(file).to_dict().items()
        for text in (name, *_levels(cells))
        if (sensitive_name(text) if text == name else sensitive_level(text))
    ]

    assert len(files) >= 5
    assert len(flagged) <= 2, flagged


def _levels(cells: pl.Series) -> list[str]:
    """The values of a text that are few enough to be levels."""
    texts = cells.unique().drop_nulls().to_list() if cells.dtype == pl.String else []
    return texts if len(texts) <= 1000 else []
