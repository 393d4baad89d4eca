"""What is sent in bad faith changes nothing and shows nothing it should not."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.serving.console.conftest import LANGUAGES, Open, score, unfold
from tests.support.servers import Server

FORM = {"content-type": "application/x-www-form-urlencoded"}
PARTS = {"content-type": "multipart/form-data; boundary=x"}
GOOD_AUDIENCE = "segment=loyal&format=csv"
SCRIPTS = [
    "<script>window.hit=1</script>",
    '"><img src=x onerror=window.hit=1>',
    "</textarea><script>window.hit=1</script>",
    "{{ 7*7 }}{% raw %}",
    "javascript:window.hit=1",
    "\u202e<svg onload=window.hit=1>",
    "\ud83d\ude00\u200b\u0000A\u0301\ufeff",
]


@pytest.mark.parametrize("text", SCRIPTS)
def test_nothing_posted_becomes_part_of_the_page(
    server: Server, open_page: Open, profile: dict[str, Any], text: str
) -> None:
    """An id, a value or a feature's name is shown as the text it is, and never runs."""
    seen = open_page(server, "/console/customer")
    features = {**profile["features"], "canal d'achat": text}
    score(seen, {"customer_id": text, "features": features})
    shown = seen.page.locator("h1").text_content() or ""

    assert seen.page.evaluate("window.hit") is None
    assert "49" not in shown
    assert [one for one in shown if one in "<>{}"] == [one for one in text if one in "<>{}"]
    seen.page.goto(f"{server.url}/console/customer")
    score(seen, {"customer_id": "c", "features": {**profile["features"], text: 1}})
    assert seen.page.evaluate("window.hit") is None


def bad(body: bytes | str, headers: dict[str, str], path: str = "/console/customer", *, status: int) -> Any:
    """A request and what must come of it."""
    return pytest.param(path, body, headers, status, id=f"{status}-{len(body)}-{path.rpartition('/')[2]}")


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        bad("profile=" + "x" * 10_000_000, FORM, status=413),
        bad("profile=%7B%7D", {**FORM, "origin": "https://evil.example"}, status=403),
        bad("profile=%7B%7D", {**FORM, "sec-fetch-site": "cross-site"}, status=403),
        bad("leave=", {**FORM, "origin": "null"}, "/console/", status=403),
        bad("{}", {"content-type": "application/json"}, status=415),
        bad("profile=%ff%fe", FORM, status=400),
        bad("&".join(f"a{n}=1" for n in range(5000)), FORM, status=400),
        bad(urlencode({"profile": "[" * 100_000}), FORM, status=400),
        bad(urlencode({"profile": '{"a": NaN}'}), FORM, status=400),
        bad(urlencode({"profile": '{"a": 1, "a": 2}'}), FORM, status=400),
        bad(urlencode({"profile": json.dumps({"profiles": [{}] * 5000})}), FORM, status=422),
        bad(urlencode({"profile": '{"profiles": [{}], "use_cases": ["../../etc"]}'}), FORM, status=404),
        bad("--x\r\nno file here\r\n\r\n{}\r\n--x--\r\n", PARTS, "/console/upload", status=400),
        bad(
            b'--x\r\ncontent-disposition: form-data; filename="a"\r\n\r\n\xff\xfe\r\n--x--\r\n',
            PARTS,
            "/console/upload",
            status=400,
        ),
        bad(b"", PARTS, "/console/upload", status=400),
        bad(b"", PARTS, "/console/customers-file", status=400),
        bad(b"", {**PARTS, "origin": "https://evil.example"}, "/console/customers-file", status=403),
        bad("--x\r\nfilename=\r\n\r\n" + "a;b\r\n" * 2_000_000, PARTS, "/console/customers-file", status=413),
        bad("file=%2e%2e", FORM, "/console/scored-file", status=400),
        bad("format=../../x", FORM, "/console/scored-file", status=400),
        bad("file=YTti", FORM, "/console/scored-file", status=422),
        bad(urlencode({"profile": "{}", "set.purchases_90d": "nan"}), FORM, "/console/what-if", status=200),
        bad(GOOD_AUDIENCE, {**FORM, "origin": "https://evil.example"}, "/console/audience", status=403),
        bad(GOOD_AUDIENCE, {**FORM, "sec-fetch-site": "same-site"}, "/console/segments", status=403),
        bad("segment=../../etc/passwd&format=csv", FORM, "/console/audience", status=400),
        bad("segment=loyal&format=csv%0d%0ax-evil:1", FORM, "/console/audience", status=400),
        bad("segment=%3Cscript%3E&format=csv", FORM, "/console/segments", status=400),
        bad("", FORM, "/console/audience", status=400),
        bad(GOOD_AUDIENCE, {"content-type": "text/plain"}, "/console/audience", status=415),
        bad("segment=loyal&format=" + "x" * 10_000_000, FORM, "/console/audience", status=413),
    ],
)
def test_a_bad_form_is_refused(
    client: httpx.Client, path: str, body: bytes | str, headers: dict[str, str], status: int
) -> None:
    """Each with its own status, none with a 500, none repeating what was sent."""
    answer = client.post(path, content=body, headers=headers)

    assert answer.status_code == status
    assert "evil.example" not in answer.text
    assert "Traceback" not in answer.text


def test_a_wrong_token_or_a_forged_session_opens_nothing_more(client: httpx.Client) -> None:
    """Where no keys are asked for they are simply not looked at."""
    forged = {"authorization": "Bearer pnc_wrong", "cookie": "penchant=admin.99999999999.0000"}

    assert client.get("/console/", headers=forged).text == client.get("/console/").text


def test_what_if_sets_only_what_the_use_case_allows(client: httpx.Client, profile: dict[str, Any]) -> None:
    """A forged field changes nothing; NaN, infinity and a fraction of a count are refused."""
    fields = {"profile": json.dumps(profile), "set.days_since_purchase": "1", "set.__proto__": "x"}
    plain = client.post("/console/what-if", data={"profile": json.dumps(profile)}, headers={"x-part": "result"}).text
    forged = client.post("/console/what-if", data=fields, headers={"x-part": "result"}).text

    assert forged == plain
    for value in ("nan", "inf", "2.5", "-1", "1e999", "٣٣", "0x1"):
        told = client.post(
            "/console/what-if", data={**fields, "set.purchases_90d": value}, headers={"x-part": "result"}
        )
        assert 'role="alert"' in told.text


def test_a_bad_paste_is_told_to_a_person_in_the_page(server: Server, open_page: Open) -> None:
    """The text stays in the form, to be mended."""
    seen = open_page(server, "/console/customer", language="fr")
    unfold(seen)
    seen.page.fill("#profile", "{oups")
    seen.page.click("#content form:has(#profile) button")
    seen.page.wait_for_selector("[role=alert]")

    assert "JSON strict" in seen.page.inner_text("[role=alert]")
    assert seen.page.input_value("#profile") == "{oups"


def test_a_rule_without_words_is_told_as_it_is(client: httpx.Client) -> None:
    """No key of our own texts ever stands on a page."""
    history = {"customer_id": "h", "as_of": "1998-07-01T00:00:00Z", "events": [{"nothing": 1}]}
    page = client.post("/console/customer?language=fr", data={"profile": json.dumps(history)}).text

    assert "note_" not in page
    assert "no_events" not in page


def test_an_audience_is_never_an_address(client: httpx.Client) -> None:
    """A link can fetch none: it is posted, from the console's own page, and nothing keeps a copy on the way."""
    fetched = client.get(f"/console/audience?{GOOD_AUDIENCE}")
    posted = client.post("/console/audience", content=GOOD_AUDIENCE, headers=FORM)

    assert fetched.status_code == 405
    assert posted.status_code == 200
    assert posted.headers["cache-control"] == "no-store"
    assert posted.headers["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_id_typed_stands_nowhere_but_on_the_page(server: Server, open_page: Open, language: str) -> None:
    """Not in an address, a title, the browser's history or referrer, a cookie, a metric or the server's log."""
    typed = "Planted 7391-\u00e9 <b>"
    seen = open_page(server, "/console/customer", language=language)
    for kind in ("#customer-id", "#profile"):
        seen.page.goto(f"{server.url}/console/customer")
        unfold(seen)
        seen.page.fill(kind, typed if kind == "#customer-id" else json.dumps({"customer_id": typed, "features": {}}))
        seen.page.locator(kind).locator("xpath=ancestor::form").locator("button").click()
        seen.page.wait_for_selector("[role=status], [role=alert]")
        assert seen.page.locator("h1").inner_text() == typed
        assert "7391" not in seen.page.title() + seen.page.url
        seen.page.click("nav a >> nth=0")
        assert "7391" not in str(
            seen.page.evaluate("[document.referrer, document.cookie, JSON.stringify(history.state)]")
        )

    with server.client() as client:
        assert "7391" not in client.get("/metrics").text
    assert "7391" not in "".join(seen.asked) + server.written()
