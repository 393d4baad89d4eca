"""While there are no keys only this machine is answered, whatever a page or a proxy makes of its address."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.auth.api_keys import add_key
from serving.auth.gate import Gate
from serving.http.problems import FOREIGN_HOST, FOREIGN_ORIGIN, KEYLESS, Problem
from serving.settings import Settings
from tests.support.answers import is_problem
from tests.support.servers import Server

LOCAL, HERE = ("127.0.0.1", 3000), (b"host", b"127.0.0.1:3000")
EXPORT = "/v1/customers/export"
BODY = {"customer_ids": ["c1"]}


def refusal(gate: Gate, *headers: tuple[bytes, bytes], server: Any = LOCAL, call: bool = True) -> Any:
    """The kind of problem a caller meets; None where it is let in."""
    try:
        gate.check_caller(server, dict(headers), call=call)
    except Problem as problem:
        return problem.kind
    return None


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.0.4", "203.0.113.9", "2001:db8::1", "not an address"])
def test_without_keys_whoever_comes_to_a_reachable_address_is_refused(tmp_path: Path, address: str) -> None:
    """However the server was started: only a connection to loopback, or to a socket in the file system, is let in."""
    closed, opened = (Gate(Settings(home=tmp_path, open=word)) for word in (False, True))

    for server in (("127.0.0.1", 80), ("127.8.0.1", 80), ("::1", 80), ("/run/penchant.sock", None), None):
        assert refusal(closed, HERE, server=server) is None
    assert refusal(opened, HERE, server=(address, 80)) is None
    assert refusal(closed, HERE, server=(address, 80)) is KEYLESS


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST:1", "127.0.0.1:65535", "[::1]:3000"])
def test_the_names_of_loopback_are_this_server(tmp_path: Path, host: str) -> None:
    """With any port."""
    assert refusal(Gate(Settings(home=tmp_path)), (b"host", host.encode())) is None


STRANGERS = """evil.example evil.example:3000 127.0.0.1.evil.example localhost.evil.example localhost:80:80 ::1
127.0.0.1@evil.example [::1].evil.example localhost/ 0.0.0.0 localhost. [::1 :80 é"""


@pytest.mark.parametrize("host", STRANGERS.split())
def test_any_other_name_is_refused_unless_it_is_named(tmp_path: Path, host: str) -> None:
    """By PENCHANT_HOSTS, by a key, or by opening the server to everyone."""
    plain = (b"host", host.encode())
    assert refusal(Gate(Settings(home=tmp_path)), plain) is FOREIGN_HOST
    assert refusal(Gate(Settings(home=tmp_path, open=True)), plain) is None
    if host == "evil.example:3000":
        assert refusal(Gate(Settings(home=tmp_path, hosts=("evil.example",))), plain) is None
    add_key(tmp_path, "k", ["score"])
    assert refusal(Gate(Settings(home=tmp_path)), plain) is None


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-IP", "CF-Connecting-IP"]
)
def test_what_was_forwarded_is_not_from_this_machine(tmp_path: Path, name: str) -> None:
    """A proxy here would let everybody in."""
    assert refusal(Gate(Settings(home=tmp_path)), HERE, (name.lower().encode(), b"203.0.113.9")) is KEYLESS


def test_a_call_from_a_page_of_another_origin_is_refused(tmp_path: Path) -> None:
    """Of another port too, and of none; a page of this server, of an allowed origin, or no page at all, is let in."""
    gate = Gate(Settings(home=tmp_path, cors_origins=("https://crm.example",)))

    for origin in (b"http://evil.example", b"http://127.0.0.1:8080", b"null", b""):
        assert refusal(gate, HERE, (b"origin", origin)) is FOREIGN_ORIGIN
        assert refusal(gate, HERE, (b"origin", origin), call=False) is None
    for origin in (b"http://127.0.0.1:3000", b"https://crm.example"):
        assert refusal(gate, HERE, (b"origin", origin)) is None


def test_a_server_without_keys_answers_nobody_else(server: Server) -> None:
    """Over HTTP: other names, forwarded calls and other origins are refused by every route but the probes."""
    with server.client() as client:
        for path in ("/v1/use-cases", "/openapi.json", "/metrics", "/console/", "/docs", "/"):
            is_problem(client.get(path, headers={"Host": "evil.example"}), 403, "foreign-host")
        forwarded = {"X-Forwarded-For": "203.0.113.9"}
        is_problem(client.get("/v1/use-cases", headers=forwarded), 403, "keys-needed")
        for path in ("/livez", "/readyz"):
            assert client.get(path, headers={"Host": "evil.example", **forwarded}).status_code == 200
        is_problem(client.post(EXPORT, json=BODY, headers={"Origin": "http://evil.example"}), 403, "foreign-origin")
        own = client.post(EXPORT, json=BODY, headers={"Origin": server.url})
        assert own.status_code == 200
        page = client.get("/console/", headers={"Host": "evil.example", "Accept": "text/html"})
        assert (page.status_code, "churn" in page.text) == (403, False)


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: a\r\n", b"Host: 127.0.0.1\r\nHost: evil\r\n", b"Host:\r\n"])
@pytest.mark.parametrize("path", [b"/livez", b"/v1/use-cases", b"/nowhere"])
def test_a_request_names_its_host_once(server: Server, hosts: bytes, path: bytes) -> None:
    """Else two readers could take another for it: 400 on every path."""
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\n" + hosts + b"\r\n")
        head = connection.recv(65536)

    assert head.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in head
