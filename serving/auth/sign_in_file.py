"""HOME/sign-in.toml: how people sign in by their own name, at an identity provider or at a proxy, and their roles."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from serving.auth.api_keys import ApiKey
from serving.auth.roles import ROLES, Role, person

FILE = "sign-in.toml"
SECRET_HEADER = b"x-penchant-proxy"  # in which a proxy shows the secret
LEAST_SECRET = 16  # characters
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


class SignInError(ValueError):
    """The file is none, or names a secret that the environment has not; each broken rule is a line."""


class OidcSection(Struct, frozen=True, forbid_unknown_fields=True):
    """An identity provider of OpenID Connect."""

    issuer: str
    client_id: str
    secret_env: str | None = None  # the variable with the client's secret; None: a public client, by PKCE alone
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    name: str = "email"  # the claim by which a person is known
    groups: str = "groups"  # the claim that names their groups
    skew: float = 60.0  # seconds that clocks may differ


class ProxySection(Struct, frozen=True, forbid_unknown_fields=True):
    """A proxy that has signed people in, and shows a secret with each request."""

    secret_env: str
    user: str = "X-Forwarded-User"
    groups: str = "X-Forwarded-Groups"


class SignInFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    roles: dict[Role, tuple[str, ...]]  # the groups that have each
    url: str | None = None  # as people reach this server: needed for [oidc]
    oidc: OidcSection | None = None
    proxy: ProxySection | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people sign in here, with what is secret of it."""

    file: SignInFile
    secret: str | None

    @property
    def mark(self) -> str:
        """Another for another provider, client or secret: sessions of the one before are over."""
        parts = (msgspec.json.encode(self.file.oidc), msgspec.json.encode(self.file.proxy), self.secret or "")
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    @property
    def redirect(self) -> str:
        """Where the identity provider sends people back to."""
        return f"{(self.file.url or '').rstrip('/')}/console/sign-in/back"

    def roles_of(self, groups: Collection[str]) -> tuple[Role, ...]:
        """The roles that some groups have."""
        return tuple(role for role in ROLES if not set(self.file.roles.get(role, ())).isdisjoint(groups))

    def forwarded(self, headers: Mapping[bytes, bytes]) -> ApiKey | None:
        """Whom a proxy names that shows the secret; None for whoever does not, and for people without a role."""
        proxy = self.file.proxy
        if proxy is None or self.secret is None:
            return None
        if not hmac.compare_digest(headers.get(SECRET_HEADER, b""), self.secret.encode()):
            return None
        name = _text(headers, proxy.user)
        roles = self.roles_of([one.strip() for one in _text(headers, proxy.groups).split(",")])
        return person(name, roles) if is_name(name) and roles else None


def is_name(text: str) -> bool:
    """Whether a person can be known by a text."""
    return bool(_NAME.fullmatch(text)) and bool(text.strip())


def read_sign_in(home: Path, environment: Mapping[str, str] = os.environ) -> SignIn | None:
    """How people sign in to a home; None where they do by keys alone.

    Raises:
        SignInError: Naming every broken rule.
    """
    try:
        file = msgspec.convert(tomllib.loads((home / FILE).read_text(encoding="utf-8")), SignInFile)
    except FileNotFoundError:
        return None
    except msgspec.ValidationError as error:
        raise SignInError(f"{FILE}: {error}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SignInError(f"{FILE} must be TOML that can be read, got {type(error).__name__}.") from None
    broken = list(_broken(file, environment))
    if broken:
        raise SignInError("\n".join(f"{FILE}: {rule}" for rule in broken))
    section = file.oidc or file.proxy
    return SignIn(file, environment[section.secret_env] if section and section.secret_env else None)


def _broken(file: SignInFile, environment: Mapping[str, str]) -> Iterator[str]:
    section = file.oidc or file.proxy
    if (file.oidc is None) == (file.proxy is None):
        yield "must have either [oidc] or [proxy]"
    if not any(file.roles.values()):
        yield "[roles] must give at least one role a group"
    secret = environment.get(section.secret_env, "") if section and section.secret_env else None
    if secret is not None and len(secret) < LEAST_SECRET:
        yield f"secret_env must name a variable of at least {LEAST_SECRET} characters"
    if file.oidc is not None:
        if file.url is None or not is_safe(file.url):
            yield "url must be an https address, as people reach this server"
        if not is_safe(file.oidc.issuer):
            yield "oidc.issuer must be an https address"
        if "openid" not in file.oidc.scopes:
            yield "oidc.scopes must have openid"
        if find_spec("jwt") is None:
            yield "[oidc] needs the extra oidc: pip install 'penchant[oidc]'"
        if not 0 <= file.oidc.skew <= 300:
            yield "oidc.skew must be 0 to 300 seconds"


def is_safe(address: str) -> bool:
    """Whether an address is of HTTPS, or of this machine itself.

    >>> is_safe("https://login.example"), is_safe("http://127.0.0.1:9000"), is_safe("http://login.example")
    (True, True, False)
    """
    parts = urlsplit(address)
    try:
        near = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        near = False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and near))


def _text(headers: Mapping[bytes, bytes], name: str) -> str:
    return headers.get(name.lower().encode(), b"").decode("utf-8", "replace").strip()
