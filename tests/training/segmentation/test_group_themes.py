"""What groups write about: shares against all customers, of groups large enough, and nothing of anybody."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.build.discovery_rows import DiscoveryRows, discovery_rows
from features.config.discovery_file import load_discovery
from features.errors import UseCaseError
from penchant.cli.discover import main
from tests.support.shapes import blobs, of_numbers
from tests.support.surveys import BAD, GOOD, NEVER, RARE
from training.segmentation.discover import Discovered, discover
from training.segmentation.sheets.group_themes import group_themes


def texts_of(which: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[str | None]:
    """The first group writes of what is good, the others of what is bad; some write nothing, few a rare word."""
    texts: list[str | None] = []
    for number, group in enumerate(which):
        text = (GOOD if group == 0 else BAD)[number % 3]
        text += f" {RARE}" if number < 15 else ""
        text += " Signé Kowalski, j.dupont@example.com 0612345678" if number % 4 == 0 else ""
        texts.append(None if number % 7 == 6 else text)
    return texts


@pytest.fixture(scope="module")
def rows() -> DiscoveryRows:
    """Three groups with texts, the last of them of few customers."""
    points, which = blobs(np.random.default_rng(5), 360)
    kept = (which != 2) | (np.cumsum(which == 2) <= 18)
    given = of_numbers(points[kept])
    columns = [pl.Series("comment", texts_of(which[kept])), pl.Series("__customer_id", np.arange(kept.sum()))]
    return replace(given, rows=given.rows.with_columns(columns), texts=("comment",))


@pytest.fixture(scope="module")
def found(rows: DiscoveryRows) -> Discovered:
    """The groups."""
    return discover(rows, method="kmeans", k=3, seed=1)


def test_groups_write_of_their_themes_and_small_ones_say_nothing(rows: DiscoveryRows, found: Discovered) -> None:
    """First the theme that a group writes of most, against all; shares of those who wrote."""
    themes = group_themes(rows, found, seed=1)

    good, bad, small = (themes[code] for code in _by_size(found))
    assert small == ()
    assert {"satisfait", "conforme", "service"} & set(good[0].words)
    assert {"retard", "remboursement", "refund", "colis"} & set(bad[0].words)
    for of in (good, bad):
        assert of[0].group > of[0].all
        assert [one.all for one in sorted(of, key=lambda one: one.words)] == [
            one.all for one in sorted(good, key=lambda one: one.words)
        ]
        assert all(0 <= share <= 1 for one in of for share in (one.group, one.all))
    assert not any(word in str(themes) for word in NEVER)


def test_themes_are_the_same_again_and_none_of_a_forbidden_column(rows: DiscoveryRows, found: Discovered) -> None:
    """The same seed says the same; what is never to be named is not."""
    assert group_themes(rows, found, seed=1) == group_themes(rows, found, seed=1)
    assert group_themes(rows, found, forbid=("comment",), seed=1) == {}
    assert group_themes(replace(rows, texts=()), found, seed=1) == {}


def _by_size(found: Discovered) -> list[str]:
    return [code for _, code in sorted(zip(found.sizes, found.codes, strict=True), reverse=True)]


def file_of(folder: Path, rows: DiscoveryRows, texts: str) -> Path:
    """A file that asks for groups of these customers."""
    rows.rows.with_columns(pl.selectors.float().round(2)).rename({"__customer_id": "client"}).write_csv(
        folder / "rows.csv"
    )
    file = folder / "shape.toml"
    file.write_text(
        f'name = "shape"\n[table]\npath = "rows.csv"\ncustomer_id = "client"\n{texts}[discover]\nk = 3\n', "utf-8"
    )
    return file


def test_a_table_without_an_outcome_has_texts(rows: DiscoveryRows, tmp_path: Path) -> None:
    """They are no feature; without the section the settings are as before there were any."""
    asked = load_discovery(file_of(tmp_path, rows, '[texts]\ncolumns = ["comment"]\n'))

    given = discovery_rows(asked)

    assert given.texts == ("comment",)
    assert "comment" not in [feature.name for feature in given.every]
    assert given.rows["comment"].to_list() == rows.rows["comment"].to_list()
    assert given.config_digest != discovery_rows(load_discovery(file_of(tmp_path, rows, ""))).config_digest


@pytest.mark.parametrize(
    ("column", "rule"),
    [
        ("gone", "texts.columns: must name columns of the table, 'gone' is none"),
        ("client", "texts.columns: must be columns without another role, 'client' has one"),
    ],
)
def test_columns_of_texts_are_columns_without_a_role(
    column: str, rule: str, rows: DiscoveryRows, tmp_path: Path
) -> None:
    """As in a use case."""
    asked = load_discovery(file_of(tmp_path, rows, f'[texts]\ncolumns = ["{column}"]\n'))

    with pytest.raises(UseCaseError, match=rule):
        discovery_rows(asked)


def test_themes_stand_in_the_report_and_in_the_bundle_and_no_text_anywhere(
    rows: DiscoveryRows, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In both languages of the page; no file of the home and no line printed has a rare word, a name or a text."""
    file, home = file_of(tmp_path, rows, '[texts]\ncolumns = ["comment"]\n'), tmp_path / "home"

    assert main([str(file), "--home", str(home), "--json"]) == 0

    page = (home / "discoveries/shape.html").read_text("utf-8")
    assert "What they write about" in page
    assert "De quoi ils parlent" in page
    sheets = json.loads((home / "releases/shape/1/personas.json").read_bytes())["groups"]
    assert [len(sheet.get("themes", ())) > 1 for sheet in sheets] == [True, True, False]
    printed = capsys.readouterr()
    left = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    for word in (*NEVER[:1], "kowalski", "dupont", "0612345678", GOOD[1], BAD[1]):
        assert not any(word.encode().lower() in content.lower() for content in left), word
        assert word not in printed.out + printed.err
