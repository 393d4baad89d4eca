"""Columns of free texts in tables: each becomes the marks of the words that a model knows, and goes."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from features.spec.texts.text_marks import marks_of


def with_marks(table: pa.Table, columns: Mapping[str, Mapping[str, str]]) -> pa.Table:
    """A table with a column for each mark in the place of its texts; columns without texts are left as they are."""
    for column, words in columns.items():
        if table.column_names.count(column) != 1:
            continue
        texts = table.column(column).cast(pa.string()).to_pylist()
        marks = [marks_of(text, words) for text in texts]
        table = table.drop_columns([column, *(name for name in words.values() if name in table.column_names)])
        for name in words.values():
            table = table.append_column(name, pa.array([each[name] for each in marks], pa.bool_()))
    return table
