"""Amounts and dates as people write them: one way for a column, read alike wherever it arrives, never guessed."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.build.log_table import learning_table
from features.columns.format_inference import AmbiguousForm, find_form
from features.columns.type_inference import read_column
from features.config.use_case import load_use_case
from features.errors import DataError, UseCaseError
from features.spec.feature import Feature
from features.spec.moments import read_moment
from features.spec.numbers import amounts
from scoring.encoding.encoder import Encoder
from tests.features.build.test_ready_table import N, base, cycle, feature, learned, reported
from tests.support.worlds import write_use_case
from training.data.encode import encode, fit_encoder

SIGNS = [("", "."), (",", "."), ("'", "."), (" ", "."), ("", ","), (".", ","), ("\u202f", ","), ("\u00a0", ",")]
MARKS = [("€", "EUR"), ("EUR", "EUR"), ("$", "$"), ("CHF", "CHF"), ("%", "%"), ("£", "GBP"), ("kr", "kr")]
CLOCKS = ["", " %H:%M", " %H:%M:%S", "T%H:%M", ", %I:%M %p", " %H:%M:%S.%f", " %H:%M UTC", " %H:%M %z"]
WAYS = st.tuples(st.sampled_from(SIGNS), st.sampled_from(MARKS), st.booleans(), st.sampled_from(["", " "]))
VALUES = st.decimals(-(10**9), 10**9, allow_nan=False, places=2)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def spelled(value: Decimal, way: tuple[tuple[str, str], tuple[str, str], bool, str]) -> str:
    """A value as a column of that way writes it."""
    (group, decimal), (mark, _), before, blank = way
    number = f"{abs(value):,}".replace(",", "_").replace(".", decimal).replace("_", group)
    sign = "-" if value < 0 else ""
    return f"{sign}{mark}{blank}{number}" if before else f"{sign}{number}{blank}{mark}"


@given(st.lists(VALUES, min_size=1, max_size=8), WAYS)
def test_amounts_written_in_one_way_are_the_numbers_they_stand_for(values: list[Decimal], way: Any) -> None:
    """Whatever the decimal sign, the thousands, the mark and its place; the way is found in the cells."""
    texts = [spelled(value, way) for value in values]

    written = find_form(list(Counter(texts).items()))

    assert isinstance(written, str)
    assert amounts(written).mark == way[1][1]
    assert [amounts(written).read(text) for text in texts] == [float(value) for value in values]


@given(st.lists(MOMENTS, min_size=1, max_size=8), st.sampled_from("/.-"), st.booleans(), st.sampled_from(CLOCKS))
def test_dates_are_read_in_the_order_that_the_cells_show_or_not_at_all(
    moments: list[datetime], sign: str, day_first: bool, clock: str
) -> None:
    """A day beyond the twelfth tells the order; where there is none, nothing is guessed."""
    form = sign.join(("%d", "%m", "%Y") if day_first else ("%m", "%d", "%Y")) + clock
    texts = [moment.strftime(form) for moment in moments]

    written = find_form(list(Counter(texts).items()))

    if all(moment.day <= 12 for moment in moments):
        assert isinstance(written, AmbiguousForm)
        assert repr(form) in written.reason
    else:
        assert written == form
        expected = [datetime.strptime(text, form).replace(tzinfo=UTC) for text in texts]
        assert [read_moment(text, written) for text in texts] == expected


FRACTIONS = [f"2024-12-{1 + n % 28:02} 10:00:00.{(n * 7_919_317) % 10**6:06}" for n in range(60)]
TRAINED = [  # cells as most are, others that can be read too, and those that cannot
    (
        ["1 234,50 €", "12,5 €", "-3 €", "0", "1.000.000,25 €"],
        ["7.5", "1 234,5"],
        ["n/a", "12 $", "1.234", "12,345.6 €", "dear"],
    ),
    (["$1,234.50", "($12.5)", "$3", "0"], ["3.25", "1,234"], ["12,5", "€3", "$3 USD", "($-3)", "($3"]),
    (["12,5 %", "3 %", "0,125 %"], ["12.5"], ["-", "many", "3 €"]),
    (["31/12/2024", "1/2/2024", "2024-12-31"], [" 01/02/2024 "], ["12/31/2024", "31.12.2024", "soon", "30/02/2024"]),
    (["12/31/2024 2:05 PM", "01/02/2024 12:00 am"], ["2024-12-31 10:00"], ["13/12/2024 1:00 PM"]),
    (["2024-12-31 10:00", "9999-12-31", "0001-01-01", *FRACTIONS], ["2024-12-31T10:00:00Z"], ["31/12/2024", "2024"]),
    (["2024-12-31 10:00:00 UTC", "2024-01-01 00:00:01 UTC"], ["2024-12-31"], ["31.12.2024"]),
]


@pytest.mark.parametrize(("sound", "also", "odd"), TRAINED, ids=lambda cells: cells[0])
def test_a_cell_is_the_same_number_in_training_in_a_file_and_posted(
    sound: list[str], also: list[str], odd: list[str]
) -> None:
    """To the bit, through each door; what training leaves out as unreadable, a caller is refused."""
    cells = pl.Series("column", [*sound * 100, *also, *odd])
    read = read_column(cells)
    assert read.feature is not None
    rows = pl.DataFrame({"column": read.cells, "__label": [1.0] * len(cells)})
    features, codes = fit_encoder((read.feature,), rows)
    encoder = Encoder(features, codes)

    learned_from = encode(encoder, rows)[:, 0]
    in_a_file = encoder.table(pa.table({"column": cells.to_arrow().cast(pa.string())})).matrix[:, 0]
    posted = [encoder.row({"column": text}) for text in cells.to_list()]

    assert np.isnan(learned_from).tolist() == [False] * (len(cells) - len(odd)) + [True] * len(odd)
    assert learned_from.tobytes() == in_a_file.tobytes()
    for number, (numbers, errors, _) in zip(learned_from.tolist(), posted, strict=True):
        assert (errors != []) == math.isnan(number)
        assert errors or numbers == [number]
    assert len({error["detail"] for _, errors, _ in posted for error in errors}) == 1


def test_a_file_of_plain_numbers_holds_the_amounts_that_can_mean_but_one_thing() -> None:
    """`1.234` is a thousand to who writes `1.234,56 €`, and a little more than one to a spreadsheet."""
    found = read_column(pl.Series("paid", ["1.234,56 €", "7,00 €"] * 50)).feature
    assert found is not None

    encoded = Encoder((found,), {}).table(pa.table({"paid": ["1.234", "7.5", "12.50"]}))

    assert np.array_equal(encoded.matrix[:, 0], [math.nan, 7.5, 12.5], equal_nan=True)
    assert [note["code"] for note in encoded.warnings[0]] == ["not_a_number"]


@pytest.mark.parametrize(
    ("value", "rule"),
    [("12.50 $", "text written 1 234,56 €"), (True, "got a boolean"), ("", "got other text"), (1e39, "float32")],
)
def test_what_does_not_fit_is_refused_by_the_way_it_must_be_written(value: Any, rule: str) -> None:
    """The rule, never the value; a number is taken as it is."""
    column = pl.Series("paid", ["1 234,56 €", "7,00 €"] * 50)
    found = read_column(column).feature
    assert found is not None
    encoder = Encoder((found,), {})

    assert encoder.row({"paid": 1234.56})[:2] == encoder.row({"paid": "1 234,56 €"})[:2] == ([1234.56], [])
    assert [rule in error["detail"] for error in encoder.row({"paid": value})[1]] == [True]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (cycle("01/02/2024", "03/04/2024", "12/12/2024"), "'%d/%m/%Y' or '%m/%d/%Y'"),
        (cycle("31/12/24", "01/02/23"), "two digits"),
        (cycle("$12", "€12", "$7"), r"several units: $, EUR"),
        (cycle("1,234 %", "3,456 %"), "'1,234.56 %' or '1.234,56 %'"),
    ],
    ids=["day or month", "short years", "two currencies", "thousands or thousandths"],
)
def test_what_could_be_read_in_two_ways_is_left_out_and_said(tmp_path: Path, cells: list[str], why: str) -> None:
    """The reason names the ways to declare."""
    table = learned(tmp_path, {"column": cells})

    assert "column" not in table.rows.columns
    assert why in (reported(table, "column")["dropped"] or "")


DECLARED = [
    (cycle("01/02/2024", "03/04/2024"), "%m/%d/%Y", [datetime(2024, 1, 2), datetime(2024, 3, 4)]),
    (cycle("31/12/24", "01/02/23"), "%d/%m/%y", [datetime(2024, 12, 31), datetime(2023, 2, 1)]),
    (cycle(20241231, 20240102), "%Y%m%d", [datetime(2024, 12, 31), datetime(2024, 1, 2)]),
    (cycle("20241231", "20240102"), "%Y%m%d", [datetime(2024, 12, 31), datetime(2024, 1, 2)]),
    (cycle(1735689600.0, None, 1735689601.0), "epoch_s", [datetime(2025, 1, 1), None]),
    (cycle("1.234", "17"), "1.234,56", [1234.0, 17.0]),
    (cycle("1,234 %", "3,456 %"), "1234,56 %", [1.234, 3.456]),
]


@pytest.mark.parametrize(("cells", "written", "read"), DECLARED, ids=lambda value: str(value)[:24])
def test_a_use_case_says_how_a_column_is_written(
    tmp_path: Path, cells: list[Any], written: str, read: list[Any]
) -> None:
    """What is declared is read so, stands in the feature, and comes back from a manifest."""
    table = learned(tmp_path, {"column": cells}, formats={"column": written})

    found = feature(table, "column")
    moments = [each.replace(tzinfo=None) if isinstance(each, datetime) else each for each in table.rows["column"][:2]]
    assert moments == read
    assert found.written == written
    assert msgspec.json.decode(msgspec.json.encode(found), type=Feature) == found
    assert any(written in done for done in reported(table, "column")["done"])


def test_a_file_posted_as_numbers_is_read_as_declared() -> None:
    """A date that is digits only may be a JSON number, where the way it is written was declared."""
    found = read_column(pl.Series("day", [20241231, 20240102] * 20), "%Y%m%d").feature
    assert found is not None
    encoder = Encoder((found,), {})

    assert encoder.row({"day": 20241231})[:2] == encoder.row({"day": "2024-12-31"})[:2] == ([20088.0], [])
    assert encoder.row({"day": 20241331})[1]


def test_a_currency_is_the_unit_unless_another_name_is_given(tmp_path: Path) -> None:
    """Amounts keep what they are amounts of."""
    frame = pl.DataFrame({**base(), "paid": cycle("1 234,50 €", "3 €"), "rate": cycle("12,5 %", "3 %")})
    frame.write_csv(tmp_path / "table.csv", separator=";")
    names = {"rate": {"en": "Rebate", "unit": "points"}}
    sections = {"table": {"path": "table.csv", "label": "y", "positive": "yes"}, "names": names}

    table = learning_table(load_use_case(write_use_case(tmp_path, sections)))

    assert (feature(table, "paid").unit, feature(table, "rate").unit) == ("EUR", "points")


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"formats": {"x": "dd/mm/yyyy"}}, "1234.56 as the column writes it"),
        ({"formats": {"x": "%d/%m"}}, "must name year, month and day"),
        ({"formats": {"y": "%d/%m/%Y"}}, "other columns than label"),
        ({"formats": {"z": "%d/%m/%Y"}}, "table.formats: must name columns of the table, 'z'"),
        ({"order_by_format": "%d/%m/%Y"}, "goes with order_by"),
    ],
)
def test_a_way_of_writing_that_says_nothing_is_refused(tmp_path: Path, keys: dict[str, Any], rule: str) -> None:
    """By key and rule."""
    with pytest.raises(UseCaseError, match=rule):
        learned(tmp_path, **keys)


DAYS = [datetime(2023 + i // 360, 1 + i // 30 % 12, 1 + i % 28) for i in range(N)]


def test_order_by_is_read_as_declared(tmp_path: Path) -> None:
    """Dates sort in time, not by their first digits; without the form the message names the key that helps."""
    cells = {"when": [day.strftime("%d/%m/%y") for day in DAYS]}

    table = learned(tmp_path, cells, order_by="when", order_by_format="%d/%m/%y")

    assert table.rows["__order"].to_list() == [day.replace(tzinfo=UTC) for day in DAYS]
    with pytest.raises(DataError, match=r"unreadable_order.*table.order_by_format"):
        learned(tmp_path, cells, order_by="when")
