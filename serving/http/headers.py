"""Headers that keep a browser from doing what no page of ours needs."""

from __future__ import annotations

from collections.abc import Mapping

from serving.http.reply import Headers, Reply

_ALWAYS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
_NOTHING = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGES = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'"
)
# A report is one file that carries its own style and drawings; it runs nothing and sends nothing.
_REPORT = (
    b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'; sandbox"
)
_SENT = b"authorization, content-type, content-encoding, x-request-id, idempotency-key"
REPORT_ROUTE = "/v1/use-cases/{name}/report"


def guard_headers(reply: Reply, template: str) -> Headers:
    """The headers of every answer, and a content security policy as strict as its kind allows."""
    policy = _NOTHING
    if reply.content_type.startswith(b"text/html"):
        policy = _REPORT if template == REPORT_ROUTE else _PAGES
    sent = [*_ALWAYS, (b"content-security-policy", policy)]
    if not any(name == b"cache-control" for name, _ in reply.headers):
        sent.append((b"cache-control", b"no-store"))
    return sent


def cors_headers(
    headers: Mapping[bytes, bytes], method: str, allowed: tuple[str, ...], own: Mapping[bytes, bytes]
) -> Headers:
    """What a page of an allowed origin may do; nothing for any other."""
    origin = headers.get(b"origin")
    if not allowed:
        return []
    if origin is None or origin.decode("latin-1") not in allowed:
        return [(b"vary", b"origin")]
    sent = [
        (b"vary", b"origin"),
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"x-request-id, retry-after, etag, idempotency-replayed"),
    ]
    if method == "OPTIONS" and b"access-control-request-method" in headers:
        sent += [
            (b"access-control-allow-methods", own.get(b"allow", b"GET, POST")),
            (b"access-control-allow-headers", _SENT),
            (b"access-control-max-age", b"600"),
        ]
    return sent
