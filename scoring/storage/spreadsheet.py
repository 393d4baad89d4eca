"""Texts that a spreadsheet would run as formulas, made harmless in every CSV that is written."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what a spreadsheet takes for a formula
_FORMULA = rf"^ *[{''.join(_SIGNS).replace('-', '')}\-]"


def neutral(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe before it.

    >>> neutral("=1+1"), neutral("Ada")
    ("'=1+1", 'Ada')
    """
    return f"'{text}" if text.lstrip(" ").startswith(_SIGNS) else text


def neutral_table(table: pa.Table) -> pa.Table:
    """A table with every text as `neutral` writes it; numbers, also those below zero, stay as they are."""
    for at, entry in enumerate(table.schema):
        if pa.types.is_string(entry.type) or pa.types.is_large_string(entry.type):
            column = table.column(at)
            risky = pc.match_substring_regex(column, _FORMULA)
            if pc.any(risky).as_py():
                quoted = pc.binary_join_element_wise("'", column, "")
                table = table.set_column(at, entry, pc.if_else(risky, quoted, column))
    return table
