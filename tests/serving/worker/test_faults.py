"""Faults that are really there: disks that take nothing, a store that is locked, hundreds of callers who dawdle."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from benchmarks.processes import memory_bytes
from scoring.releases.store import make_current
from serving.customers import feature_store as store
from serving.customers.decision_log import decisions_of
from tests.support.answers import is_problem, version
from tests.support.models import release_shop
from tests.support.servers import QUICK, Server, start, stop, until, workers

JSON = {"Content-Type": "application/json"}
HEAD = "POST /v1/scores HTTP/1.1\r\nHost: [::1]\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, profile: dict[str, Any]) -> Path:
    """A home with two versions of a use case and one customer in the store."""
    home, scratch = tmp_path_factory.mktemp("kept"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "churn", "2", scratch=scratch, polarity="negative", seed=2)
    release_shop(home, "churn", "1", scratch=scratch, polarity="negative")
    features = profile["features"]
    store.put(home, list(features), [("known", list(features.values()))], as_of=time.time())
    return home


@pytest.fixture(scope="module")
def logging(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps decisions and a line a request."""
    settings = {**QUICK, "PENCHANT_DECISIONS": "on", "PENCHANT_ACCESS_LOG": "on"}
    running = start(kept, tmp_path_factory.mktemp("server"), settings)
    yield running
    stop(running)


@contextmanager
def full_disk(server: Server) -> Iterator[None]:
    """No file of the server's grows by a byte, its log included."""
    _let_files_grow_to(server, 0)
    try:
        yield
    finally:
        _let_files_grow_to(server, resource.RLIM_INFINITY)


def _let_files_grow_to(server: Server, limit: int) -> None:
    for process in (server.process.pid, *workers(server)):
        resource.prlimit(process, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def test_a_full_disk_costs_no_answer(logging: Server, kept: Path, profile: dict[str, Any]) -> None:
    """Scores are given, releases swapped, decisions kept back and made up for; what must be written is a 503."""
    with logging.client() as client:
        with full_disk(logging):
            size = logging.output.stat().st_size
            given = [client.post("/v1/scores", json={"profiles": [profile]}).status_code for _ in range(20)]
            make_current(kept, "churn", "2")
            until(lambda: version(client, profile) == "2")
            refused = client.post("/v1/customers/erase", json={"customer_ids": ["nobody"]})
            ready = client.get("/readyz").status_code
            assert (client.get("/metrics").status_code, logging.output.stat().st_size) == (200, size)
            assert decisions_of(kept, ["c1"]) == {}
        make_current(kept, "churn", "1")
        until(lambda: version(client, profile) == "1")
        until(lambda: len(decisions_of(kept, ["c1"]).get("c1", [])) > 20)

    assert (set(given), ready) == ({200}, 200)
    is_problem(refused, 503, "store-unavailable")
    assert refused.headers["retry-after"] == "5"
    assert "thread_failed" not in logging.written()


def test_a_locked_store_is_a_503_for_those_it_is_asked_about(
    logging: Server, kept: Path, profile: dict[str, Any]
) -> None:
    """Callers who post features notice nothing; the others are told when to ask again, and then are answered."""
    asked = {"customer_ids": ["known"], "use_cases": ["churn"]}
    with logging.client() as client:
        with closing(sqlite3.connect(kept / store.FILE, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            locked = client.post("/v1/scores", json=asked)
            posted = client.post("/v1/scores", json={"profiles": [profile]}).status_code
        freed = client.post("/v1/scores", json=asked)

    is_problem(locked, 503, "store-unavailable")
    assert (locked.headers["retry-after"], posted) == ("1", 200)
    assert freed.json()["results"][0]["scores"]["churn"]["status"] == "scored"


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be written below a folder, not even by root, whom modes do not bind."""
    path = str(folder)
    mount, change, unmount = (str(shutil.which(name)) for name in ("mount", "chmod", "umount"))
    if os.geteuid() == 0:
        before = [[mount, "--bind", path, path], [mount, "-o", "remount,ro,bind", path]]
        after = [unmount, "--lazy", path]
    else:
        before, after = [[change, "-R", "a-w", path]], [change, "-R", "u+w", path]
    for command in before:
        subprocess.run(command, check=True)
    try:
        yield
    finally:
        subprocess.run(after, check=True)


def test_a_home_that_cannot_be_written_serves(kept: Path, tmp_path: Path, profile: dict[str, Any]) -> None:
    """Posted features are scored; ids are a 503, since SQLite writes beside what it reads; decisions wait."""
    home = tmp_path / "home"
    shutil.copytree(kept, home, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    with read_only(home):
        server = start(home, tmp_path, {**QUICK, "PENCHANT_DECISIONS": "on"})
        try:
            with server.client() as client:
                assert version(client, profile) == "1"
                until(lambda: "decisions_wait" in server.written())
                by_id = client.post("/v1/scores", json={"customer_ids": ["known"]})
                erased = client.post("/v1/customers/erase", json={"customer_ids": ["known"]})
                assert client.get("/readyz").status_code == 200
        finally:
            stop(server)

    is_problem(erased, 503, "store-unavailable")
    is_problem(by_id, 503, "store-unavailable")


@pytest.fixture(scope="module")
def crowded(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with room for four bodies of a megabyte, which must come within three seconds, and few who may wait."""
    settings = {
        "PENCHANT_BODY_SECONDS": "3",
        "PENCHANT_MAX_BODY_BYTES": str(2**20),
        "PENCHANT_BODIES_BYTES": str(2**22),
        "PENCHANT_WAITING": "2",
    }
    running = start(home, tmp_path_factory.mktemp("server"), {**QUICK, **settings})
    yield running
    stop(running)


def opened(server: Server, many: ExitStack, sent: bytes) -> socket.socket:
    """A connection over which something was sent; closed with the others."""
    address = urlsplit(server.url)
    connection = many.enter_context(socket.create_connection((address.hostname, address.port), timeout=20))
    connection.sendall(sent)
    return connection


def unread(server: Server) -> int:
    """How many bytes were sent to a server that it has not read yet, as the system counts them."""
    port = f":{urlsplit(server.url).port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(part, 16) for line in lines if port in line[1] + line[2] for part in line[4].split(":"))


def heard(connection: socket.socket) -> bytes:
    """One whole answer, in small letters."""
    said = b""
    while b"\r\n\r\n" not in said or len(said.partition(b"\r\n\r\n")[2]) < _announced(said):
        part = connection.recv(4096)
        assert part, "The connection was closed before the answer was whole."
        said += part.lower()
    return said


def _announced(said: bytes) -> int:
    return int(said.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0])


def test_hundreds_who_dawdle_hold_nobody_up(crowded: Server, profile: dict[str, Any]) -> None:
    """500 bodies that do not come, 100 heads that do not end and 100 callers who are gone: others are answered.

    Memory hardly moves, each slow body ends in a 408, and the halves of a head, first or second, end with nothing. A
    connection whose body came to its end after the answer is one that rests.
    """
    with ExitStack() as many, crowded.client() as client:
        assert version(client, profile) == "1"
        answered = opened(crowded, many, HEAD.format(2**20 + 1).encode() + b" ")
        assert heard(answered).startswith(b"http/1.1 413 ")
        answered.sendall(b" " * 2**20)
        before = sum(memory_bytes(crowded.process.pid).values())
        slow = [opened(crowded, many, HEAD.format(1000).encode() + b"{") for _ in range(500)]
        rested, said = opened(crowded, many, b"GET /livez HTTP/1.1\r\nHost: [::1]\r\n\r\n"), b""
        while not said.endswith(b"}"):
            said += rested.recv(4096)
        rested.sendall(b"GET /livez HTTP/1.1\r\nX-Half")
        halves = [rested, opened(crowded, many, b"")]
        for _ in range(100):
            halves.append(opened(crowded, many, b"POST /v1/scores HTTP/1.1\r\nHost: [::1]\r\nX-Half"))
            opened(crowded, many, HEAD.format(100).encode()).close()
        given = [client.post("/v1/scores", json={"profiles": [profile]}).status_code for _ in range(20)]
        grown = sum(memory_bytes(crowded.process.pid).values()) - before
        answers = {connection.recv(4096)[:13] for connection in slow}
        ends = {connection.recv(4096) for connection in halves}
        answered.sendall(b"GET /livez HTTP/1.1\r\nHost: [::1]\r\n\r\n")
        assert heard(answered).startswith(b"http/1.1 200 ")

    assert ends == {b""}
    assert set(given) == {200}
    assert answers == {b"HTTP/1.1 408 "}
    assert grown < 40 * 2**20


def test_bodies_have_a_room_of_their_own(crowded: Server, profile: dict[str, Any]) -> None:
    """Who would not fit is told to come again, small ones are let in all the same, and room comes back.

    Whoever first sends all of a body, and listens then, is told too, and may ask again over the same connection.
    """
    large = HEAD.format(2**20).encode() + b" " * (2**20 - 100)
    with ExitStack() as many, crowded.client() as client:
        for _ in range(4):
            opened(crowded, many, large)
        until(lambda: not unread(crowded))
        more = [opened(crowded, many, large + b" " * 100) for _ in range(50)]
        refused = [heard(connection) for connection in more]
        for connection in more:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: [::1]\r\n\r\n")
        again = {heard(connection)[:13] for connection in more}
        assert client.post("/v1/scores", json={"profiles": [profile]}).status_code == 200
    with crowded.client() as client:
        until(lambda: client.post("/v1/scores", content=b" " * 900_000, headers=JSON).status_code == 400)

    assert all(one.startswith(b"http/1.1 503 ") and b"\r\nretry-after: 1\r\n" in one for one in refused)
    assert again == {b"http/1.1 200 "}


def keeps_asking(server: Server, body: dict[str, Any], enough: Event) -> list[httpx.Response]:
    """One caller's answers: asks again as soon as it is answered, until it is enough."""
    answers = []
    with server.client() as client:
        while not enough.is_set():
            answers.append(client.post("/v1/scores", json=body))
    return answers


def test_who_cannot_be_answered_is_told_before_the_body_is_read(crowded: Server, profile: dict[str, Any]) -> None:
    """Of 20 callers with long calls some are answered, the others told to come again; so is one without a body.

    Short calls are answered meanwhile. From the first refusal on it is the door that refuses, whatever the body is said
    to be, in the words of the edge, which refused first.
    """
    long, enough = {"profiles": [profile] * 400, "reasons": 3}, Event()
    at_the_door: list[httpx.Response] = []

    def turned_away(client: httpx.Client) -> bool:
        at_the_door.append(client.post("/v1/scores", content=b" " * 100_000, headers={"Content-Type": "text/plain"}))
        return at_the_door[-1].status_code == 503

    with ThreadPoolExecutor(20) as callers, ExitStack() as many, crowded.client() as client:
        many.callback(enough.set)
        asked = [callers.submit(keeps_asking, crowded, long, enough) for _ in range(20)]
        until(lambda: turned_away(client))
        until(lambda: opened(crowded, many, HEAD.format(100_000).encode()).recv(4096).startswith(b"HTTP/1.1 503 "))
        until(lambda: client.post("/v1/scores", json={"profiles": [profile]}).status_code == 200)
        enough.set()
        answers = [answer for one in asked for answer in one.result()]

    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} == {200, 503}
    for answer in (*refused, at_the_door[-1]):
        is_problem(answer, 503, "overloaded")
    alike = {"x-request-id": "", "request_id": "", "date": ""}
    said = [{**answer.headers, **answer.json(), **alike} for answer in (*refused, at_the_door[-1])]
    assert all(one == said[0] for one in said), said
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
