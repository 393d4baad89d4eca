"""What the reference says of what the code declares: TOML catalogues in both languages, `handbook/texts/`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "fr")
FOLDER = Path(__file__).parents[1] / "texts"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of one key or word; the example and the wrong line are TOML, and both are tried."""

    en: str
    fr: str
    example: str | None = None
    wrong: str | None = None
    also: str | None = None  # what else has to stand in the file that the example is tried in
    without: tuple[str, ...] = ()  # keys of the section that do not go with the example
    base: str | None = None  # the file it is tried in, where there are several
    type: str | None = None  # where the code does not declare it, as English / French
    default: str | None = None

    def text(self, language: Language) -> str:
        """In one language."""
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True, slots=True)
class Phrase:
    """A few words in both languages."""

    en: str
    fr: str

    def text(self, language: Language) -> str:
        """In one language."""
        return self.fr if language == "fr" else self.en


def phrase(both: str) -> Phrase:
    """English and French with ` / ` between.

    >>> phrase("required / obligatoire").fr
    'obligatoire'
    """
    en, _, fr = both.partition(" / ")
    return Phrase(en, fr or en)


@cache
def entries(name: str) -> dict[str, Entry]:
    """A catalogue: what is said, by what the code calls it."""
    raw = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return msgspec.convert(raw, dict[str, Entry])


@cache
def translations(name: str) -> dict[str, str]:
    """A catalogue of texts that the code has in English: the French of each."""
    raw = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return msgspec.convert(raw, dict[str, str])
