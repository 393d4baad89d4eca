"""One request on its way through the server."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass

from serving.keys import Key
from serving.live import Snapshot
from serving.runtime import Runtime


@dataclass(slots=True)
class Visit:
    """One request from start to end: its id and the releases it sees, which do not change under it."""

    request_id: str
    runtime: Runtime
    snapshot: Snapshot
    key: Key | None = None  # whose call it is, where keys are asked for
    rows: int = 0  # profiles in the request, for the log


VISIT: contextvars.ContextVar[Visit] = contextvars.ContextVar("visit")
