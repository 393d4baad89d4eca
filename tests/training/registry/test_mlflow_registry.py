"""A tracking server's address works as the default store does."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import mlflow
import pytest

from scoring.bundle.golden_rows import replay
from scoring.releases.current_pointer import current_version
from scoring.releases.store import load_release
from tests.conftest import ROOT, newcomer
from tests.support.ports import free_port
from tests.training.conftest import TABLE, visits
from training.__main__ import DONE, NO_REGISTRY, main
from training.registry.mlflow_registry import Registry

# MLflow's own client warns of the libraries it stands on
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")

PATIENCE = 240  # seconds; never reached on a machine that works


def mlflow_line(home: Path, port: int) -> list[str]:
    """The command that `make mlflow` runs, on a home and a port of our own."""
    options = [f"HOME_DIR={home}", f"MLFLOW_PORT={port}", f"PY={sys.executable}", "STAMP=/dev/null"]
    outer = ("MAKE", "MFLAGS")  # of the `make test` this may run in
    surroundings = {name: value for name, value in newcomer().items() if not name.startswith(outer)}
    command = [shutil.which("make") or "make", "-n", "mlflow", *options]
    said = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True)
    line = said.stdout.replace("\\\n", " ").strip().splitlines()[-1]
    assert re.search(r"-m mlflow server", line), said.stdout
    return ["env", *shlex.split(line)]


@pytest.fixture
def tracking(tmp_path: Path) -> Iterator[str]:
    """`make mlflow` running on a store of its own; the server's address."""
    home, port = tmp_path / "tracking", free_port()
    home.mkdir()
    command = [*mlflow_line(home, port), "--default-artifact-root", "mlflow-artifacts:/", "--serve-artifacts"]
    command += ["--artifacts-destination", str(home / "artifacts")]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=home, env=newcomer(), stdout=log, stderr=log, start_new_session=True)
    address, latest = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
    while not _answers(address):
        assert server.poll() is None, (home / "log").read_text()
        assert time.monotonic() < latest, (home / "log").read_text()
        time.sleep(0.3)
    yield address
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", trust_env=False, timeout=5).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What sets the tracking server's address."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return monkeypatch


def test_a_tracking_server_is_a_registry_like_any(
    tracking: str, elsewhere: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trained against the server and promoted, a model is in the release store; a second home gets the same by sync."""
    (tmp_path / "visits.toml").write_text(TABLE, encoding="utf-8")
    visits(600).write_parquet(tmp_path / "visits.parquet")
    first, second = tmp_path / "first", tmp_path / "second"

    elsewhere.setenv("MLFLOW_TRACKING_URI", tracking)
    assert main([str(tmp_path / "visits.toml"), "--home", str(first)]) == DONE
    assert main(["sync", "--home", str(second)]) == DONE

    assert not (first / "mlflow.db").exists()
    assert current_version(first, "visits") == current_version(second, "visits") == "1"
    ours, theirs = (load_release(home, "visits") for home in (first, second))
    assert ours.bundle.manifest == theirs.bundle.manifest
    assert replay(theirs.bundle) == 64
    away = f"127.0.0.1:{free_port()}"
    elsewhere.setenv("MLFLOW_TRACKING_URI", f"http://{away}")
    assert main(["sync", "--home", str(second)]) == NO_REGISTRY
    assert re.search(r"The registry must answer, got: .*127\.0\.0\.1", capsys.readouterr().err)


def test_each_home_of_a_process_has_a_registry_of_its_own(elsewhere: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no server is named, neither takes the other's registry for one that the user named."""
    elsewhere.delenv("MLFLOW_TRACKING_URI", raising=False)

    one, two = (Registry(tmp_path / name) for name in ("one", "two"))

    assert [each.address for each in (one, two)] == [
        f"sqlite:///{tmp_path / name / 'mlflow.db'}" for name in ("one", "two")
    ]
    assert two.names() == one.names() == []
    assert mlflow.get_tracking_uri() == one.address
    assert "MLFLOW_TRACKING_URI" not in os.environ
