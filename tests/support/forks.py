"""Commands as processes of their own, forked from one that has imported all libraries: a start costs next to nothing.

What is forked has imported none of our own modules, takes on surroundings, folder and streams as a new process would,
and ends as one. What a process imports, its patches and Python's own settings are tested on processes started anew.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
ALONE = "scoring.answers.verification"  # under a limit of address space, which idle threads and Arrow would exceed
KINDS = {"bentoml": "lean", "scoring": "lean", "serving": "lean", ALONE: "alone"}  # commands that bar libraries
SINGLE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
FOLDER = "TESTS_FORKS"  # the environment variable that names where processes that fork take requests
_TAKEN = {"capture_output", "check", "cwd", "env", "stdout", "text", "timeout"}  # options of `subprocess.run`
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
    kind = KINDS.get(arguments[1], "whole") if arguments[0] == "-m" else "whole"
    if kind == "lean":
        _address("alone")  # a server that started it would end it with all its children
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
        printed = [_read(stream).decode() for stream in (stdout, stderr)]
    return subprocess.CompletedProcess(list(arguments), code, *printed)


def run_as_told(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run`, which forks where a command of ours is started with no more than these options."""
    plain = list(command[:2]) == [sys.executable, "-m"] and options.keys() <= _TAKEN
    if not plain or FOLDER not in os.environ:
        answer: subprocess.CompletedProcess[Any] = _subprocess_run(command, **options)
        return answer
    both, folder = options.get("capture_output"), Path(options.get("cwd") or Path.cwd())
    asked = both or options.get("stdout") is not None
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, _own(1) as own_out, _own(2) as own_err:
        streams = {"stdout": out if asked else own_out, "stderr": err if both else own_err}
        process = start(command[1:], cwd=folder, env=options.get("env") or os.environ, **streams)
        try:
            process.wait(options.get("timeout"))
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        printed = [_read(out) if asked else None, _read(err) if both else None]
    if options.get("text"):
        printed = [None if each is None else each.decode() for each in printed]
    ended = subprocess.CompletedProcess(list(command), process.wait(), *printed)
    if options.get("check"):
        ended.check_returncode()
    return ended


def _own(number: int) -> IO[bytes]:
    return os.fdopen(os.dup(number), "wb")


def _read(file: IO[bytes]) -> Any:
    file.seek(0)
    return file.read()


def begin_run() -> None:
    """Where all processes of a run of tests find those that fork: a folder, until the process that calls this ends.

    Theirs is also what numba compiles: it takes 2 s, and each training needs it.
    """
    folder = os.environ[FOLDER] = tempfile.mkdtemp(prefix="penchant-forks-")
    (Path(folder) / "pid").write_text(str(os.getpid()))
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="numba-", dir=folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _connect(kind: str) -> socket.socket:
    """A connection to the process of a kind."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(str(_address(kind)))
    return connection


def _address(kind: str) -> Path:
    """Where the process of a kind takes requests; it is started when one of the run first asks for it."""
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
                line = [sys.executable, "-W", "ignore", "-m", "tests.support.forking", kind, str(number)]
                env = {**os.environ, **(SINGLE if kind == "alone" else {})}
                # It outlives who starts it, whose output a caller may read to its end: it has none of its own.
                nothing = subprocess.DEVNULL
                subprocess.Popen(line, cwd=ROOT, env=env, stdin=nothing, stdout=nothing, pass_fds=[number])
    return address
