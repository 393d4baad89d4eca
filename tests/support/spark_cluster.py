"""A standalone Spark cluster of this machine for tests: a master and two workers on loopback, gone with the block."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds in which a busy machine starts the processes of a cluster


@dataclass(frozen=True)
class SparkCluster:
    """A running one; each of its workers offers one processor."""

    master: str  # spark://127.0.0.1:PORT
    environment: Mapping[str, str]  # that a driver on this machine needs
    processes: tuple[psutil.Process, ...]  # the master's, then the workers'

    def kill_worker(self, number: int = 0) -> None:
        """Ends a worker and all that it has started by SIGKILL, as a machine that loses its power does."""
        worker = self.processes[1 + number]
        for process in (worker, *worker.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()


@contextmanager
def spark_cluster(*, workers: int = 2, memory: str = "1g") -> Iterator[SparkCluster]:
    """A running cluster; `memory` is what executors of one worker may take together.

    Drivers need `environment` before they import pyspark: it keeps to loopback, names our Python and has the checkout
    on the path, so that executors find our code.
    """
    with tempfile.TemporaryDirectory(prefix="penchant-spark-", ignore_cleanup_errors=True) as name:
        folder, port, page = Path(name), free_port(), free_port()
        environment = _environment(folder)
        master = f"spark://127.0.0.1:{port}"
        started = []
        try:
            words = ["master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)]
            started.append(_started(words, environment, folder / "master.log"))
            for number in range(workers):
                words = ["worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", memory]
                words += ["--webui-port", str(free_port()), "--work-dir", str(folder / f"work-{number}"), master]
                started.append(_started(words, environment, folder / f"worker-{number}.log"))
            _wait_for_workers(page, workers, folder)
            yield SparkCluster(master, environment, tuple(psutil.Process(one.pid) for one in started))
        finally:
            _end(started)


def _environment(folder: Path) -> dict[str, str]:
    import pyspark

    home = Path(pyspark.__file__).parent
    return {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_PUBLIC_DNS": "127.0.0.1",
        "SPARK_LOCAL_HOSTNAME": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_CONF_DIR": str(_configuration(folder)),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "_JAVA_OPTIONS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",  # small and quick to start
    }


def _configuration(folder: Path) -> Path:
    """What every driver begins with: little memory, no page of its own, quick retries."""
    place = folder / "conf"
    place.mkdir()
    lines = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executorEnv.PYTHONPATH": ROOT,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": folder / "warehouse",
    }
    (place / "spark-defaults.conf").write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
    return place


def _started(words: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    program = Path(environment["SPARK_HOME"]) / "bin" / "spark-class"
    with log.open("wb") as stream:
        return subprocess.Popen(
            [str(program), f"org.apache.spark.deploy.{words[0]}", *words[1:]],
            env={**os.environ, **environment},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_for_workers(page: int, workers: int, folder: Path) -> None:
    """Until the master lists all workers as alive."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with (
            suppress(OSError, ValueError),
            urllib.request.urlopen(f"http://127.0.0.1:{page}/json/", timeout=5) as answer,
        ):
            if json.load(answer).get("aliveworkers") == workers:
                return
        time.sleep(0.2)
    logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(folder.glob("*.log")))
    raise AssertionError(f"{workers} workers must be alive within {PATIENCE:.0f} s:\n{logs}")


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    """Ends the daemons and what they have started; executors go with their worker."""
    for one in reversed(started):
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(one.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        with suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.wait()
