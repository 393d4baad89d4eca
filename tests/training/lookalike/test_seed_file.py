"""A seed file says who is in it, whatever its column of ids is called and however it is written."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from scoring.storage.table_files import BatchError
from training.lookalike.seed_file import read_seed


@pytest.mark.parametrize(
    ("text", "ids", "counts"),
    [
        ("customer_id\nc1\nc2\n", ("c1", "c2"), (2, 0, 0)),
        ("\ufeffKundennummer;\nc1;\nc2;\n", ("c1", "c2"), (2, 0, 0)),
        ("\ufeffname;CUSTOMER_ID \nAnna;c1\nBo;\nCem;c1\n", ("c1",), (3, 1, 1)),
        ("client,city\n616.0,Oslo\n,Oslo\nNULL,Oslo\n616,Oslo\n", ("616",), (4, 2, 1)),
        ("kunde\n", (), (0, 0, 0)),
    ],
    ids=["plain", "odd name, mark of byte order, semicolons", "known among others", "of the use case", "empty"],
)
def test_ids_are_read_once_and_the_rest_is_counted(
    tmp_path: Path, text: str, ids: tuple[str, ...], counts: tuple[int, int, int]
) -> None:
    """Rows, blank cells and repeated ids add up."""
    file = tmp_path / "seed.csv"
    file.write_text(text, encoding="utf-8")

    found = read_seed(file, ["client"])

    assert found.ids == ids
    assert (found.rows, found.blank, found.repeated) == counts


def test_a_first_line_that_names_a_customer_is_no_header(tmp_path: Path) -> None:
    """A file of ids without a header loses none of them."""
    file = tmp_path / "seed.txt"
    file.write_text("c1\nc2\nc3\n", encoding="utf-8")

    found = read_seed(file)

    assert found.among({"c1", "c2", "c3"}).ids == ("c1", "c2", "c3")
    assert found.among({"c2", "c3"}).ids == ("c2", "c3")


def test_the_column_asked_for_goes_before_a_known_one(tmp_path: Path) -> None:
    """Of Parquet too, by whatever case it is asked."""
    file = tmp_path / "seed.parquet"
    pl.DataFrame({"customer_id": ["a", "b"], "Parrain": [7, 8]}).write_parquet(file)

    assert read_seed(file, column="parrain").ids == ("7", "8")


@pytest.mark.parametrize("column", [None, "client"])
def test_a_file_that_does_not_say_which_column_is_refused_without_its_cells(tmp_path: Path, column: str | None) -> None:
    """The rule and how many columns there are; neither their names, which may be ids, nor a cell."""
    file = tmp_path / "seed.csv"
    file.write_text("anna,bo\nc1,c2\nc3,c4\n", encoding="utf-8")

    with pytest.raises(BatchError, match="got 2 others") as refused:
        read_seed(file, column=column)

    assert not any(word in str(refused.value) for word in ("anna", "c1"))
