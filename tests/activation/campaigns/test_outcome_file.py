"""Outcomes as people hand them in: odd names and spellings are read, what breaks a rule is named by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from activation.campaigns.outcome_file import read_outcome_file
from features.errors import DataError


def written(folder: Path, text: str) -> Path:
    """A CSV."""
    (file := folder / "outcomes.csv").write_text(text, encoding="utf-8")
    return file


def test_a_file_is_read_as_people_write_it(tmp_path: Path) -> None:
    """A French Excel's signs, names in capitals with blanks, ids with blanks, other columns, answers in words."""
    file = written(tmp_path, "Customer_ID ;Note;ANSWERED;Value\n 12.0 ;x;oui;1 234,50 €\nb;y;Non;\nb;y;non;\n")

    found = read_outcome_file(file)

    assert found.rows.rows() == [("12", None, True, 1234.5, None), ("b", None, False, None, None)]
    assert (found.repeated, found.currency) == (1, "EUR")


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("customer_id,value\na,1\n", ["answered"]),
        ("customer_id,answered\n", ["at least one row"]),
        ("customer_id,answered\na,yes\na,no\n", ["'customer_id' must name each customer once"]),
        ("customer_id,answered\na,\n,no\n", ["'customer_id' must be filled", "'answered' must be filled"]),
        (
            "customer_id,answered,value\nPlanted-1,perhaps,1\nPlanted-2,1,Planted\n",
            ["'answered' must be yes or no", "row 1", "'value' must be an amount", "row 2"],
        ),
        ("customer_id,answered,value\na,1,1e13\n", ["'value'"]),
    ],
)
def test_what_breaks_a_rule_is_named_all_at_once(tmp_path: Path, text: str, broken: list[str]) -> None:
    """By column and row, never with a value."""
    with pytest.raises(DataError) as refused:
        read_outcome_file(written(tmp_path, text))

    assert all(part in str(refused.value) for part in broken)
    assert "Planted" not in str(refused.value)
