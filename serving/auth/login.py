"""Signing in to the console: by a key of the API, typed once, or by name at an identity provider; then a session."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qs

from serving.auth.api_keys import ApiKey
from serving.auth.gate import COOKIE, Gate, cookie_of
from serving.auth.identity_provider import SECONDS as AWAY_SECONDS
from serving.auth.identity_provider import SignInFailedError, SigningIn
from serving.auth.sessions import SCOPES, SECONDS
from serving.http.problems import FOREIGN_ORIGIN, NOT_ALLOWED, NOT_FOUND, Problem
from serving.http.reply import Reply
from serving.telemetry import logs

SIGN_IN = "/console/sign-in"
SIGN_IN_START, SIGN_IN_BACK = f"{SIGN_IN}/start", f"{SIGN_IN}/back"
_AWAY = "penchant-away"  # the cookie of a browser that is at the provider
_TEXTS = {
    "en": ("Sign in", "API key", "The key needs the scopes score and explain.", "This key does not open the console."),
    "fr": ("Connexion", "Clé d'API", "La clé doit avoir les portées score et explain.", "Cette clé ne convient pas."),
}
_BY_NAME = {
    "en": ("Sign in by name", "Nobody was signed in", "Signed in", "Go on"),
    "fr": ("Connexion par votre compte", "Personne n'a été connecté", "Connexion faite", "Continuer"),
}
_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} — Penchant</title>
<link rel="stylesheet" href="/console/style.css">
<link rel="icon" href="/console/icon.svg" type="image/svg+xml">
</head>
<body>
<main class="wide">
<h1>Penchant</h1>
{notice}{by_name}<form method="post" action="{action}">
<p><label for="key">{label}</label></p>
<p id="hint">{hint}</p>
<p><input id="key" name="key" type="password" autocomplete="off" aria-describedby="hint" required></p>
<p><button type="submit">{title}</button></p>
</form>
</main>
</body>
</html>
"""


_DONE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url=/console/">
<title>{done} — Penchant</title>
<link rel="stylesheet" href="/console/style.css">
</head>
<body>
<main class="wide"><h1>{done}</h1><p><a href="/console/">{go_on}</a></p></main>
</body>
</html>
"""
_OVER = f"{_AWAY}=; Path={SIGN_IN}; Max-Age=0; HttpOnly; SameSite=Lax".encode()


def to_sign_in() -> Reply:
    """Where a browser without a session is sent."""
    return Reply(303, headers=[(b"location", SIGN_IN.encode())])


def form(gate: Gate, headers: Mapping[bytes, bytes], *, refused: bool = False, failed: str | None = None) -> Reply:
    """The page that asks for a key, and leads to the identity provider where there is one.

    Args:
        gate: Who is admitted.
        headers: Of the request.
        refused: Whether a key was posted that does not open the console.
        failed: The code by which somebody was not signed in by name.
    """
    language = "fr" if headers.get(b"accept-language", b"").lower().startswith(b"fr") else "en"
    named, nobody, _, _ = (escape(text) for text in _BY_NAME[language])
    title, label, hint, no = (escape(text) for text in _TEXTS[language])
    notice = f'<p class="notice bad" role="alert">{no}</p>\n' if refused else ""
    if failed is not None:
        notice = f'<p class="notice bad" role="alert">{nobody} ({escape(failed)}).</p>\n'
    by_name = f'<p><a class="button" href="{SIGN_IN_START}">{named}</a></p>\n' if gate.provider else ""
    facts = {"label": label, "hint": hint, "notice": notice, "by_name": by_name, "action": SIGN_IN}
    page = _PAGE.format(language=language, title=title, **facts)
    own = [(b"content-language", language.encode()), (b"vary", b"accept-language")]
    return Reply(403 if refused or failed else 200, page.encode(), b"text/html; charset=utf-8", own)


def enter(gate: Gate, headers: Mapping[bytes, bytes], body: bytes, *, secure: bool) -> Reply:
    """Opens a session where the posted key is good for the console.

    The cookie is out of reach of scripts and of other sites, and of plain HTTP where the request came by HTTPS.

    Raises:
        Problem: Another site's page posted the form.
    """
    check_same_site(headers)
    posted = parse_qs(body[:4096].decode("utf-8", "replace"))
    key = gate.ring.find(posted.get("key", [""])[0].strip())
    if key is None or not key.scopes >= SCOPES:
        return form(gate, headers, refused=True)
    cookie = _session_cookie(gate.sessions.begin(key), secure=secure)
    return Reply(303, headers=[(b"location", b"/console/"), (b"set-cookie", cookie)])


async def start(gate: Gate, headers: Mapping[bytes, bytes]) -> Reply:
    """Sends a browser to the identity provider, with a cookie by which it is known when it comes back.

    That one is sent along from the provider's page (Lax), of ten minutes, and opens nothing.

    Raises:
        Problem: There is no provider.
    """
    if gate.provider is None:
        raise Problem(NOT_FOUND, "Nobody signs in by name here.")
    try:
        address, started = await gate.provider.begin()
    except SignInFailedError as error:
        return _failed(gate, headers, error)
    kept = gate.sessions.begin_signing_in(started)
    secure = (gate.sign_in.file.url or "").startswith("https") if gate.sign_in else True
    guards = f"Path={SIGN_IN}; Max-Age={AWAY_SECONDS}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
    return Reply(303, headers=[(b"location", address.encode()), (b"set-cookie", f"{_AWAY}={kept}; {guards}".encode())])


async def back(gate: Gate, headers: Mapping[bytes, bytes], query: bytes) -> Reply:
    """Opens a session for whoever the identity provider vouches for and has a role.

    The answer is a page that leads on, no redirect: the session's cookie is not sent along on one that began elsewhere.

    Raises:
        Problem: There is no provider.
    """
    if gate.provider is None or gate.sign_in is None:
        raise Problem(NOT_FOUND, "Nobody signs in by name here.")
    asked = {name: values[0] for name, values in parse_qs(query[:8192].decode("latin-1")).items()}
    kept = gate.sessions.signing_in(cookie_of(headers, _AWAY) or "", seconds=AWAY_SECONDS)
    try:
        if kept is None or len(kept) != len(SigningIn._fields):
            raise SignInFailedError("state")
        if "error" in asked:
            raise SignInFailedError("provider_refused")
        name, roles = await gate.provider.finish(SigningIn(*kept), asked.get("state", ""), asked.get("code", ""))
    except SignInFailedError as error:
        return _failed(gate, headers, error)
    logs.write("signed_in", roles=list(roles))
    secure = (gate.sign_in.file.url or "").startswith("https")
    session = _session_cookie(gate.sessions.begin_person(name, roles, gate.sign_in), secure=secure)
    language = "fr" if headers.get(b"accept-language", b"").lower().startswith(b"fr") else "en"
    _, _, done, go_on = (escape(text) for text in _BY_NAME[language])
    page = _DONE.format(language=language, done=done, go_on=go_on).encode()
    return Reply(200, page, b"text/html; charset=utf-8", [(b"set-cookie", session), (b"set-cookie", _OVER)])


def _failed(gate: Gate, headers: Mapping[bytes, bytes], error: SignInFailedError) -> Reply:
    logs.write("sign_in_failed", level="warning", code=error.code)
    reply = form(gate, headers, failed=error.code)
    reply.headers.append((b"set-cookie", _OVER))
    return reply


def _session_cookie(session: str, *, secure: bool) -> bytes:
    guards = f"Path=/; Max-Age={SECONDS}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"
    return f"{COOKIE}={session}; {guards}".encode()


def sign_out(gate: Gate, headers: Mapping[bytes, bytes]) -> Reply:
    """Ends the browser's session, for whoever may have kept its cookie too."""
    session = cookie_of(headers)
    if session:
        gate.sessions.end(session)
    cookie = f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
    return Reply(303, headers=[(b"location", b"/console/"), (b"set-cookie", cookie.encode())])


def check_role(key: ApiKey | None, template: str, headers: Mapping[bytes, bytes], *, posted: bool) -> None:
    """Refuses a page that the roles of a person do not open, and a form of another site: a proxy vouches for both.

    Raises:
        Problem: A 403.
    """
    if key is None or key.pages is None:
        return
    if not key.opens(template):
        raise Problem(NOT_ALLOWED, "The role does not open this page.")
    if posted:
        check_same_site(headers)


def check_same_site(headers: Mapping[bytes, bytes]) -> None:
    """Refuses a form that another site's page posted.

    Raises:
        Problem: A 403.
    """
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    foreign = site not in (None, b"same-origin", b"none")
    if origin is not None:
        foreign = foreign or origin.partition(b"://")[2] != headers.get(b"host")
    if foreign:
        raise Problem(FOREIGN_ORIGIN, "The form must be posted from the console's own page.")
