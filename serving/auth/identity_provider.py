"""OpenID Connect with one provider: authorization code with PKCE, and an ID token that is checked in every way.

Nothing of a token is believed before its signature is: RS256 or ES256 by a key that the provider publishes. PyJWT, the
extra `oidc`, is imported when somebody first signs in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
from msgspec import Struct

from serving.auth.roles import Role
from serving.auth.sign_in_file import OidcSection, SignIn, is_name, is_safe

ALGORITHMS = ("RS256", "ES256")
SECONDS = 600  # that signing in may take
_TIMEOUT = 5.0  # seconds for each answer of the provider
_FRESH, _AGAIN = 3600.0, 30.0  # seconds that its documents are taken for granted; between looks for an unknown key
_LARGEST = 1 << 18  # bytes of one of its answers


Answer = TypeVar("Answer")


class SignInFailedError(Exception):
    """Somebody was not signed in; the code is in the log, and says nothing of the person."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class SigningIn(NamedTuple):
    """What the browser keeps while it is at the provider."""

    state: str
    nonce: str
    verifier: str


class ProviderDocument(Struct, frozen=True):
    """What we read of a provider's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class TokenAnswer(Struct, frozen=True):
    """What we read of a token endpoint's answer."""

    id_token: str


class PublishedKey(Struct, frozen=True, omit_defaults=True):
    """A public key as a provider publishes it (RFC 7517), of the two kinds that we take."""

    kty: str
    kid: str | None = None
    use: str | None = None
    n: str | None = None
    e: str | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None


class KeySet(Struct, frozen=True):
    """The keys that a provider publishes."""

    keys: tuple[PublishedKey, ...]


class IdentityProvider:
    """One provider, as one worker knows it."""

    def __init__(self, sign_in: SignIn, section: OidcSection) -> None:
        self._sign_in, self._section = sign_in, section
        self._document: tuple[float, ProviderDocument] | None = None
        self._keys: tuple[float, tuple[PublishedKey, ...]] | None = None

    async def begin(self) -> tuple[str, SigningIn]:
        """Where to send a browser, and what it must bring back.

        Raises:
            SignInFailedError: The provider cannot be reached, or is another.
        """
        document = await self._discovered()
        started = SigningIn(*(secrets.token_urlsafe(32) for _ in SigningIn._fields))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(started.verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self._section.client_id,
            "redirect_uri": self._sign_in.redirect,
            "scope": " ".join(self._section.scopes),
            "state": started.state,
            "nonce": started.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in document.authorization_endpoint else "?"
        return f"{document.authorization_endpoint}{joint}{urlencode(asked)}", started

    async def finish(self, started: SigningIn, state: str, code: str) -> tuple[str, tuple[Role, ...]]:
        """The name and the roles of whoever comes back.

        Raises:
            SignInFailedError: They do not come from where they were sent, or the provider does not vouch for them.
        """
        if not code or not hmac.compare_digest(started.state.encode(), state.encode()):
            raise SignInFailedError("state")
        claims = await self._claims(await self._token(code, started.verifier), started.nonce)
        name, groups = claims.get(self._section.name), claims.get(self._section.groups)
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        roles = self._sign_in.roles_of([one for one in listed if isinstance(one, str)])
        if not isinstance(name, str) or not is_name(name):
            raise SignInFailedError("no_name")
        if self._section.name == "email" and claims.get("email_verified") is False:
            raise SignInFailedError("email_not_verified")
        if not roles:
            raise SignInFailedError("no_role")
        return name, roles

    async def _discovered(self) -> ProviderDocument:
        if self._document is None or time.monotonic() - self._document[0] > _FRESH:
            issuer = self._section.issuer
            address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            document = _decode(await self._ask("GET", address), ProviderDocument)
            if document.issuer != issuer:
                raise SignInFailedError("another_issuer")
            if not all(map(is_safe, (document.authorization_endpoint, document.token_endpoint, document.jwks_uri))):
                raise SignInFailedError("not_https")
            self._document = time.monotonic(), document
        return self._document[1]

    async def _token(self, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._sign_in.redirect,
            "client_id": self._section.client_id,
            "code_verifier": verifier,
        }
        if self._sign_in.secret is not None:
            form["client_secret"] = self._sign_in.secret
        answer = await self._ask("POST", (await self._discovered()).token_endpoint, form)
        return _decode(answer, TokenAnswer).id_token

    async def _claims(self, token: str, nonce: str) -> Mapping[str, object]:
        """The claims of a token that is the provider's, for us, for this sign-in, and of now."""
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            published = await self._key(header.get("kid"), header.get("alg"))
            key = jwt.PyJWK.from_dict(msgspec.to_builtins(published), header.get("alg"))
            claims: Mapping[str, object] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._section.client_id,
                issuer=self._section.issuer,
                leeway=self._section.skew,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise SignInFailedError(type(error).__name__) from None
        audience, party = claims["aud"], claims.get("azp")
        several = isinstance(audience, list) and len(audience) > 1
        if party not in (None, self._section.client_id) or (several and party is None):
            raise SignInFailedError("another_client")
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise SignInFailedError("nonce")
        issued = claims["iat"]
        if not isinstance(issued, int | float) or issued < time.time() - SECONDS - self._section.skew:
            raise SignInFailedError("too_old")
        return claims

    async def _key(self, name: object, algorithm: object) -> PublishedKey:
        """The published key of a token; a name that is not known is looked for anew, but not again and again."""
        if algorithm not in ALGORITHMS:
            raise SignInFailedError("algorithm")
        kind = "RSA" if algorithm == "RS256" else "EC"
        for patience in (_FRESH, _AGAIN):
            if self._keys is None or time.monotonic() - self._keys[0] > patience:
                answer = await self._ask("GET", (await self._discovered()).jwks_uri)
                self._keys = time.monotonic(), _decode(answer, KeySet).keys
            fit = [
                key
                for key in self._keys[1]
                if key.kty == kind and key.use in (None, "sig") and (name is None or key.kid == name)
            ]
            if len(fit) == 1:
                return fit[0]
        raise SignInFailedError("unknown_key")

    async def _ask(self, method: str, address: str, form: dict[str, str] | None = None) -> bytes:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as client:
                answer = await client.request(method, address, data=form, headers={"accept": "application/json"})
        except httpx.HTTPError as error:
            raise SignInFailedError(f"provider_{type(error).__name__}") from None
        if answer.status_code != 200 or len(answer.content) > _LARGEST:
            raise SignInFailedError(f"provider_{answer.status_code}")
        return answer.content


def _decode(content: bytes, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError:
        raise SignInFailedError("provider_document") from None
