"""What one worker holds: settings, the releases it watches, its counters, and the way work gets done."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from scoring.errors import PolicyFailedError
from scoring.segments.policy import Policy
from serving.admission.load_shedding import Queue
from serving.admission.scheduler import Scheduler, Slot
from serving.auth.gate import Gate
from serving.customers.decision_log import Decisions
from serving.customers.housekeeping import Housekeeping
from serving.customers.lookup import Customers
from serving.customers.pending_erasures import pending_of
from serving.http.problems import DEADLINE, Problem, retry_after
from serving.idempotency.answered_calls import expire
from serving.releases.watcher import Snapshot, Watch, age_seconds
from serving.requests.body import UNCOUNTED
from serving.settings import Settings
from serving.stream_state.stream_gauges import StreamGauges
from serving.telemetry import logs, metrics
from serving.telemetry import worker_totals as tally
from serving.telemetry.day_gauges import DayGauges
from serving.telemetry.health_gauges import HealthGauges
from serving.telemetry.metrics import Family, Labels
from serving.telemetry.served_values import ServedValues

Answer = TypeVar("Answer")
FIRST_LOOK_SECONDS = 30.0  # that the first connection is made to wait at most; then /readyz says what is going on
SUPERVISOR = "PENCHANT_SUPERVISOR"  # the environment variable by which a worker knows who must be there to replace it
LARGE_WAITING = 8  # large requests that may always wait for the one thread that does them
_ROOT = Path(__file__).resolve().parents[2]


class Runtime:
    """One worker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = metrics.Counters()
        self.draining = False
        self.gate = Gate(settings)
        self.customers = Customers(settings)
        self.decisions = Decisions(settings.home, days=settings.decisions_days, on=settings.decisions)
        self._health = HealthGauges(settings.home)
        self._day = DayGauges(settings.home)
        self._streams = StreamGauges(settings.home)
        self._values = ServedValues(settings.home, self.registry)
        self._housekeeping = Housekeeping(settings.home, self.decisions, settings.poll_seconds, also=self._tidy)
        self._watch = Watch(
            settings.home,
            fallback=releases_in_bento(_ROOT),
            poll_seconds=settings.poll_seconds,
            also=self._look,
            swapped=lambda name, result: self.registry.add(metrics.SWAPS, (name, result)),
        )
        self._parent = int(os.environ.get(SUPERVISOR) or os.getppid())
        self._small = Queue(settings.waiting)
        self._large = Queue(min(settings.waiting, LARGE_WAITING), kept_busy=1)
        self.scheduler = Scheduler(settings.waiting)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large")

    def _tidy(self) -> None:
        """What housekeeping does besides."""
        self._values.flush()
        expire(self.settings.home)

    @property
    def snapshot(self) -> Snapshot:
        """The releases of this moment."""
        return self._watch.snapshot

    @property
    def ready(self) -> bool:
        """Whether new requests should be sent here."""
        return self.snapshot.ready and not self.draining

    def give_up(self, policy: Policy, error: PolicyFailedError) -> Policy:
        """The policy in force once this one, which failed at customers, is out of service."""
        return self._watch.give_up(policy, error)

    def _look(self) -> None:
        """What is done besides, each time the release store is looked at; a worker whose supervisor is gone stops."""
        if os.getppid() != self._parent and not self.draining:
            logs.write("supervisor_gone", level="error")
            os.kill(os.getpid(), signal.SIGTERM)
        self.gate.look()
        self.customers.look()
        self._health.look()
        self._day.look()
        self._streams.look()
        self._values.watch(self.snapshot.served.values())
        tally.publish(self.registry)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watches the release store while the worker runs; after a SIGTERM /readyz answers 503 before it is obeyed."""
        loop = asyncio.get_running_loop()
        stop_serving = signal.getsignal(signal.SIGTERM)
        with suppress(RuntimeError, ValueError):  # only the main thread is sent signals
            loop.add_signal_handler(signal.SIGTERM, self._drain, stop_serving)
        self.registry.add(metrics.WORKER_STARTS)
        self._watch.start()
        self._housekeeping.start()
        try:
            yield
        finally:
            self.draining = True
            self._watch.stop()
            self._housekeeping.stop()
            self._thread.shutdown(wait=False)
            self.decisions.flush()
            self._values.flush(at_once=True)
            tally.publish(self.registry)

    async def first_look(self) -> None:
        """Waits until the release store has been looked at once, but no longer than FIRST_LOOK_SECONDS."""
        latest = time.monotonic() + FIRST_LOOK_SECONDS
        while not self.snapshot.looked and time.monotonic() < latest:
            await asyncio.sleep(0.02)

    def _drain(self, stop_serving: Any) -> None:
        if not self.draining and callable(stop_serving):
            self.draining = True
            logs.write("draining", seconds=self.settings.drain_seconds)
            loop = asyncio.get_running_loop()
            loop.call_later(self.settings.drain_seconds, stop_serving, signal.SIGTERM, None)

    def check_load(self, size: int) -> None:
        """Refuses a body of so many bytes before it is read: that costs little.

        Raises:
            Problem: 503 where too much is waiting already.
        """
        self._queue(size).check()

    @property
    def sheds_early(self) -> bool:
        """Whether calls are rejected before they are read: in an overload, unless the access log must name them."""
        return (self._small.overloaded or self._large.overloaded) and not self.settings.access_log

    def rejects(self, size: int) -> bool:
        """Whether a call with a body of so many bytes is rejected at once; while there is no overload, none is."""
        queue = self._queue(size)
        rejected = queue.rejects()
        if not rejected and queue.overloaded:
            asyncio.get_running_loop().call_soon(queue.next_iteration)
        return rejected

    def _queue(self, size: int) -> Queue:
        """Where the work of a body of so many bytes would most likely be."""
        return self._large if size > UNCOUNTED else self._small

    def slot(self, size: int) -> Slot | None:
        """A slot for a call with a body of so many bytes, where it is a short one."""
        return Slot(self._small, self.scheduler) if self._queue(size) is self._small else None

    async def work(self, call: Callable[[], Answer]) -> Answer:
        """Does large work in the one thread, within the deadline.

        Raises:
            Problem: 503 where too much is waiting already, 504 past the deadline.
        """
        self._large.join()
        loop = asyncio.get_running_loop()
        job: Future[Answer] = self._thread.submit(call)
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(self._large.done))
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(job)), self.settings.deadline_seconds)
        except TimeoutError:
            job.cancel()  # frees its slot only where it has not begun
            limit = self.settings.deadline_seconds
            raise Problem(DEADLINE, f"An answer must be ready within {limit:g} s.", headers=retry_after(5)) from None

    def metrics_page(self) -> bytes:
        """Every counter of every worker, and the gauges of this one as they stand now."""
        snapshot = self.snapshot
        gauges: dict[tuple[Family, Labels], float] = {
            (metrics.READY, ()): float(self.ready),
            **self._health.now(),
            **self._day.now(),
            **self._streams.now(),
        }
        with suppress(sqlite3.Error):
            gauges[metrics.ERASURES_PENDING, ()] = len(pending_of(self.settings.home))
        for name, seconds in age_seconds(snapshot).items():
            release = snapshot.served[name].release
            gauges[metrics.MODEL_AGE, (name,)] = seconds
            gauges[metrics.MODEL_INFO, (name, release.version, release.bundle.manifest.kind)] = 1
        return tally.total(self.registry).render(gauges)

    def timed(self, family: Family, started: float) -> None:
        """Counts a duration that began at `started` of the performance counter."""
        self.registry.observe(family, time.perf_counter() - started)


def releases_in_bento(root: Path) -> Path | None:
    """The releases that travelled inside a built bento; None where this code does not run from one."""
    return root / ".penchant" if (root.parent / "bento.yaml").is_file() else None
