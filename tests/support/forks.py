"""Commands as processes of their own, forked from one that has imported all libraries: a start costs next to nothing.

What is forked has imported none of our own modules, takes on surroundings, folder and streams as a new process would,
and ends as one. What a process imports, its patches and Python's own settings are tested on processes started anew.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NoReturn

ROOT = Path(__file__).parents[2]
OURS = ("features", "scoring", "training", "activation", "monitoring", "serving", "penchant", "tests")
LEAN = ("bentoml", "scoring", "serving")  # commands that bar the training libraries
LIBRARIES = {
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
FOLDER = "TESTS_FORKS"  # the environment variable that names where processes that fork take requests
_LARGEST = 1 << 20  # bytes of a request
_subprocess_run = subprocess.run


class Forked:
    """A forked process as `subprocess.Popen` shows one."""

    def __init__(self, arguments: Sequence[str], pid: int, ended: int) -> None:
        self.args, self.pid, self._ended = arguments, pid, ended
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: It has not within so many seconds.
        """
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Sends it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], seconds)[0]:
            self.returncode = int(os.read(self._ended, 16) or -signal.SIGKILL)
            os.close(self._ended)
        return self.returncode


def start(
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes],
    stdin: IO[bytes] | None = None,
) -> Forked:
    """Starts `python` with these arguments, `-m MODULE ...`, `-c PROGRAM` or `FILE ...`, on streams of its own."""
    kind = "lean" if arguments[0] == "-m" and arguments[1] in LEAN else "whole"
    ended, ending = os.pipe()
    with _connect(kind) as connection, Path(os.devnull).open("rb") as nothing:
        request = json.dumps({"arguments": list(arguments), "folder": str(cwd), "environment": dict(env)})
        streams = [(stdin or nothing).fileno(), stdout.fileno(), stderr.fileno(), ending]
        socket.send_fds(connection, [request.encode()], streams)
        os.close(ending)
        pid = connection.recv(16)
    assert pid, "The process that forks has ended: what it wrote to stderr says why."
    return Forked(arguments, int(pid), ended)


def run(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`python` with these arguments, ended, with what it printed."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        code = start(arguments, cwd=cwd, env=env, stdout=stdout, stderr=stderr).wait()
        printed = []
        for stream in (stdout, stderr):
            stream.seek(0)
            printed.append(stream.read().decode())
    return subprocess.CompletedProcess(list(arguments), code, *printed)


def run_as_told(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    """`subprocess.run`, which forks where a command of ours is started and no more is asked than what it prints."""
    plain = list(command[:2]) == [sys.executable, "-m"] and options.keys() <= {"check", "cwd", "stdout"}
    if not plain or FOLDER not in os.environ:
        answer: subprocess.CompletedProcess[bytes] = _subprocess_run(command, **options)
        return answer
    asked = options.get("stdout") is not None
    with tempfile.TemporaryFile() as piped, os.fdopen(os.dup(1), "wb") as own, os.fdopen(os.dup(2), "wb") as errors:
        folder, stdout = Path(options.get("cwd") or Path.cwd()), piped if asked else own
        code = start(command[1:], cwd=folder, env=os.environ, stdout=stdout, stderr=errors).wait()
        piped.seek(0)
        ended = subprocess.CompletedProcess(list(command), code, piped.read() if asked else None)
    if options.get("check"):
        ended.check_returncode()
    return ended


def begin_run() -> None:
    """Where all processes of a run of tests find those that fork: a folder, until the process that calls this ends.

    Theirs is also what numba compiles: it takes 2 s, and each training needs it.
    """
    folder = os.environ[FOLDER] = tempfile.mkdtemp(prefix="penchant-forks-")
    (Path(folder) / "pid").write_text(str(os.getpid()))
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="numba-", dir=folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _connect(kind: str) -> socket.socket:
    """A connection to the process of a kind, which is started when one of the run first asks for it."""
    if FOLDER not in os.environ:
        begin_run()
    folder = Path(os.environ[FOLDER])
    address = folder / kind
    with (folder / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                listener.bind(str(address))
                listener.listen()
                number = listener.fileno()
                line = [sys.executable, "-W", "ignore", "-m", "tests.support.forks", kind, str(number)]
                subprocess.Popen(line, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[number])
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(str(address))
    return connection


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
    if kind == "lean":
        from scoring.lean_imports import bar_training_libraries
        from serving.patches import circus_forked_workers

        bar_training_libraries()
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
