"""Who is measured: each server, how it is started, and what it is posted."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from benchmarks.processes import cpu_seconds
from benchmarks.world import EXAMPLE, World, bodies

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Contender:
    """A server and one way to ask it."""

    name: str
    server: str  # a key of `COMMANDS`
    path: str
    body: str  # a kind of `bodies`


BLEND = "Penchant, score by a blend of the trees and terms"
CONTENDERS = (
    Contender("Penchant, score", "penchant", "/v1/scores", "ours"),
    Contender("Penchant, score + 3 reasons", "penchant", "/v1/scores", "ours_reasons"),
    Contender(BLEND, "blend", "/v1/scores", "ours"),
    Contender("Penchant, 1,000 profiles", "penchant", "/v1/scores", "ours_1000"),
    Contender("starlette + inplace_predict by hand (the floor)", "floor", "/predict", "features"),
    Contender("no-op @bentoml.api", "noop", "/predict", "features"),
    Contender("BentoML quickstart with pandas", "quickstart", "/predict", "data"),
    Contender("BentoML + shap.TreeExplainer", "explainer", "/predict", "data"),
    Contender("FastAPI + pydantic + pred_contribs", "contribs", "/predict", "flat"),
    Contender("mlflow models serve, score", "mlflow", "/invocations", "split"),
    Contender("mlflow models serve, 1,000 profiles", "mlflow", "/invocations", "split_1000"),
    Contender("Penchant, calls of 1 to 300 profiles", "penchant", "/v1/scores", "ours_mix"),
    Contender("mlflow models serve, calls of 1 to 300 profiles", "mlflow", "/invocations", "split_mix"),
)
EXAMPLES = tuple(  # of the home that `make run` makes
    Contender(f"Penchant, {name} of the examples", "examples", "/v1/scores", f"{EXAMPLE}{name}")
    for name in ("propensity", "churn", "term-deposit")
)


def command(server: str, world: World, port: int) -> list[str]:
    """What starts a server."""
    python, listen = [sys.executable, "-m"], ["--host", "127.0.0.1", "--port", str(port)]
    match server:
        case "penchant":
            return [*python, "serving", "--home", str(world.home), "--port", str(port)]
        case "blend":
            return [*python, "serving", "--home", str(world.blend_home), "--port", str(port)]
        case "examples":
            return [*python, "serving", "--home", str(world.examples), "--port", str(port)]
        case "floor":
            return [*python, "uvicorn", "benchmarks.peers.floor:app", *listen, "--no-access-log"]
        case "contribs":
            return [*python, "uvicorn", "benchmarks.peers.contribs:app", *listen]
        case "mlflow":
            options = ["--model-uri", str(world.mlflow_model), "--env-manager", "local"]
            return [*python, "mlflow", "models", "serve", *options, *listen]
        case _:
            return [*python, "bentoml", "serve", f"benchmarks.peers.{server}:{server.capitalize()}", *listen]


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    pid: int
    port: int
    start_seconds: float  # processor time of its tree until its first answer


@contextmanager
def running(server: str, world: World) -> Iterator[Callable[[], Running]]:
    """Starts a server; the call that is handed out waits for its first good answer."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    asked = next(contender for contender in (*CONTENDERS, *EXAMPLES) if contender.server == server)
    body = bodies(asked.body, world.examples)[0]
    log = world.folder / f"{server}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command(server, world, port), cwd=ROOT, env=_environment(server, world), stdout=sink, stderr=sink
        )
    try:
        yield lambda: _answering(process, port, asked.path, body, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(server: str, world: World) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PENCHANT_", "BENTOML_"))}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",  # mlflow starts uvicorn by name
        "BENCH_MODEL": str(world.model),
        "BENTOML_HOME": str(world.folder / f"bentoml-{server}"),
        "BENTOML_DO_NOT_TRACK": "True",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def _answering(process: subprocess.Popen[bytes], port: int, path: str, body: bytes, log: Path) -> Running:
    latest = time.monotonic() + 300
    while time.monotonic() < latest and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("POST", path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status == 200:
                return Running(process.pid, port, cpu_seconds(process.pid))
            if answer.status != 503:  # 503: up, and not ready yet
                raise RuntimeError(f"{path} answered {answer.status}: {said[:500]!r}\n{log.read_text()[-3000:]}")
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise RuntimeError(f"{path} gave no 200:\n{log.read_text(errors='replace')[-3000:]}")
