"""Numbers as people write them: the one grammar by which a text is a number, in training and in serving.

How the numbers of a column are written is decided once, from the whole column, and travels with its feature as the
number 1234.56 written so: `1234.56` with a decimal point, `1 234,56` with a decimal comma, `1 234,56 €` with what they
are amounts of.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

# What stands beside an amount and what it is called: an ISO 4217 code, or the sign where it stands for several.
_SIGNS = {
    "€": "EUR", "£": "GBP", "$": "$", "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "R$": "BRL",
    "HK$": "HKD", "NZ$": "NZD", "S$": "SGD", "MX$": "MXN", "¥": "¥", "₹": "INR", "Rs": "INR", "Rs.": "INR", "₽": "RUB",
    "₺": "TRY", "₩": "KRW", "₪": "ILS", "₫": "VND", "₱": "PHP", "₦": "NGN", "₴": "UAH", "₸": "KZT", "฿": "THB",
    "zł": "PLN", "Kč": "CZK", "kr": "kr", "kr.": "kr", "lei": "RON", "Fr.": "CHF", "SFr.": "CHF", "%": "%",
    "euro": "EUR", "euros": "EUR", "eur": "EUR", "Eur": "EUR", "usd": "USD", "gbp": "GBP", "chf": "CHF",
}  # fmt: skip
_CODES = (
    "AED ARS AUD BGN BHD BRL CAD CHF CLP CNY COP CZK DKK DZD EGP EUR GBP GHS HKD HRK HUF IDR ILS INR IQD ISK JOD JPY "
    "KES KRW KWD KZT LKR LYD MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD "
    "UAH USD UYU VND XAF XOF ZAR"
)
NAMES = {**_SIGNS, **{code: code for code in _CODES.split()}}

POINT = "1234.56"  # numbers with a decimal point, as machines write them
# A number as machines write it; Python and DuckDB read alike what is so written.
PLAIN = r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"
_plain = re.compile(PLAIN)
_mark = "|".join(re.escape(name) for name in sorted(NAMES, key=len, reverse=True))
_BLANKS = str.maketrans(
    dict.fromkeys("\u00a0\u202f\u2009\u2007\u2008\u2002\u2003\u200a\t\r\n", " ")
    | {"\u2212": "-", "\u2013": "-", "\u2019": "'", "\ufeff": None}
)
_AMOUNT = re.compile(
    rf"(?P<open>\( ?)?(?P<sign>[+-])? ?(?P<before>{_mark})? ?(?P<inner>[+-])? ?"
    rf"(?P<number>(?:[0-9][0-9.,' ]*)?[0-9]|[.,][0-9]+|[0-9]+[.,])(?P<exponent>[eE][+-]?[0-9]{{1,3}})?"
    rf"(?P<behind> ?-)? ?(?P<after>{_mark})?(?P<last> ?-)?(?P<close> ?\))?"
)
_GROUPED = re.compile(r"[1-9][0-9]{0,2}([.,' ])(?:[0-9]{2,3}\1)*[0-9]{3}")


@dataclass(frozen=True, slots=True)
class AmountParts:
    """An amount's text in its parts."""

    negative: bool
    number: str  # digits, points, commas, apostrophes and blanks
    exponent: str  # with its e, empty where there is none
    mark: str | None  # what it is an amount of, as a code or a sign; None where nothing stands beside the number
    sign: str  # the same as it is written
    before: bool  # whether the mark stands before the number
    apart: bool  # whether a blank is between them


@dataclass(frozen=True, slots=True)
class Amounts:
    """A way to write numbers: the sign before the decimals, and what they are amounts of (None: it is not written)."""

    decimal: str
    mark: str | None

    def plain(self, text: str) -> str | None:
        """The number of a text as machines write it; None where the text is not written so.

        Thousands may be parted by blanks, apostrophes, or whichever of point and comma does not begin the decimals,
        lakhs too; what is in brackets or has its minus behind it is negative. A number without its mark is read only
        where it can mean but one thing.

        >>> euros = Amounts(",", "EUR")
        >>> [euros.plain(text) for text in ("1 234,56 €", "EUR 1.234", "-12,5 €", "12.5", "1.234", "12 $")]
        ['1234.56', '1234', '-12.5', '12.5', None, None]
        >>> [Amounts(".", None).plain(text) for text in ("12,34,567", "(12.50)", "12.50-", "1e3", "12,5", "1_10")]
        ['1234567', '-12.50', '-12.50', '1e3', None, None]
        """
        bare = text.strip()
        machine = bare if _plain.fullmatch(bare) else None
        if machine is not None and self.mark is None and self.decimal == ".":
            return machine
        parts = split_amount(text)
        own = None if parts is None else self._plain(parts)
        if self.mark is None or (parts is not None and parts.mark is not None):
            return own
        if own is None or machine is None:
            return own or machine
        return own if float(own) == float(machine) else None

    def read(self, text: str) -> float:
        """The number a text stands for, NaN where it is not written so, or is beyond float64."""
        plain = self.plain(text)
        number = math.nan if plain is None else float(plain)
        return number if math.isfinite(number) else math.nan

    def _plain(self, parts: AmountParts) -> str | None:
        if parts.mark not in (None, self.mark) or (parts.mark is not None and parts.exponent):
            return None
        whole, point, decimals = parts.number.partition(self.decimal)
        if (point and not whole and not decimals) or (decimals and not _digits(decimals)):
            return None
        grouped = _GROUPED.fullmatch(whole)
        digits = (whole.replace(grouped[1], "") if grouped else whole) or "0"
        if not _digits(digits):
            return None
        return ("-" if parts.negative else "") + digits + (f".{decimals}" if decimals else "") + parts.exponent


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def split_amount(text: str) -> AmountParts | None:
    """The parts of an amount, None where a text is none; what is in brackets is negative, as accountants write it."""
    found = _AMOUNT.fullmatch(text.translate(_BLANKS).strip())
    if found is None or (found["open"] is None) != (found["close"] is None):
        return None
    signs = [sign for name in ("open", "sign", "inner", "behind", "last") if (sign := found[name])]
    beside = [name for name in (found["before"], found["after"]) if name]
    marks = [NAMES[name] for name in beside]
    if len(signs) > 1 or (len(marks) == 2 and marks[0] not in (marks[1], "$", "¥", "kr")):
        return None
    at = found.start("number"), found.end("number")
    apart = found.string[at[0] - 1 : at[0]] == " " if found["before"] else found.string[at[1] : at[1] + 1] == " "
    negative = bool(signs) and signs[0] != "+"
    mark, sign = (marks[-1], beside[-1]) if marks else (None, "")
    return AmountParts(negative, found["number"], found["exponent"] or "", mark, sign, bool(found["before"]), apart)


@lru_cache(maxsize=256)
def amounts(written: str) -> Amounts:
    """How numbers are written, from the number 1234.56 written so.

    >>> amounts("1 234,56 €"), amounts("$1,234.56"), amounts("1234.56")
    (Amounts(decimal=',', mark='EUR'), Amounts(decimal='.', mark='$'), Amounts(decimal='.', mark=None))

    Raises:
        ValueError: It is another number, or none.
    """
    parts = split_amount(written)
    shown = parts and re.fullmatch(r"1([.,' ]?)234([.,])56", parts.number)
    if not parts or not shown or shown[1] == shown[2] or parts.negative or parts.exponent:
        raise ValueError("must be the number 1234.56 as the column writes it, such as '1 234,56 €' or '$1,234.56'")
    return Amounts(shown[2], parts.mark)


def reader(written: str | None, decimal: str | None) -> Callable[[str], float]:
    """How the texts of a feature's numbers are read: by its form, else by its decimals, else each by itself."""
    if written is not None:
        return amounts(written).read
    return read_each if decimal is None else Amounts(decimal, None).read


def read_each(text: str) -> float:
    """The number a text stands for by itself, NaN where it is none: the reading of manifests from before forms.

    Thousands may be parted by a comma (1,234.5), a blank or an apostrophe (1 234,5), or a point before a decimal comma
    (1.234,5); else a comma parts decimals (12,5).

    >>> [read_each(text) for text in (" 12 ", "1,234.5", "12,5", "1.234,50", "1_10", "twelve")]
    [12.0, 1234.5, 12.5, 1234.5, nan, nan]
    """
    number = Amounts(".", None).read(text)
    return number if not math.isnan(number) else Amounts(",", None).read(text)
