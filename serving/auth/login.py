"""Signing in to the console: the same keys as the API's, typed once, kept by the browser as a session."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qs

from serving.auth.gate import COOKIE, Gate, cookie_of
from serving.auth.sessions import SCOPES, SECONDS
from serving.http.problems import FOREIGN_ORIGIN, Problem
from serving.http.reply import Reply

SIGN_IN = "/console/sign-in"
_TEXTS = {
    "en": ("Sign in", "API key", "The key needs the scopes score and explain.", "This key does not open the console."),
    "fr": ("Connexion", "Clé d'API", "La clé doit avoir les portées score et explain.", "Cette clé ne convient pas."),
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
{notice}<form method="post" action="{action}">
<p><label for="key">{label}</label></p>
<p id="hint">{hint}</p>
<p><input id="key" name="key" type="password" autocomplete="off" aria-describedby="hint" required></p>
<p><button type="submit">{title}</button></p>
</form>
</main>
</body>
</html>
"""


def to_sign_in() -> Reply:
    """Where a browser without a session is sent."""
    return Reply(303, headers=[(b"location", SIGN_IN.encode())])


def form(headers: Mapping[bytes, bytes], *, refused: bool = False) -> Reply:
    """The page that asks for a key."""
    language = "fr" if headers.get(b"accept-language", b"").lower().startswith(b"fr") else "en"
    title, label, hint, no = (escape(text) for text in _TEXTS[language])
    notice = f'<p class="notice bad" role="alert">{no}</p>\n' if refused else ""
    page = _PAGE.format(language=language, title=title, label=label, hint=hint, notice=notice, action=SIGN_IN)
    own = [(b"content-language", language.encode()), (b"vary", b"accept-language")]
    return Reply(403 if refused else 200, page.encode(), b"text/html; charset=utf-8", own)


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
        return form(headers, refused=True)
    guards = f"Path=/; Max-Age={SECONDS}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"
    cookie = f"{COOKIE}={gate.sessions.begin(key)}; {guards}"
    return Reply(303, headers=[(b"location", b"/console/"), (b"set-cookie", cookie.encode())])


def sign_out(gate: Gate, headers: Mapping[bytes, bytes]) -> Reply:
    """Ends the browser's session, for whoever may have kept its cookie too."""
    session = cookie_of(headers)
    if session:
        gate.sessions.end(session)
    cookie = f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
    return Reply(303, headers=[(b"location", b"/console/"), (b"set-cookie", cookie.encode())])


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
