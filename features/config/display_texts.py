"""What people read in place of the names that a use case and its data have."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from features.config.value_types import Section

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class InBothLanguages(Section):
    """A text that is given in every language or not at all."""

    fr: Text
    en: Text


class DisplayName(Section):
    """The name of a column where people read, by language."""

    fr: str | None = None
    en: str | None = None
    unit: str | None = None

    def by_language(self) -> dict[str, str]:
        """The names given, by language."""
        return {language: name for language, name in (("fr", self.fr), ("en", self.en)) if name}
