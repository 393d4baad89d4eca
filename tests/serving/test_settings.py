"""What a deployment sets, and what it is told when that cannot be."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from serving.settings import Settings, SettingsError
from tests.support.answers import is_problem
from tests.support.servers import QUICK, ROOT, Server, start, stop

ORIGIN = "https://crm.example"


@pytest.fixture(scope="module")
def tight(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with narrow limits, two workers and one allowed origin."""
    settings = {
        "PENCHANT_MAX_BODY_BYTES": "2000",
        "PENCHANT_BODY_SECONDS": "0.5",
        "PENCHANT_CORS_ORIGINS": f"{ORIGIN}/, https://other.example",
    }
    command = [sys.executable, "-m", "serving", "--home", str(home), "--workers", "2"]
    running = start(home, tmp_path_factory.mktemp("server"), {**QUICK, **settings}, command=command)
    yield running
    stop(running)


def test_settings_are_read_from_the_environment() -> None:
    """Each by its own name, in its own type."""
    settings = Settings.from_environment(
        {"PENCHANT_HOME": "/x", "PENCHANT_RATE": "2.5", "PENCHANT_OPEN": "on", "PENCHANT_CORS_ORIGINS": "https://a/, b"}
    )

    assert settings == Settings(home=Path("/x"), rate=2.5, open=True, cors_origins=("https://a", "b"))
    assert Settings.from_environment({}) == Settings()


def test_every_broken_setting_is_named_at_once() -> None:
    """So that one look is enough."""
    broken = {
        "PENCHANT_RATE": "-1",
        "PENCHANT_OPEN": "yes",
        "PENCHANT_MAX_BODY_BYTES": "8MB",
        "PENCHANT_WAITING": "nan",
    }

    with pytest.raises(SettingsError) as error:
        Settings.from_environment(broken)

    assert all(name in str(error.value) for name in broken)


def test_a_taken_port_is_said_and_ends_it(server: Server, home: Path) -> None:
    """Exit 1, and the port in words."""
    port = server.url.rpartition(":")[2]
    command = [sys.executable, "-m", "serving", "--home", str(home), "--port", port]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1 is taken" in done.stderr


def test_only_allowed_origins_may_call_from_a_browser(tight: Server, profile: dict[str, Any]) -> None:
    """An allowed origin is told so, in the question and in the answer, errors included; another is told nothing."""
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    with tight.client() as client:
        question = client.options("/v1/scores", headers=asked)
        answer = client.post("/v1/scores", json={"profiles": [profile]}, headers={"Origin": ORIGIN})
        error = client.post("/v1/scores", json={}, headers={"Origin": ORIGIN})
        foreign = client.post("/v1/scores", json={}, headers={"Origin": "https://evil.example"})

    assert question.headers["access-control-allow-origin"] == ORIGIN
    assert question.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert answer.headers["access-control-allow-origin"] == error.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in foreign.headers
    assert "origin" in foreign.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


def test_the_limit_of_a_body_is_a_setting(tight: Server) -> None:
    """Plain or packed."""
    body = json.dumps({"profiles": [" " * 3000]}).encode()
    kind = {"Content-Type": "application/json"}
    packed = {**kind, "Content-Encoding": "gzip"}
    with tight.client() as client:
        is_problem(client.post("/v1/scores", content=body, headers=kind), 413, "body-too-large")
    with tight.client() as client:  # the other connection ends as its body goes on
        is_problem(client.post("/v1/scores", content=gzip.compress(body), headers=packed), 413, "body-too-large")


def test_a_body_that_trickles_is_cut_off(tight: Server) -> None:
    """408 after the time a body may take, while others are answered."""
    address = urlsplit(tight.url)
    head = b"POST /v1/scores HTTP/1.1\r\nHost: [::1]\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=60) as slow, tight.client() as client:
        began = time.monotonic()
        slow.sendall(head + b"{")
        assert client.get("/livez").status_code == 200
        answer = slow.recv(65536)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began > 0.4


def test_metrics_are_those_of_all_workers(tight: Server) -> None:
    """Whichever worker is asked counts what both have done."""
    count = 40
    for _ in range(count):
        with tight.client() as client:  # each connection may come to another worker
            client.get("/v1/segments")

    def told() -> set[float]:
        pages = []
        for _ in range(8):
            with tight.client() as client:
                pages.append(client.get("/metrics").text)
        lines = [line for page in pages for line in page.splitlines() if 'route="/v1/segments"' in line]
        return {float(line.split()[-1]) for line in lines}

    latest = time.monotonic() + 10
    while told() != {float(count)}:
        assert time.monotonic() < latest, told()
        time.sleep(0.2)
