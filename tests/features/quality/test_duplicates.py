"""Likely duplicates are proposed, and nothing is merged without a yes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rapidfuzz.distance import Levenshtein

from features.__main__ import main
from features.errors import DataError
from features.quality.duplicates import candidates, likely_duplicates

FIRST = ("anna", "bruno", "chiara", "david", "elena", "farid", "greta", "henri", "irene", "jonas", "karim", "lucie")
LAST = ("martin", "bernard", "keller", "moreau", "lefevre", "rossi", "schmidt", "garcia", "novak", "dubois", "petit")


def _people(n: int = 400) -> pl.DataFrame:
    """People with a name and an address of their own."""
    random = np.random.default_rng(3)
    names = [f"{random.choice(FIRST)} {random.choice(LAST)}" for _ in range(n)]
    streets = [f"{random.integers(1, 200)} rue {''.join(random.choice(list('abcdeilmnorstu'), 9))}" for _ in range(n)]
    return pl.DataFrame({"customer_id": [f"c{i}" for i in range(n)], "name": names, "street": streets})


def _mistyped(text: str, random: np.random.Generator) -> str:
    at = int(random.integers(1, len(text) - 1))
    return text[:at] + "x" + text[at + 1 :]


def _write(folder: Path, people: pl.DataFrame) -> Path:
    path = folder / "people.parquet"
    people.write_parquet(path)
    return path


def _pairs(links: pl.DataFrame) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in links.select("customer_id", "same_as").iter_rows()}


def test_planted_duplicates_are_proposed(tmp_path: Path) -> None:
    """A typing error in one text and swapped words in another do not hide a person; few others are proposed."""
    random = np.random.default_rng(8)
    people = _people()
    again = people.head(40).select(
        customer_id="d" + pl.col("customer_id").str.slice(1),
        name=pl.col("name").str.to_uppercase().map_elements(lambda name: " ".join(name.split()[::-1]), pl.String),
        street=pl.col("street").map_elements(lambda street: _mistyped(street, random), pl.String),
    )
    planted = {frozenset((f"c{i}", f"d{i}")) for i in range(40)}

    links = likely_duplicates(_write(tmp_path, pl.concat([people, again])), customer_id="customer_id")

    assert len(_pairs(links) & planted) >= 38
    assert len(_pairs(links) - planted) <= 4
    assert links["score"].is_sorted(descending=True)
    assert set(links["accepted"]) == {""}


def test_different_people_are_left_alone(tmp_path: Path) -> None:
    """People who share a name and live elsewhere are two."""
    assert len(likely_duplicates(_write(tmp_path, _people()), customer_id="customer_id")) <= 2


def test_the_similarity_is_levenshtein_s(tmp_path: Path) -> None:
    """Of the texts in plain letters."""
    people = pl.DataFrame({"customer_id": [1, 2], "name": ["Zoë  Müller", "zoe muler"]})

    (row,) = likely_duplicates(_write(tmp_path, people), customer_id="customer_id", columns=["name"]).to_dicts()

    assert row["levenshtein"] == pytest.approx(1 - Levenshtein.distance("zoe_muller", "zoe_muler") / 10)
    assert row["jaccard"] == pytest.approx(1 / 3)


def test_neighbours_are_few() -> None:
    """Candidates grow with the records, not with their square."""
    records = [(f"text {i:05d}",) for i in range(2000)]

    assert len(candidates(records)) <= 2000 * 20


def test_a_file_without_telling_texts_is_refused(tmp_path: Path) -> None:
    """Levels are no names."""
    people = pl.DataFrame({"customer_id": range(100), "size": ["s", "m"] * 50})

    with pytest.raises(DataError, match="text column"):
        likely_duplicates(_write(tmp_path, people), customer_id="customer_id")


def test_the_command_writes_links(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A CSV that a person can open and fill in."""
    path = _write(tmp_path, pl.concat([_people(50), _people(50).head(1).with_columns(customer_id=pl.lit("again"))]))
    out = tmp_path / "links.csv"

    code = main(["duplicates", str(path), "--out", str(out)])

    assert code == 0
    assert frozenset(("c0", "again")) in _pairs(pl.read_csv(out))
    assert capsys.readouterr().out.strip() == str(out)
