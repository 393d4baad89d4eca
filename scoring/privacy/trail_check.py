"""Whether the trail is what was written: which lines were changed, left out, put in or cut off."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from features.spec.atomic import write_file
from scoring.privacy.audit_trail import (
    FILE,
    NO_BODY,
    START,
    Action,
    Actor,
    TrailHead,
    TrailLine,
    action_of,
    chained,
    digest_of_body,
    head_of,
    lines_of,
    one_writer_of,
    record,
)

UNTIL = "until"  # what a purge is about: the moment before which bodies went


class TrailFault(Struct, frozen=True):
    """A line that is not as it was written."""

    n: int
    code: Literal["unreadable", "changed", "missing", "emptied"]


class TrailEntry(Struct, frozen=True):
    """A line whose body is kept."""

    n: int
    at: str
    action: Action


class CheckedTrail(Struct, frozen=True):
    """The whole trail."""

    entries: list[TrailEntry]
    faults: list[TrailFault]  # none: the trail is whole
    head: TrailHead  # `n` and `chain` of its last line: an auditor keeps them, and finds them again the next time
    purged: int  # lines whose body was too old to be kept


def checked_trail(home: Path) -> CheckedTrail:
    """Reads the trail, and holds every line against the one before and the last one against the head.

    Raises:
        OSError: It cannot be read.
    """
    lines = list(lines_of(home))
    found = [line for line in lines if line is not None]
    actions = {line.n: action for line in found if (action := action_of(line)) is not None}
    until = _purged_until(list(actions.values()))
    faults = [*_broken(lines), *_emptied(found, until), *_cut_off(found, head_of(home))]
    entries = [TrailEntry(line.n, line.at, actions[line.n]) for line in found if line.n in actions]
    head = max([TrailHead(line.n, line.chain) for line in found], key=lambda one: one.n, default=TrailHead())
    purged = sum(not line.has_body for line in found)
    return CheckedTrail(entries, sorted(faults, key=lambda one: one.n), head, purged)


def holds(home: Path, known: TrailHead) -> bool:
    """Whether a line that somebody noted earlier is still there as it was."""
    return not known.n or any(line and (line.n, line.chain) == (known.n, known.chain) for line in lines_of(home))


def purge_bodies(home: Path, until: str, by: Actor) -> int:
    """Takes out the bodies of lines from before a moment (ISO 8601, UTC); returns how many.

    The purge itself is a line, written first, by which the check knows which bodies may be gone.

    Raises:
        OSError: The trail cannot be written.
    """
    old = [line.n for line in lines_of(home) if line is not None and line.at < until and line.has_body]
    if not old:
        return 0
    record(home, "purge", by, about={"store": "trail", UNTIL: until, "removed": len(old)})
    with one_writer_of(home):
        raw = (home / FILE).read_bytes().splitlines()
        kept = [_without_body(line, text, set(old)) for line, text in zip(lines_of(home), raw, strict=True)]
        write_file(home / FILE, b"\n".join(kept) + b"\n", mode=0o600)
    return len(old)


def _without_body(line: TrailLine | None, text: bytes, old: Collection[int]) -> bytes:
    if line is None or line.n not in old:
        return text
    return msgspec.json.encode(msgspec.structs.replace(line, body=NO_BODY))


def _purged_until(actions: Sequence[Action]) -> str:
    """The latest moment before which bodies were taken out of the trail; other stores have rules of their own."""
    own = [one.about for one in actions if one.what == "purge" and one.about.get("store") == "trail"]
    moments = [str(about[UNTIL]) for about in own if UNTIL in about]
    return max(moments, default="")


def _broken(lines: Sequence[TrailLine | None]) -> Iterator[TrailFault]:
    """Lines that are none, that do not follow the one before, or whose body is another."""
    before, n = START, 0
    for line in lines:
        if line is None:
            yield TrailFault(n + 1, "unreadable")
            continue
        if line.n != n + 1:
            yield TrailFault(n + 1, "missing")
        elif line.chain != chained(before, line) or not _has_own_body(line):
            yield TrailFault(line.n, "changed")
        before, n = line.chain, line.n


def _has_own_body(line: TrailLine) -> bool:
    return not line.has_body or digest_of_body(line.body) == line.digest


def _emptied(lines: Sequence[TrailLine], until: str) -> Iterator[TrailFault]:
    """Lines without a body that no purge accounts for."""
    return (TrailFault(line.n, "emptied") for line in lines if not line.has_body and line.at >= until)


def _cut_off(lines: Sequence[TrailLine], head: TrailHead) -> Iterator[TrailFault]:
    """The head, where no line of the trail is the one that it names."""
    if head.n and not any((line.n, line.chain) == (head.n, head.chain) for line in lines):
        yield TrailFault(head.n, "changed" if any(line.n == head.n for line in lines) else "missing")
