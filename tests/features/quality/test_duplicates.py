"""Likely duplicates are proposed, and nothing is merged without a yes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rapidfuzz.distance import Levenshtein

from features.__main__ import main
from features.errors import DataError
from features.quality.duplicates import LEAST, candidates, likely_duplicates, similarity

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
    texts = pl.DataFrame({"t0": [f"text_{i:05d}" for i in range(2000)]})

    assert sum(len(one) for one, _ in candidates(texts)) <= 2000 * 20


def test_what_is_put_aside_unscored_would_not_be_proposed(tmp_path: Path) -> None:
    """The links are those of all candidates scored one by one."""
    people = pl.concat([_people(150), _people(150).with_columns(pl.col("customer_id") + "b")])
    texts = people.select(pl.col("name", "street").str.replace_all(" ", "_"))
    ids, records = people["customer_id"].to_list(), list(texts.iter_rows())
    near = {(a, b) for one, other in candidates(texts) for a, b in zip(one.tolist(), other.tolist(), strict=True)}

    links = likely_duplicates(_write(tmp_path, people), customer_id="customer_id", columns=["name", "street"])

    expected = {frozenset((ids[a], ids[b])) for a, b in near if similarity(records[a], records[b])[2] >= LEAST}
    assert _pairs(links) == expected
    assert len(expected) >= 150


def test_people_of_one_name_are_near_by_the_rest(tmp_path: Path) -> None:
    """However many share a name, and whatever their ids: the same street stands beside the same street."""
    many = pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(400)],
            "name": ["jean martin"] * 400,
            "street": [f"{i} rue {'abcdefghij'[i % 10]}" for i in range(399)] + ["0 rue a"],
        }
    )

    links = likely_duplicates(_write(tmp_path, many), customer_id="customer_id", columns=["name", "street"], least=0.99)

    assert frozenset(("c0", "c399")) in _pairs(links)


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
