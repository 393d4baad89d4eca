"""All pages of the reference in a language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from handbook.reference.commands import commands_page
from handbook.reference.files import file_pages
from handbook.reference.policy import policy_page
from handbook.reference.python_door import python_page
from handbook.reference.routes import api_page
from handbook.reference.stream import stream_page
from handbook.reference.texts import Language

FOLDER = PurePosixPath("reference")
NAMES = (
    "use-case-file.md",
    "policy.md",
    "commands.md",
    "http-api.md",
    "python.md",
    "run-toml.md",
    "stream-toml.md",
    "destination-toml.md",
    "monitor-toml.md",
    "dossier-toml.md",
    "discovery-file.md",
)


def reference_pages(language: Language) -> Iterator[tuple[PurePosixPath, str]]:
    """Each page by its place in the folder of the language."""
    yield from file_pages(language)
    yield FOLDER / "policy.md", policy_page(language)
    yield FOLDER / "commands.md", commands_page(language)
    yield FOLDER / "http-api.md", api_page(language)
    yield FOLDER / "python.md", python_page(language)
    yield FOLDER / "stream-toml.md", stream_page(language)
