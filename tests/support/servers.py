"""A real server for a test: a process of its own, over a socket."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support import forks
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
QUICK = {"PENCHANT_POLL_SECONDS": "0.05", "PENCHANT_DRAIN_SECONDS": "0.1"}


@dataclass(frozen=True)
class Server:
    """A running server, and where it writes."""

    url: str
    process: subprocess.Popen[bytes] | forks.Forked
    output: Path
    home: Path

    def written(self) -> str:
        """Every line it wrote so far."""
        return self.output.read_text(errors="replace")

    def client(self) -> httpx.Client:
        """A client that keeps its connection."""
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False)


def start(
    home: Path,
    scratch: Path,
    settings: Mapping[str, str] | None = None,
    *,
    command: list[str] | None = None,
    ready: bool = True,
    folder: Path = ROOT,
) -> Server:
    """Starts `python -m serving`, or another command, in a folder and waits until it is ready or at least alive."""
    server = launch(home, scratch, settings, command=command, folder=folder)
    try:
        wait_for(server, "/readyz" if ready else "/livez")
    except BaseException:
        stop(server)
        raise
    return server


def launch(
    home: Path,
    scratch: Path,
    settings: Mapping[str, str] | None = None,
    *,
    command: list[str] | None = None,
    folder: Path = ROOT,
) -> Server:
    """Starts it and waits for nothing: as a fork, or anew where a command or Python's own settings are given."""
    port = free_port()
    output = scratch / f"server-{port}.log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PENCHANT_", "BENTOML_"))}
    own = {"BENTOML_HOME": str(scratch / f"bentoml-{port}"), "BENTOML_DO_NOT_TRACK": "True", **(settings or {})}
    line = command or [sys.executable, "-m", "serving", "--home", str(home)]
    line, env = [*line, "--port", str(port)], {**inherited, **own}
    anew = command is not None or any(name.startswith("PYTHON") for name in own)
    process: subprocess.Popen[bytes] | forks.Forked
    with output.open("wb") as sink:
        if anew:
            process = subprocess.Popen(line, cwd=folder, env=env, stdout=sink, stderr=subprocess.STDOUT)
        else:
            process = forks.start(line[1:], cwd=folder, env=env, stdout=sink, stderr=sink)
    return Server(f"http://127.0.0.1:{port}", process, output, home)


def wait_for(server: Server, path: str, *, seconds: float = 60) -> None:
    """Waits for a 200; fails with all the server wrote where it ends or does not come."""
    latest = time.monotonic() + seconds
    with server.client() as client:
        while time.monotonic() < latest and server.process.poll() is None:
            try:
                if client.get(path).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise AssertionError(f"{path} gave no 200:\n{server.written()}")


def stop(server: Server) -> None:
    """Ends a server as an operator would."""
    server.process.terminate()
    try:
        server.process.wait(20)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


def workers(server: Server) -> list[int]:
    """The processes that answer."""
    every = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return sorted(pid for pid in every if parent_of(pid) == server.process.pid)


def parent_of(pid: int) -> int | None:
    """Whose child a process is; None where it has ended."""
    with suppress(OSError):
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        return None if state == "Z" else int(parent)
    return None


def until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    """Waits until something holds."""
    latest = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < latest
        time.sleep(0.05)
