"""What is written of customers beside the answers: decisions that wait, and erasures whose bytes are still to go."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scoring.population.days import PopulationBusyError, days_of, outcome_files
from scoring.privacy.audit_trail import Actor, record
from scoring.privacy.suppression import SuppressionError
from scoring.storage.leftovers import remove_leftovers
from scoring.storage.sqlite import scrub
from serving.customers import decision_log, feature_store, pending_erasures
from serving.customers.decision_log import Decisions
from serving.stream_state.erasure import count_in_streams, forget_in_streams
from serving.telemetry import logs

LOCK = ".erasures.lock"
_REST = 10.0  # times as long as the last rewriting took is waited for before the next: many erasures share one
_NICE = 19  # a rewriting takes what processor time others leave


class Housekeeping:
    """One worker's thread that flushes its decisions and finishes erasures; of several workers one at a time does.

    `also` is done each time too.
    """

    def __init__(
        self, home: Path, decisions: Decisions, poll_seconds: float, also: Callable[[], None] = lambda: None
    ) -> None:
        self._home = home
        self._decisions = decisions
        self._also = also
        self._poll_seconds = poll_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begins, and goes on every `poll_seconds`."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after what is under way; an erasure that is broken off is finished by whoever serves next."""
        self._stopping.set()

    def _run(self) -> None:
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        remove_leftovers(self._home)
        while not self._stopping.is_set():
            try:
                self._decisions.flush()
                self._also()
                finish_erasures(self._home)
            except (sqlite3.Error, SuppressionError, OSError, PopulationBusyError) as error:
                logs.write("erasures_wait", level="error", **logs.fault(error))
            except Exception as error:  # the thread outlives whatever one round meets
                logs.write("housekeeping_failed", level="error", **logs.fault(error))
            self._stopping.wait(self._poll_seconds)


def finish_erasures(home: Path, *, at_once: bool = False) -> int:
    """Deletes what is kept of pending customers and writes the files anew; returns how many are done.

    Done means proved: no row of theirs is left, the files hold live rows only, and their logs are empty. What is broken
    off is found again, since a customer is forgotten last.

    Args:
        home: Whose customers.
        at_once: Whether to wait for another who is at it, and not to rest after the last rewriting.

    Raises:
        sqlite3.Error: A file cannot be written now; all is still pending.
        OSError: The same.
        PopulationBusyError: A daily run is under way; all is still pending.
    """
    if not pending_erasures.pending_of(home):
        return 0
    with _turn(home, wait=at_once) as mine:
        waiting = pending_erasures.pending_of(home) if mine else {}
        if not waiting:
            return 0
        began = time.monotonic()
        moments = {customer: at for customer, (at, _) in waiting.items()}
        found = {"store": feature_store.count(home, moments), "decisions": decision_log.count(home, moments)}
        dirty = {
            customer: (at, {place: int(bool(rows[place] or found[place].get(customer))) for place in rows})
            for customer, (at, rows) in waiting.items()
        }
        pending_erasures.add(home, dirty)  # before any row goes: else a kill would leave bytes and no trace of them
        feature_store.delete(home, moments)
        decision_log.delete(home, moments)
        _forget_in_days(home, moments)
        forget_in_streams(home, moments)
        for place, path in (("store", home / feature_store.FILE), ("decisions", home / decision_log.FILE)):
            if path.exists() and any(rows[place] for _, rows in dirty.values()):
                scrub(path)
        if any(one(home, moments) for one in (feature_store.count, decision_log.count, count_in_streams)):
            raise sqlite3.OperationalError("Rows of erased customers came back while the files were written anew.")
        record(home, "erased", Actor(None, "server"), customers=moments)
        pending_erasures.clear(home, list(moments.items()))
        seconds = time.monotonic() - began
        _note_duration(home, seconds)
        logs.write("erasures_done", customers=len(moments), seconds=round(seconds, 3))
        return len(moments)


def _forget_in_days(home: Path, customers: Collection[str]) -> None:
    if days_of(home) or outcome_files(home):
        from scoring.population.forget import forget_customers  # brings pyarrow along, which few servers need

        forget_customers(home, customers)


@contextmanager
def _turn(home: Path, *, wait: bool) -> Iterator[bool]:
    """Whether it is this process's turn to write files anew, which it has until the block ends."""
    handle = os.open(home / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield wait or _rested(handle)
    finally:
        os.close(handle)


def _rested(handle: int) -> bool:
    """Whether enough time has gone by since the last rewriting, whose seconds stand in the lock's file."""
    text = os.pread(handle, 32, 0).decode("ascii", "replace")
    try:
        seconds = float(text or 0)
    except ValueError:
        return True
    return not 0 <= time.time() - os.fstat(handle).st_mtime < _REST * seconds


def _note_duration(home: Path, seconds: float) -> None:
    (home / LOCK).write_text(f"{seconds:.3f}")
