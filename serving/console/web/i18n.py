"""The texts of the console, in French and English: texts, numbers, dates."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from features.spec.languages import Language
from scoring.text import messages
from scoring.text.formatting import (
    MINUS,
    between,
    calendar_date,
    colon,
    figure,
    iso_date,
    listed,
    number,
    percent,
    quantity,
    tiny,
    unbreakable,
)
from serving.http.problems import ProblemKind


@cache
def _texts(language: Language) -> Mapping[str, str]:
    """Every text of `texts.toml` and of `messages.toml` by its key; the tables there are for the reader only."""
    tables = tomllib.loads((Path(__file__).parent / "texts.toml").read_text(encoding="utf-8"))
    own = {key: forms[language] for table in tables.values() for key, forms in table.items()}
    if language == "fr":
        own = {key: unbreakable(text) for key, text in own.items()}
    return {**messages.texts(language), **own}


@dataclass(frozen=True, slots=True)
class Texts:
    """One language's texts, numbers and dates; `texts["key"]` in a template."""

    language: Language

    def __getitem__(self, key: str) -> str:
        return _texts(self.language)[key]

    def kept_together(self, text: str) -> str:
        """A text from elsewhere, French signs bound to their words."""
        return unbreakable(text) if self.language == "fr" else text

    def named(self, key: str) -> str:
        """The text of a key where there is one, else the key as it stands: a kind of model or a code we do not know."""
        return _texts(self.language).get(key, key)

    def of(self, key: str, **parts: object) -> str:
        """A text with its parts filled in."""
        return self[key].format(**parts)

    def note(self, code: str) -> str | None:
        """The text of a broken rule or a warning; None for one that has none here."""
        text = self.named(f"note_{code}")
        return None if text.startswith("note_") else text

    def trouble(self, kind: ProblemKind) -> str:
        """What a problem is called."""
        key = f"problem_{kind.code}"
        text = self.named(key)
        return f"{kind.title}." if text == key or self.language == "en" else text

    @property
    def colon(self) -> str:
        """What stands between a name and its value."""
        return colon(self.language)

    def percent(self, share: float, decimals: int = 1) -> str:
        """A share of 0..1."""
        return percent(share, self.language, decimals=decimals)

    def number(self, value: float, decimals: int | None = None) -> str:
        """A number with the signs of the language."""
        return figure(value, self.language, decimals=decimals)

    def signed(self, value: float, decimals: int = 2) -> str:
        """A number with its sign; no sign where it shows as zero."""
        text = number(abs(value), self.language, decimals=decimals)
        if not text.strip("0.,"):
            return text
        return ("+" if value > 0 else MINUS) + text

    def thresholds(self, at: Sequence[float]) -> str:
        """The probabilities at which bands part, in a row."""
        return self.list([self.percent(share, 2) for share in at])

    def between(self, low: float, high: float, decimals: int) -> str:
        """An interval in square brackets."""
        return between(low, high, self.language, decimals=decimals)

    def tiny(self, value: float) -> str:
        """A very small number by its power of ten, as 1.1 x 10^-16."""
        return tiny(value, self.language)

    def date(self, iso: str | None) -> str:
        """The day of an ISO date or moment; an em dash where there is none."""
        return iso_date(iso, self.language) if iso else "—"

    def moment(self, iso: str) -> str:
        """The day and the minute (UTC) of an ISO moment."""
        return f"{self.date(iso)}, {iso[11:16]} UTC"

    def day(self, seconds: float) -> str:
        """The day (UTC) of a moment given in seconds since the epoch."""
        return calendar_date(float(int(seconds // 86400)), self.language)

    def days(self, count: int) -> str:
        """A number of days."""
        return quantity(count, "days", self.language)

    def list(self, names: list[str]) -> str:
        """Names in a row."""
        return listed(names, self.language)
