"""Console sessions: what a browser holds instead of a key, signed with a secret of the home's own.

HOME/sessions.json holds the secrets and the sessions that were signed out. A session names its key and which key that
was; its end is that of its signature's age, so it cannot be put off. Without the file every session is over.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer

from features.spec.atomic import write_file
from serving.auth.api_keys import ApiKey, KeyRing
from serving.auth.home_lock import MODE, locked
from serving.auth.roles import ROLES, Role, person
from serving.auth.sign_in_file import SignIn
from serving.telemetry import logs

FILE = "sessions.json"
SECONDS = 8 * 3600  # that a session lasts at most
SCOPES = frozenset(("score", "explain"))  # of the key, without which the console is not opened
_ROTATE_SECONDS = 24 * 3600.0  # after which new sessions are signed with a new secret; older ones are over before
_KEPT = 2  # secrets
_AWAY = "penchant signing in"  # what signs what is no session


@dataclass(frozen=True, slots=True)
class Secrets:
    """What sessions are signed with, the newest last, and those that ended early, with the moment they would have."""

    secrets: tuple[str, ...] = ()
    made_at: float = 0.0  # of the newest, in seconds since the epoch
    ended: Mapping[str, float] = field(default_factory=dict)

    def fresh(self, now: float) -> Secrets:
        """The same with a secret that is young enough to sign with, and without what is over anyway."""
        ended = {name: until for name, until in self.ended.items() if until > now}
        if self.secrets and 0 <= now - self.made_at < _ROTATE_SECONDS:
            return Secrets(self.secrets, self.made_at, ended)
        return Secrets((*self.secrets, secrets.token_hex(32))[-_KEPT:], now, ended)


class Sessions:
    """The sessions of a home, as one worker sees them."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._mark: tuple[int, ...] = ()
        self._known = Secrets()
        self.look()

    def look(self) -> bool:
        """Takes up the file where it has changed, and says whether it had."""
        mark = _mark(self._home / FILE)
        if mark == self._mark:
            return False
        self._mark, self._known = mark, _read(self._home)
        return True

    def begin(self, key: ApiKey) -> str:
        """A new session of a key, as a cookie's value. Where the home cannot be written it is this worker's alone."""
        self._change({})
        return _signer(self._known).dumps([key.name, _which(key), secrets.token_hex(8)])

    def begin_person(self, name: str, roles: Collection[Role], sign_in: SignIn) -> str:
        """A new session of somebody who signed in by name, as a cookie's value."""
        self._change({})
        return _signer(self._known).dumps([name, sign_in.mark, secrets.token_hex(8), *roles])

    def begin_signing_in(self, started: Sequence[str]) -> str:
        """What a browser keeps while it is at an identity provider, as a cookie's value."""
        self._change({})
        return _signer(self._known, _AWAY).dumps(list(started))

    def signing_in(self, kept: str, *, seconds: int) -> list[str] | None:
        """What a browser brings back from there; None where it is not genuine, or too late."""
        for _ in range(2):
            with suppress(BadData, ValueError, TypeError):
                return [str(one) for one in _signer(self._known, _AWAY).loads(kept, max_age=seconds)]
            if not self.look():
                break
        return None

    def key_of(self, session: str, ring: KeyRing, sign_in: SignIn | None = None) -> ApiKey | None:
        """The key of a session that is genuine, not over, and whose key, or way to sign in, still opens the console."""
        facts = self._facts(session)
        if facts is None or facts[2] in self._known.ended:
            return None
        name, which, _, *roles = facts
        if roles:
            known = [role for role in ROLES if role in roles]
            return person(name, known) if known and sign_in is not None and which == sign_in.mark else None
        key = next((key for key in ring.keys if key.name == name), None)
        if key is None or which != _which(key) or not key.scopes >= SCOPES:
            return None
        return key

    def end(self, session: str) -> None:
        """Signs a session out, in every worker: nobody who kept its cookie can use it."""
        facts = self._facts(session)
        if facts is not None:
            self._change({facts[2]: time.time() + SECONDS})

    def _facts(self, session: str) -> list[str] | None:
        """Name of the key, which one it was, the session's own number, and of a person the roles.

        Another worker may have a newer secret.
        """
        for _ in range(2):
            try:
                name, which, number, *roles = _signer(self._known).loads(session, max_age=SECONDS)
            except (BadData, ValueError, TypeError):
                if not self.look():
                    return None
            else:
                return [str(name), str(which), str(number), *map(str, roles)]
        return None

    def _change(self, ended: Mapping[str, float]) -> None:
        now = time.time()
        try:
            with locked(self._home):
                stored = _read(self._home)
                known = Secrets(stored.secrets, stored.made_at, {**stored.ended, **ended}).fresh(now)
                if known != stored:
                    write_file(self._home / FILE, _document(known), mode=MODE)
                self._mark, self._known = _mark(self._home / FILE), known
        except OSError as error:
            self._known = Secrets(self._known.secrets, self._known.made_at, {**self._known.ended, **ended}).fresh(now)
            logs.write("sessions_not_kept", level="error", **logs.fault(error))


def _which(key: ApiKey) -> str:
    """Tells a key from another of the same name, and nothing of the key."""
    return hashlib.sha256(f"session of {key.sha256}".encode()).hexdigest()[:16]


def _signer(known: Secrets, salt: str = "penchant console") -> URLSafeTimedSerializer:
    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    keys = list(known.secrets) or [secrets.token_hex(32)]
    return URLSafeTimedSerializer(keys, salt=salt, signer_kwargs=options)


def _read(home: Path) -> Secrets:
    """What the file holds; where it is none of ours nobody is signed in, and the next sign-in makes another."""
    try:
        document = json.loads((home / FILE).read_bytes())
        ended = {str(name): float(until) for name, until in document["ended"].items()}
        return Secrets(tuple(map(str, document["secrets"])), float(document["made_at"]), ended)
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        return Secrets()


def _document(known: Secrets) -> bytes:
    return json.dumps(
        {"secrets": list(known.secrets), "made_at": known.made_at, "ended": dict(known.ended)}, indent=1
    ).encode()


def _mark(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)
