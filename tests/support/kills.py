"""Commands on a home, each in a fork that is killed at a chosen moment: `python -m tests.support.kills`.

A line of JSON on stdin names an operation, its folder and at which event to kill it (none: at no event); the answer is
the exit status and how many events there were. Events are what the operation does to files below its folder, as
Python's audit hooks tell, each statement that SQLite is given, and each flush to the disk.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.cli.main import main as score
from scoring.releases.promotion_log import log_decision
from scoring.releases.store import install_release, make_current
from serving.auth.api_keys import main as keys
from serving.cli.load import main as load
from serving.cli.suppress import main as suppress
from serving.customers.housekeeping import finish_erasures
from serving.customers.subject_rights import erase

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

ERASED = "erased-customer"
_WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "shutil.rmtree"}


def _erase(folder: Path) -> int:
    erase(folder / "home", [ERASED])
    finish_erasures(folder / "home", at_once=True)
    return 0


def _promote(folder: Path) -> int:
    """What a promotion does to a home, as `training.promotion.sync` does it."""
    home = folder / "home"
    install_release(home, "churn", "2", folder / "bundle", facts={"registered_at": "2026-01-02T00:00:00Z"})
    make_current(home, "churn", "2")
    log_decision(home, "churn", {"version": "2", "rule": "better", "promoted": True, "reason": "It ranks better."})
    return 0


def _replace(folder: Path) -> int:
    """The current version again, in other bytes."""
    install_release(folder / "home", "churn", "1", folder / "first", facts={"registered_at": "2027-01-02T00:00:00Z"})
    return 0


def _export(folder: Path) -> int:
    contacts = ["--contacts", str(folder / "contacts.csv"), "--email", "mail", "--consent", "ok"]
    where = ["--snapshot", str(folder / "taken.parquet"), "--output", str(folder / "out/list.csv")]
    return score(["export", "--home", str(folder / "home"), "--segment", "promising", *where, *contacts])


def _snapshot(folder: Path) -> int:
    files = ["--input", str(folder / "customers.parquet"), "--output", str(folder / "out/snapshot.parquet")]
    return score(["snapshot", "--home", str(folder / "home"), *files, "--as-of", "2026-02-02"])


OPERATIONS: Mapping[str, Callable[[Path], int]] = {
    "load": lambda folder: load([str(folder / "load.parquet"), "--home", str(folder / "home")]),
    "suppress": lambda folder: suppress(["add", str(folder / "objectors.txt"), "--home", str(folder / "home")]),
    "keys": lambda folder: keys(["add", "second", "--home", str(folder / "home")]),
    "erase": _erase,
    "snapshot": _snapshot,
    "export": _export,
    "promotion": _promote,
    "replacement": _replace,
}


class _Moments:
    """Counts what an operation does and ends it, as nothing can catch, at one of them."""

    def __init__(self, folder: Path, kill_at: int | None) -> None:
        self.count = 0
        self._folder = str(folder)
        self._kill_at = kill_at
        self._fsync, self._connect = os.fsync, sqlite3.connect
        os.fsync, sqlite3.connect = self._flushed, self._connected
        sys.addaudithook(self._hear)

    def _event(self) -> None:
        self.count += 1
        if self.count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _flushed(self, fd: FileDescriptorLike) -> None:
        self._event()
        self._fsync(fd)

    def _connected(self, *arguments: Any, **named: Any) -> Any:  # of the class that was asked for
        connection = self._connect(*arguments, **named)
        connection.set_trace_callback(lambda _statement: self._event())
        return connection

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _WATCHED and self._is_inside(arguments[0]):
            self._event()

    def _is_inside(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and str(os.fspath(path)).startswith(self._folder)


def _run(operation: str, folder: Path, kill_at: int | None, answer: int) -> None:
    """In the fork: does it, and says how many moments there were."""
    status = 1
    try:
        moments = _Moments(folder, kill_at)
        status = OPERATIONS[operation](folder)
        os.write(answer, str(moments.count).encode())
    finally:
        os._exit(status)


def _serve() -> None:
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what commands print is no reply
    for line in sys.stdin:
        asked = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            _run(asked["operation"], Path(asked["folder"]), asked["kill_at"], writer)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        with os.fdopen(reader) as pipe:
            count = pipe.read()
        replies.write(json.dumps({"status": os.waitstatus_to_exitcode(status), "events": int(count or 0)}) + "\n")


if __name__ == "__main__":
    _serve()
