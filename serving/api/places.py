"""Where in a request the errors of an answer stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scoring.answers.wire import Result, Score
from scoring.encoding.notes import Note
from serving.http.pointers import pointer

_EVENT = re.compile(r"events\[(\d+)\](?:\.(.+))?", re.DOTALL)
_TRAIT = re.compile(r"traits(?:\.(.+))?", re.DOTALL)
Path = list[str | int]


def located(notes: Iterable[Note], path: Path, profile: Any) -> list[Note]:
    """The notes on what was posted at a path, each with its place; of an id, or a history, features have none."""
    return [{**note, "pointer": pointer([*path, *_within(note, profile)])} for note in notes]


def locate_errors(results: Sequence[Result], profiles: Sequence[Any] | None) -> None:
    """Gives every error of a call's results its place in the request, by profiles or, without them, by id."""
    for row, result in enumerate(results):
        path: Path = ["customer_ids" if profiles is None else "profiles", row]
        answers: list[Result | Score] = [result, *result["scores"].values()]
        for answer in answers:
            if answer.get("errors"):
                answer["errors"] = located(answer["errors"], path, profiles and profiles[row])


def _within(note: Note, profile: Any) -> Path:
    """The path from a profile to what a note is about."""
    if not isinstance(profile, Mapping):
        return []
    if "feature" in note:
        return ["features", note["feature"]] if "features" in profile else []
    field = note.get("field", "")
    if event := _EVENT.fullmatch(field):
        return ["events", int(event[1]), *event.groups()[1:]] if event[2] else ["events", int(event[1])]
    if trait := _TRAIT.fullmatch(field):
        return ["traits", trait[1]] if trait[1] else ["traits"]
    return [] if field in ("", "profile") else [field]
