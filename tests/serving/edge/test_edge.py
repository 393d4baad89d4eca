"""What no request may do: each bad input, on each route, gives a problem that names the rule; never a 500."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.answers import is_problem
from tests.support.servers import Server

SCORES, EXPLANATIONS = "/v1/scores", "/v1/explanations"
BOTH = pytest.mark.parametrize("path", [SCORES, EXPLANATIONS])
DEEP = b"[" * 40 + b"]" * 40


def post(client: httpx.Client, path: str, body: bytes, **headers: str) -> httpx.Response:
    """Posts bytes as JSON; underscores in names of headers become hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, content=body, headers={"Content-Type": "application/json", **named})


def valid(path: str, profile: dict[str, Any], /, **changes: Any) -> dict[str, Any]:
    """A body that the route answers, changed."""
    body: dict[str, Any] = {"profiles": [profile]} if path == SCORES else {"use_case": "churn", "profile": profile}
    return {**body, **changes}


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{",
        b'{"profiles": [NaN]}',
        b'{"profiles": [Infinity]}',
        b'{"profiles": [-Infinity]}',
        b'{"profiles": [1e400]}',
        b'{"profiles": [-1e400]}',
        b'{"profiles": [' + b"9" * 400 + b"]}",
        b'{"profiles": [-' + b"9" * 5000 + b"]}",
        b'{"profiles": ["\\ud800"]}',
        b'{"\\udfff": 1}',
        b'{"profiles": ["\xff"]}',
        b'{"profiles": ["\xed\xa0\x80"]}',
        b'\xef\xbb\xbf{"profiles": []}',
        b'{"profiles": [], "profiles": []}',
        b'{"profiles": [{"features": {"a": 1, "a" : 2}}]}',
        b'{"profiles": [{"features": {"a": 1, "\\u0061": 2}}]}',
        b'{"profiles": [01]}',
        b'{"profiles": [1,]}',
        b"{'profiles': []}",
        b'{"profiles": []} x',
        b'{"profiles": ["\x01"]}',
        b'{"profiles": ' + DEEP + b"}",
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_a_body_that_is_not_strict_json_is_refused(client: httpx.Client, path: str, body: bytes) -> None:
    """Whatever two readers could understand differently is a 400."""
    is_problem(post(client, path, body), 400, "not-json")


@pytest.mark.parametrize(
    "text",
    ['say "so": yes', '\\": ', "1" * 400, '": ": ', "{[" * 50],
    ids=["colon", "escaped", "digits", "colons", "brackets"],
)
def test_text_that_looks_like_json_is_only_text(client: httpx.Client, profile: dict[str, Any], text: str) -> None:
    """Quotes, colons, brackets and long runs of digits inside a value are no reason to refuse it."""
    odd = {"customer_id": text, "features": {**profile["features"], "canal d'achat": text}}

    answer = client.post(SCORES, json={"use_cases": ["churn"], "profiles": [odd]})

    assert answer.status_code == 200
    assert answer.json()["results"][0]["customer_id"] == text.strip()  # as ids are read
    assert answer.json()["results"][0]["scores"]["churn"]["warnings"][0]["code"] == "unseen_category"


@pytest.mark.parametrize(
    "changes",
    [
        {"profiles": []},
        {"profiles": {}},
        {"profiles": None},
        {"profiles": "c1"},
        {"profiles": [{}] * 1001},
        {"use_cases": []},
        {"use_cases": "churn"},
        {"use_cases": [1]},
        {"use_cases": ["churn", "churn"]},
        {"reasons": True},
        {"reasons": -1},
        {"reasons": 21},
        {"reasons": 1.5},
        {"reasons": 10**30},
        {"reasons": -0.5},
        {"reasons": "3"},
        {"reasons": None},
        {"reasons": [3]},
        {"language": "de"},
        {"language": None},
        {"language": ["en"]},
        {"extra": 1},
    ],
    ids=str,
)
def test_a_scores_request_of_the_wrong_shape_names_the_rule(
    client: httpx.Client, profile: dict[str, Any], changes: dict[str, Any]
) -> None:
    """The field that breaks a rule stands in `errors`."""
    problem = is_problem(client.post(SCORES, json=valid(SCORES, profile, **changes)), 422, "invalid-request")

    field = next(iter(changes))
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {"use_case": None},
        {"use_case": 1},
        {"use_case": ["churn"]},
        {"profile": None},
        {"profile": []},
        {"language": "FR"},
        {"reasons": 3},
    ],
    ids=str,
)
def test_an_explanation_request_of_the_wrong_shape_names_the_rule(
    client: httpx.Client, profile: dict[str, Any], changes: dict[str, Any]
) -> None:
    """The field that breaks a rule stands in `errors`."""
    answer = client.post(EXPLANATIONS, json=valid(EXPLANATIONS, profile, **changes))

    assert is_problem(answer, 422, "invalid-request")["errors"]


@BOTH
@pytest.mark.parametrize("body", [b"null", b"1", b'"text"', b"[]", b"true", b"{}"])
def test_a_body_that_is_no_request_is_refused(client: httpx.Client, path: str, body: bytes) -> None:
    """JSON that is not an object with the required keys is a 422."""
    is_problem(post(client, path, body), 422, "invalid-request")


def test_every_broken_rule_is_told_at_once(client: httpx.Client) -> None:
    """Three faults in one request are three errors."""
    answer = client.post(SCORES, json={"profiles": [], "reasons": True, "language": "xx"})

    problem = is_problem(answer, 422, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == ["reasons", "language", "profiles"]


@pytest.mark.parametrize(
    "changes",
    [
        {"days_since_purchase": "12"},
        {"days_since_purchase": True},
        {"days_since_purchase": 1e39},
        {"days_since_purchase": -1},
        {"purchases_90d": 1.5},
        {"purchases_90d": 10**300},
        {"subscribed": 1},
        {"subscribed": "yes"},
        {"joined on": "yesterday"},
        {"joined on": 12},
        {"canal d'achat": 3},
        {"canal d'achat": ["web"]},
        {"canal d'achat": {"a": {}}},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_bad_value_makes_its_row_invalid_and_an_explanation_a_422(
    client: httpx.Client, profile: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Both name the feature; the row's neighbours are scored."""
    bad = {"customer_id": "c2", "features": {**profile["features"], **changes}}

    results = client.post(SCORES, json={"use_cases": ["churn"], "profiles": [bad, profile]}).json()["results"]
    problem = is_problem(client.post(EXPLANATIONS, json={"use_case": "churn", "profile": bad}), 422, "invalid-profile")

    told = results[0]["scores"]["churn"]
    assert (told["status"], told["errors"][0]["feature"]) == ("invalid", next(iter(changes)))
    assert results[1]["scores"]["churn"]["status"] == "scored"
    assert problem["errors"][0]["feature"] == next(iter(changes))


@pytest.mark.parametrize("feature", ["days_since_purchase", "joined on"])
def test_a_missing_feature_is_not_a_null(client: httpx.Client, profile: dict[str, Any], feature: str) -> None:
    """A feature that is left out makes the row invalid, one that is null does not."""
    lacking = {name: value for name, value in profile["features"].items() if name != feature}
    rows = [{"customer_id": "a", "features": lacking}, {"customer_id": "b", "features": {**lacking, feature: None}}]

    results = client.post(SCORES, json={"use_cases": ["propensity"], "profiles": rows}).json()["results"]

    assert results[0]["scores"]["propensity"]["errors"][0]["code"] == "missing_feature"
    assert results[1]["scores"]["propensity"]["status"] in ("scored", "not_eligible")


@BOTH
def test_an_unknown_use_case_is_a_404(client: httpx.Client, profile: dict[str, Any], path: str) -> None:
    """It names those that are served, and not what was asked."""
    asked = {"use_cases": ["churn", "nope-1"]} if path == SCORES else {"use_case": "nope-1"}

    answer = client.post(path, json=valid(path, profile, **asked))

    assert "churn, propensity" in is_problem(answer, 404, "unknown-use-case")["detail"]
    assert "nope-1" not in answer.text


@pytest.mark.parametrize("path", ["/nowhere", "/v1", "/v1/score", "/healthz", "/docs.json", "/%00"])
def test_a_path_that_does_not_exist_is_a_404(client: httpx.Client, path: str) -> None:
    """Also BentoML's own pages, which load what they need from elsewhere."""
    is_problem(client.get(path), 404, "not-found")


def test_a_use_case_that_is_not_served_is_a_404(client: httpx.Client) -> None:
    """Its page and its report too."""
    is_problem(client.get("/v1/use-cases/nope"), 404, "unknown-use-case")
    is_problem(client.get("/v1/use-cases/nope/report"), 404, "unknown-use-case")
    is_problem(client.get("/v1/use-cases/..%2F..%2Fetc"), 404, "not-found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
@BOTH
def test_a_wrong_method_comes_before_a_wrong_media_type(client: httpx.Client, path: str, method: str) -> None:
    """405 with the methods that are allowed."""
    answer = client.request(method, path, headers={"Content-Type": "text/plain"})

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
    if method != "HEAD":
        is_problem(answer, 405, "method-not-allowed")


@pytest.mark.parametrize("path", ["/v1/use-cases", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/"])
def test_a_page_that_is_read_is_not_posted_to(client: httpx.Client, path: str) -> None:
    """405 with the methods that are allowed."""
    answer = client.post(path, json={})

    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@BOTH
@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/vnd.bentoml+pickle",
        "application/json; charset=latin-1",
        "application/jsonx",
        "",
    ],
)
def test_only_json_is_read(client: httpx.Client, path: str, kind: str) -> None:
    """Any other media type is a 415 that says what is taken."""
    answer = client.post(path, content=b"{}", headers={"Content-Type": kind})

    is_problem(answer, 415, "unsupported-media-type")
    assert answer.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
def test_json_in_utf8_is_read(client: httpx.Client, profile: dict[str, Any], kind: str) -> None:
    """The charset may be told, in any case."""
    body = json.dumps({"profiles": [profile]}).encode()

    assert client.post(SCORES, content=body, headers={"Content-Type": kind}).status_code == 200


def test_a_slash_at_the_end_makes_no_difference(client: httpx.Client, profile: dict[str, Any]) -> None:
    """Neither for calls nor for pages."""
    assert client.post("/v1/scores/", json={"profiles": [profile]}).status_code == 200
    assert client.get("/v1/use-cases/churn/").json() == client.get("/v1/use-cases/churn").json()
    assert client.get("/console").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/v1/use-cases", "/v1/use-cases/churn", "/docs"])
def test_head_tells_what_get_would_send(client: httpx.Client, path: str) -> None:
    """The same status and headers, and no body."""
    head, get = client.head(path), client.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    if path != "/metrics":
        assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(("path", "allow"), [(SCORES, "POST, OPTIONS"), ("/livez", "GET, HEAD, OPTIONS")])
def test_options_names_the_methods(client: httpx.Client, path: str, allow: str) -> None:
    """204 without a body; no origin is let in unless a setting does."""
    answer = client.options(path, headers={"Origin": "https://crm.example", "Access-Control-Request-Method": "POST"})

    assert (answer.status_code, answer.content, answer.headers["allow"]) == (204, b"", allow)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_gzip_goes_both_ways(client: httpx.Client, profile: dict[str, Any]) -> None:
    """A packed body is read as the plain one, and a large answer is packed where the caller takes it."""
    body = json.dumps({"profiles": [profile] * 20}).encode()

    packed = post(client, SCORES, gzip.compress(body), Content_Encoding="gzip", Accept_Encoding="gzip")
    plain = post(client, SCORES, body, Accept_Encoding="identity")
    unwanted = post(client, SCORES, body, Accept_Encoding="gzip;q=0")

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in unwanted.headers
    assert packed.json()["results"] == plain.json()["results"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"not gzip", 400, "bad-encoding"),
        (gzip.compress(b"{}")[:-4], 400, "bad-encoding"),
        (gzip.compress(b"{}") + b"more", 400, "bad-encoding"),
        (gzip.compress(b"{}") + gzip.compress(b"{}"), 400, "bad-encoding"),
        (gzip.compress(b" " * (9 * 1024 * 1024)), 413, "body-too-large"),
        (gzip.compress(gzip.compress(b"{}")), 400, "not-json"),
    ],
    ids=["plain", "truncated", "trailing", "two", "bomb", "twice"],
)
def test_a_packed_body_is_one_whole_stream_within_the_limit(
    client: httpx.Client, body: bytes, status: int, code: str
) -> None:
    """Whatever else claims to be gzip is refused, a bomb before it is unpacked."""
    is_problem(post(client, SCORES, body, Content_Encoding="gzip"), status, code)


def test_another_packing_is_not_read(client: httpx.Client) -> None:
    """415, with the one that is."""
    answer = post(client, SCORES, b"{}", Content_Encoding="br")

    is_problem(answer, 415, "unsupported-media-type")
    assert answer.headers["accept-encoding"] == "gzip"


def test_a_body_past_the_limit_is_refused_by_its_declared_length(client: httpx.Client) -> None:
    """Before it is read."""
    is_problem(post(client, SCORES, b" " * (8 * 1024 * 1024 + 1)), 413, "body-too-large")


def test_a_body_past_the_limit_is_refused_while_it_streams(client: httpx.Client) -> None:
    """A chunked body declares no length; it is counted."""

    def chunks() -> Iterator[bytes]:
        yield from (b" " * 65536 for _ in range(160))

    answer = client.post(SCORES, content=chunks(), headers={"Content-Type": "application/json"})

    is_problem(answer, 413, "body-too-large")


@pytest.mark.parametrize("given", ["abc-123", "A.b_c", "0" * 64])
def test_a_request_id_is_kept(client: httpx.Client, given: str) -> None:
    """In the header and, where there is one, in the body."""
    answer = client.get("/nowhere", headers={"X-Request-ID": given})

    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "a b", "é".encode(), "a" * 65, "-a", 'a"b', "<script>", "jane@example.com"])
def test_a_request_id_that_could_hurt_a_log_is_replaced(client: httpx.Client, given: str | bytes) -> None:
    """By one of our own."""
    answer = client.get("/livez", headers=[(b"X-Request-ID", given if isinstance(given, bytes) else given.encode())])

    assert len(answer.headers["x-request-id"]) == 32


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/console/", "/docs", SCORES])
def test_every_answer_guards_the_browser(client: httpx.Client, path: str) -> None:
    """Security headers, a strict policy, no trace of the server's software; also on errors."""
    answer = client.get(path)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none';")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 nonsense\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /v1/scores HTTP/1.1\r\nHost: [::1]\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/scores HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=["no line", "no header", "no length", "two lengths"],
)
def test_bytes_that_are_no_request_are_a_problem_of_their_own_connection(
    server: Server, client: httpx.Client, sent: bytes
) -> None:
    """A 400 in our words, an end to the connection, and nobody else notices."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as raw:
        raw.sendall(sent)
        told = b"".join(iter(lambda: raw.recv(65536), b""))
    head, _, body = told.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    is_problem(httpx.Response(400, headers=headers, content=body), 400, "bad-request")
    assert client.get("/livez").status_code == 200


def test_a_client_that_leaves_early_does_not_hurt_the_next(server: Server, client: httpx.Client) -> None:
    """Half a body and a closed connection are logged as 499 and forgotten."""
    address = urlsplit(server.url)
    head = b"POST /v1/scores HTTP/1.1\r\nHost: [::1]\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    with socket.create_connection((address.hostname, address.port), timeout=5) as raw:
        raw.sendall(head)

    assert client.get("/livez").status_code == 200
    assert "internal-error" not in server.written()
