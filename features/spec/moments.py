"""Moments as people write them: the one grammar by which a text is a moment, in training and in serving.

A text that begins with its year can mean but one moment and needs no form: dates with `-`, `/` or `.`, as eight digits
or by the week, a time with or without seconds, an offset, UTC or the name of a zone (Europe/Paris). Other columns are
read by a form that was declared or found in the whole column: strptime's, a name of `COUNTED`, or several of these
parted by ` | `, of which the first that fits holds. Without a zone a moment is UTC; a date is its midnight.
"""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from features.spec.missing import is_missing

EPOCHS = {"epoch_s": 1, "epoch_ms": 10**3, "epoch_us": 10**6}  # counted from 1970, by ticks a second
EXCEL = "excel_days"  # Excel's serial dates: days from 1899-12-30
COUNTED = (*EPOCHS, EXCEL)
SEVERAL = " | "  # between the forms of a column that has more than one
BORN = " born"  # behind a form with two digits of a year: it is one of birth, so never a coming one
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
# What Python and DuckDB read alike as it stands, and nearly all logs hold; with a zone of its own, and without.
CANONICAL = (
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?)?"
)
ZONED = (
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
)

_farthest = 10**18  # microseconds from 1970, more than 30,000 years
_latest_birth = 26  # the last year of this century that two digits may mean for someone born
_day_us, _excel_to_unix = 86_400 * 10**6, 25_569
_ISO = re.compile(
    r"(?:(?P<year>[0-9]{4})(?P<sign>[-/.])(?P<month>[0-9]{1,2})(?P=sign)(?P<day>[0-9]{1,2})"
    r"|(?P<digits>[0-9]{8})"
    r"|(?P<of>[0-9]{4})-?W(?P<week>[0-9]{2})-?(?P<weekday>[1-7]))"
    r"(?:(?:[Tt]|,? +)(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?"
    r"|[0-9]{6}(?:[.,][0-9]{1,9})?|[0-9]{4}|[0-9]{2})"
    r" ?(?P<zone>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?|[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+)?)?"
)
_CLOCK = re.compile(r"([0-9]{1,2})(?::?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?")
_MONTHS = (
    "january jan janvier janv januar j\u00e4nner enero ene gennaio gen",
    "february feb f\u00e9vrier f\u00e9vr f\u00e9v februar febrero febbraio",
    "march mar mars m\u00e4rz mrz marzo",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag",
    "june jun juin juni junio giugno giu",
    "july jul juillet juil juli julio luglio lug",
    "august aug ao\u00fbt agosto ago",
    "september sep sept septembre septiembre settembre set",
    "october oct octobre oktober okt octubre ottobre ott",
    "november nov novembre noviembre",
    "december dec d\u00e9cembre d\u00e9c dezember dez diciembre dic dicembre",
)
_SHAPES = {"Y": "[0-9]{4}", **dict.fromkeys("mdHMS", "[0-9]{2}")}
_ORDINAL = re.compile(r"\b([0-9]{1,2})(?:er|st|nd|rd|th)\b")
_WORD = re.compile(r"[^\W\d_]{3,}\.?")


def plain_word(word: str) -> str:
    """A word without case, accents and a point behind it."""
    parts = unicodedata.normalize("NFD", word.casefold().rstrip("."))
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


MONTHS = {plain_word(word): number for number, words in enumerate(_MONTHS, 1) for word in words.split()}


def read_moment(text: str, written: str | None = None) -> datetime | None:
    """The UTC moment of a text that begins with its year, or is written as `written` says; else None.

    >>> str(read_moment("31/12/2024 14:05", "%d/%m/%Y %H:%M")), str(read_moment("2024-12-31", "%d/%m/%Y"))
    ('2024-12-31 14:05:00+00:00', '2024-12-31 00:00:00+00:00')
    >>> [str(read_moment(text)) for text in ("2025-3-1 1:00", "20250301T100000+0200", "2025-W09-6")]
    ['2025-03-01 01:00:00+00:00', '2025-03-01 08:00:00+00:00', '2025-03-01 00:00:00+00:00']
    >>> str(read_moment("2025-03-01 10:00 Europe/Paris")), read_moment("03/01/2025")
    ('2025-03-01 09:00:00+00:00', None)
    """
    text = text.strip()
    moment = None
    for form in forms(written):
        moment = moment or _as_written(text, form)
    if moment is None and not _misread(text, written):
        moment = _iso(text)
    if moment is None:
        return None
    try:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return None
    return moment if FIRST <= moment <= LAST else None


def canonical(text: str, written: str | None = None) -> str | None:
    """The moment of a text as `CANONICAL` has it, in UTC and without its zone; None where it is none."""
    moment = read_moment(text, written)
    return None if moment is None else moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def forms(written: str | None) -> tuple[str, ...]:
    """The forms of a way of writing, in the order they are tried."""
    return () if written is None else tuple(written.split(SEVERAL))


def is_moment(written: str) -> bool:
    """Whether a way of writing is one of moments."""
    return any(form in COUNTED or re.search("%-?[A-Za-z]", form) is not None for form in forms(written))


def check_form(written: str) -> str:
    """A form that names a whole date.

    Raises:
        ValueError: It does not.
    """
    for form in forms(written):
        parts = set(re.findall(r"%-?(.)", form.removesuffix(BORN)))
        day = "j" in parts or ("d" in parts and parts & {"m", "b", "B"})
        whole_date = parts & {"Y", "y"} and day and parts <= set("YymbBdjHIMSfpzaA")
        if form not in COUNTED and not whole_date:
            known = ", ".join(COUNTED)
            raise ValueError(f'must name year, month and day such as "%d/%m/%Y %H:%M", or be one of {known}')
    return written


def counted(written: str | None) -> bool:
    """Whether dates written so are digits and nothing else, so that a number may stand for one."""
    return any(form in COUNTED or re.fullmatch(r"(%-?[YmdHMSj])+", form) is not None for form in forms(written))


def plain_shape(written: str) -> str | None:
    """A pattern of texts that every strptime reads alike by a form; None where there is none to be sure of.

    >>> plain_shape("%d/%m/%Y")
    '[0-9]{2}/[0-9]{2}/[0-9]{4}'
    """
    shape = re.sub(r"%(.)", lambda part: _SHAPES.get(part[1], "%"), written)
    rest = re.sub(r"%(.)", "", written)
    return None if "%" in shape or not re.fullmatch(r"[-/:T ]*", rest) else shape


def whole(number: float) -> str:
    """A number's digits, where it is whole: what was counted or written in digits may have become a float.

    >>> whole(20241231.0), whole(1.5)
    ('20241231', '1.5')
    """
    return str(int(number)) if math.isfinite(number) and number == math.floor(number) else str(number)


def of_birth(written: str) -> str:
    """The form of births: a year of two digits is then never a coming one.

    >>> str(read_moment("01/02/45", of_birth("%d/%m/%y")))
    '1945-02-01 00:00:00+00:00'
    """
    return SEVERAL.join(form + BORN if "%y" in form and not form.endswith(BORN) else form for form in forms(written))


def no_moment(text: str) -> bool:
    """Whether a text is neither blank nor a word for nothing, so that it ought to have been a moment."""
    return bool(text.strip()) and not is_missing(text)


def _misread(text: str, written: str | None) -> bool:
    """Whether a text that begins with its year would be misread beside a form: one of digits, or day before month."""
    if written is None:
        return False
    return (text[:8].isdigit() and counted(written)) or any(
        re.match(r"%-?[Yy].*%-?d.*%-?m", form) for form in forms(written)
    )


def _iso(text: str) -> datetime | None:
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    try:
        if found["year"]:
            day = datetime(int(found["year"]), int(found["month"]), int(found["day"]))
        elif found["digits"]:
            day = datetime(*(int(part) for part in (text[:4], text[4:6], text[6:8])))  # type: ignore[arg-type]
        else:
            day = datetime.fromisocalendar(int(found["of"]), int(found["week"]), int(found["weekday"]))
        return day if found["time"] is None else _at(day, found["time"], found["zone"])
    except (ValueError, OverflowError):
        return None


def _at(day: datetime, time: str, zone: str | None) -> datetime:
    found = _CLOCK.fullmatch(time)
    if found is None:
        raise ValueError(time)
    hour, minute, second, fraction = found.groups()
    micros = int((fraction or "")[:6].ljust(6, "0"))
    moment = day.replace(hour=int(hour), minute=int(minute or 0), second=int(second or 0), microsecond=micros)
    return moment if zone is None else moment.replace(tzinfo=_zone(zone))


@lru_cache(maxsize=1024)
def _zone(name: str) -> timezone | ZoneInfo:
    """The zone of an offset or a name.

    Raises:
        ValueError: It is none.
    """
    if name.upper() in ("Z", "UTC", "GMT"):
        return UTC
    if name[0] in "+-":
        hours, minutes = int(name[1:3]), int(name[3:].lstrip(":") or 0)
        if hours > 23 or minutes > 59:
            raise ValueError(name)
        return timezone((1 if name[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(name) from None


def _as_written(text: str, form: str) -> datetime | None:
    try:
        if form in COUNTED:
            return _from_count(Decimal(text), form)
        return _strptime(text, form.removesuffix(BORN), born=form.endswith(BORN))
    except (ValueError, OverflowError, InvalidOperation):
        return None


def _from_count(count: Decimal, form: str) -> datetime | None:
    if not count.is_finite() or abs(count) > _farthest:
        return None
    micros = int((count - _excel_to_unix) * _day_us) if form == EXCEL else int(count * (10**6 // EPOCHS[form]))
    if form == EXCEL:
        micros = round(micros / 10**3) * 10**3  # five decimals of a day are not whole microseconds
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros) if abs(micros) < _farthest else None


def _strptime(text: str, form: str, *, born: bool) -> datetime:
    if not text.isascii() or "%b" in form or "%B" in form:
        text, form = _with_number(text), form.replace("%b", "%m").replace("%B", "%m")
    moment = datetime.strptime(text, form.replace("%-", "%"))
    if born and moment.year > 2000 + _latest_birth:
        moment = moment.replace(year=moment.year - 100)
    return moment


def _with_number(text: str) -> str:
    """A text with the name of its month, in any language that is known, as a number."""
    text = _ORDINAL.sub(r"\1", text)
    for found in _WORD.finditer(text):
        number = MONTHS.get(plain_word(found[0]))
        if number is not None:
            return f"{text[: found.start()]}{number:02}{text[found.end() :]}"
    return text
