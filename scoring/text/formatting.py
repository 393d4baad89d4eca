"""Numbers, units and events in French and English."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypedDict

import msgspec

from features.spec.languages import Language

# fmt: off
_MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June",
           "July", "August", "September", "October", "November", "December"),
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin",
           "juillet", "août", "septembre", "octobre", "novembre", "décembre"),
}
# fmt: on
MINUS = "\u2212"
_NARROW = "\u202f"  # French parts thousands, and a number from its sign, by a narrow blank that never breaks
_FIXED = "\u00a0"


class Catalogue(TypedDict):
    """The reviewed catalogue of reasons."""

    events: dict[str, dict[Language, list[str]]]  # one, several and, in French, the gender
    units: dict[str, dict[Language, list[str]]]  # one, several
    texts: dict[Language, dict[str, str]]
    names: dict[Language, dict[str, str]]


msgspec.json.Decoder(Catalogue)  # looked up now: two threads that are the first to use a type crash msgspec


@cache
def catalogue() -> Catalogue:
    """What stands in `reasons.toml` beside this file."""
    stored = tomllib.loads((Path(__file__).parent / "reasons.toml").read_text(encoding="utf-8"))
    return msgspec.convert(stored, Catalogue)


def number(value: float, language: Language, *, decimals: int | None = None) -> str:
    r"""A number as a reader writes it: at most two decimals, thousands parted.

    >>> number(1234.5, "en"), number(1234.5, "fr"), number(3.0, "fr")
    ('1,234.5', '1\u202f234,5', '3')
    """
    if decimals is None:
        text = f"{value:,.2f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"
        text = text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    else:
        text = f"{value:,.{decimals}f}"
    text = "0" if text == "-0" else text
    return text if language == "en" else text.replace(",", _NARROW).replace(".", ",")


def figure(value: float, language: Language, *, decimals: int | None = None) -> str:
    """A number to be read in a text or a table: with a minus, not a hyphen.

    >>> figure(-0.5, "fr", decimals=3)
    '−0,500'
    """
    text = number(value, language, decimals=decimals)
    return MINUS + text[1:] if text.startswith("-") else text


def tiny(value: float, language: Language) -> str:
    r"""A very small number by its power of ten.

    >>> tiny(1.1e-16, "en")
    '1.1\xa0×\xa010⁻¹⁶'
    """
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{number(float(mantissa), language, decimals=1)}{_FIXED}×{_FIXED}10{raised}"


def between(low: float, high: float, language: Language, *, decimals: int) -> str:
    """An interval in square brackets."""
    part = f"{_NARROW}; " if language == "fr" else ", "
    return f"[{figure(low, language, decimals=decimals)}{part}{figure(high, language, decimals=decimals)}]"


def colon(language: Language) -> str:
    """What stands between a name and its value."""
    return f"{_FIXED}: " if language == "fr" else ": "


def listed(names: Sequence[str], language: Language) -> str:
    """Names in a row.

    >>> listed(["a", "b", "c"], "en")
    'a, b and c'
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {'et' if language == 'fr' else 'and'} {names[-1]}"


def unbreakable(text: str) -> str:
    r"""French text whose signs stay with their words.

    >>> unbreakable("« Oui » : 62 % ?")
    '«\xa0Oui\xa0»\xa0: 62\u202f%\u202f?'
    """
    text = re.sub(r" ([;?!%])", _NARROW + r"\1", text)
    return re.sub(r" ([:»])", _FIXED + r"\1", text).replace("« ", "«" + _FIXED)


def percent(share: float, language: Language, *, decimals: int = 0) -> str:
    r"""A share of 0..1 as a percentage.

    >>> percent(0.62, "en"), percent(0.62, "fr")
    ('62%', '62\u202f%')
    """
    return number(100 * share, language, decimals=decimals) + ("%" if language == "en" else f"{_NARROW}%")


def quantity(value: float, unit: str | None, language: Language) -> str:
    """A value with its unit: days and the like agree in number, shares are percentages, currencies follow the sum."""
    if unit == "share":
        return percent(value, language)
    if unit == "days" and value >= 1:
        value = float(round(value))
    if unit is not None and len(unit) == 3 and unit.isupper():
        return f"{number(value, language, decimals=2)} {unit}"
    if unit is None:
        return number(value, language)
    forms = catalogue()["units"].get(unit)
    form = forms[language][0 if singular(value, language) else 1] if forms else unit
    return f"{number(value, language)} {form}"


def singular(value: float, language: Language) -> bool:
    """French counts everything below two in the singular, English only one."""
    return abs(value) < 2 if language == "fr" else abs(value) == 1


def event_forms(slug: str | None, language: Language) -> tuple[str, str, bool]:
    """One, several, and whether the noun is feminine; an event the catalogue does not know keeps its own name."""
    events = catalogue()["events"]
    if slug is None or slug in events:
        forms = events[slug or "event"][language]
        return forms[0], forms[1], len(forms) > 2 and forms[2] == "f"
    own = slug.replace("_", " ")
    one, several, feminine = event_forms("event", language)
    quoted = f"« {own} »" if language == "fr" else f"“{own}”"
    return (
        (f"{one} {quoted}", f"{several} {quoted}", feminine)
        if language == "fr"
        else (
            f"{quoted} {one}",
            f"{quoted} {several}",
            feminine,
        )
    )


def calendar_date(days: float, language: Language) -> str:
    """A day given as days since 1970-01-01.

    >>> calendar_date(10318, "en"), calendar_date(10318, "fr"), calendar_date(10317, "fr")
    ('2 April 1998', '2 avril 1998', '1er avril 1998')
    """
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)
    first = "er" if day.day == 1 and language == "fr" else ""
    return f"{day.day}{first} {_MONTHS[language][day.month - 1]} {day.year}"


def iso_date(iso: str, language: Language) -> str:
    """The day (UTC) of an ISO date or moment; one that names no zone is UTC.

    >>> iso_date("1998-04-02", "fr"), iso_date("1998-04-02T00:30:00+02:00", "en")
    ('2 avril 1998', '1 April 1998')
    """
    moment = datetime.fromisoformat(iso.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return calendar_date(float(int(moment.timestamp() // 86400)), language)
