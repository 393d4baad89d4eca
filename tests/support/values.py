"""A corpus of values as files and callers bring them: the column each stands in, and the one thing it means there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

Column = Literal["plain", "comma", "euro", "dollar", "iso", "french", "month", "optin", "city", "answer", "code"]
NUMBERS: tuple[Column, ...] = ("plain", "comma", "euro", "dollar")
TYPED: tuple[Column, ...] = ("plain", "comma")  # whose numbers are brought as numbers too
NBSP, NARROW, MINUS = "\u00a0", "\u202f", "\u2212"


class NotThere:
    """What has no meaning in its column: a file's cell is missing, a caller's value is missing or refused."""

    def __repr__(self) -> str:
        """As the table of disagreements shows it."""
        return "nothing"


NOTHING = NotThere()  # no number, no date, no answer
Meaning = float | bool | str | datetime | NotThere | None  # None: missing, and every caller may say so


@dataclass(frozen=True, slots=True)
class Value:
    """One value, and what it means in its column."""

    column: Column
    cell: Any  # a text, or what a Parquet file or JSON holds
    means: Meaning

    @property
    def text(self) -> bool:
        """Whether it is a text, which every kind of file can hold."""
        return isinstance(self.cell, str)


# How each column's other cells are written: what makes its form.
FILLING: Mapping[Column, tuple[str, ...]] = {
    "plain": ("12.5", "1034.75", "3", "250", "0.25", "871.4"),
    "comma": ("121,4", "980,50", "12", "1.250,5", "3,25", "898,881"),
    "euro": ("12,50 €", "1 034,75 €", "250 €", "3,2 €", "871,40 €"),
    "dollar": ("$12.50", "$1,034.75", "$250", "$3.20", "$871.40"),
    "iso": ("2024-01-31", "2023-11-05", "2022-06-17", "2021-12-24", "2024-02-29"),
    "french": ("31/01/2024", "05/11/2023", "17/06/2022", "24/12/2021", "29/02/2024"),
    "month": ("31 janvier 2024", "5 novembre 2023", "17 juin 2022", "24 décembre 2021", "29 février 2024"),
    "city": ("Lyon", "Paris", "New York", "Orléans", "Saint-Malo", "(other)", "A+", "A-", "<100", ">100"),
    "answer": ("yes", "no", "Y", "N", "oui", "non"),
    "code": ("01000", "75001", "02100", "13001", "06000"),
    "optin": ("true", "false"),
}

_MISSING = (
    "N/A", "n/a", "NA", "n.a.", "NaN", "nan", "NaT", "NULL", "null", "Null", "None", r"\N", "<NA>", "#N/A", "#DIV/0!",
    "#VALUE!", "#REF!", "?", "-", "--", "inconnu", "Inconnue", "unknown", "non renseigné", "(vide)", "undefined",
)  # fmt: skip
_MACHINES = ("NaN", "nan", "NaT", "NULL", "null", r"\N", "<NA>", "#N/A", "#DIV/0!", "#REF!")
_NO_NUMBER = (
    "twelve", "1_10", "0x1F", "1.2.3", "12..5", "1,2,3,4", "inf", "Infinity", "-inf", "1e400", "--5", "5 kg", "12;5",
    "1/2", "12h", "\u0661\u0662", "1e", "e5", "+", "(5", "5)", "-(5)", "1 2 3",
)  # fmt: skip


def _numbers() -> Iterator[Value]:
    """Numbers by the form of their column."""
    plain = {
        "7": 7, "7.5": 7.5, " 7.5 ": 7.5, "+7.5": 7.5, "-7.5": -7.5, "0": 0, "-0": 0, "00": 0, ".5": 0.5, "5.": 5,
        "1e3": 1000, "1E+03": 1000, "2.5e-1": 0.25, "1,234": 1234, "1,234.5": 1234.5, "1,234,567": 1234567,
        "12,34,567": 1234567, "12,34,567.5": 1234567.5, "1 234.5": 1234.5, f"1{NBSP}234.5": 1234.5,
        f"1{NARROW}234.5": 1234.5, "1'234.5": 1234.5, "1\u2019234.5": 1234.5, "(12.50)": -12.5, "(1,234)": -1234,
        "12.50-": -12.5, f"{MINUS}7.5": -7.5, "- 7.5": -7.5, "1234567.125": 1234567.125, f"7.5{NBSP}": 7.5,
        "0.1": 0.1, "0.30000000000000004": 0.30000000000000004, "9007199254740993": 9007199254740992.0,
        "1.000": 1.0, "1.234": 1.234, "012.5": 12.5, "1e-7": 1e-7, "3.4e38": 3.4e38,
    }  # fmt: skip
    yield from (Value("plain", text, float(number)) for text, number in plain.items())
    yield from (Value("plain", text, NOTHING) for text in (*_NO_NUMBER, "12,5", "1.234,5", "12,5 €", "5%", "1e39"))
    comma = {
        "7": 7, "7,5": 7.5, " 7,5 ": 7.5, "-7,5": -7.5, "+7,5": 7.5, ",5": 0.5, "446,144": 446.144, "121,4": 121.4,
        "1.250": 1250, "1.250,5": 1250.5, "1.234.567": 1234567, "1 234,5": 1234.5, f"1{NBSP}234,5": 1234.5,
        f"1{NARROW}234,5": 1234.5, "1'234,5": 1234.5, "(12,50)": -12.5, "12,50-": -12.5, f"{MINUS}7,5": -7.5,
        "1,5E+03": 1500, "0,001": 0.001, "898,881": 898.881, "12,": 12, "1234567,125": 1234567.125, "0": 0,
    }  # fmt: skip
    yield from (Value("comma", text, float(number)) for text, number in comma.items())
    yield from (Value("comma", text, NOTHING) for text in (*_NO_NUMBER, "12.5", "1,234.5", "1,234,567", "12,5 €"))
    euro = {
        "7 €": 7, "7,5 €": 7.5, "7,5€": 7.5, f"7,5{NBSP}€": 7.5, "€ 7,5": 7.5, "€7,5": 7.5, "7,5 EUR": 7.5,
        "EUR 7,5": 7.5, "7,5 euros": 7.5, "1 234,5 €": 1234.5, "1.234,5 €": 1234.5, "1.234 €": 1234,
        "-7,5 €": -7.5, "7,5- €": -7.5, "(7,5 €)": -7.5, "- 7,5 €": -7.5, "7,5": 7.5, "12.5": 12.5, "7": 7,
        f"1{NARROW}234,50{NBSP}€": 1234.5, "0 €": 0, "0,05 €": 0.05,
    }  # fmt: skip
    yield from (Value("euro", text, float(number)) for text, number in euro.items())
    yield from (Value("euro", text, NOTHING) for text in ("7 $", "7 kg", "1.234", "€", "sept €", "7 € 5", "1_10 €"))
    dollar = {
        "$7": 7, "$7.5": 7.5, "$ 7.5": 7.5, "-$7.5": -7.5, "$-7.5": -7.5, "($7.5)": -7.5, "$1,234": 1234,
        "$1,234.5": 1234.5, "7.5": 7.5, "$12,34,567": 1234567, "7.5 $": 7.5, "$0.05": 0.05, "$7.5-": -7.5,
    }  # fmt: skip
    yield from (Value("dollar", text, float(number)) for text, number in dollar.items())
    yield from (Value("dollar", text, NOTHING) for text in ("7 €", "$12,5", "1,234,5", "$", "USD"))
    for column in NUMBERS:
        yield from (Value(column, text, None) for text in ("", " ", *_MISSING))
    typed: dict[float | Decimal, float | NotThere] = {
        7: 7.0, -3: -3.0, 7.25: 7.25, 1e300: NOTHING, 1e39: NOTHING, -1e39: NOTHING, 0: 0.0, 2**40: float(2**40),
        True: 1.0, Decimal("7.25"): 7.25, Decimal("-0.5"): -0.5,
    }  # fmt: skip
    for column in TYPED:
        yield from (Value(column, cell, means) for cell, means in typed.items() if cell is not True)
        yield from (Value(column, cell, NOTHING) for cell in (float("inf"), float("-inf")))
        yield from (Value(column, cell, None) for cell in (None, float("nan")))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _moments() -> Iterator[Value]:
    """Moments that begin with their year mean one thing wherever they stand."""
    for text, moment in MOMENTS.items():
        yield Value("iso", text, _moment(moment))
    for text in NO_MOMENTS:
        yield Value("iso", text, NOTHING)
    french = {
        "01/03/2025": "2025-03-01", "1/3/2025": "2025-03-01", " 01/03/2025 ": "2025-03-01", "31/12/1999": "1999-12-31",
        "2025-03-01": "2025-03-01", "2025-03-01 10:00": "2025-03-01 10:00", "20250301": "2025-03-01",
        "29/02/2024": "2024-02-29", "2025/03/01": "2025-03-01",
    }  # fmt: skip
    yield from (Value("french", text, _moment(moment)) for text, moment in french.items())
    yield from (Value("french", text, NOTHING) for text in ("13/13/2025", "29/02/2025", "03-01-2025", "1 mars 2025"))
    months = {
        "1 mars 2025": "2025-03-01", "01 Mars 2025": "2025-03-01", "1 march 2025": "2025-03-01",
        "5 févr. 2025": "2025-02-05", "5 fevrier 2025": "2025-02-05", "14 août 2024": "2024-08-14",
        "14 AOÛT 2024": "2024-08-14", "2025-03-01": "2025-03-01", "3 dec 2024": "2024-12-03",
    }  # fmt: skip
    yield from (Value("month", text, _moment(moment)) for text, moment in months.items())
    yield from (Value("month", text, NOTHING) for text in ("1 marsh 2025", "31 février 2024", "mars 2025"))
    for column in ("iso", "french", "month"):
        yield from (Value(column, text, None) for text in ("", " ", *_MISSING))
    yield Value("iso", date(2025, 3, 1), _moment("2025-03-01"))
    yield Value("iso", datetime(2025, 3, 1, 10), _moment("2025-03-01 10:00"))
    yield Value("iso", datetime(2025, 3, 1, 10, tzinfo=UTC), _moment("2025-03-01 10:00"))
    yield Value("iso", None, None)


MOMENTS = {
    "2025-03-01": "2025-03-01", " 2025-03-01 ": "2025-03-01", "2025/03/01": "2025-03-01", "2025-3-1": "2025-03-01",
    "2025/3/1": "2025-03-01", "2025.03.01": "2025-03-01", "20250301": "2025-03-01", "2025-W09-6": "2025-03-01",
    "2025W096": "2025-03-01", "2025-03-01 10:00": "2025-03-01 10:00", "2025-03-01T10:00": "2025-03-01 10:00",
    "2025-03-01 10:00:00": "2025-03-01 10:00", "2025-03-01T10:00:00": "2025-03-01 10:00",
    "2025-03-01 1:00:00": "2025-03-01 01:00", "2025-3-1 1:05": "2025-03-01 01:05",
    "2025/03/01 10:00": "2025-03-01 10:00", "2025-03-01 10:00:00.5": "2025-03-01 10:00:00.5",
    "2025-03-01 10:00:00.123456": "2025-03-01 10:00:00.123456", "2025-03-01T10:00:00,25": "2025-03-01 10:00:00.25",
    "2025-03-01 10:00:00.123456789": "2025-03-01 10:00:00.123456", "2025-03-01T10:00:00Z": "2025-03-01 10:00",
    "2025-03-01T10:00:00z": "2025-03-01 10:00", "2025-03-01 10:00:00 UTC": "2025-03-01 10:00",
    "2025-03-01 10:00 UTC": "2025-03-01 10:00", "2025-03-01 10:00:00 GMT": "2025-03-01 10:00",
    "2025-03-01T10:00:00+02:00": "2025-03-01 08:00", "2025-03-01T10:00:00+0200": "2025-03-01 08:00",
    "2025-03-01T10:00:00+02": "2025-03-01 08:00", "2025-03-01 10:00:00 +0200": "2025-03-01 08:00",
    "2025-03-01 10:00:00 -05:00": "2025-03-01 15:00", "2025-03-01T10:00:00.5-02:30": "2025-03-01 12:30:00.5",
    "2025-03-01 10:00:00 Europe/Paris": "2025-03-01 09:00", "2025-07-01 10:00 Europe/Paris": "2025-07-01 08:00",
    "2025-03-01 10:00:00 America/New_York": "2025-03-01 15:00", "2025-03-01 00:30 Asia/Tokyo": "2025-02-28 15:30",
    "20250301T100000": "2025-03-01 10:00", "20250301T1000": "2025-03-01 10:00", "20250301T100000Z": "2025-03-01 10:00",
    "20250301T100000+0200": "2025-03-01 08:00", "2024-02-29": "2024-02-29", "1997-01-01": "1997-01-01",
    "1969-12-31 23:59:59": "1969-12-31 23:59:59", "0900-01-01": "0900-01-01", "9999-12-29": "9999-12-29",
    "2025-03-01 00:00:00+14:00": "2025-02-28 10:00", "2025-03-01  10:00": "2025-03-01 10:00",
    "2025-03-01, 10:00": "2025-03-01 10:00", "2025-03-01T23:59:59.999999": "2025-03-01 23:59:59.999999",
}  # fmt: skip
NO_MOMENTS = (
    "2025-02-30", "2025-13-01", "2025-00-10", "2025-02-29", "25-03-01", "01/03/2025", "03-01-2025", "2025-03", "2025",
    "hier", "infinity", "epoch", "2025-03-01 25:00", "2025-03-01 10:60", "2025-03-01 24:00:00", "2025-03-01 10:00 CEST",
    "2025-03-01 10:00 Nowhere/City", "2025-03-01 10:00:00 +25:00", "0000-01-01", "10000-01-01", "2025-W60-1",
    "2025-W09-9", "2025-03/01", "2025-03-01x10:00", "1 mars 2025", "now", "today",
)  # fmt: skip


def _others() -> Iterator[Value]:
    """Answers and categories."""
    yes = "true TRUE t T yes Yes Y oui Oui O vrai 1 1.0 on ja si"
    no = "false FALSE f F no No N non Non faux 0 0.0 off nein"
    for texts, answer in ((yes.split(), True), (no.split(), False)):
        yield from (Value("optin", text, answer) for text in (*texts, f" {texts[0]} "))
    yield from (Value("optin", cell, answer) for cell, answer in ((True, True), (False, False), (1, True), (0, False)))
    yield from (Value("optin", text, NOTHING) for text in ("maybe", "2", "X", "peut-être"))
    yield from (Value("optin", text, None) for text in ("", " ", *_MISSING, None))
    city = {
        "Lyon": "Lyon", "lyon": "Lyon", " LYON ": "Lyon", "new  york": "New York", f"New{NBSP}York": "New York",
        "Orle\u0301ans": "Orléans", "ORLÉANS": "Orléans", "saint-malo": "Saint-Malo", "A+": "A+", "a+": "A+",
        "A-": "A-",         "<100": "<100", ">100": ">100", "(other)": "'(other)'", "(Other)": "'(other)'",
    }  # fmt: skip
    yield from (Value("city", text, level) for text, level in city.items())
    yield from (Value("city", text, "(other)") for text in ("Lion", "Saint Malo", "A", "100", "NO", "unknown", "N/A"))
    yield from (Value("city", text, None) for text in ("", " ", *_MACHINES))
    yield Value("city", None, None)
    answers = {"Yes": "yes", "YES": "yes", "y": "yes", "Oui": "yes", "NO": "no", "n": "no", "Non": "no", " yes ": "yes"}
    yield from (Value("answer", text, level) for text, level in answers.items())
    yield from (Value("answer", text, "(other)") for text in ("X", "2", "maybe"))
    yield from (Value("code", text, text.strip()) for text in ("01000", "75001", " 06000 ", "13001"))
    yield from (Value("code", text, "(other)") for text in ("1000", "1000.0", "6000", "99999"))


CORPUS: tuple[Value, ...] = (*_numbers(), *_moments(), *_others())
