"""Places in a posted document: JSON pointers (RFC 6901), and lines and columns."""

from __future__ import annotations

from collections.abc import Iterable


def pointer(path: Iterable[str | int]) -> str:
    """A path of keys and positions as a JSON pointer.

    >>> pointer(["profiles", 3, "features", "a/b~c"]), pointer([])
    ('/profiles/3/features/a~1b~0c', '')
    """
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def line_and_column(body: bytes, offset: int) -> tuple[int, int]:
    r"""Where a byte stands, both counted from 1; a column is a byte of its line.

    >>> line_and_column(b'{\n "a": x}', 8)
    (2, 7)
    """
    before = body[:offset]
    return before.count(b"\n") + 1, offset - before.rfind(b"\n")
