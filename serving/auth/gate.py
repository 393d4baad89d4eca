"""Who is admitted: anyone on this machine while there are no keys, else whoever has one with the scope, at its rate."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from serving.auth.api_keys import FILE, ApiKey, KeyRing, KeysError, read_keys
from serving.auth.identity_provider import IdentityProvider
from serving.auth.keyless import check_on_this_machine, check_origin
from serving.auth.sessions import Sessions
from serving.auth.sign_in_file import FILE as SIGN_IN_FILE
from serving.auth.sign_in_file import SignIn, SignInError, read_sign_in
from serving.http.problems import NO_KEY, NOT_ALLOWED, TOO_MANY, Problem, retry_after
from serving.settings import Settings
from serving.telemetry import logs

COOKIE = "penchant"
ANY_KEY = "any"  # what a route needs where no scope of its own is meant
CONSOLE = "console"  # a page for people, who sign in


class Gate:
    """Keys as they stand in the home, and how much each has left of its rate in this worker."""

    def __init__(self, settings: Settings) -> None:
        self.ring = KeyRing()
        self.sessions = Sessions(settings.home)
        self._settings = settings
        self._workers = int(os.environ.get("PENCHANT_WORKERS") or 1)
        self.sign_in: SignIn | None = None
        self.provider: IdentityProvider | None = None  # where people sign in, if it is not a proxy that has done so
        self._sign_in_broken = False  # whether there is a file on it that cannot be read: then no person is admitted
        self._mark: tuple[int, ...] | None = None
        self._sign_in_mark: tuple[int, ...] | None = None
        self._left: dict[str, tuple[float, float]] = {}  # by key: calls left, and when that was reckoned
        self.look()

    def look(self) -> None:
        """Takes up keys, sessions and sign-in where they have changed; a broken file of keys lets nobody in."""
        self.sessions.look()
        self._look_at_sign_in()
        mark = _mark(self._settings.home / FILE)
        if mark == self._mark:
            return
        try:
            self.ring = read_keys(self._settings.home)
        except KeysError as error:
            self.ring = KeyRing(broken=True)
            logs.write("keys_refused", level="error", reason=str(error))
        self._mark = mark

    def _look_at_sign_in(self) -> None:
        mark = _mark(self._settings.home / SIGN_IN_FILE)
        if mark == self._sign_in_mark:
            return
        self._sign_in_mark, self._sign_in_broken = mark, False
        try:
            self.sign_in = read_sign_in(self._settings.home)
            oidc = self.sign_in.file.oidc if self.sign_in else None
            self.provider = IdentityProvider(self.sign_in, oidc) if self.sign_in and oidc else None
        except SignInError as error:
            self.sign_in, self.provider, self._sign_in_broken = None, None, True
            logs.write("sign_in_refused", level="error", reason=str(error))

    @property
    def asked(self) -> bool:
        """Whether callers are asked who they are: by a key, or by name."""
        return self.ring.asked or self.sign_in is not None or self._sign_in_broken

    def check_caller(
        self, server: tuple[str, int | None] | None, headers: Mapping[bytes, bytes], *, call: bool
    ) -> None:
        """Refuses, while there are no keys, whoever may be beyond this machine; a call by a foreign page too.

        Raises:
            Problem: A 403.
        """
        if self.asked:
            return
        host = headers[b"host"]
        if not self._settings.open:
            check_on_this_machine(server, host, headers, self._settings.hosts)
        if call:
            check_origin(headers.get(b"origin"), host, self._settings.cors_origins)

    def admit(self, needs: str | None, headers: Mapping[bytes, bytes]) -> ApiKey | None:
        """The key of a caller who may go on; None where none is asked for.

        Args:
            needs: The scope of the route, `any` for every key, None for a route that is open to all.
            headers: Of the request.

        Raises:
            Problem: 401, 403 or 429.
        """
        if needs is None or not self.asked:
            return None
        key = self._key(headers, cookie=needs == ANY_KEY)
        if needs not in (ANY_KEY, *key.scopes):
            raise Problem(NOT_ALLOWED, f"The key needs the scope {needs}.")
        self._spend(key)
        return key

    def _key(self, headers: Mapping[bytes, bytes], *, cookie: bool) -> ApiKey:
        """The caller's key; a browser's session stands for it only where nothing is posted."""
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        key = self.ring.find(token.strip()) if scheme.lower() == "bearer" else None
        key = key or (self.of_browser(headers) if cookie else None)
        if key is None:
            detail = "Send a valid key: Authorization: Bearer KEY."
            raise Problem(NO_KEY, detail, headers=[(b"www-authenticate", b'Bearer realm="penchant"')])
        return key

    def admit_browser(self, headers: Mapping[bytes, bytes]) -> tuple[ApiKey | None, bool]:
        """The key of a browser's session, and whether the browser may go on; otherwise it is asked to sign in.

        Raises:
            Problem: A 429.
        """
        if not self.asked:
            return None, True
        key = self.of_browser(headers)
        if key:
            self._spend(key)
        return key, key is not None

    def of_browser(self, headers: Mapping[bytes, bytes]) -> ApiKey | None:
        """Whom a proxy names that may, else the key of a browser's session."""
        if self.sign_in is not None and (named := self.sign_in.forwarded(headers)):
            return named
        session = cookie_of(headers)
        return self.sessions.key_of(session, self.ring, self.sign_in) if session else None

    def _spend(self, key: ApiKey) -> None:
        """Takes one call from the key's bucket, which holds a second's worth and fills as time goes by."""
        rate = (key.rate or self._settings.rate) / self._workers
        if not rate:
            return
        full, now = max(1.0, rate), time.monotonic()
        left, then = self._left.get(key.name, (full, now))
        left = min(full, left + (now - then) * rate)
        if left < 1:
            self._left[key.name] = (left, now)
            wait = math.ceil((1 - left) / rate)
            raise Problem(TOO_MANY, "The key has made all the calls of this moment.", headers=retry_after(wait))
        self._left[key.name] = (left - 1, now)


def _mark(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)


def cookie_of(headers: Mapping[bytes, bytes], name: str = COOKIE) -> str | None:
    """The session that a browser sends, or another cookie."""
    try:
        cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(name)
    except CookieError:
        return None
    return cookie.value if cookie else None
