"""A page of JSON as rows of text: where its rows stand, where the next one is named, and what a cell is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Json = str | bool | None | Sequence["Json"] | Mapping[str, "Json"]  # numbers are the texts they are written as
_rows_at = ("data", "items", "results", "rows", "records")
_next_at = ("next", "next_cursor", "nextCursor", "next_page_token", "nextPageToken")


def at_path(body: Json, path: str) -> Json:
    """What stands at names joined by dots; None where nothing does.

    >>> at_path({"paging": {"next": {"after": "7"}}}, "paging.next.after")
    '7'
    """
    for name in path.split("."):
        if not isinstance(body, Mapping):
            return None
        body = body.get(name)
    return body


def rows_of(body: Json, path: str | None) -> Sequence[Mapping[str, Json]]:
    """The rows of a page.

    Raises:
        ValueError: They are not there.
    """
    found: Json = body if path is None else at_path(body, path)
    if path is None and isinstance(body, Mapping):
        lists = [name for name, value in body.items() if isinstance(value, list)]
        name = next((one for one in _rows_at if one in lists), lists[0] if len(lists) == 1 else None)
        found = None if name is None else body[name]
    if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
        raise ValueError("no rows")
    return found


def next_of(body: Json, path: str | None) -> str | None:
    """The cursor or address of the next page; None on the last one."""
    if path is not None:
        found = at_path(body, path)
        return found if isinstance(found, str) and found else None
    named = (body.get(name) for name in _next_at) if isinstance(body, Mapping) else iter(())
    return next((one for one in named if isinstance(one, str) and one), None)


def as_cells(row: Mapping[str, Json], before: str = "") -> dict[str, str | None]:
    """The cells of a row as text; those of an object inside it are under both names, a list is its JSON.

    >>> as_cells({"id": "7", "paid": True, "by": {"name": "Ann", "tags": ["a"]}})
    {'id': '7', 'paid': 'true', 'by.name': 'Ann', 'by.tags': '["a"]'}
    """
    cells: dict[str, str | None] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            cells |= as_cells(value, f"{before}{name}.")
        elif isinstance(value, bool):
            cells[before + name] = "true" if value else "false"
        elif value is None or isinstance(value, str):
            cells[before + name] = value
        else:
            cells[before + name] = json.dumps(value, ensure_ascii=False)
    return cells
