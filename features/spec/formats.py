"""Values as people write them: amounts with a currency or percent sign, dates in another order than ISO's.

How a column is written is one short text that travels with its feature: `1 234,56 €` says how its amounts are written,
`%d/%m/%Y` how its dates are. Whoever reads a cell, in training or in serving, reads it by the functions here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from features.spec.feature import EPOCHS

# What stands next to a number and what it is called: an ISO 4217 code, or the sign where it stands for several.
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
_NAMES = {**_SIGNS, **{code: code for code in _CODES.split()}}
_mark = "|".join(re.escape(name) for name in sorted(_NAMES, key=len, reverse=True))
_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u202f\u2009\u2007\t", " ") | {"\u2212": "-", "\u2019": "'"})
_AMOUNT = re.compile(
    rf"(?P<open>\( ?)?(?P<sign>[+-])? ?(?P<before>{_mark})? ?(?P<inner>[+-])? ?"
    rf"(?P<number>(?:[0-9][0-9.,' ]*)?[0-9]|[.,][0-9]+) ?(?P<after>{_mark})?(?P<close> ?\))?"
)
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # a number as JSON writes it
_farthest = 10**18  # microseconds from 1970, more than 30,000 years


@dataclass(frozen=True, slots=True)
class AmountParts:
    """An amount's text in its parts."""

    negative: bool
    number: str  # digits, points, commas, apostrophes and blanks
    mark: str | None  # what it is an amount of, as a code or a sign; None where nothing stands next to the number
    sign: str  # the same as it is written
    before: bool  # whether the mark stands before the number
    apart: bool  # whether a blank is between them


@dataclass(frozen=True, slots=True)
class Amounts:
    """A way to write amounts: the sign before the decimals, and what they are amounts of (None: it is not written)."""

    decimal: str
    mark: str | None

    def read(self, text: str) -> float:
        """The number an amount stands for, NaN where the text is not written so.

        Thousands may be parted by blanks, apostrophes, or whichever of point and comma does not begin the decimals. A
        number without its mark is read only where it can mean but one thing.

        >>> euros = Amounts(",", "EUR")
        >>> [euros.read(text) for text in ("1 234,56 €", "EUR 1.234", "-12,5 €", "12.5", "1.234", "12 $")]
        [1234.56, 1234.0, -12.5, 12.5, nan, nan]
        """
        parted = split_amount(text)
        own = math.nan if parted is None else self._number(parted)
        if self.mark is None or (parted is not None and parted.mark is not None):
            return own
        bare = text.strip()
        plain = float(bare) if _PLAIN.fullmatch(bare) else math.nan
        if math.isnan(own) or math.isnan(plain):
            return plain if math.isnan(own) else own
        return own if own == plain else math.nan

    def _number(self, parted: AmountParts) -> float:
        if parted.mark not in (None, self.mark):
            return math.nan
        whole, point, decimals = parted.number.partition(self.decimal)
        whole = "0" if point and not whole else whole
        grouped = re.fullmatch(r"[1-9][0-9]{0,2}([.,' ])(?:[0-9]{2,3}\1)*[0-9]{3}", whole)
        digits = whole.replace(grouped[1], "") if grouped else whole
        if not digits.isdigit() or (point and not decimals.isdigit()):
            return math.nan
        value = float(f"{digits}.{decimals or 0}")
        return -value if parted.negative else value


def split_amount(text: str) -> AmountParts | None:
    """The parts of an amount, None where a text is none; what is in brackets is negative, as accountants write it."""
    found = _AMOUNT.fullmatch(text.translate(_BLANKS).strip())
    if found is None or (found["open"] is None) != (found["close"] is None):
        return None
    signs = [sign for sign in (found["open"], found["sign"], found["inner"]) if sign]
    marks_written = [name for name in (found["before"], found["after"]) if name]
    marks = [_NAMES[name] for name in marks_written]
    if len(signs) > 1 or (len(marks) == 2 and marks[0] not in (marks[1], "$", "¥", "kr")):
        return None
    at = found.start("number"), found.end("number")
    apart = found.string[at[0] - 1 : at[0]] == " " if found["before"] else found.string[at[1] : at[1] + 1] == " "
    negative = bool(signs) and signs[0] != "+"
    mark, sign = (marks[-1], marks_written[-1]) if marks else (None, "")
    return AmountParts(negative, found["number"], mark, sign, bool(found["before"]), apart)


@lru_cache(maxsize=256)
def amounts(written: str) -> Amounts:
    """How amounts are written, from the number 1234.56 written so.

    >>> amounts("1 234,56 €"), amounts("$1,234.56")
    (Amounts(decimal=',', mark='EUR'), Amounts(decimal='.', mark='$'))

    Raises:
        ValueError: It is another number, or none.
    """
    parted = split_amount(written)
    shown = parted and re.fullmatch(r"1([.,' ]?)234([.,])56", parted.number)
    if not parted or not shown or shown[1] == shown[2] or parted.negative:
        raise ValueError("must be the number 1234.56 as the column writes it, such as '1 234,56 €' or '$1,234.56'")
    return Amounts(shown[2], parted.mark)


def is_moment(written: str) -> bool:
    """Whether a way of writing is one of moments."""
    return written in EPOCHS or re.search("%-?[A-Za-z]", written) is not None


def read_moment(text: str, written: str | None = None) -> datetime | None:
    """The UTC moment of a text in ISO form, or as `written` says: strptime's form, or a name of `EPOCHS`; else None.

    Without a zone it is UTC, a date is its midnight.

    >>> str(read_moment("31/12/2024 14:05", "%d/%m/%Y %H:%M")), str(read_moment("2024-12-31", "%d/%m/%Y"))
    ('2024-12-31 14:05:00+00:00', '2024-12-31 00:00:00+00:00')
    """
    text = text.strip()
    moment = None if written is None else _as_written(text, written)
    try:
        moment = moment or datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def counted(written: str | None) -> bool:
    """Whether dates written so are digits and nothing else, so that a number may stand for one."""
    return written is not None and (written in EPOCHS or re.fullmatch(r"(%-?[YmdHMSj])+", written) is not None)


def whole(number: float) -> str:
    """A number's digits, where it is whole: what was counted or written in digits may have become a float.

    >>> whole(20241231.0), whole(1.5)
    ('20241231', '1.5')
    """
    return str(int(number)) if math.isfinite(number) and number == math.floor(number) else str(number)


def _as_written(text: str, written: str) -> datetime | None:
    try:
        if written not in EPOCHS:
            return datetime.strptime(text, written.replace("%-", "%"))
        since = int(Decimal(text) * (10**6 // EPOCHS[written]))
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=since) if abs(since) < _farthest else None
    except (ValueError, OverflowError, InvalidOperation):
        return None
