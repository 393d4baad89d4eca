"""Who is admitted: anyone on this machine while there are no keys, else whoever has one with the scope, at its rate."""

from __future__ import annotations

import ipaddress
import math
import os
import time
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any

from serving.auth.api_keys import FILE, ApiKey, KeyRing, KeysError, read_keys
from serving.http.problems import KEYLESS, NO_KEY, NOT_ALLOWED, TOO_MANY, Problem, retry_after
from serving.settings import Settings
from serving.telemetry import logs

COOKIE = "penchant"
ANY_KEY = "any"  # what a route needs where no scope of its own is meant
CONSOLE = "console"  # a page for people, who sign in


class Gate:
    """Keys as they stand in the home, and how much each has left of its rate in this worker."""

    def __init__(self, settings: Settings) -> None:
        self.ring = KeyRing()
        self._settings = settings
        self._workers = int(os.environ.get("PENCHANT_WORKERS") or 1)
        self._mark: tuple[int, ...] | None = None
        self._left: dict[str, tuple[float, float]] = {}  # by key: calls left, and when that was reckoned
        self.look()

    def look(self) -> None:
        """Takes up the keys where they have changed; a broken file lets nobody in."""
        path: Path = self._settings.home / FILE
        try:
            stat = path.stat()
            mark: tuple[int, ...] = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except OSError:
            mark = ()
        if mark == self._mark:
            return
        try:
            self.ring = read_keys(self._settings.home)
        except KeysError as error:
            self.ring = KeyRing(asked=True)
            logs.write("keys_refused", level="error", reason=str(error))
        self._mark = mark

    def admit(self, needs: str | None, headers: Mapping[bytes, bytes], server: Any) -> ApiKey | None:
        """The key of a caller who may go on; None where none is asked for.

        Args:
            needs: The scope of the route, `any` for every key, None for a route that is open to all.
            headers: Of the request.
            server: The address the connection was made to.

        Raises:
            Problem: 401, 403 or 429.
        """
        if needs is None:
            return None
        if not self.ring.asked:
            if not (self._settings.open or _local(server)):
                raise Problem(KEYLESS, "Beyond this machine API keys are needed: python -m serving keys add NAME.")
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
        key = key or (self.of_cookie(headers) if cookie else None)
        if key is None:
            detail = "Send a valid key: Authorization: Bearer KEY."
            raise Problem(NO_KEY, detail, headers=[(b"www-authenticate", b'Bearer realm="penchant"')])
        return key

    def admit_browser(self, headers: Mapping[bytes, bytes], server: Any) -> tuple[ApiKey | None, bool]:
        """The key of a browser's session, and whether the browser may go on; otherwise it is asked to sign in.

        Raises:
            Problem: 403 for anyone beyond this machine while there are no keys; 429.
        """
        if not self.ring.asked:
            return self.admit(ANY_KEY, headers, server), True
        key = self.of_cookie(headers)
        if key:
            self._spend(key)
        return key, key is not None

    def of_cookie(self, headers: Mapping[bytes, bytes]) -> ApiKey | None:
        """The key of a browser's session."""
        try:
            cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
        except CookieError:
            return None
        return self.ring.of_session(cookie.value) if cookie else None

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


def _local(server: Any) -> bool:
    """Whether a connection came to an address only this machine can reach."""
    if not server or server[1] is None:
        return True  # a socket in the file system
    try:
        return ipaddress.ip_address(server[0]).is_loopback
    except ValueError:
        return False
