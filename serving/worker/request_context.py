"""One request on its way through the server."""

from __future__ import annotations

import contextvars
import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from scoring.errors import PolicyFailedError
from scoring.privacy import audit_trail
from scoring.privacy.audit_trail import Actor, Fact, Via, What
from scoring.privacy.suppression import SuppressionError
from scoring.segments.assignment import DEFAULT
from serving.admission.scheduler import Slot
from serving.auth.api_keys import ApiKey
from serving.http.problems import STORE_DOWN, Problem, retry_after
from serving.releases.watcher import Snapshot
from serving.telemetry import logs
from serving.worker.runtime import Runtime

Answer = TypeVar("Answer")
SMALL_COST = 200  # rows scored; work up to this is done at once, where a thread would cost more than it gives


@dataclass(slots=True)
class RequestContext:
    """One request from start to end: its id and the releases it sees, which do not change under it."""

    request_id: str
    runtime: Runtime
    snapshot: Snapshot
    key: ApiKey | None = None  # whose call it is, where keys are asked for
    rows: int = 0  # profiles in the request, for the log
    idempotency_key: bytes | None = None  # as the caller sent it
    salt: str | None = None  # the same for every attempt of a call that is to be done once
    slot: Slot | None = None  # in the queue of short calls, where it is one by the size of its body

    def at_once(self, cost: int) -> bool:
        """Whether work is done on the event loop: that of a short call which costs little."""
        return self.slot is not None and cost <= SMALL_COST

    async def in_thread(self, call: Callable[[], Answer]) -> Answer:
        """What a call returns that may keep the thread busy for long; it is a short one no more.

        Raises:
            Problem: As `Runtime.work`, and whatever the call raises.
        """
        if self.slot:
            self.slot.release()
        return await self.runtime.work(call)

    def record(
        self, what: What, customers: Collection[str] = (), *, via: Via, about: Mapping[str, Fact] | None = None
    ) -> None:
        """Notes in the trail what this caller is about to be given, or to do: nothing is that cannot be noted.

        Raises:
            OSError: The trail cannot be written.
            SuppressionError: The home has lost the key of its hashes.
        """
        actor = Actor(self.key.name if self.key else None, via)
        audit_trail.record(self.runtime.settings.home, what, actor, customers=customers, about=about)

    def record_or_refuse(self, what: What, customers: Collection[str], *, via: Via, about: Mapping[str, Fact]) -> None:
        """As `record`.

        Raises:
            Problem: A 503 where it cannot be noted.
        """
        try:
            self.record(what, customers, via=via, about=about)
        except (SuppressionError, OSError) as error:
            logs.write("trail_failed", level="error", request_id=self.request_id, **logs.fault(error))
            detail = "Who looks at a customer cannot be noted now, so nobody is shown; ask again later."
            raise Problem(STORE_DOWN, detail, headers=retry_after(5)) from None

    def give_up_policy(self, error: PolicyFailedError) -> None:
        """Goes on with the last good policy in place of the one that failed at these customers.

        Raises:
            PolicyFailedError: The default policy failed, and there is none to go on with.
        """
        if self.snapshot.policy is DEFAULT:
            raise error
        good = self.runtime.give_up(self.snapshot.policy, error)
        self.snapshot = dataclasses.replace(self.snapshot, policy=good)


CONTEXT: contextvars.ContextVar[RequestContext] = contextvars.ContextVar("context")
