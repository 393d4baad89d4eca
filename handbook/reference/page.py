"""Markdown of the reference: a heading for each key, and what there is to know of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from handbook.reference.texts import Entry, Language, Phrase, phrase

TYPE, DEFAULT = phrase("type / type"), phrase("default / valeur par défaut")
EXAMPLE, ERROR = phrase("example / exemple"), phrase("error / erreur")
_COLON = {"en": ":", "fr": "\u00a0:"}


def anchor(name: str) -> str:
    """What a link to a name has after its `#`.

    >>> anchor("events.refund.column"), anchor("<=")
    ('events-refund-column', 'lte')
    """
    spelled = name.replace("<=", "lte").replace(">=", "gte").replace("<>", "ne")
    spelled = spelled.replace("<", "lt").replace(">", "gt").replace("=", "eq")
    return "-".join("".join(sign if sign.isalnum() or sign == "_" else " " for sign in spelled.lower()).split())


def heading(name: str, level: int = 3, *, code: bool = True) -> str:
    """A heading that links lead to by its name."""
    return f"{'#' * level} {f'`{name}`' if code else name} {{ #{anchor(name)} }}"


def facts(language: Language, *pairs: tuple[Phrase, str]) -> list[str]:
    """A line for each fact that there is."""
    return [f"- {name.text(language)}{_COLON[language]} {value}" for name, value in pairs if value]


def described(
    name: str,
    entry: Entry,
    language: Language,
    *,
    type_: str = "",
    default: str = "",
    example: str = "",
    error: str = "",
) -> list[str]:
    """One key: what it is for, its type, default, example and an error."""
    lines = [heading(name), "", entry.text(language), ""]
    lines += facts(language, (TYPE, type_), (DEFAULT, default))
    if error:
        lines += facts(language, (ERROR, code(error)))
    if example:
        lines += ["", "```toml", example.strip(), "```"]
    return [*lines, ""]


def code(text: str) -> str:
    """A text as code, whatever signs it holds.

    >>> code("a `b`")
    '`` a `b` ``'
    """
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table; bars and breaks in cells are kept from parting it."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [
        *lines,
        *(f"| {' | '.join(cell.replace('|', '&#124;').replace(chr(10), ' ') for cell in row)} |" for row in rows),
        "",
    ]
