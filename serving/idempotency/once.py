"""A call with an `Idempotency-Key`: its first answer again where it was made before, whatever process took it.

The same key with another route or body is refused; so is one whose first call is still under way. A call that was
refused or failed may be made again with its key.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from features.spec.suppression_list import SuppressionError, keyed
from scoring.privacy.suppression import own_key
from serving.http.problems import ANSWER_GONE, BAD_REQUEST, CALL_UNDER_WAY, KEY_REUSED, STORE_DOWN, Problem, retry_after
from serving.http.reply import Reply
from serving.idempotency import answered_calls
from serving.idempotency.answered_calls import EarlierCall
from serving.telemetry import logs

HEADER = b"idempotency-key"
REPLAYED = (b"idempotency-replayed", b"true")
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class OnceOnly:
    """A call that is to be done once."""

    home: Path
    caller: str  # the name of its API key; empty where none are asked for
    key: bytes
    route: str
    body: bytes  # JSON, its keys in order
    ids: Sequence[str] = ()  # that the body names and the answer repeats: they are not kept

    def hashes(self) -> tuple[bytes, bytes]:
        """Of caller and key, and of route and body, under the key of the home."""
        secret = own_key(self.home)
        asked = f"{self.route}\n{self.body.decode()}"
        return keyed(secret, f"{self.caller}\n{self.key.decode()}"), keyed(secret, asked)


async def once(call: OnceOnly, answer: Callable[[str], Awaitable[Reply]]) -> Reply:
    """The answer to a call, made now or before.

    Args:
        call: What is asked.
        answer: Makes it; it is handed a salt that is the same for every attempt of the call.

    Raises:
        Problem: The key is none, stands for another call, or for one under way; and what `answer` raises.
    """
    if not _KEY.fullmatch(call.key):
        raise Problem(BAD_REQUEST, "An Idempotency-Key must be 1 to 255 visible ASCII characters.")
    try:
        who, asked = await asyncio.to_thread(call.hashes)
        earlier = await asyncio.to_thread(answered_calls.begin, call.home, who, asked)
    except (sqlite3.Error, OSError, SuppressionError) as error:
        logs.write("answers_failed", level="error", **logs.fault(error))
        raise Problem(STORE_DOWN, "Which calls were made cannot be read now.", headers=retry_after(5)) from None
    if earlier is not None:
        return Reply(200, _with_ids(_body_of(earlier), call.ids), headers=[REPLAYED])
    done = False
    try:
        reply = await answer(who.hex()[:16])
        done = reply.status == 200
    finally:
        if not done:
            await _noted(answered_calls.cancel, call.home, who)
    await _noted(answered_calls.end, call.home, who, _without_ids(reply.body, call.ids))
    return reply


def _body_of(earlier: EarlierCall) -> bytes:
    if not earlier.same:
        raise Problem(KEY_REUSED, "An Idempotency-Key stands for one call, got it with another route or body.")
    if not earlier.ended:
        detail = "The first call with this Idempotency-Key is still under way; ask again."
        raise Problem(CALL_UNDER_WAY, detail, headers=retry_after(1))
    if earlier.answer is None:
        detail = "The call was answered; its answer named somebody who was erased since, and is kept no more."
        raise Problem(ANSWER_GONE, detail)
    return earlier.answer


async def _noted(note: Callable[..., None], *facts: Path | bytes) -> None:
    """Writes what became of a call; where that cannot be done the call stands all the same."""
    try:
        await asyncio.to_thread(note, *facts)
    except (sqlite3.Error, OSError, SuppressionError) as error:
        logs.write("answers_failed", level="error", **logs.fault(error))


def _without_ids(answer: bytes, ids: Sequence[str]) -> bytes:
    """An answer with the place of a customer in the request where it has the id."""
    return _renamed(answer, {customer: place for place, customer in enumerate(ids)})


def _with_ids(answer: bytes, ids: Sequence[str]) -> bytes:
    return _renamed(answer, dict(enumerate(ids)))


def _renamed(answer: bytes, names: Mapping[str, int] | Mapping[int, str]) -> bytes:
    if not names:
        return answer
    document = msgspec.json.decode(answer)
    for one in document["customers"]:
        one["customer_id"] = names[one["customer_id"]]
    return msgspec.json.encode(document)
