"""Handlers of calls that change something: with an `Idempotency-Key` they are done once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Any

import msgspec

from serving.http.reply import Reply
from serving.idempotency.once import OnceOnly, once
from serving.worker.request_context import RequestContext

Handler = Callable[[Any, RequestContext], Awaitable[Reply]]


def only_once(route: str, *, ids: Callable[[Any], Sequence[str]] = lambda _: ()) -> Callable[[Handler], Handler]:
    """Makes a handler one that answers a repeated call as before.

    Args:
        route: Its template.
        ids: Whom a body names, in the order of the answer's `customers`: such ids are not kept with the answer.
    """

    def wrapped(answer: Handler) -> Handler:
        @wraps(answer)
        async def answered(body: Any, context: RequestContext) -> Reply:
            if context.idempotency_key is None:
                return await answer(body, context)
            if context.slot:
                context.slot.release()  # what was answered before is on the disk

            async def attempt(salt: str) -> Reply:
                context.salt = salt
                return await answer(body, context)

            caller = context.key.name if context.key else ""
            asked = msgspec.json.encode(body, order="deterministic")
            home = context.runtime.settings.home
            return await once(OnceOnly(home, caller, context.idempotency_key, route, asked, ids(body)), attempt)

        return answered

    return wrapped
