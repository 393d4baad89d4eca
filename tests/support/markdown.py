"""Documents as tests read them: sections, fenced blocks, commands with what they print, how alike two outputs are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLOCK = re.compile(
    r"(?:^<!-- (?P<how>file|more): (?P<name>\S+) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# What may be another on another machine: figures, and so which customer is shown, and why.
_VARIES = (
    (re.compile(r"^ +[+-] .*", re.MULTILINE), "+ reason"),
    (re.compile(r"(segment: |band )[^,\n]+"), r"\1#"),
    (re.compile(r'("(?:code|label|feature|direction|text)": ?)"[^"]*"'), r'\1"#"'),
    (re.compile(r'("favourable": ?)(?:true|false)'), r"\1#"),
    (re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?"), "#"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its prose, up to the next heading: no fenced block is in it."""

    level: int
    title: str
    prose: str

    @property
    def anchor(self) -> str:
        """What a link to this heading has after its `#`."""
        return re.sub(r"[^\w -]", "", self.title.lower()).replace(" ", "-")

    @property
    def code(self) -> set[str]:
        """What stands between backticks, each run of blanks as one."""
        return {" ".join(one.split()) for one in re.findall(r"`([^`]+)`", self.prose)}

    @property
    def links(self) -> list[str]:
        """Where its links and pictures lead, as written, in order."""
        return re.findall(r"\]\(([^)\s]+)\)", self.prose)

    @property
    def text(self) -> str:
        """Its prose without code, addresses and where links lead."""
        return re.sub(r"`[^`]+`|(?<=\])\([^)\s]+\)|https?://\S+", "", self.prose)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; where the document says so it is to be saved as `file`, or added to the file `more`."""

    language: str
    text: str
    line: int  # of the document, from 1
    file: str | None = None
    more: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A line after `$ `, with the lines after it; `...` in them stands for anything."""

    line: str
    printed: str


def blocks(document: str) -> list[Block]:
    r"""The fenced blocks of a document in order.

    >>> blocks("Save it:\n\n<!-- file: a.toml -->\n```toml\nx = 1\n```\n")
    [Block(language='toml', text='x = 1\n', line=4, file='a.toml', more=None)]
    """
    return [
        Block(
            match["language"],
            match["text"],
            document.count("\n", 0, match.start("text")),
            **({match["how"]: match["name"]} if match["how"] else {}),
        )
        for match in _BLOCK.finditer(document)
    ]


def sections(document: str) -> list[Section]:
    r"""The headings of a document in order, each with its prose.

    >>> [(one.level, one.anchor, one.code) for one in sections("# One `a`\n\n## What's two\n\nUse `b  c`.\n")]
    [(1, 'one-a', set()), (2, 'whats-two', {'b c'})]
    """
    parts = re.split(r"^(#+) (.+)$", _BLOCK.sub("", document), flags=re.MULTILINE)[1:]
    return [
        Section(len(level), title, prose)
        for level, title, prose in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def commands(text: str) -> Iterator[Command]:
    r"""The commands of a console block; a line that ends in a backslash goes on.

    >>> [(c.line, c.printed) for c in commands("$ echo a \\\n  b\na b\n$ true\n")]
    [('echo a \\\n  b', 'a b\n'), ('true', '')]
    """
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        match = re.match(r"(?:[^\n]*\\\n)*[^\n]*\n?", part)
        head = match[0] if match else ""
        yield Command(head.rstrip("\n"), part[len(head) :])


def alike(expected: str, printed: str) -> bool:
    r"""Whether an output is the documented one: `...` stands for anything, and what varies may be other.

    >>> alike("trained in 3.1 s\n...\nversion 1", "trained in 12.9 s\nsaved\nversion 2")
    True
    >>> alike("trained in 3.1 s", "failed in 3.1 s")
    False
    """
    pattern = ".*?".join(map(re.escape, map(_plain, expected.split("..."))))
    return re.fullmatch(pattern, _plain(printed), re.DOTALL) is not None


def _plain(text: str) -> str:
    """What varies made alike, runs of blanks one blank, no blanks at either end of a line."""
    for pattern, same in _VARIES:
        text = pattern.sub(same, text)
    return "\n".join(re.sub(r"\s+", " ", line).strip() for line in text.strip("\n").split("\n"))
