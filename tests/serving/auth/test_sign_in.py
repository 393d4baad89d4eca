"""People who sign in by their own name: at an identity provider, or at a proxy that shows a secret."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from scoring.privacy.trail_check import checked_trail
from serving.auth.gate import Gate
from serving.auth.identity_provider import IdentityProvider, SignInFailedError
from serving.auth.roles import RIGHTS, Role
from serving.auth.sign_in_file import SignIn, SignInError, read_sign_in
from serving.edge.routes import ROUTES
from serving.settings import Settings
from tests.support.apart import run_apart
from tests.support.identity import CLIENT, SECRET, Provider, key_of, provider
from tests.support.servers import QUICK, Server, start, stop, until

ENVIRONMENT = {"IDP_SECRET": SECRET, "PROXY_SECRET": "a secret of this proxy"}
ROLES = """
[roles]
marketer = ["crm"]
analyst = ["data", "science"]
operator = ["it"]
data_protection = ["dpo"]
"""
PROXY = '[proxy]\nsecret_env = "PROXY_SECRET"\n'
SHOWN = {"X-Penchant-Proxy": ENVIRONMENT["PROXY_SECRET"]}


def oidc(url: str, issuer: str) -> str:
    """The section of a provider."""
    return f'url = "{url}"\n[oidc]\nissuer = "{issuer}"\nclient_id = "{CLIENT}"\nsecret_env = "IDP_SECRET"\n'


@pytest.fixture(scope="module")
def idp() -> Iterator[Provider]:
    """One for all tests; each says whom it vouches for."""
    with provider() as made:
        yield made


@pytest.fixture(scope="module")
def own(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of a home of its own, without keys."""
    folder = tmp_path_factory.mktemp("signed-in")
    running = start(shutil.copytree(home, folder / "home"), folder, {**QUICK, **ENVIRONMENT})
    yield running
    stop(running)


def vouches(idp: Provider, **claims: Any) -> None:
    """From now on, for somebody of whom it says this."""
    idp.claims, idp.algorithm, idp.signs, idp.kid, idp.issuer = claims, "RS256", None, "first", None


def configured(server: Server, text: str) -> None:
    """A server that has taken up a file, or its absence."""
    file = server.home / "sign-in.toml"
    with server.client() as client:
        file.unlink(missing_ok=True)  # the answer by the file before is no sign that the new one is read
        until(lambda: client.get("/v1/use-cases").status_code != 401)
        if text:
            (draft := file.with_suffix(".draft")).write_text(text)
            draft.replace(file)  # half a file is refused, which looks alike from outside
            until(lambda: client.get("/v1/use-cases").status_code == 401)


def signed_in(client: httpx.Client) -> httpx.Response:
    """A browser that goes to the provider and comes back; the last page."""
    there = client.get("/console/sign-in/start")
    assert there.status_code == 303, there.text
    back = httpx.get(there.headers["location"], trust_env=False).headers["location"]
    return client.get(back)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_somebody_signs_in_and_stands_in_the_trail_by_name(own: Server, idp: Provider, algorithm: str) -> None:
    """To the provider and back; pages by role; a card that is looked at is a line with their name; out again."""
    vouches(idp, email="ada@shop.example", groups=["data", "x"])
    idp.algorithm = algorithm
    configured(own, oidc(own.url, idp.url) + ROLES)
    with own.client() as client:
        asked = client.get("/console/")
        form = client.get("/console/sign-in").text
        done = signed_in(client)
        pages = {path: client.get(path).status_code for path in ("/console/", "/console/sources", "/v1/use-cases")}
        nav = client.get("/console/").text
        profile = client.get("/v1/use-cases/churn").json()["example"]["profiles"][0]
        card = client.post("/console/customer", data={"profile": json.dumps({**profile, "customer_id": "c77"})})
        client.post("/console/", data={"sign_out": ""})
        after = client.get("/console/").status_code

    assert (asked.status_code, asked.headers["location"]) == (303, "/console/sign-in")
    assert 'href="/console/sign-in/start"' in form
    assert (done.status_code, 'content="0; url=/console/"' in done.text) == (200, True)
    assert re.search(r"penchant=\S+; Path=/; Max-Age=28800; HttpOnly; SameSite=Strict", str(done.headers))
    assert pages == {"/console/": 200, "/console/sources": 403, "/v1/use-cases": 200}
    assert "/console/campaigns" in nav
    assert "/console/deliveries" not in nav
    assert card.status_code == 200
    assert after == 303
    assert "ada@" not in own.written()
    looks = [one.action for one in checked_trail(own.home).entries if one.action.what == "look"]
    assert looks[-1].by.who == "ada@shop.example"


def test_a_session_by_name_ends_with_its_provider(own: Server, idp: Provider) -> None:
    """Another client, or none: whoever signed in before has to again; a key of before opens the console still."""
    vouches(idp, email="ada@shop.example", groups="crm")
    configured(own, oidc(own.url, idp.url) + ROLES)
    with own.client() as client:
        signed_in(client)
        before = client.get("/console/customers").status_code
        (own.home / "sign-in.toml").write_text(oidc(own.url, idp.url).replace(CLIENT, "another") + ROLES)
        until(lambda: client.get("/console/").status_code == 303)

    assert before == 200


CLAIMS: Mapping[str, tuple[dict[str, Any], str]] = {
    "no role": ({"groups": ["sales"]}, "no_role"),
    "no group": ({"groups": None}, "no_role"),
    "no name": ({"email": None}, "no_name"),
    "an address that nobody checked": ({"email_verified": False}, "email_not_verified"),
    "of another provider": ({"iss": "https://elsewhere.example"}, "InvalidIssuerError"),
    "for another client": ({"aud": "another"}, "InvalidAudienceError"),
    "for several": ({"aud": [CLIENT, "another"]}, "another_client"),
    "given to another": ({"azp": "another"}, "another_client"),
    "of another sign-in": ({"nonce": "replayed"}, "nonce"),
    "expired": ({"exp": time.time() - 120}, "ExpiredSignatureError"),
    "of tomorrow": ({"iat": time.time() + 86_400}, "ImmatureSignatureError"),
    "issued long ago": ({"iat": time.time() - 3600}, "too_old"),
    "without an end": ({"exp": None}, "MissingRequiredClaimError"),
    "without a nonce": ({"nonce": None}, "MissingRequiredClaimError"),
}


def attempt(idp: Provider, tmp_path: Path, *, state: str | None = None, code: str | None = None) -> tuple[str, Any]:
    """Signs somebody in without a browser; returns name and roles."""
    (tmp_path / "sign-in.toml").write_text(oidc("http://127.0.0.1:1", idp.url) + ROLES)
    sign_in = read_sign_in(tmp_path, ENVIRONMENT)
    assert sign_in is not None
    assert sign_in.file.oidc is not None
    client = IdentityProvider(sign_in, sign_in.file.oidc)

    async def there_and_back() -> tuple[str, tuple[Role, ...]]:
        address, started = await client.begin()
        back = httpx.get(address, trust_env=False).headers["location"]
        given = dict(httpx.URL(back).params)
        return await client.finish(started, state or given["state"], given["code"] if code is None else code)

    return run_apart(there_and_back())


def test_whoever_is_vouched_for_has_the_roles_of_their_groups(idp: Provider, tmp_path: Path) -> None:
    """All of them; clocks may differ by a minute."""
    vouches(idp, email="ada@shop.example", groups=["science", "dpo"], exp=time.time() - 30)

    assert attempt(idp, tmp_path) == ("ada@shop.example", ("analyst", "data_protection"))


@pytest.mark.parametrize(("claims", "code"), CLAIMS.values(), ids=CLAIMS.keys())
def test_a_token_that_is_not_good_signs_nobody_in(
    idp: Provider, tmp_path: Path, claims: dict[str, Any], code: str
) -> None:
    """Each claim is looked at."""
    vouches(idp, **{"email": "ada@shop.example", "groups": ["crm"], **claims})

    with pytest.raises(SignInFailedError, match=f"^{code}$"):
        attempt(idp, tmp_path)


def test_a_token_that_the_provider_did_not_sign_signs_nobody_in(idp: Provider, tmp_path: Path) -> None:
    """By another key, by none, by a secret; of a key that is not published; by a provider that is not the one named."""
    good = {"email": "ada@shop.example", "groups": ["crm"]}
    refused = {}
    changed: Mapping[str, dict[str, Any]] = {
        "another key": {"signs": key_of("RS256", 1)},
        "no signature": {"signs": ""},
        "a shared secret": {"signs": SECRET * 2},
        "an unknown key": {"kid": "second"},
        "another issuer": {"issuer": "https://elsewhere.example"},
    }
    for name, changes in changed.items():
        vouches(idp, **good)
        for field, value in changes.items():
            setattr(idp, field, value)
        with pytest.raises(SignInFailedError) as failed:
            attempt(idp, tmp_path)
        refused[name] = failed.value.code
    vouches(idp, **good)
    with pytest.raises(SignInFailedError, match="state"):
        attempt(idp, tmp_path, state="of somebody else")
    with pytest.raises(SignInFailedError, match="provider_400"):
        attempt(idp, tmp_path, code="guessed")

    assert refused == {
        "another key": "InvalidSignatureError",
        "no signature": "algorithm",
        "a shared secret": "algorithm",
        "an unknown key": "unknown_key",
        "another issuer": "another_issuer",
    }


def test_a_browser_that_was_not_sent_away_does_not_come_back(own: Server, idp: Provider) -> None:
    """Without the cookie, with that of another, after the provider said no, or with the provider down."""
    vouches(idp, email="ada@shop.example", groups="crm")
    configured(own, oidc(own.url, idp.url) + ROLES)
    with own.client() as one, own.client() as other:
        address = one.get("/console/sign-in/start").headers["location"]
        back = httpx.get(address, trust_env=False).headers["location"]
        bare = other.get(back)
        other.get("/console/sign-in/start")
        foreign = other.get(back)
        no = one.get(f"/console/sign-in/back?error=access_denied&state={httpx.URL(back).params['state']}")
        (own.home / "sign-in.toml").write_text(oidc(own.url, "http://127.0.0.1:9") + ROLES)
        until(lambda: one.get("/console/sign-in/start").status_code == 403)
        pages = [client.get("/console/").status_code for client in (one, other)]

    assert [answer.status_code for answer in (bare, foreign, no)] == [403, 403, 403]
    assert pages == [303, 303]


def test_a_proxy_names_people_by_its_secret_alone(own: Server) -> None:
    """Without the secret its headers are as if they were not there; a form of another site is refused."""
    configured(own, PROXY + ROLES)
    named = {"X-Forwarded-User": "grace", "X-Forwarded-Groups": "x, dpo"}
    form = {"profile": "{}"}
    with own.client() as client:
        found = {
            "named": client.get("/console/customers", headers={**named, **SHOWN}).status_code,
            "no secret": client.get("/console/customers", headers=named).status_code,
            "wrong secret": client.get("/console/", headers={**named, "X-Penchant-Proxy": "guess"}).status_code,
            "no role": client.get("/console/", headers={**named, **SHOWN, "X-Forwarded-Groups": "x"}).status_code,
            "no name": client.get("/console/", headers={**named, **SHOWN, "X-Forwarded-User": ""}).status_code,
            "another role's": client.get("/console/example-file", headers={**named, **SHOWN}).status_code,
            "read": client.get("/v1/use-cases", headers={**named, **SHOWN}).status_code,
            "called": client.post("/v1/scores", json={}, headers={**named, **SHOWN}).status_code,
            "foreign": client.post(
                "/console/customer", data=form, headers={**named, **SHOWN, "Sec-Fetch-Site": "cross-site"}
            ).status_code,
        }

    assert found == {
        "named": 200,
        "no secret": 303,
        "wrong secret": 303,
        "no role": 303,
        "no name": 303,
        "another role's": 403,
        "read": 200,
        "called": 401,
        "foreign": 403,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        ROLES,
        PROXY,
        PROXY + "[roles]\nmarketer = []\n",
        PROXY + '[roles]\nchief = ["x"]\n',
        PROXY.replace("PROXY_SECRET", "NOT_SET") + ROLES,
        oidc("http://shop.example", "https://login.example") + ROLES,
        oidc("https://shop.example", "http://login.example") + ROLES,
        oidc("https://shop.example", "https://login.example") + PROXY + ROLES,
        oidc("https://shop.example", "https://login.example") + "skew = 3600\n" + ROLES,
        oidc("https://shop.example", "https://login.example") + 'scopes = ["email"]\n' + ROLES,
    ],
)
def test_a_broken_file_admits_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """It is named with what is wrong, and callers are asked who they are, as if it were whole."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "sign-in.toml").write_text(text)

    with pytest.raises(SignInError, match=r"sign-in\.toml"):
        read_sign_in(tmp_path)
    gate = Gate(Settings(home=tmp_path))
    assert (gate.asked, gate.sign_in) == (True, None)
    assert gate.admit_browser({b"x-forwarded-user": b"ada"}) == (None, False)


def test_a_provider_without_its_library_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that has it."""
    monkeypatch.setitem(sys.modules, "jwt", None)
    (tmp_path / "sign-in.toml").write_text(oidc("https://shop.example", "https://login.example") + ROLES)

    with pytest.raises(SignInError, match=r"extra oidc"):
        read_sign_in(tmp_path, ENVIRONMENT)


def test_roles_open_pages_that_there_are() -> None:
    """Each page of the console is one's, none is nobody's; only who handles rights saves a copy for a person."""
    templates = {route.template for route in ROUTES if route.needs == "console"}

    assert frozenset().union(*(one.pages for one in RIGHTS.values())) == templates
    assert [role for role, one in RIGHTS.items() if "/console/export" in one.pages] == ["data_protection"]
    assert [role for role, one in RIGHTS.items() if "/console/list" in one.pages] == ["marketer"]
    assert not any("/console/customer" in page for page in RIGHTS["operator"].pages)


def test_the_name_of_a_sign_in_is_its_own(tmp_path: Path) -> None:
    """Another secret, another mark: sessions of before are over."""
    (tmp_path / "sign-in.toml").write_text(PROXY + ROLES)
    one = read_sign_in(tmp_path, ENVIRONMENT)
    other = read_sign_in(tmp_path, {**ENVIRONMENT, "PROXY_SECRET": "another secret of it"})

    assert isinstance(one, SignIn)
    assert isinstance(other, SignIn)
    assert one.mark != other.mark
