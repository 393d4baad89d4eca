"""One customer's id in many spellings, as files and callers bring it, and ids that must stay as they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

# What arrives, and the one text it is.
SPELLED: dict[str, tuple[Any, str]] = {
    "text": ("616", "616"),
    "integer": (616, "616"),
    "float": (616.0, "616"),
    "decimal": (Decimal("616.00"), "616"),
    "text of a float": ("616.0", "616"),
    "text of a decimal": ("616.000", "616"),
    "a blank behind": ("616 ", "616"),
    "blanks before": ("   616", "616"),
    "a blank that does not break": ("\u00a0616\u202f", "616"),
    "a tab": ("\t616", "616"),
    "a mark of byte order": ("\ufeff616", "616"),
    "a line end": ("616\r", "616"),
    "13 digits as a float": (9243015634602.0, "9243015634602"),
    "13 digits as a float's text": ("9243015634602.0", "9243015634602"),
    "13 digits with an exponent": ("9.243015634602e+12", "9243015634602"),
    "2^53 as a float": (2.0**53, "9007199254740992"),
    "2^53 + 1": (2**53 + 1, "9007199254740993"),
    "2^53 + 1 as a decimal": (Decimal(2**53 + 1), "9007199254740993"),
    "2^53 + 1 as text": ("9007199254740993", "9007199254740993"),
    "20 digits": ("12345678901234567890", "12345678901234567890"),
    "20 digits as a decimal": (Decimal("12345678901234567890"), "12345678901234567890"),
    "1e17 as a float": (1e17, "100000000000000000"),
    "leading zeros": ("00123", "00123"),
    "leading zeros and a point": ("00123.0", "00123.0"),
    "an exponent that is a code": ("1e5", "1e5"),
    "a spreadsheet's exponent": ("9.24E+12", "9.24E+12"),
    "a fraction": (12.5, "12.5"),
    "composed": ("Zo\u00e9", "Zo\u00e9"),
    "decomposed": ("Zoe\u0301 ", "Zo\u00e9"),
    "case kept": ("Ada@example.org", "Ada@example.org"),
    "blanks inside": ("a  b", "a  b"),
    "zero": (0, "0"),
    "zero as a float": (-0.0, "0"),
    "below zero": (-5.0, "-5"),
    "a word inside": ("nullable", "nullable"),
}
# What names nobody.
NOBODY: dict[str, Any] = {
    "null": None,
    "empty": "",
    "blank": " \u00a0",
    "NULL": "NULL",
    "nan": "nan",
    "NaN": float("nan"),
    "infinity": float("inf"),
    "undefined": " undefined",
    "N/A": "N/A",
    "<NA>": "<NA>",
    "\\N": "\\N",
    "None": "None",
    "a boolean": True,
}
