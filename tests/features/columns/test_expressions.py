"""Numbers as people write them, read alike by the engine and by the encoder."""

from __future__ import annotations

import ibis
import numpy as np
import polars as pl

from features.columns.expressions import as_amount
from features.spec.feature import read_number

ENGINE = ibis.duckdb.connect()
WRITTEN = {
    "12.5": 12.5,
    "1,234.50": 1234.5,
    "1\u202f234,5": 1234.5,
    "1.234,50": 1234.5,
    " -3,5": -3.5,
    "+1'234": 1234.0,
    "0,125": 0.125,
    "12,3456": 12.3456,
    "1 23": None,
    "1,2,3": None,
    "€ 12": None,  # another row may be in another currency
    "7 %": None,
    "": None,
}


def both(texts: list[str]) -> tuple[list[float | None], list[float | None]]:
    """What the encoder and the engine read, null where it is no number."""
    alone = [None if number != number else number for number in map(read_number, texts)]
    table = ibis.memtable(
        pl.DataFrame({"place": range(len(texts)), "text": texts}, schema_overrides={"text": pl.String})
    )
    read = ENGINE.to_polars(table.mutate(amount=as_amount(table.text)).order_by("place"))["amount"]
    return alone, [None if number is None else float(number) for number in read]


def test_numbers_are_read_as_they_are_written() -> None:
    """Thousands and decimals in three customs; all else is no number, currency signs too."""
    alone, in_the_engine = both(list(WRITTEN))

    assert alone == list(WRITTEN.values())
    assert in_the_engine == alone


def test_the_engine_reads_what_the_encoder_reads() -> None:
    """Whatever the mixture of digits and signs, to three decimals."""
    random = np.random.default_rng(3)
    signs = list("0123456789" * 2 + "+-.,,'  \u00a0€%")
    texts = ["".join(random.choice(signs, random.integers(1, 10))) for _ in range(4000)]
    alone, in_the_engine = both(texts)

    read = [number for number in alone if number is not None]
    assert len(read) > 300
    assert [None if number is None else round(number, 3) for number in in_the_engine] == [
        None if number is None else round(number, 3) for number in alone
    ]
