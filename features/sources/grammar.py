"""The grammar of written values as functions of the engine, which asks them what its own casts do not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from features.spec.moments import canonical
from features.spec.numbers import amounts


def teach(connection: Any) -> None:
    """Gives a DuckDB connection `penchant_moment(text, form)` and `penchant_number(text, form)`.

    Each answers with a text that the engine can cast, empty where there is no meaning; the form is one for all rows.
    """
    texts = ["VARCHAR", "VARCHAR"]
    connection.create_function("penchant_moment", _each(_moment), texts, "VARCHAR", type="arrow")
    connection.create_function("penchant_number", _each(_number), texts, "VARCHAR", type="arrow")


def _moment(text: str, written: str) -> str | None:
    return canonical(text, written or None)


def _number(text: str, written: str) -> str | None:
    return amounts(written).plain(text)


def _each(read: Callable[[str, str], str | None]) -> Callable[[pa.ChunkedArray, pa.ChunkedArray], pa.Array]:
    """A function over columns from one over cells, asked once for each distinct text of a column's piece."""

    def over(texts: pa.ChunkedArray, written: pa.ChunkedArray) -> pa.Array:
        known: dict[str, str] = {}
        answers = []
        for text, form in zip(texts.to_pylist(), written.to_pylist(), strict=True):
            if text not in known:
                known[text] = read(text, form) or ""
            answers.append(known[text])
        return pa.array(answers, pa.string())

    return over
