"""Data quality: likely duplicates are proposed and merged only when accepted; oddities are told and never repaired."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rapidfuzz.distance import Levenshtein

from features.__main__ import main
from features.build.log_table import learning_table, scoring_table
from features.columns.column_report import outliers
from features.columns.type_inference import read_column
from features.errors import DataError
from features.quality.duplicates import candidates, likely_duplicates
from tests.support.worlds import START, log_case, purchases, utc

FIRST = ("anna", "bruno", "chiara", "david", "elena", "farid", "greta", "henri", "irene", "jonas", "karim", "lucie")
LAST = ("martin", "bernard", "keller", "moreau", "lefevre", "rossi", "schmidt", "garcia", "novak", "dubois", "petit")
WINDOW = {"test_cutoff": f"{utc(200):%Y-%m-%d}"}


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


def _split_in_two(events: pl.DataFrame) -> pl.DataFrame:
    """The log with every third event of c1 and of c2 under another id."""
    other = pl.col("customer_id").is_in(["c1", "c2"]) & (pl.int_range(pl.len()) % 3 == 0)
    return events.with_columns(
        pl.when(other).then("z" + pl.col("customer_id")).otherwise("customer_id").alias("customer_id")
    )


def test_accepted_links_make_two_customers_one(tmp_path: Path) -> None:
    """The features are those of the log in which they were never two; a link that nobody accepted does nothing."""
    events = purchases(60, rate=0.08)
    links = pl.DataFrame({"customer_id": ["zc1", "c2"], "same_as": ["c1", "zc2"], "accepted": ["yes", " Oui"]})
    pl.concat([links, pl.DataFrame({"customer_id": ["c3"], "same_as": ["c4"], "accepted": ["no"]})]).write_csv(
        tmp_path / "links.csv"
    )

    whole = scoring_table(log_case(tmp_path, events, window=WINDOW), utc(200))
    merged = scoring_table(
        log_case(tmp_path, _split_in_two(events), window=WINDOW, events={"links": "links.csv"}), utc(200)
    )

    assert merged.equals(whole)


def test_merged_customers_have_one_profile(tmp_path: Path) -> None:
    """The first of theirs, and none of them is a bad row."""
    events = purchases(120)
    ids = [*(f"c{i}" for i in range(120)), "zc1", "zc2"]
    pl.DataFrame({"customer_id": ids, "points": np.arange(122) // 2}).write_parquet(tmp_path / "profiles.parquet")
    pl.DataFrame({"customer_id": ["zc1", "zc2"], "same_as": ["c1", "c2"]}).write_csv(tmp_path / "links.csv")
    profiles = {"path": "profiles.parquet", "customer_id": "customer_id"}
    case = log_case(tmp_path, _split_in_two(events), window=WINDOW, profiles=profiles, events={"links": "links.csv"})

    table = scoring_table(case, utc(200))

    points = dict(table.select("customer_id", "points").iter_rows())
    assert (points["c1"], points["c2"]) == (0, 1)
    assert "zc1" not in points
    assert learning_table(case).report["profiles"]["bad_rows"]["total"] == 0


def test_links_are_part_of_what_was_learned_from(tmp_path: Path) -> None:
    """Another decision about a link is another training."""
    events = purchases(120)
    digests = []
    for other in ("c4", "c5"):
        pl.DataFrame({"customer_id": ["c3"], "same_as": [other]}).write_csv(tmp_path / "links.csv")
        digests.append(learning_table(log_case(tmp_path, events, window=WINDOW, events={"links": "links.csv"})).digest)

    assert digests[0] != digests[1]


def test_outliers_are_tukey_s() -> None:
    """By numpy, at the same quartiles."""
    cells = pl.Series(np.random.default_rng(0).standard_t(2, 801))
    low, high = np.quantile(cells.to_numpy(), [0.25, 0.75])
    beyond = (cells < low - 1.5 * (high - low)) | (cells > high + 1.5 * (high - low))

    assert outliers(cells) == beyond.sum()
    assert outliers(pl.Series(["a"])) is None
    assert outliers(pl.Series([0.0] * 9 + [5.0])) is None


def test_a_column_read_has_the_quartiles_and_distinct_values_of_its_cells() -> None:
    """One sorting tells what polars tells of the cells as they stand: with gaps, ties, whole numbers and both zeros."""
    random = np.random.default_rng(2)
    drawn = random.normal(size=997).round(1)
    drawn[:3] = 0.0, -0.0, np.nan
    texts = pl.Series(["a", "b", " b", "B", None, ""] * 50)

    for cells in (pl.Series(drawn), pl.Series(drawn).fill_nan(None), pl.Series([3, None, 3, 1, 7] * 30), texts):
        read = read_column(cells.alias("n"))

        assert read.distinct == read.cells.drop_nulls().n_unique()
        assert outliers(read.cells, read.quartiles) == outliers(read.cells)
        assert (read.quartiles is None) == (cells.dtype == pl.String)


def test_outliers_are_flagged_and_kept(tmp_path: Path) -> None:
    """The data report counts them, however large; the rows stay."""
    events = purchases(80)
    ends = pl.int_range(pl.len()).is_in([0, len(events) - 1])  # the last lies after the cutoffs
    wild = events.with_columns(pl.when(ends).then(9e13).otherwise("amount").alias("amount"))

    table = learning_table(log_case(tmp_path, wild))

    (money,) = [column for column in table.report["columns"] if column["name"] == "monetary_total"]
    assert money["outliers"] >= 1
    assert table.rows["monetary_total"].max() > 1e6


def test_what_is_at_odds_is_told(tmp_path: Path) -> None:
    """Events before sign-up, customers without profile, profiles without customer: counted, and no more."""
    events = purchases(80)
    ids = [f"c{i}" for i in range(79)] + ["nobody"]
    early = events.filter(pl.col("customer_id") == "c5").height
    signed = [START + timedelta(days=999) if name == "c5" else START - timedelta(days=1) for name in ids]
    pl.DataFrame({"customer_id": ids, "signed_up": signed}).write_parquet(tmp_path / "profiles.parquet")

    case = log_case(tmp_path, events, profiles={"path": "profiles.parquet", "customer_id": "customer_id"})
    notes = [note["detail"] for note in learning_table(case).report["notes"]]

    known = set(events["customer_id"])
    assert f"{early} events lie before their customer's 'signed_up'" in notes
    assert f"{len(known - set(ids))} customers of the log have no profile" in notes
    assert f"{len(set(ids) - known)} profiles belong to nobody in the log" in notes


def test_events_in_the_future_are_told(tmp_path: Path) -> None:
    """A log that goes on after today has a clock that is wrong, or rows that were planned."""
    events = purchases(80)
    case = log_case(tmp_path, events.with_columns(pl.col("ts") + timedelta(days=365 * 50)))

    (note,) = learning_table(case).report["notes"]
    assert note["detail"] == f"{len(events):,} events lie in the future"
