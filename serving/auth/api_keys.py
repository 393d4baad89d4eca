"""API keys: HOME/keys.json holds their hashes, names and scopes; the keys themselves are shown once and kept nowhere.

`python -m serving keys add NAME --scopes score,explain` makes one, `remove NAME` ends it, `list` names them all. A
running server takes up a change at its next look at the home.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import hmac
import json
import math
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from features.spec.atomic import write_file
from features.spec.options import EITHER_SIDE, add_shared_options, command_first, program
from scoring.privacy.audit_trail import command_actor, record
from scoring.storage.leftovers import remove_leftovers
from serving.auth.home_lock import MODE, locked

SCOPES = ("score", "explain", "customers", "admin")
_EARLIER = frozenset({"score", "explain", "admin"})  # all there were before there was `customers`
FILE = "keys.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_HASH = re.compile(r"[0-9a-f]{64}")


class KeysError(ValueError):
    """The file of keys is not one, or a key cannot be made as asked."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, by its hash: what it may do, and how often in a second (None: as the setting is).

    Somebody who signed in by name is one too, of the name by which records know them, and without a hash.
    """

    name: str
    sha256: str
    scopes: frozenset[str]
    rate: float | None = None
    pages: frozenset[str] | None = (
        None  # of the console, by template, that the roles of a person open; None: a key's, all
    )

    def opens(self, template: str) -> bool:
        """Whether a page of the console may be shown to whoever has it."""
        return self.pages is None or template in self.pages


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys; where there is none, everyone on this machine is admitted."""

    keys: tuple[ApiKey, ...] = ()
    broken: bool = False  # whether there is a file of keys that cannot be read: then nobody is admitted

    @property
    def asked(self) -> bool:
        """Whether a key is asked for."""
        return bool(self.keys) or self.broken

    def find(self, token: str) -> ApiKey | None:
        """The key of a token; every key is compared, each in constant time."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        found = [key for key in self.keys if hmac.compare_digest(key.sha256, digest)]
        return found[0] if found else None


def read_keys(home: Path) -> KeyRing:
    """The keys of a home; no file, no keys.

    Raises:
        KeysError: The file is not as `add_key` writes it.
    """
    try:
        document = json.loads((home / FILE).read_bytes())
        return KeyRing(tuple(_key(entry) for entry in document["keys"]))
    except FileNotFoundError:
        return KeyRing()
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise KeysError(f"{FILE} must hold keys with name, sha256 and scopes, got {type(error).__name__}.") from None


class KeyEntry(TypedDict):
    """A key as its file holds it."""

    name: str
    sha256: str
    scopes: list[str]
    rate: NotRequired[float | None]


def _key(entry: KeyEntry) -> ApiKey:
    scopes = frozenset(entry["scopes"])
    scopes |= {"customers"} if scopes >= _EARLIER else frozenset()  # who had all has all
    key = ApiKey(entry["name"], entry["sha256"], scopes, entry.get("rate"))
    sound = _NAME.fullmatch(key.name) and _HASH.fullmatch(key.sha256) and key.scopes <= set(SCOPES)
    if not sound or not (key.rate is None or 0 < key.rate < math.inf):
        raise ValueError("A key is not well formed.")
    return key


def add_key(home: Path, name: str, scopes: Sequence[str], *, rate: float | None = None) -> str:
    """Makes a key, keeps its hash, and returns it.

    Raises:
        KeysError: The name is taken or not a plain one, a scope is unknown, or the rate is none.
        OSError: The file cannot be written, and is as it was.
    """
    if not _NAME.fullmatch(name):
        raise KeysError("A key needs a name of at most 32 letters, digits, - and _.")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise KeysError(f"Scopes must be among {', '.join(SCOPES)}.")
    if rate is not None and not 0 < rate < math.inf:
        raise KeysError(f"A rate must be a number of calls a second above 0, got {rate:g}.")
    token = f"pnc_{secrets.token_urlsafe(32)}"
    key = ApiKey(name, hashlib.sha256(token.encode()).hexdigest(), frozenset(scopes), rate)
    with locked(home):
        ring = read_keys(home)
        if any(other.name == name for other in ring.keys):
            raise KeysError("A key needs a name that no other key has.")
        write_file(home / FILE, _document((*ring.keys, key)), mode=MODE)
    return token


def remove_key(home: Path, name: str) -> int:
    """Ends a key, also where the disk has no room left; returns how many keys remain.

    Raises:
        KeysError: There is no key of that name.
        OSError: The file cannot be written at all: the key is alive, or, where only half could be done, nobody is
            admitted any more.
    """
    with locked(home):
        ring = read_keys(home)
        kept = tuple(key for key in ring.keys if key.name != name)
        if len(kept) == len(ring.keys):
            raise KeysError("There is no key of that name.")
        try:
            write_file(home / FILE, _document(kept), mode=MODE)
        except OSError:
            _overwrite(home / FILE, _document(kept))
    return len(kept)


def _document(keys: Sequence[ApiKey]) -> bytes:
    entries = [{"name": k.name, "sha256": k.sha256, "scopes": sorted(k.scopes), "rate": k.rate} for k in keys]
    return json.dumps({"keys": entries}, indent=1).encode()


def _overwrite(path: Path, content: bytes) -> None:
    """Writes fewer bytes over those of a file, which takes no room; broken off, it admits nobody."""
    with path.open("r+b", buffering=0) as file:
        try:
            if file.write(content) != len(content):
                raise OSError(errno.ENOSPC, "The file of keys could be written in part only.")
            file.truncate()
        except OSError:
            file.truncate(0)
            raise
        os.fsync(file.fileno())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    options = _parser().parse_args(command_first(sys.argv[1:] if arguments is None else arguments))
    remove_leftovers(options.home)
    try:
        document, lines = _RUN[options.command](options)
    except KeysError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{FILE} cannot be written ({error.strerror}). {_left(options)}", file=sys.stderr)
        return 1
    print(*([json.dumps(document)] if options.json else lines), sep="\n", end="\n" if options.json or lines else "")
    return 0


def _add(options: argparse.Namespace) -> tuple[Any, list[str]]:
    scopes = options.scopes.split(",")
    token = add_key(options.home, options.name, scopes, rate=options.rate)
    try:
        record(options.home, "key", command_actor(), about={"made": options.name, "scopes": ",".join(sorted(scopes))})
    except OSError:  # no key without its line in the trail
        remove_key(options.home, options.name)
        raise
    return {"name": options.name, "key": token, "scopes": sorted(scopes), "rate": options.rate}, [token]


def _end(options: argparse.Namespace) -> tuple[Any, list[str]]:
    if not remove_key(options.home, options.name):
        print("No key is left: from now on everyone on this machine is answered, and nobody else.", file=sys.stderr)
    with suppress(OSError):  # a key must be ended on a full disk too
        record(options.home, "key", command_actor(), about={"ended": options.name})
    return {"removed": options.name}, []


def _list(options: argparse.Namespace) -> tuple[Any, list[str]]:
    keys = read_keys(options.home).keys
    document = [{"name": key.name, "scopes": sorted(key.scopes), "rate": key.rate} for key in keys]
    return document, [f"{key.name} {','.join(sorted(key.scopes))} {key.rate or ''}" for key in keys]


_RUN: Mapping[str, Callable[[argparse.Namespace], tuple[Any, list[str]]]] = {
    "add": _add,
    "remove": _end,
    "list": _list,
}


def _left(options: argparse.Namespace) -> str:
    """What is so after a change that could not be made."""
    if options.command != "remove":
        return "No key was made."
    try:
        read_keys(options.home)
    except KeysError:
        return "It is half written, and nobody is admitted: make room and remove the file, or put a copy back."
    return f"THE KEY {options.name} IS STILL ALIVE: stop the server, or make room and ask again."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program('serving')} keys", description="Makes and ends API keys.", epilog=EITHER_SIDE
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="make a key and print it, once")
    add.add_argument("name")
    add.add_argument("--scopes", default="score,explain", help=f"some of {','.join(SCOPES)} (default: %(default)s)")
    add.add_argument("--rate", type=float, help="calls a second; default: PENCHANT_RATE")
    commands.add_parser("remove", help="end a key").add_argument("name")
    commands.add_parser("list", help="name every key and its scopes")
    for command in commands.choices.values():
        add_shared_options(command)
    return parser
