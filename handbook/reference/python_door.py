"""The page of `from penchant import ...` and of the client of a server: signatures and docstrings, in English."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import penchant
from handbook.reference.page import heading
from handbook.reference.texts import Language, Phrase, phrase
from serving.client.client import AsyncClient, Client

_ABOUT = Phrase(
    "What a notebook imports. Frames of polars or pandas go in and come out; errors are those of the commands. From a "
    "server's answers: [ask from Python](../guide/client.md).",
    "Ce qu'un notebook importe. Des tableaux polars ou pandas entrent et sortent ; les erreurs sont celles des "
    "commandes. Les textes de cette page viennent du code, en anglais. Pour interroger un serveur : "
    "[depuis Python](../guide/client.md).",
)
_CLIENTS = (Client, AsyncClient)


def _members(kind: type) -> Iterator[str]:
    yield from (name for name, value in vars(kind).items() if inspect.isfunction(value) and not name.startswith("_"))


def python_page(language: Language) -> str:
    """The page."""
    title = phrase("The Python door / Depuis Python").text(language)
    lines = [f"# {title}", "", _ABOUT.text(language), ""]
    for name in penchant.__all__:
        lines += [heading(f"penchant.{name}", 2), "", *_documented(name, getattr(penchant, name))]
    for kind in _CLIENTS:
        lines += [
            heading(f"{kind.__module__.rpartition('.')[0]}.{kind.__name__}", 2),
            "",
            *_documented(kind.__name__, kind),
        ]
        for name in _members(kind):
            lines += [heading(f"{kind.__name__}.{name}"), "", *_documented(name, getattr(kind, name))]
    return "\n".join(lines)


def _documented(name: str, what: object) -> list[str]:
    """A signature and a docstring of Google's style, its sections as lists."""
    shown = inspect.signature(what)  # type: ignore[arg-type]
    lines = ["```python", f"{name}{shown}", "```", ""]
    for line in inspect.getdoc(what).splitlines() if inspect.getdoc(what) else []:  # type: ignore[union-attr]
        if re.fullmatch(r"(Args|Returns|Raises|Yields):", line):
            lines += [f"**{line.removesuffix(':')}**", ""]
        elif found := re.match(r"    (\w+): (.*)", line):
            lines.append(f"- `{found[1]}`: {found[2]}")
        else:
            lines.append(line.strip() if line.startswith("    ") else line)
    return [*lines, ""]
