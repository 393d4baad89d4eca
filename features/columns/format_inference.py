"""How a column of texts is written, found in its cells: one way for all, or nothing that both sides could misread."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from features.spec.moments import MONTHS, plain_word, read_moment
from features.spec.numbers import PLAIN, POINT, AmountParts, amounts, split_amount

READABLE = 0.95  # share of the cells that must be written so
_hint = "; say which under `formats`"
_least_zeros = 0.002  # share of the cells that must begin with a zero for texts of digits to be codes
_plausible = {  # 1980 to 2100
    "epoch_s": (3.15e8, 4.1e9), "epoch_ms": (3.15e11, 4.1e12), "epoch_us": (3.15e14, 4.1e15),
    "excel_days": (29_220.0, 73_051.0),
}  # fmt: skip
_thousandths = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND", "%")  # may have three decimals
_month_or_day = re.compile(
    r"(?P<first>\d{1,2})(?P<sign>[/.-])(?P<second>\d{1,2})(?P=sign)(?P<year>[1-9]\d{3}|\d{2})(?!\d)(?P<rest>.*)",
    re.DOTALL,
)
_named = re.compile(
    r"(?:(?P<day>\d{1,2})(?:er|st|nd|rd|th)?(?P<a>[ ./-]+)(?P<month>[^\W\d_]{3,}\.?)(?P<b>[ .,/-]*[ ./-])"
    r"|(?P<month2>[^\W\d_]{3,}\.?)(?P<c>[ ./-]+)(?P<day2>\d{1,2})(?:st|nd|rd|th)?(?P<d>[ .,/-]*[ ./-]))"
    r"(?P<year>[1-9]\d{3}|\d{2})(?!\d)(?P<rest>.*)",
    re.DOTALL,
)
_year_first = re.compile(r"[1-9]\d{3}(?P<sign>[/.-])\d{1,2}(?P=sign)\d{1,2}(?!\d)(?P<rest>.*)", re.DOTALL)
_time = re.compile(
    r"(,? |T)\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?(?:( ?)([AP]M))?( ?(?:UTC|GMT|Z|[+-]\d{2}:?\d{2}))?", re.I
)

Counted = TypeVar("Counted", bound=Hashable)
Counts = Sequence[tuple[str, int]]  # different texts, trimmed and not empty, and in how many cells they are


@dataclass(frozen=True, slots=True)
class AmbiguousForm:
    """Why texts that are amounts or dates cannot be read as such."""

    reason: str


def find_form(counts: Counts) -> str | AmbiguousForm | None:
    """How nearly all cells are written that are no plain numbers and no moments in ISO form; None where nothing is."""
    return _amounts(counts) or _moments(counts) or named_month_form(counts)


def number_form(counts: Counts) -> str | AmbiguousForm | None:
    """How the numbers of a column are written, whose texts these are with their counts; None where they are none.

    >>> number_form([("446,144", 1), ("121,4", 1)]), number_form([("1,234", 1), ("12", 1)])
    ('1234,56', '1234.56')
    """
    allowed = (1 - READABLE) * sum(n for _, n in counts)
    parted: list[tuple[AmountParts, int]] = []
    for text, n in counts:
        parts = split_amount(text)
        if parts is None or parts.mark is not None:
            allowed -= n
            if allowed < 0:
                return None
        else:
            parted.append((parts, n))
    signed = [(parts, n) for parts, n in parted if re.search("[.,]", parts.number)]
    decimal = _decimal(signed, None)
    if decimal is None:
        either = f"{POINT!r} or '1234,56'"
        return AmbiguousForm(
            f"its numbers have decimal points and decimal commas, or either as thousands{_hint}: {either}"
        )
    written = POINT if decimal == "." else _sample(parted, decimal)
    return written if share(counts, written, moments=False) >= READABLE else None


def are_codes(counts: Counts) -> bool:
    """Whether texts of digits are codes: some begin with a zero, which no number does that is written by one hand.

    >>> are_codes([("01000", 3), ("75001", 90)]), are_codes([("0", 3), ("75001", 90)])
    (True, False)
    """
    cells = sum(n for _, n in counts)
    digits = [(text, n) for text, n in counts if text.isascii() and text.isdigit()]
    zeros = sum(n for text, n in digits if len(text) > 1 and text[0] == "0")
    return sum(n for _, n in digits) >= READABLE * cells and zeros > max(1, _least_zeros * cells)


def count_form(counts: Counts) -> str | None:
    """What numbers are counts of, where all could be moments: seconds and parts of them since 1970, or Excel's days.

    Only where it is known that they are moments: as numbers they could be anything.

    >>> count_form([("999999999", 1), ("1709424000", 1)]), count_form([("45384.35", 1)])
    ('epoch_s', 'excel_days')
    """
    if not counts or not all(re.fullmatch(PLAIN, text) for text, _ in counts):
        return None
    numbers = [float(text) for text, _ in counts]
    for form, (low, high) in _plausible.items():
        if all(low <= number <= high for number in numbers):
            return form
    return None


def share(counts: Counts, written: str, *, moments: bool) -> float:
    """The share of the cells that are written so."""
    if moments:
        there = sum(n for text, n in counts if read_moment(text, written) is not None)
    else:
        there = sum(n for text, n in counts if not math.isnan(amounts(written).read(text)))
    return there / max(sum(n for _, n in counts), 1)


def _amounts(counts: Counts) -> str | AmbiguousForm | None:
    """How money or percentages are written; numbers without a mark, other than zero, are no such amounts."""
    allowed = (1 - READABLE) * sum(n for _, n in counts)
    parted: list[tuple[AmountParts, int]] = []
    for text, n in counts:
        parts = split_amount(text)
        if parts is None or (parts.mark is None and re.search("[1-9]", parts.number)):
            allowed -= n
            if allowed < 0:
                return None
        elif parts.mark is not None:
            parted.append((parts, n))
    marks = _tally((parts.mark or "", n) for parts, n in parted)
    if not marks:
        return None
    mark, often = marks.most_common(1)[0]
    if sum(marks.values()) - often > allowed:
        return AmbiguousForm(f"its amounts are in several units: {', '.join(sorted(marks)[:5])}")
    of_mark = [(parts, n) for parts, n in parted if parts.mark == mark]
    decimal = _decimal(of_mark, mark)
    if decimal is None:
        either = f"'1,234.56 {mark}' or '1.234,56 {mark}'"
        return AmbiguousForm(f"1,234 and 1.234 may be thousands or thousandths in its amounts{_hint}: {either}")
    written = _sample(of_mark, decimal)
    return written if share(counts, written, moments=False) >= READABLE else None


def _decimal(parted: Sequence[tuple[AmountParts, int]], mark: str | None) -> str | None:
    """The sign before decimals, None where it is ambiguous.

    A sign that comes last after another, or is not followed by exactly three digits, begins decimals; one that comes
    twice parts thousands. Where all are alike thousands, they are in money, which has no thousandths; without a mark
    a comma parts thousands and a point begins decimals, as machines have it.
    """
    clear: Counter[str] = Counter()
    alike: Counter[str] = Counter()
    for parts, n in parted:
        signs = re.findall("[.,]", parts.number)
        if not signs:
            continue
        before, _, after = parts.number.rpartition(signs[-1])
        other = "," if signs[-1] == "." else "."
        if len(signs) > 1:
            clear[signs[-1] if signs.count(signs[-1]) == 1 else other] += n
        elif len(after) != 3 or not re.fullmatch("[1-9][0-9]{0,2}", before):
            clear[signs[-1]] += n
        else:
            alike[signs[-1]] += n
    if clear:
        sign, often = clear.most_common(1)[0]
        return sign if often >= READABLE * sum(clear.values()) else None
    if len(alike) > 1 or (alike and mark in _thousandths):
        return None
    if mark is None:
        return "."
    blanks = any(" " in parts.number for parts, _ in parted)
    return "," if "." in alike or (blanks and not alike) else "."


def _sample(parted: Sequence[tuple[AmountParts, int]], decimal: str) -> str:
    """1234.56 as most of the cells would write it."""
    parting = [(re.search(r"(?<=[0-9])[.,' ](?=[0-9]{3})", parts.number), n) for parts, n in parted]
    grouping = _most((found[0], n) for found, n in parting if found and found[0] != decimal)
    before, apart, sign = _most(((parts.before, parts.apart, parts.sign), n) for parts, n in parted) or (
        False,
        True,
        "",
    )
    number, blank = f"1{grouping or ''}234{decimal}56", " " if apart else ""
    return f"{sign}{blank}{number}" if before else f"{number}{blank}{sign}"


def _moments(counts: Counts) -> str | AmbiguousForm | None:
    """How dates are written that are not in ISO form."""
    allowed = (1 - READABLE) * sum(n for _, n in counts)
    dates: list[tuple[re.Match[str], int]] = []
    for text, n in counts:
        found = _month_or_day.fullmatch(text) or _year_first.fullmatch(text)
        if found is None or time_of_day(found["rest"]) is None:
            allowed -= n
            if allowed < 0:
                return None
        else:
            dates.append((found, n))
    common = _most(((found["sign"], time_of_day(found["rest"]) or ""), n) for found, n in dates)
    if common is None:
        return None
    sign, clock = common
    years_first = sum(n for found, n in dates if found.re is _year_first)
    if 2 * years_first > sum(n for _, n in dates):
        written = f"%Y{sign}%m{sign}%d{clock}"
        return written if share(counts, written, moments=True) >= READABLE else None
    return _either(counts, [(found, n) for found, n in dates if found.re is _month_or_day], sign, clock)


def named_month_form(counts: Counts, *, short_years: bool = False) -> str | None:
    """How dates with the names of their months are written; years of two digits only where `short_years` admits them.

    >>> named_month_form([("3 mars 2024", 1), ("12 janvier 2023", 1)]), named_month_form([("Mar 3, 2024", 1)])
    ('%d %B %Y', '%B %d, %Y')
    >>> named_month_form([("14-Jan-15", 1)], short_years=True), named_month_form([("14-Jan-15", 1)])
    ('%d-%B-%y', None)
    """
    found: Counter[str] = Counter()
    for text, n in counts:
        date = _named.fullmatch(text)
        clock = date and time_of_day(date["rest"])
        if date is None or clock is None or plain_word(date["month"] or date["month2"]) not in MONTHS:
            continue
        year = "%Y" if len(date["year"]) == 4 else "%y"
        if year == "%y" and not short_years:
            continue
        first = f"%d{date['a']}%B{date['b']}" if date["day"] else f"%B{date['c']}%d{date['d']}"
        found[f"{first}{year}{clock}"] += n
    written = max(found, key=found.__getitem__, default=None)
    return written if written is not None and share(counts, written, moments=True) >= READABLE else None


def _either(
    counts: Counts, dates: Sequence[tuple[re.Match[str], int]], sign: str, clock: str
) -> str | AmbiguousForm | None:
    """Day or month first, as the cells show: a number beyond twelve is no month."""
    year = "%Y" if sum(n for found, n in dates if len(found["year"]) == 4) * 2 > sum(n for _, n in dates) else "%y"
    day_first, month_first = (f"{one}{sign}{other}{sign}{year}{clock}" for one, other in (("%d", "%m"), ("%m", "%d")))
    if max(share(counts, written, moments=True) for written in (day_first, month_first)) < READABLE:
        return None
    if year == "%y":
        return AmbiguousForm(f"the years of its dates have two digits{_hint}: {day_first!r} or {month_first!r}")
    days = sum(n for found, n in dates if int(found["first"]) > 12)
    months = sum(n for found, n in dates if int(found["second"]) > 12)
    if max(days, months) == 0 or max(days, months) < READABLE * (days + months):
        return AmbiguousForm(
            f"its dates may begin with the day or with the month{_hint}: {day_first!r} or {month_first!r}"
        )
    return day_first if days > months else month_first


def time_of_day(text: str) -> str | None:
    """The form of what follows a date, None where it is no time of day.

    >>> [time_of_day(text) for text in (" 8:26", "T08:26:00", " 8:26 PM", " 08:26:00 +0100", " UTC", " or so")]
    [' %H:%M', 'T%H:%M:%S', ' %I:%M %p', ' %H:%M:%S %z', None, None]
    """
    if not text:
        return ""
    found = _time.fullmatch(text)
    if found is None:
        return None
    lead, seconds, fraction, blank, half, zone = found.groups()
    form = f"{lead}{'%I' if half else '%H'}:%M" + (":%S" if seconds else "") + (".%f" if fraction else "")
    form += f"{blank}%p" if half else ""
    if not zone:
        return form
    return form + (zone if zone.strip().isalpha() and zone.strip() != "Z" else zone[: zone.startswith(" ")] + "%z")


def _most(pairs: Iterable[tuple[Counted, int]]) -> Counted | None:
    """The key with the most cells, of equals the first; None where there is none."""
    counts = _tally(pairs)
    return max(counts, key=counts.__getitem__, default=None)


def _tally(pairs: Iterable[tuple[Counted, int]]) -> Counter[Counted]:
    counts: Counter[Counted] = Counter()
    for key, n in pairs:
        counts[key] += n
    return counts
