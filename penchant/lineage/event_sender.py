"""Events on their way: sent by a thread of their own in their order, waited for a few seconds at the end."""

from __future__ import annotations

import logging
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

PATIENCE = 5.0  # seconds that a command waits at its end for what was not sent yet


class EventSender:
    """Takes events and never raises; the first thing that goes wrong is written to stderr, once."""

    def __init__(self, send: Callable[[], Callable[[Any], None]]) -> None:
        """`send` gives what sends one event, and is called in the thread: to load the client takes its time."""
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._make, self._warned = send, False
        self._thread = threading.Thread(target=self._work, name="lineage", daemon=True)
        self._thread.start()

    def put(self, event: Any) -> None:
        """Sends an event by and by."""
        self._events.put(event)

    def close(self, patience: float = PATIENCE) -> None:
        """Waits until all is sent, for so many seconds; what is left by then is lost."""
        self._events.put(None)
        self._thread.join(patience)
        if self._thread.is_alive():
            self.warn(f"not all events were taken within {patience:g} seconds")

    def warn(self, why: str) -> None:
        """Says it once."""
        if not self._warned:
            self._warned = True
            print(f"warn: lineage: {why}; the run goes on without.", file=sys.stderr)  # noqa: T201 of no command alone

    def _work(self) -> None:
        logging.getLogger("openlineage").setLevel(logging.CRITICAL)  # it would write each failure, with its trace
        send: Callable[[Any], None] | None = None
        while (event := self._events.get()) is not None:
            try:
                send = send or self._make()
                send(event)
            except Exception as failure:
                self.warn(f"an event was not taken ({type(failure).__name__})")
