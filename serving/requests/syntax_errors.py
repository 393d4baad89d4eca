"""Where a body stops being JSON: looked for only once it was refused."""

from __future__ import annotations

import json
import re

from scoring.encoding.notes import Note
from serving.http.pointers import line_and_column

_BYTE = re.compile(r"\(byte (\d+)\)$")  # as msgspec says it


def where_not_utf8(body: bytes) -> int | None:
    """The first byte that is not UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def where_not_json(body: bytes, message: str) -> int | None:
    """The first byte that is not JSON, by the decoder's message or by the standard library's parser.

    None where neither says it, as of a lone surrogate, which that parser takes.
    """
    met = [int(found[1])] if (found := _BYTE.search(message)) else []
    try:
        text = body.decode()
        json.loads(text)
    except json.JSONDecodeError as error:
        met.append(len(text[: error.pos].encode()))
    except (UnicodeDecodeError, RecursionError):
        return where_not_utf8(body)
    return min(met, default=None)


def not_json(rule: str, body: bytes, offset: int | None) -> Note:
    """A broken rule with its line and column, where these are known; both counted from 1, the byte from 0."""
    if offset is None:
        return {"code": "not_json", "detail": f"{rule}."}
    line, column = line_and_column(body, offset)
    detail = f"{rule}, got something else in line {line}, column {column}."
    return {"code": "not_json", "detail": detail, "line": line, "column": column, "byte": offset}
