"""API keys: HOME/keys.json holds their hashes, names and scopes; the keys themselves are shown once and kept nowhere.

`python -m serving keys add NAME --scopes score,explain` makes one, `remove NAME` ends it, `list` names them all. A
running server takes up a change at its next look at the home.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.spec.options import EITHER_SIDE, add_shared_options, command_first, program
from scoring.storage.atomic import write_file

SCOPES = ("score", "explain", "admin")
FILE = "keys.json"
SESSION_SECONDS = 8 * 3600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_HASH = re.compile(r"[0-9a-f]{64}")


class KeysError(ValueError):
    """The file of keys is not one, or a key cannot be made as asked."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, by its hash: what it may do, and how often in a second (None: as the setting is)."""

    name: str
    sha256: str
    scopes: frozenset[str]
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys; where there is none, everyone on this machine is admitted."""

    keys: tuple[ApiKey, ...] = ()
    asked: bool = False  # whether there is a file at all: with a broken or empty one nobody is admitted

    def find(self, token: str) -> ApiKey | None:
        """The key of a token; every key is compared, each in constant time."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        found = [key for key in self.keys if hmac.compare_digest(key.sha256, digest)]
        return found[0] if found else None

    def session(self, key: ApiKey, *, now: float | None = None) -> str:
        """What a browser holds instead of the key: a name and an end, signed; it ends with the key."""
        ends = int((time.time() if now is None else now) + SESSION_SECONDS)
        return f"{key.name}.{ends}.{_sign(key, ends)}"

    def of_session(self, session: str, *, now: float | None = None) -> ApiKey | None:
        """The key of a session that is genuine and not over."""
        name, _, rest = session.partition(".")
        ends, _, signature = rest.partition(".")
        key = next((key for key in self.keys if key.name == name), None)
        if key is None or not re.fullmatch(r"[0-9]{1,12}", ends):
            return None
        genuine = hmac.compare_digest(_sign(key, int(ends)).encode(), signature.encode("utf-8", "replace"))
        return key if genuine and int(ends) > (time.time() if now is None else now) else None


def _sign(key: ApiKey, ends: int) -> str:
    return hmac.new(key.sha256.encode(), f"{key.name}.{ends}".encode(), hashlib.sha256).hexdigest()


def read_keys(home: Path) -> KeyRing:
    """The keys of a home; no file, no keys.

    Raises:
        KeysError: The file is not as `write_keys` writes it.
    """
    try:
        document = json.loads((home / FILE).read_bytes())
        return KeyRing(tuple(_key(entry) for entry in document["keys"]), asked=True)
    except FileNotFoundError:
        return KeyRing()
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise KeysError(f"{FILE} must hold keys with name, sha256 and scopes, got {type(error).__name__}.") from None


def _key(entry: Mapping[str, Any]) -> ApiKey:
    key = ApiKey(entry["name"], entry["sha256"], frozenset(entry["scopes"]), entry.get("rate"))
    sound = _NAME.fullmatch(key.name) and _HASH.fullmatch(key.sha256) and key.scopes <= set(SCOPES)
    if not sound or not (key.rate is None or key.rate > 0):
        raise ValueError("A key is not well formed.")
    return key


def write_keys(home: Path, ring: KeyRing) -> None:
    """Replaces the file in one step; only its owner may read it."""
    entries = [{"name": k.name, "sha256": k.sha256, "scopes": sorted(k.scopes), "rate": k.rate} for k in ring.keys]
    write_file(home / FILE, json.dumps({"keys": entries}, indent=1).encode(), mode=0o600)


def add_key(home: Path, name: str, scopes: Sequence[str], *, rate: float | None = None) -> str:
    """Makes a key, keeps its hash, and returns it.

    Raises:
        KeysError: The name is taken or not a plain one, or a scope is unknown.
    """
    ring = read_keys(home)
    if not _NAME.fullmatch(name) or any(key.name == name for key in ring.keys):
        raise KeysError("A key needs a new name of at most 32 letters, digits, - and _.")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise KeysError(f"Scopes must be among {', '.join(SCOPES)}.")
    if rate is not None and rate <= 0:
        raise KeysError("A rate must be more than 0 calls a second.")
    token = f"pnc_{secrets.token_urlsafe(32)}"
    key = ApiKey(name, hashlib.sha256(token.encode()).hexdigest(), frozenset(scopes), rate)
    write_keys(home, KeyRing((*ring.keys, key), asked=True))
    return token


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    options = _parser().parse_args(command_first(sys.argv[1:] if arguments is None else arguments))
    try:
        document, lines = _RUN[options.command](options)
    except KeysError as error:
        print(error, file=sys.stderr)
        return 2
    print(*([json.dumps(document)] if options.json else lines), sep="\n", end="\n" if options.json or lines else "")
    return 0


def _add(options: argparse.Namespace) -> tuple[Any, list[str]]:
    scopes = options.scopes.split(",")
    token = add_key(options.home, options.name, scopes, rate=options.rate)
    return {"name": options.name, "key": token, "scopes": sorted(scopes), "rate": options.rate}, [token]


def _end(options: argparse.Namespace) -> tuple[Any, list[str]]:
    _remove(options.home, options.name)
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


def _remove(home: Path, name: str) -> None:
    ring = read_keys(home)
    kept = tuple(key for key in ring.keys if key.name != name)
    if len(kept) == len(ring.keys):
        raise KeysError("There is no key of that name.")
    write_keys(home, KeyRing(kept, asked=True))


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
