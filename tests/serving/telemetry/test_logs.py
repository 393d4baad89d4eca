"""Every line that a server writes is JSON, from the first to the last."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.servers import QUICK, start, stop, until, wait_for, workers


@pytest.mark.parametrize("command", [None, [sys.executable, "-m", "bentoml", "serve"]], ids=["ours", "plain bentoml"])
def test_every_line_of_a_server_is_json(home: Path, tmp_path: Path, command: list[str] | None) -> None:
    """That it starts, what BentoML and its supervisor write, a request, a worker that is killed, and the stop."""
    settings = {**QUICK, "PENCHANT_ACCESS_LOG": "on", "PENCHANT_HOME": str(home)}
    server = start(home, tmp_path, settings, command=command)
    try:
        with server.client() as client:
            client.get("/livez")
        [worker, *_] = workers(server)
        os.kill(worker, signal.SIGKILL)
        until(lambda: "worker_ended" in server.written() and workers(server) not in ([], [worker]))
        wait_for(server, "/readyz")
    finally:
        stop(server)

    lines = [json.loads(line) for line in server.written().splitlines()]
    events = [line["event"] for line in lines]
    assert all(line.keys() >= {"at", "level", "event"} for line in lines)
    assert {"request", "worker_ended", "draining"} <= set(events)
    assert events[0] == "starting"
