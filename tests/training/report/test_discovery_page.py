"""The page of a discovery says what its rows are: moments of a log, later rows of a table, or halves of it."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.build.discovery_rows import DiscoveryRows, discovery_rows
from features.config.discovery_file import load_discovery
from tests.support.shapes import blobs, of_numbers
from training.report.discovery_page import discovery_page
from training.segmentation.discover import Discovered, discover
from training.segmentation.discovery_record import record_of

MONTHS = tuple(datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))


@pytest.fixture(scope="module")
def rows() -> DiscoveryRows:
    """Three groups of a table, of which one comes back more often than the others, in both halves."""
    random = np.random.default_rng(5)
    points, which = blobs(random)
    given = of_numbers(points)
    came = pl.Series("__label", random.random(len(points)) < np.where(which == 0, 0.9, 0.1))
    labelled = given.rows.with_columns(came)
    return replace(given, later=(labelled[::2], labelled[1::2]), moments=(None, None, None), every=given.features)


@pytest.fixture(scope="module")
def found(rows: DiscoveryRows) -> Discovered:
    """The groups."""
    return discover(rows, method="kmeans", k=3, seed=1)


def page_of(rows: DiscoveryRows, found: Discovered) -> str:
    """The page as it is read."""
    return html.unescape(discovery_page("shape", rows, found, record_of(rows, found, None), awaited={}).decode())


@pytest.mark.parametrize(
    ("moments", "in_time", "english", "french"),
    [
        (MONTHS, True, "in the same order at both later moments.", "dans le même ordre aux deux moments suivants."),
        (
            (None,) * 3,
            True,
            "in the same order in both later parts of the rows.",
            "dans les deux parties suivantes des lignes.",
        ),
        ((None,) * 3, False, "in the same order in both halves of the rows.", "dans les deux moitiés des lignes."),
    ],
)
def test_the_order_of_outcomes_is_told_of_what_was_compared(
    rows: DiscoveryRows,
    found: Discovered,
    moments: tuple[datetime | None, ...],
    in_time: bool,
    english: str,
    french: str,
) -> None:
    """A table has no moments: its rows are ordered, or they are two halves."""
    shown = page_of(replace(rows, moments=moments, in_time=in_time), found)

    assert found.order_kept
    assert english in shown
    assert french in shown
    assert ("moment" in shown) == (moments == MONTHS)


def test_other_labels_are_of_the_same_groups(tmp_path: Path) -> None:
    """What levels are called stands on the page in both languages; it is another version, and nobody's other group."""
    points, which = blobs(np.random.default_rng(5), 120)
    cells = of_numbers(points.round(2)).rows.with_row_index("client").cast({"client": pl.String})
    shop, bought = np.where(which == 0, "w", "s"), np.where(which == 1, "1", "0")
    cells.with_columns(pl.Series("shop", shop), pl.Series("bought", bought)).write_csv(tmp_path / "rows.csv")

    first, second = (_labelled(tmp_path, *names) for names in (("Web", "Internet"), ("Online", "En ligne")))

    assert first.config_digest != second.config_digest
    assert first.rows.equals(second.rows)
    found = discover(first, method="kmeans", k=3, seed=7)
    pages = [page_of(rows, found) for rows in (first, second)]
    for page, own, other in zip(pages, (("Web", "Internet"), ("Online", "En ligne")), ("Online", "Web"), strict=True):
        assert all(f"({text})" in page for text in own)
        assert f"({other})" not in page


def _labelled(folder: Path, english: str, french: str) -> DiscoveryRows:
    """The rows of a table whose shop `w` is called so."""
    file = folder / "habits.toml"
    file.write_text(
        'name = "habits"\npolarity = "positive"\n[table]\npath = "rows.csv"\ncustomer_id = "client"\nlabel = "bought"\n'
        f'positive = 1\n[labels.shop]\nw = {{ en = "{english}", fr = "{french}" }}\n[discover]\n',
        encoding="utf-8",
    )
    return discovery_rows(load_discovery(file))
