"""What is forked for `tests.support.forks`: `python -m tests.support.forking KIND DESCRIPTOR`.

It imports the libraries of a kind of commands, then forks for each request; the fork becomes what was asked for.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from tests.support.forks import FOLDER, run_as_told

OURS = ("features", "scoring", "training", "activation", "monitoring", "serving", "penchant", "tests")
LIBRARIES = {
    "alone": ("scoring.answers.explain", "scoring.answers.score", "scoring.releases.store", "xgboost"),
    "lean": ("scoring.cli.main", "bentoml_cli.cli", "bentoml_cli.serve", "pyarrow.dataset"),
    "whole": (
        "training.train",
        "features.build.export",
        "features.build.prove",
        # what they import late
        "git",
        "hypothesis.strategies",
        "ibis.backends.duckdb",
        "mlflow.pyfunc",
        "mlflow.store.model_registry.sqlalchemy_store",
        "mlflow.store.tracking.sqlalchemy_store",
        "pandera.backends.ibis.register",
        "pyarrow.dataset",
        "rapidfuzz.distance",
        "shap",
        "sklearn.ensemble",
    ),
}
_LARGEST = 1 << 20  # bytes of a request


class _Request:
    """What a fork is to become."""

    def __init__(self, message: bytes, streams: Sequence[int]) -> None:
        asked = json.loads(message)
        self.arguments: list[str] = asked["arguments"]
        self.folder: str = asked["folder"]
        self.environment: dict[str, str] = asked["environment"]
        self.streams, self.ending = streams[:3], streams[3]


def _serve(listener: socket.socket) -> _Request:
    """Forks for each request; returns in the fork, and ends in the parent once the run of tests is over."""
    running: dict[int, int] = {}

    def reap(*_: object) -> None:
        while running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            ending = running.pop(pid)
            os.write(ending, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(ending)

    signal.signal(signal.SIGCHLD, reap)
    listener.settimeout(1)
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if _is_over():
                os._exit(0)
            continue
        request = _Request(*socket.recv_fds(connection, _LARGEST, 4)[:2])
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            connection.close()
            listener.close()
            for descriptor in (request.ending, *running.values()):
                os.close(descriptor)
            return request
        running[pid] = request.ending
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for stream in request.streams:
            os.close(stream)
        with connection:
            connection.send(str(pid).encode())


def _is_over() -> bool:
    """Whether the process that began the run of tests has ended."""
    try:
        os.kill(int((Path(os.environ[FOLDER]) / "pid").read_text()), 0)
    except OSError:
        return True
    return False


def _become(request: _Request) -> None:
    """Takes on what `exec` would have given, then runs what was asked for."""
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)
    sys.modules["numpy"].random.seed()  # each fork would draw alike
    os.execv = _execute  # type: ignore[assignment]  # what `python -m serving` ends with
    if request.arguments[0] != "-c":  # a process of pytest starts its own anew
        subprocess.run = run_as_told  # type: ignore[assignment]  # what `python -m penchant run` starts
    _run(request.arguments)


def _end(program: Callable[[_Request], None], request: _Request) -> NoReturn:
    """Runs it and ends as Python does, but for what C++ has left: threads of the parent that a fork cannot wait for."""
    code = 1
    try:
        program(request)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else bool(end.code)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python does before `atexit`
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 255)


def _execute(path: str, command: list[str]) -> NoReturn:
    """Our own interpreter with other arguments, in place of this program."""
    _run(command[1:])
    sys.exit()


def _run(arguments: list[str]) -> None:
    kind, *rest = arguments
    if kind == "-m":
        sys.argv, sys.path[0] = rest, str(Path.cwd())
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv, sys.path[0] = ["-c", *rest[1:]], ""
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)  # noqa: S102 as `python -c` does
    else:
        sys.argv, sys.path[0] = arguments, str(Path(kind).resolve().parent)
        runpy.run_path(kind, run_name="__main__")


def _import_libraries(kind: str) -> None:
    """Imports what commands of a kind import, and forgets what is ours: that is read anew by each fork."""
    before = dict(os.environ)
    if kind != "whole":
        from scoring.lean_imports import bar_training_libraries

        bar_training_libraries()
    if kind == "lean":
        from serving.patches import circus_forked_workers

        circus_forked_workers._import_all()
    for name in LIBRARIES[kind]:
        import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    os.environ.clear()
    os.environ.update(before)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _import_libraries(sys.argv[1])
    _end(_become, _serve(socket.socket(fileno=int(sys.argv[2]))))
