"""The one reading of a customer's id: whichever way it comes in, the same customer has the same text.

An id is text: trimmed, in Unicode's form NFC, its case and its leading zeros kept. What became a float on its way
(pandas makes one of whole numbers beside an empty cell) is whole again. Words that machines write where there is
nothing name nobody. `features.columns.expressions.as_id` is the same for the engine of training, kept equal by a test.
"""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal
from typing import Any

from features.spec.missing import MACHINE

# What is passed over around an id: blanks of every kind, marks of byte order and of direction, joiners of no width.
EDGES = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u200b\u200e\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
# A whole number written as a float, as regular expressions that Python and DuckDB read alike: 616.0, 9.243e+12.
POINT_ZERO = r"^(0|-?[1-9][0-9]*)\.0*$"
EXPONENT = r"^-?[1-9](\.[0-9]+)?e\+[0-9]+$"
MOST = 1e38  # from here on a float is no id
# Written where nobody is known, in small letters: one customer of that name would be all guests together.
NOBODY = MACHINE | {"", "na", "n/a", "none", "undefined", "(missing)", "(blank)", "(empty)", "?", "-", "--"}
# Text that is an id as it stands, but for the words above: what most ids are, seen at a glance.
PLAIN = r"^[A-Za-z0-9_-]+$"
_POINT_ZERO, _EXPONENT = re.compile(POINT_ZERO), re.compile(EXPONENT)


def read_id(value: Any) -> str | None:
    r"""The text that is a customer's id; None where a value names nobody.

    >>> [read_id(value) for value in (616, 616.0, "616.0", " 616\ufeff", "00616", "1e5", "NULL", None)]
    ['616', '616', '616', '616', '00616', '1e5', None, None]
    >>> read_id(9.243015634602e12)
    '9243015634602'
    """
    if isinstance(value, str):
        return _of_text(value)
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _of_float(value)
    if isinstance(value, Decimal):
        return _of_text(format(value, "f")) if value.is_finite() else None
    if isinstance(value, bytes):
        return _of_text(value.decode("utf-8", "replace"))
    return _of_text(str(value))


def posted_id(value: Any) -> str | None:
    """The id of a value that was posted as JSON, None where it is neither text nor a whole number, or is empty.

    A word for nobody is answered as it was posted: whoever asks for one score has one customer in mind.

    >>> [posted_id(value) for value in (616, 616.0, "616 ", "NULL", 1.5, True, "")]
    ['616', '616', '616', 'NULL', None, None, None]
    """
    if isinstance(value, str):
        return read_id(value) or value or None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    return read_id(value) if isinstance(value, int) else None


def zero_names_guests(rows: int, most: int, *, numbered: bool) -> bool:
    """Whether the id 0 of a file stands for guests: far more rows than any customer has, or no number of a series.

    Args:
        rows: How many have it.
        most: How many the customer with the most has.
        numbered: Whether 1 is an id too, as where rows were numbered from 0.

    >>> zero_names_guests(600, 40, numbered=True), zero_names_guests(30, 40, numbered=True)
    (True, False)
    """
    return rows > 0 and (not numbered or rows > 2 * most)


def earlier_spellings(customer: str) -> list[str]:
    """An id, and how files may hold it that were written before there was one reading of ids.

    >>> earlier_spellings("9243015634602")[:3]
    ['9243015634602', '9243015634602.0', '9.243015634602e+12']
    """
    spelled = [customer]
    if re.fullmatch("[1-9][0-9]{0,14}", customer):
        power = len(customer) - 1
        mantissa = f"{customer[0]}.{customer[1:]}".rstrip("0").rstrip(".")
        spelled += [f"{customer}.0", f"{mantissa}e+{power:02}"]
    spelled += [f" {customer}", f"{customer} ", f" {customer} ", f"\ufeff{customer}"]
    return list(dict.fromkeys([*spelled, unicodedata.normalize("NFD", customer)]))


def _of_text(text: str) -> str | None:
    if not (text.isascii() and text.isalnum()):
        text = unicodedata.normalize("NFC", text.strip(EDGES))
        if _EXPONENT.match(text):
            return _of_float(float(text)) or text
        if whole := _POINT_ZERO.match(text):
            return whole[1]
    return None if text.lower() in NOBODY else text


def _of_float(number: float) -> str | None:
    """The digits of a whole number, the shortest text of another."""
    if not math.isfinite(number) or abs(number) >= MOST:
        return None
    return str(int(number)) if number == math.floor(number) else repr(number)
