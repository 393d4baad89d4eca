"""Who may call while there are no keys: somebody on this machine, by its own name, with nobody in between.

A page of any site can have its own name resolve to 127.0.0.1 and then read and erase as if it were ours, and a proxy
on this machine would let everyone in: both come over loopback, and their headers show it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from serving.http.problems import BAD_REQUEST, FOREIGN_HOST, FOREIGN_ORIGIN, KEYLESS, Problem

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
RawHeaders = Iterable[tuple[bytes, bytes]]
_HOST = re.compile(rb"(\[[0-9a-f:.]+\]|[^\[\]:@/?#\s]+)(?::[0-9]{0,5})?", re.IGNORECASE)
_FORWARDED = frozenset(
    b"forwarded via x-real-ip x-client-ip x-cluster-client-ip x-original-forwarded-for true-client-ip "
    b"cf-connecting-ip fastly-client-ip x-envoy-external-address".split()
)


def check_host(headers: RawHeaders) -> None:
    """Refuses a request that does not name its host once, keys or none: two readers could take another for it.

    Raises:
        Problem: A 400.
    """
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not hosts[0]:
        raise Problem(BAD_REQUEST, f"A request must name its host in one Host header, got {len(hosts)}.")


def check_on_this_machine(server: Any, host: bytes, headers: Iterable[bytes], names: Collection[str]) -> None:
    """Refuses whoever is, or may be, beyond this machine.

    Args:
        server: The address the connection was made to.
        host: The request's `Host`.
        headers: The names of all.
        names: Host names that are this server's, besides those of loopback.

    Raises:
        Problem: A 403.
    """
    if not _local(server):
        raise Problem(KEYLESS, "Beyond this machine API keys are needed: python -m serving keys add NAME.")
    name = _name(host)
    if name not in LOOPBACK_NAMES and name not in names:
        known = ", ".join((*LOOPBACK_NAMES, *names))
        detail = f"While there are no API keys, Host must be one of {known}; PENCHANT_HOSTS adds others."
        raise Problem(FOREIGN_HOST, detail)
    if _forwarded(tuple(headers)):
        raise Problem(KEYLESS, "A request that was forwarded needs an API key: python -m serving keys add NAME.")


def check_origin(origin: bytes | None, host: bytes, allowed: Collection[str]) -> None:
    """Refuses a call from a page of another origin, unless it is an allowed one.

    Raises:
        Problem: A 403.
    """
    if origin is None or origin.decode("latin-1") in allowed:
        return
    if origin.partition(b"://")[2] != host:
        detail = "While there are no API keys, pages of other origins may not call; PENCHANT_CORS_ORIGINS names some."
        raise Problem(FOREIGN_ORIGIN, detail)


def _local(server: Any) -> bool:
    """Whether a connection came to an address only this machine can reach."""
    return not server or server[1] is None or _loopback(server[0])  # a socket in the file system has no port


@lru_cache(maxsize=64)
def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=256)
def _forwarded(headers: tuple[bytes, ...]) -> bool:
    """Whether somebody stood between a caller and us; callers send the same names again and again."""
    return any(header in _FORWARDED or header.startswith(b"x-forwarded-") for header in headers)


@lru_cache(maxsize=64)
def _name(host: bytes) -> str:
    """The name in a `Host`, without its port and in lower case; nothing where it is none."""
    found = _HOST.fullmatch(host)
    return found[1].decode("latin-1").lower() if found else ""
