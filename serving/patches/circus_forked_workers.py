"""Workers are forked from BentoML's supervisor once it has imported all they need, where stock ones import it anew.

A worker that replaces a dead one then needs no import, and all of them share the memory of what was imported. The
supervisor never scores: nothing that a fork does not survive (a pool of threads, a model, a connection to a store) is
made in it.

Stock behaviour, also where forking is not safe or would serve old code (another system than Linux, a supervisor in a
thread, `--reload`, `--development`): each worker is a new process that imports everything.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import psutil
from circus.process import Process
from circus.watcher import Watcher

from serving.patches.circus_respawn import watch_for_deaths
from serving.patches.seam import Seam
from serving.settings import SettingsError
from serving.telemetry import logs

PROCESS_SEAM = Seam(
    "kantoku 0.18.3",
    Process,
    {"spawn": (), "format_args": ("sockets_fds",), "_get_sockets_fds": ()},
    frozenset(
        {
            "_worker",
            "args",
            "close_child_stdin",
            "env",
            "gid",
            "pipe_stderr",
            "pipe_stdout",
            "rlimits",
            "started",
            "uid",
            "watcher",
            "working_dir",
        }
    ),
)
WATCHER_SEAM = Seam("kantoku 0.18.3", Watcher, {"_process_class": ()})
_PROGRAM = "_bentoml_impl.worker.service"  # what a stock worker of BentoML 1.4.39 runs, by `python -m`
_IMPORTED = (  # by a worker, between its start and its first answer; a test finds what a new BentoML needs besides
    "serving.patches.uvicorn_admission",
    "serving.edge.edge",
    "serving.patches.uvicorn_head_timeout",
    "serving.patches.uvicorn_one_write",
    "serving.edge.site",
    "serving.patches.uvicorn_bad_request",
    "serving.patches.uvicorn_size_limits",
    "_bentoml_impl.client",
    "_bentoml_impl.server.app",
    "bentoml._internal.runner.container",
    "bentoml._internal.server.http.traffic",
    "bentoml._internal.utils.telemetry",
    "bentoml.container",
    "numpy.ma",
    "numpy.polynomial",
    "numpy.random",
    "opentelemetry.instrumentation.asgi",
    "opentelemetry.sdk.trace.export",
    "pydantic._internal._dataclasses",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.auto",
    "xgboost.data",
)
_STREAMS = 3  # descriptors 0, 1 and 2 are a worker's own


def install() -> None:
    """From here on the supervisor that this process becomes forks its workers, and replaces dead ones at once."""
    if not (PROCESS_SEAM.fits(__name__) and WATCHER_SEAM.fits(__name__)):
        return
    Watcher._process_class = property(lambda _: Forked)
    if sys.platform == "linux" and _in_main_thread():
        _import_all()  # now: while circus starts its workers it forgets a SIGTERM


class Forked(Process):
    """A worker as circus knows its processes."""

    def spawn(self) -> None:
        """Starts the worker."""
        if self._may_be_forked():
            self.started = time.time()
            self._worker = _Child(self._fork(self.format_args(self._get_sockets_fds())))
        else:
            super().spawn()
        if _in_main_thread() and (deaths := watch_for_deaths(self.watcher.arbiter)):
            deaths.born(self.pid)

    def _may_be_forked(self) -> bool:
        alone = len(self.watcher.arbiter.watchers) == 1  # a second watcher is one that restarts workers on new code
        plain = not (self.pipe_stdout or self.pipe_stderr or self.uid or self.gid or self.rlimits)
        ours = _PROGRAM in (self.args or ()) and sys.platform == "linux"
        return ours and alone and plain and _in_main_thread()

    def _fork(self, command: list[str]) -> int:
        """The id of a new worker; no signal may reach it while it still has the supervisor's signal handlers."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        pid = os.fork()
        if pid == 0:
            self._run_worker(command, blocked)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return pid

    def _run_worker(self, command: list[str], blocked: set[Any]) -> NoReturn:
        """Runs BentoML's worker to its end; nothing of what the supervisor does at its own end is done here."""
        code = 1
        try:
            self._detach()
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            sys.argv = command[command.index(_PROGRAM) :]
            import_module(_PROGRAM).main(sys.argv[1:])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else bool(end.code)
        except BaseException as error:  # logged here, since nobody above may catch it
            broken = {"settings": str(error)} if isinstance(error, SettingsError) else {}
            logs.write("worker_failed", level="error", **logs.fault(error), **broken)
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(code)

    def _detach(self) -> None:
        """Takes on what `exec` would have given: a session, surroundings, signals and descriptors of its own."""
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        os.setsid()
        os.environ.clear()
        os.environ.update(self.env)
        os.chdir(self.working_dir)
        null = os.open(os.devnull, os.O_RDWR)
        if self.close_child_stdin:
            os.dup2(null, 0)
        for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
            if descriptor >= _STREAMS and not (descriptor == null or _inherited(descriptor)):
                # Stays taken: whatever still holds it may close it, and must then not close another's.
                os.dup2(null, descriptor, inheritable=False)


class _Child(psutil.Process):
    """A forked worker, with those parts of a `Popen` that circus asks for."""

    stdout = stderr = None
    returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, None while it runs, 0 where circus has reaped it already."""
        try:
            code = self.wait(0)
        except psutil.TimeoutExpired:
            return None
        self.returncode = code or 0
        return self.returncode


def _in_main_thread() -> bool:
    """Whether the supervisor runs in the main thread: only there are signals delivered, and is a fork safe."""
    return threading.current_thread() is threading.main_thread()


def _inherited(descriptor: int) -> bool:
    """Whether an `exec` would have left a descriptor open: the sockets to listen on, and no other."""
    try:
        return os.get_inheritable(descriptor)
    except OSError:  # it was that of the list of descriptors
        return True


def _import_all() -> None:
    """Imports all that a worker needs, once, and hides it from the garbage collector, which would copy its pages."""
    if _PROGRAM in sys.modules:
        return
    from scoring.lean_imports import bar_training_libraries

    bar_training_libraries()
    for name in (_PROGRAM, *_IMPORTED):
        with suppress(ImportError):  # of another BentoML; a worker imports what it lacks
            import_module(name)
    gc.collect()
    gc.freeze()
