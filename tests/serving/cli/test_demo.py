"""The greeting of `make run`, on two small real releases."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from scoring.answers.wire import Result, Score
from scoring.segments.names import SegmentPlace
from serving.cli.demo import HOST, RequestBody, fullest, one_profile_each
from serving.cli.ports import taken
from tests.support.models import release_shop, shop_rows
from tests.support.ports import free_port

# Told to end while the server is being started: the moment that no clock hits surely.
TOLD_EARLY = """
import os, signal, subprocess, sys
from serving.cli import demo
start = subprocess.Popen
def interrupted(command):
    server = start(command)
    os.kill(os.getpid(), signal.{name})
    return server
subprocess.Popen = interrupted
sys.exit(demo.main(sys.argv[1:]))
"""
MOMENTS = (0.0, 0.2, 0.5, 1.0, 2.0, 3.5)  # seconds after the start


def welcome(home: Path, port: int, *more: str) -> subprocess.Popen[str]:
    """The command, running."""
    command = [sys.executable, "-m", "serving.cli.demo", "--home", str(home), "--port", str(port), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def asked_to_listen(port: int) -> bool:
    """Whether any process was started with this port."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if f"--port\0{port}\0".encode() in path.read_bytes():
                return True
    return False


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases that share their features, and ten customers posted to each."""
    scratch, home = tmp_path_factory.mktemp("scratch"), tmp_path_factory.mktemp("home")
    worth = {"contacted": 1, "hits": 1, "at_random": 0, "text": {"en": "Had you contacted the top 1.", "fr": ""}}
    rows = [row for row in shop_rows(40) if (row["days_since_purchase"] or 999) < 380][:10]
    profiles = [{"customer_id": f"c{number}", "features": row} for number, row in enumerate(rows)]
    (home / "requests").mkdir()
    for name in ("churn", "propensity"):
        release_shop(home, name, scratch=scratch, polarity="positive", worth=worth)
        (home / f"requests/{name}.json").write_text(
            json.dumps({"use_cases": [name], "profiles": profiles, "reasons": 3})
        )
    return home


def test_make_run_shows_an_answer_and_a_request_that_works(home: Path) -> None:
    """One customer with both scores, a segment and reasons, the worth, and a curl line that answers as it stands."""
    running = welcome(home, free_port())
    lines: list[str] = []
    try:
        while running.stdout and not any("until interrupted" in line for line in lines):
            line = running.stdout.readline()
            assert line, running.communicate()[1]
            lines.append(line)
        curl = next(line.strip() for line in lines if line.strip().startswith("curl"))
        answered = json.loads(subprocess.run(shlex.split(curl), capture_output=True, check=True).stdout)
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)

    text = "".join(lines)
    assert [result["status"] for result in answered["results"]] == ["ok"] * 10
    assert "segment: " in text
    assert "churn: " in text
    assert "propensity: " in text
    assert sum(line.startswith(("    + ", "    - ")) for line in lines) == 6
    assert "  churn: Had you contacted the top 1." in text
    assert running.returncode == 130


def test_interrupting_leaves_nobody_behind(home: Path) -> None:
    """Once the command has ended its server has too, at whatever moment of the start it was told to end.

    Nobody listens, and nobody is left who would.
    """
    ports = {moment: free_port() for moment in MOMENTS}
    begun = time.monotonic()
    running = {moment: welcome(home, port) for moment, port in ports.items()}
    for moment, one in running.items():
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        one.terminate()
    for one in running.values():
        one.communicate(timeout=60)

    assert [moment for moment, port in ports.items() if taken(HOST, port) or asked_to_listen(port)] == []


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_during_the_start_leaves_nobody_behind(home: Path, name: str) -> None:
    """The server that was being started when the signal came is ended too."""
    port = free_port()
    command = [sys.executable, "-c", TOLD_EARLY.format(name=name), "--home", str(home), "--port", str(port)]

    ended = subprocess.run(command, check=False, capture_output=True, timeout=60)

    assert ended.returncode == 130
    assert b"Traceback" not in ended.stderr
    assert not asked_to_listen(port)


def test_a_taken_port_is_said(home: Path) -> None:
    """A taken port ends it at once with a word on what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        ended = welcome(home, port)
        _, said = ended.communicate(timeout=30)

    assert ended.returncode == 1
    assert f"Port {port} is taken" in said
    assert "make run PORT=" in said


def test_a_free_port_is_no_news(home: Path) -> None:
    """Asked for the port only, it answers by its exit code and serves nothing."""
    ended = welcome(home, free_port(), "--only-check-port")

    assert ended.communicate(timeout=30) == ("", "")
    assert ended.returncode == 0


def test_profiles_of_one_customer_are_joined() -> None:
    """Same id and no feature at odds: one profile with the features of both."""
    posted: list[RequestBody] = [
        {"profiles": [{"customer_id": "1", "features": features}]} for features in ({"a": 1, "b": 2}, {"a": 1, "c": 3})
    ]

    assert one_profile_each(posted) == [{"customer_id": "1", "features": {"a": 1, "b": 2, "c": 3}}]


@pytest.mark.parametrize("other", [{"a": 2, "c": 3}, {"c": 3}], ids=["at odds", "nothing shared"])
def test_two_customers_with_one_id_stay_two(other: dict[str, int]) -> None:
    """A row number of one table and a customer number of another are not the same person."""
    posted: list[RequestBody] = [
        {"profiles": [{"customer_id": "1", "features": features}]} for features in ({"a": 1, "b": 2}, other)
    ]

    assert len(one_profile_each(posted)) == 2


def test_the_fullest_answer_is_shown() -> None:
    """A customer with two scores and a segment says more than one with a score."""
    scored: Score = {"status": "scored"}
    silent: Score = {"status": "not_eligible"}
    loyal: SegmentPlace = {"code": "loyal", "label": "Loyal"}
    poor: Result = {
        "customer_id": "1",
        "status": "ok",
        "segment": None,
        "scores": {"churn": silent, "propensity": scored},
    }
    rich: Result = {
        "customer_id": "2",
        "status": "ok",
        "segment": loyal,
        "scores": {"churn": scored, "propensity": scored},
    }

    assert fullest([poor, rich, poor]) is rich
