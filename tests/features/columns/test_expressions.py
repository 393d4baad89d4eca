"""Texts as the engine reads them: what the grammar of `features.spec` reads, value by value."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.columns.expressions import as_amount, as_moment, says_nothing
from features.sources.engine import engine, frame
from features.spec.missing import is_missing
from features.spec.moments import read_moment
from features.spec.numbers import POINT, amounts
from tests.support.values import CORPUS

MOMENT_FORMS = (
    None, "%d/%m/%Y", "%d/%m/%Y %H:%M:%S", "%Y/%m/%d", "%d %B %Y", "%d/%m/%y", "epoch_s", "epoch_ms", "epoch_us",
    "excel_days", "%Y-%m-%d | %d/%m/%Y", "%Y%m%d",
)  # fmt: skip
NUMBER_FORMS = (POINT, "1.234,56", "1 234,56 €", "$1,234.56")
TEXTS = sorted({value.cell for value in CORPUS if value.text})
WRITTEN = (
    "31/12/2024", "1/2/2024", "31/12/2024 10:00:00", "1709424000", "1709424000.5", "1709424000123", "1709424000123456",
    "45384.35", "999999999", "1e9", "-1", "3 mars 2024", "20241231", "01/02/45", "29/02/2023", "1709424000.1234567",
)  # fmt: skip


def moments_of(texts: list[str], written: str | None) -> list[datetime | None]:
    """What the engine reads."""
    with engine() as backend:
        table = backend.create_table("texts", pl.DataFrame({"at": range(len(texts)), "text": texts}).to_arrow())
        return frame(table.mutate(read=as_moment(table.text, written)).order_by("at"))["read"].to_list()


def amounts_of(texts: list[str], written: str) -> list[Decimal | None]:
    """What the engine reads."""
    with engine() as backend:
        table = backend.create_table("texts", pl.DataFrame({"at": range(len(texts)), "text": texts}).to_arrow())
        return frame(table.mutate(read=as_amount(table.text, written)).order_by("at"))["read"].to_list()


def naive(moment: datetime | None) -> datetime | None:
    """A moment as the engine has it."""
    return None if moment is None else moment.replace(tzinfo=None)


@pytest.mark.parametrize("written", MOMENT_FORMS)
def test_the_engine_reads_the_moments_that_serving_reads(written: str | None) -> None:
    """Every text of the corpus, by every form."""
    texts = [*TEXTS, *WRITTEN]

    assert dict(zip(texts, moments_of(texts, written), strict=True)) == {
        text: naive(read_moment(text, written)) for text in texts
    }


@pytest.mark.parametrize("written", NUMBER_FORMS)
def test_the_engine_reads_the_numbers_that_serving_reads(written: str) -> None:
    """Every text of the corpus, by every form, to four decimals; what DECIMAL(18,4) cannot hold is null."""
    read = amounts(written).read
    expected = {text: None if math.isnan(n := read(text)) or abs(n) >= 1e14 else n for text in TEXTS}

    for text, amount in zip(TEXTS, amounts_of(TEXTS, written), strict=True):
        wanted = expected[text]
        assert (amount is None) == (wanted is None), text
        assert amount is None or abs(float(amount) - (wanted or 0)) <= 5.1e-5, text


SIGNS = "0123456789" * 3 + "+-.,,' ()\u00a0\u202f€$%eE/:TZW"


@settings(max_examples=25)
@given(st.lists(st.text(st.sampled_from(SIGNS), max_size=14), min_size=30, max_size=60), st.sampled_from(NUMBER_FORMS))
def test_the_engine_reads_any_number_that_serving_reads(texts: list[str], written: str) -> None:
    """Whatever the mixture of digits and signs."""
    read = [amounts(written).read(text) for text in texts]
    alone = [None if math.isnan(number) or abs(number) >= 1e14 else round(number, 3) for number in read]

    engines = [None if number is None else float(number) for number in amounts_of(texts, written)]
    assert [number is None for number in engines] == [number is None for number in alone]
    assert all(b is None or abs(a - b) <= 6e-4 for a, b in zip(engines, alone, strict=True) if a is not None)


clocks = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))
zones = st.sampled_from(["", "Z", " UTC", "+02:00", " -0530", " Europe/Paris", " America/New_York", " Asia/Tokyo"])
shapes = st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%dT%H%M%S"])


@settings(max_examples=25)
@given(st.lists(st.tuples(clocks, shapes, zones), min_size=5, max_size=60), st.randoms(use_true_random=False))
def test_a_zone_moves_no_other_row(rows: list[tuple[datetime, str, str]], order: random.Random) -> None:
    """Rows with and without zones, in any order, mean what each means alone."""
    texts = [moment.strftime(shape) + zone for moment, shape, zone in rows]
    order.shuffle(texts)

    assert moments_of(texts, None) == [naive(read_moment(text)) for text in texts]


def test_a_named_zone_at_the_top_of_a_log_shifts_nobody() -> None:
    """The engine once kept the zone of a text for the texts without one that came after it."""
    texts = ["2025-02-01 00:00:00", "2025-03-01 10:00:00 America/New_York", *["2025-02-01 00:00:00"] * 4000]

    read = moments_of(texts, None)

    assert read[1] == datetime(2025, 3, 1, 15, tzinfo=UTC).replace(tzinfo=None)
    assert set(read[2:]) == {read[0]} == {datetime(2025, 2, 1)}


def test_the_engine_knows_the_same_words_for_nothing() -> None:
    """As the grammar has them."""
    with engine() as backend:
        table = backend.create_table("texts", pl.DataFrame({"text": TEXTS}).to_arrow())
        read = dict(frame(table.mutate(nothing=says_nothing(table.text))).select("text", "nothing").iter_rows())

    assert read == {text: is_missing(text) for text in TEXTS}
