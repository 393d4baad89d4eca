"""A small identity provider of OpenID Connect, over a socket: it vouches for whoever a test says, well or badly."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT, SECRET = "penchant", "a secret of this client"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def key_of(algorithm: str, number: int = 0) -> Key:
    """A key pair, made once."""
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def public(key: Key) -> dict[str, str]:
    """What is published of a pair."""
    if isinstance(key, rsa.RSAPrivateKey):
        return jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)


@dataclass
class Provider:
    """What it does, and whom it vouches for; tests change it as they go."""

    url: str
    claims: dict[str, Any] = field(default_factory=dict)  # besides those that any token has, or in their place
    algorithm: str = "RS256"
    signs: Key | str | None = None  # with another key than the one that is published
    issuer: str | None = None  # in the discovery document, if it is another
    kid: str = "first"
    asked: list[str] = field(default_factory=list)  # paths
    _codes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def answer(self, path: str, form: Mapping[str, str]) -> tuple[int, Any]:
        """The status and the document, or the address that a browser is sent to."""
        self.asked.append(path)
        match path:
            case "/.well-known/openid-configuration":
                ends = {name: f"{self.url}/{end}" for name, end in _ENDS.items()}
                return 200, {"issuer": self.issuer or self.url, **ends}
            case "/keys":
                return 200, {"keys": [{**public(key_of(self.algorithm)), "kid": self.kid, "use": "sig"}]}
            case "/authorize":
                code = secrets.token_urlsafe(8)
                self._codes[code] = form
                return 302, f"{form['redirect_uri']}?{urlencode({'code': code, 'state': form['state']})}"
            case "/token":
                return self._token(form)
        return 404, {}

    def _token(self, form: Mapping[str, str]) -> tuple[int, Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        good = asked is not None and asked["code_challenge"] == proof.rstrip(b"=").decode()
        if not good or asked is None or form.get("client_secret") != SECRET or form["client_id"] != CLIENT:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        usual = {"iss": self.url, "sub": "1", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = {name: value for name, value in {**usual, **self.claims}.items() if value is not None}
        signs = self.signs if self.signs is not None else key_of(self.algorithm)
        algorithm = "HS256" if isinstance(signs, str) else self.algorithm
        token = jwt.encode(claims, signs, "none" if signs == "" else algorithm, headers={"kid": "first"})
        return 200, {"token_type": "Bearer", "access_token": "x", "id_token": token}


_ENDS = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._send(*self.provider.answer(parts.path, _first(parts.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self._send(*self.provider.answer(urlsplit(self.path).path, _first(body)))

    def _send(self, status: int, document: Any) -> None:
        body = b"" if status == 302 else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        if status == 302:
            self.send_header("location", document)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _first(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def provider() -> Iterator[Provider]:
    """One that answers while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {}))
    made = Provider(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass.provider = made  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
