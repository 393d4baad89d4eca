"""One reading of ids: in Python for scoring, in the engine for training, the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import ibis
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.columns.expressions import as_id
from features.spec.ids import EDGES, earlier_spellings, read_id
from tests.support.ids import NOBODY, SPELLED

ENGINE = ibis.duckdb.connect()
# a number's text as programs write it, words that name nobody, blanks and accents in two forms
PARTS = st.sampled_from(
    [
        "616",
        "0",
        "00",
        ".0",
        ".",
        "e+12",
        "E+12",
        "e5",
        "-",
        "1",
        "NULL",
        "nan",
        "Zoe\u0301",
        "Zo\u00e9",
        "a b",
        "\ufeff",
        "?",
    ]
)
TEXTS = st.lists(
    st.one_of(PARTS, st.sampled_from(EDGES), st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\0")),
    max_size=5,
).map("".join)


def by_the_engine(values: list[Any], kind: pa.DataType | None = None) -> list[str | None]:
    """The ids of cells of one column as training reads them."""
    table = ibis.memtable(pa.table({"place": range(len(values)), "cell": pa.array(values, kind)}))
    read: pl.DataFrame = ENGINE.to_polars(table.mutate(read=as_id(table.cell)).order_by("place"))
    return read["read"].to_list()


@pytest.mark.parametrize(("value", "text"), SPELLED.values(), ids=SPELLED)
def test_each_spelling_of_an_id_is_one_text(value: Any, text: str) -> None:
    """In Python and in the engine."""
    assert read_id(value) == text
    assert by_the_engine([value]) == [text]


@pytest.mark.parametrize("value", NOBODY.values(), ids=NOBODY)
def test_words_for_nothing_name_nobody(value: Any) -> None:
    """In Python and in the engine."""
    assert read_id(value) is None
    assert by_the_engine([value]) == [None]


@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_the_engine_reads_texts_as_python_does(texts: list[str]) -> None:
    """Whatever stands in them."""
    assert by_the_engine(texts, pa.string()) == [read_id(text) for text in texts]


@given(st.lists(st.one_of(st.floats(), st.integers(-(10**17), 10**17).map(float)), min_size=1, max_size=20))
def test_the_engine_reads_floats_as_python_does(numbers: list[float]) -> None:
    """Whole or not, infinite or none."""
    assert by_the_engine(numbers, pa.float64()) == [read_id(number) for number in numbers]


@given(st.lists(st.decimals(-(10**15), 10**15, places=3), min_size=1, max_size=20))
def test_the_engine_reads_decimals_as_python_does(numbers: list[Decimal]) -> None:
    """Whole or not."""
    assert by_the_engine(numbers, pa.decimal128(30, 3)) == [read_id(number) for number in numbers]


@given(TEXTS)
def test_an_id_that_was_read_stays_as_it_is(text: str) -> None:
    """Reading again changes nothing, so that each endpoint may read."""
    read = read_id(text)

    assert read is None or read_id(read) == read


@given(st.integers(1, 10**15 - 1).map(str))
def test_earlier_spellings_of_an_id_are_read_as_the_id(customer: str) -> None:
    """Each of them, that of Arrow's floats among them."""
    spelled = earlier_spellings(customer)

    assert {read_id(one) for one in spelled} == {customer}
    assert pa.array([float(customer)]).cast(pa.string())[0].as_py() in [*spelled, f"{customer}.0"]


def test_the_corpus_is_large_enough() -> None:
    """At least twelve spellings."""
    assert len(SPELLED) >= 12
    assert pl.Series([text for _, text in SPELLED.values()]).n_unique() > 12
