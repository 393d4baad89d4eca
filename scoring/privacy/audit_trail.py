"""Who did what: HOME/trail.jsonl, to which lines are only added, each bound to the one before.

A line is a JSON object: `n` (1, 2, ...), `at` (ISO 8601, UTC), `body` (an `Action`), `digest` (sha256 of the body's
bytes) and `chain` (sha256 of the chain of the line before, `n`, `at` and `digest`). So a line that is changed, left out
or put in is found; HOME/trail.head holds `n` and `chain` of the last line, so that lines cut off at the end are found
too. A body that is older than the rule of its home goes, and its line stays: the chain holds without it.

Customers stand in it as the keyed hashes of the suppression list, never as ids, and no value of theirs.
"""

from __future__ import annotations

import hashlib
import os
import pwd
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from features.spec.atomic import locked_file
from features.spec.ids import read_id
from features.spec.suppression_list import keyed
from scoring.privacy.suppression import TRAIL_FILE, own_key

FILE, HEAD_FILE = TRAIL_FILE, "trail.head"
WHO = "PENCHANT_WHO"  # the environment variable by which a person is named who runs a command
What = Literal[
    "look",  # at what is kept of single customers
    "export",  # of all that is kept of single customers
    "erase",
    "erased",  # to the last byte
    "objection",
    "withdrawal",  # of an objection
    "contestation",  # of a score, or the answer to one
    "readmission",  # of who was erased
    "list",  # an audience or a list that left
    "delivery",  # a sync of a tool that sends: what it took
    "promotion",
    "policy",
    "key",  # made or ended
    "purge",  # of what a rule says is too old
    "returned",  # what was erased came back, as by a backup, and went again
]
Via = Literal["api", "console", "command", "server"]
Fact = str | int | float | bool | None
NO_BODY = msgspec.Raw()
START = "0" * 64  # the chain before the first line


class Actor(Struct, frozen=True):
    """Who acts: a key by its name, or a person as stated, with the account of the system that a command ran under."""

    who: str | None  # None where no key is asked for, and nobody is known
    via: Via
    account: str | None = None


class Action(Struct, frozen=True, omit_defaults=True):
    """What was done."""

    what: What
    by: Actor
    about: dict[str, Fact] = {}
    customers: tuple[str, ...] = ()  # keyed hashes, in hexadecimal


class TrailLine(Struct, frozen=True, omit_defaults=True):
    """A line as it stands in the file."""

    n: int
    at: str
    digest: str
    chain: str
    body: msgspec.Raw = NO_BODY  # once it is too old to be kept

    @property
    def has_body(self) -> bool:
        """Whether what was done still stands in it."""
        return bool(bytes(self.body))


class TrailHead(Struct, frozen=True):
    """The last line, as it is kept beside the file."""

    n: int = 0
    chain: str = START


def command_actor() -> Actor:
    """Who runs this command: the person that PENCHANT_WHO states, else the account of the system."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # as in a container
        account = f"uid {os.getuid()}"
    return Actor(os.environ.get(WHO, "").strip() or account, "command", account)


def record(
    home: Path, what: What, by: Actor, *, customers: Collection[str] = (), about: Mapping[str, Fact] | None = None
) -> None:
    """Adds an action; on the disk when this returns, but for looks, which a kill of the process leaves there too.

    Args:
        home: Whose trail it is; it is made where there is none.
        what: Which kind of action.
        by: Who does it.
        customers: Ids of whom it is about; their keyed hashes are written.
        about: Names, versions and counts; nothing of a customer.

    Raises:
        OSError: It cannot be written, and is as it was.
        SuppressionError: The home has lost the key of its hashes.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = own_key(home)
    hashes = tuple(dict.fromkeys(keyed(key, read_id(one) or one).hex() for one in customers))
    _append(home, Action(what, by, dict(about or {}), hashes), durable=what != "look")


def hash_of(home: Path, customer: str) -> str:
    """What stands for a customer in the trail. Raises SuppressionError as `record` does."""
    return keyed(own_key(home), read_id(customer) or customer).hex()


def lines_of(home: Path) -> Iterator[TrailLine | None]:
    """Every line in order; None for one that is none.

    Raises:
        OSError: The trail cannot be read.
    """
    path = home / FILE
    for line in path.read_bytes().splitlines() if path.exists() else ():
        yield _read(line)


def action_of(line: TrailLine) -> Action | None:
    """What a line says; None where its body is gone, or is none."""
    with suppress(msgspec.DecodeError):
        return _DECODE_BODY(line.body) if line.has_body else None
    return None


def chained(before: str, line: TrailLine) -> str:
    """The chain of a line after the chain of the one before."""
    return hashlib.sha256(f"{before} {line.n} {line.at} {line.digest}".encode()).hexdigest()


def digest_of_body(body: msgspec.Raw) -> str:
    """The sha256 of a body as it stands."""
    return hashlib.sha256(bytes(body)).hexdigest()


def head_of(home: Path) -> TrailHead:
    """The last line that was added, as it was noted beside the trail; one that cannot be read is none."""
    with suppress(OSError, msgspec.DecodeError):
        return _DECODE_HEAD((home / HEAD_FILE).read_bytes())
    return TrailHead()


@contextmanager
def one_writer_of(home: Path) -> Iterator[int]:
    """One process at a time adds lines, or takes old bodies out; the descriptor is of the head."""
    with locked_file(home / HEAD_FILE) as handle:
        yield handle


def _append(home: Path, action: Action, *, durable: bool) -> None:
    body = msgspec.Raw(msgspec.json.encode(action))
    with one_writer_of(home) as head:
        handle = os.open(home / FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            tail = _tail(handle)
            before = max(_last_of(tail), head_of(home), key=lambda one: one.n)  # a line that was cut off stays missed
            at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = TrailLine(before.n + 1, at, digest_of_body(body), "", body)
            line = msgspec.structs.replace(line, chain=chained(before.chain, line))
            _write(handle, (b"" if tail[-1:] in (b"", b"\n") else b"\n") + msgspec.json.encode(line) + b"\n")
            _note_head(head, TrailHead(line.n, line.chain))
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)


def _write(handle: int, content: bytes) -> None:
    """Adds bytes to the end of a file, all or none."""
    size = os.fstat(handle).st_size
    try:
        if os.write(handle, content) != len(content):
            raise OSError(28, "The trail could be written in part only.")
    except OSError:
        os.ftruncate(handle, size)
        raise


def _note_head(handle: int, head: TrailHead) -> None:
    content = msgspec.json.encode(head)
    os.pwrite(handle, content, 0)
    os.ftruncate(handle, len(content))


def _tail(handle: int) -> bytes:
    """The end of a file with at least its last line."""
    size, length = os.fstat(handle).st_size, 1 << 12
    while True:
        tail = os.pread(handle, length, max(0, size - length))
        if length >= size or b"\n" in tail[:-1]:
            return tail
        length *= 4


def _last_of(tail: bytes) -> TrailHead:
    """The last line that is one."""
    for text in reversed(tail.splitlines()):
        if line := _read(text):
            return TrailHead(line.n, line.chain)
    return TrailHead()


def _read(line: bytes) -> TrailLine | None:
    try:
        return _DECODE_LINE(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


_DECODE_LINE = msgspec.json.Decoder(TrailLine).decode
_DECODE_BODY = msgspec.json.Decoder(Action).decode
_DECODE_HEAD = msgspec.json.Decoder(TrailHead).decode
