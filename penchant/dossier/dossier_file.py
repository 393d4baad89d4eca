"""HOME/dossier.toml: what only its owner can state of the processing; what is left out is marked as to be filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from features.config.file_errors import error_messages
from features.config.use_case import read_toml
from features.config.value_types import ListSection
from features.errors import UseCaseError
from features.spec.languages import Language

DOSSIER_FILE = "dossier.toml"
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class InBoth(ListSection):
    """A text in both languages."""

    fr: Said
    en: Said

    def in_language(self, language: Language) -> str:
        """The one of a language."""
        return self.fr if language == "fr" else self.en


Stated = Said | InBoth


class Party(ListSection):
    """Who answers for the processing, or advises on it."""

    name: Said | None = None
    address: Said | None = None
    contact: Said | None = None


class StatedProcessing(ListSection):
    """What the law asks for and no software can know."""

    purpose: Stated | None = None
    legal_basis: Stated | None = None
    people: Stated | None = None  # the categories of data subjects
    source: Stated | None = None  # where their data come from
    recipients: tuple[Stated, ...] = ()
    transfers: Stated | None = None  # outside the EEA
    security: tuple[Stated, ...] = ()  # measures around the software
    rights: Said | None = None  # where people write to
    authority: Said | None = None  # to whom they may complain
    necessity: Stated | None = None  # and proportionality, for the impact assessment
    consulted: Stated | None = None  # what the DPO, or people concerned, said


class DossierFile(ListSection):
    """The whole file."""

    controller: Party = Field(default_factory=Party)
    dpo: Party = Field(default_factory=Party)
    processing: StatedProcessing = Field(default_factory=StatedProcessing)


def load_dossier_file(home: Path) -> DossierFile:
    """The file of a home; nothing stated where there is none.

    Raises:
        UseCaseError: Every broken key at once.
    """
    file = home / DOSSIER_FILE
    try:
        return DossierFile.model_validate(read_toml(file)) if file.exists() else DossierFile()
    except ValidationError as failure:
        raise UseCaseError(file, error_messages(failure)) from failure


def stated_in(stated: Stated | None, language: Language) -> str | None:
    """What is stated, in a language where it is in both."""
    return stated.in_language(language) if isinstance(stated, InBoth) else stated
