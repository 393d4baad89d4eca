"""The options that every command shares, on either side of a sub-command: --home, or PENCHANT_HOME, and --json."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Container, Sequence
from datetime import UTC, datetime
from pathlib import Path

EITHER_SIDE = "Every command takes --home, --json and --help; --home and --json may also stand before its name."
HOME = "where releases and the registry stand (default: PENCHANT_HOME, else .penchant)"
JSON = "the result as one JSON document"

ENGINES = ("duckdb", "spark", "postgres")


def default_home() -> Path:
    """Where releases stand when nobody says it on the command line."""
    return Path(os.environ.get("PENCHANT_HOME") or ".penchant")


def add_shared_options(parser: argparse.ArgumentParser, *, home: str = HOME, json: str = JSON) -> None:
    """Adds --home and --json to the parser of one command; the texts say what they are to it."""
    parser.add_argument("--home", type=Path, default=default_home(), metavar="DIR", help=home)
    parser.add_argument("--json", action="store_true", help=json)


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Adds --engine, and where it is, to the parser of a command that computes features of a log."""
    parser.add_argument("--engine", choices=ENGINES, help="what computes features (default: as the use case says)")
    parser.add_argument("--master", metavar="URL", help="of a Spark cluster (default: as Spark's configuration says)")
    parser.add_argument("--url-env", metavar="NAME", help="the environment variable with the address of PostgreSQL")


def command_first(words: Sequence[str], commands: Container[str] | None = None) -> list[str]:
    """The words with the sub-command before the shared options, where one comes after them.

    Without `commands` any word that is no option is one.

    >>> command_first(["--home", "H", "--json", "sync", "--watch"], {"sync"})
    ['sync', '--home', 'H', '--json', '--watch']
    >>> command_first(["--json", "a.toml", "b.toml"], {"sync"})
    ['--json', 'a.toml', 'b.toml']
    """
    at = 0
    while at < len(words) and (words[at] in ("--home", "--json") or words[at].startswith("--home=")):
        at += 2 if words[at] == "--home" else 1
    if at < len(words) and (words[at] in commands if commands else not words[at].startswith("-")):
        return [words[at], *words[:at], *words[at + 1 :]]
    return list(words)


def moment(text: str) -> datetime:
    """A date or a moment in ISO form as an option's value, UTC where it has no zone, to the second.

    >>> moment("2026-03-01T01:00+01:00").isoformat()
    '2026-03-01T00:00:00+00:00'

    Raises:
        argparse.ArgumentTypeError: It is neither.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date or a moment in ISO form, got another text") from None
    return (found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)).replace(microsecond=0)


def span(text: str) -> str:
    """Days or weeks such as 90d as an option's value.

    Raises:
        argparse.ArgumentTypeError: It is neither.
    """
    if not re.fullmatch("[1-9][0-9]{0,3}[dw]", text):
        raise argparse.ArgumentTypeError("must be days or weeks such as 90d or 13w, got another text")
    return text


def midnight() -> datetime:
    """The moment at which today began, UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def program(module: str) -> str:
    """How the caller named this program: `penchant train`, or `python -m` and the module."""
    return sys.argv[0] if sys.argv[0].startswith("penchant ") else f"python -m {module}"
