"""The page of STREAM.toml: each key that the code knows, its example and an error tried by it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from handbook.reference.page import described
from handbook.reference.texts import Language, Phrase, entries, phrase
from serving.streams import config

_BASE = {
    None: {"kind": '"kafka"', "servers": '"localhost:9092"', "topic": '"orders"'},
    "rabbitmq": {},
}
_ABOUT = Phrase(
    "`penchant stream STREAM.toml` reads events as they come and moves scores and segments with them. Secrets are "
    "named by an environment variable and never stand in the file.",
    "`penchant stream STREAM.toml` lit les événements au fil de l'eau et fait suivre scores et segments. Les secrets "
    "sont désignés par une variable d'environnement et ne figurent jamais dans le fichier.",
)
_SECTIONS = {
    "source": phrase("Where events come from. / D'où viennent les événements."),
    "out": phrase("Where changes go; one of the three. / Où vont les changements ; l'un des trois."),
    "dead": phrase("Where messages go that cannot be read. / Où vont les messages illisibles."),
    "state": phrase("Where the state stands; at most one. / Où est l'état ; un au plus."),
}


def known_keys() -> Iterator[tuple[str, str]]:
    """Every key that the code knows, with its section."""
    for section, names in config._KEYS.items():
        yield from ((section, name) for name in names)


def broken(section: str, name: str, lines: str) -> list[str]:
    """What the code says of lines of a section; nothing where they are right."""
    base = _BASE[entries("stream")[f"{section}.{name}"].base]
    given = tomllib.loads(lines)
    source = {key: tomllib.loads(f"x = {value}")["x"] for key, value in base.items()}
    document = {"source": {**source, **given}} if section == "source" else {"source": source, section: given}
    try:
        config.read_stream(document, "orders", Path())
    except config.StreamFileError as failure:
        return failure.broken
    return []


def stream_page(language: Language) -> str:
    """The page."""
    title = phrase("STREAM.toml, a stream of events / STREAM.toml, un flux d'événements").text(language)
    lines = [f"# {title}", "", _ABOUT.text(language), ""]
    last = ""
    for section, name in known_keys():
        if section != last:
            lines += [f"## `[{section}]` {{ #{section} }}", "", _SECTIONS[section].text(language), ""]
            last = section
        entry = entries("stream").get(f"{section}.{name}")
        if entry is None:  # a test says so; the page is made all the same
            continue
        wrong = broken(section, name, entry.wrong or "")
        lines += described(
            f"{section}.{name}",
            entry,
            language,
            type_=phrase(entry.type or "").text(language),
            default=phrase(entry.default or "").text(language),
            example=f"[{section}]\n{entry.example}",
            error=wrong[0] if wrong else "",
        )
    return "\n".join(lines)
