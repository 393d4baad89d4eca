"""A request's body within its limits: its kind, its size on the wire and unpacked, and the time it takes to come.

And all bodies of a worker within theirs: what hundreds of callers send at once does not fill the memory.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from serving.http.problems import BAD_ENCODING, MEDIA, OVERLOADED, TOO_LARGE, TOO_SLOW, Problem, retry_after
from serving.settings import Settings

AsgiMessage = MutableMapping[str, Any]  # or a scope: what they hold, ASGI says by type
Receive = Callable[[], Awaitable[AsgiMessage]]
UNCOUNTED = (
    64 * 1024
)  # bytes of a body, up to which it takes none of the budget: as much as a connection may hold anyway
_GZIP = 31  # zlib's window bits for a gzip stream


class ClientLeftError(Exception):
    """The client left before its request was whole."""


class BodyBudget:
    """The bytes that a worker has for bodies, from their arrival until they are answered."""

    def __init__(self, settings: Settings) -> None:
        self._left = max(settings.bodies_bytes, settings.max_body_bytes)

    def take(self, size: int) -> None:
        """Takes so many bytes.

        Raises:
            Problem: A 503; there is none left until others are answered.
        """
        if size > self._left:
            detail = "Too many large bodies are being read or answered already."
            raise Problem(OVERLOADED, detail, headers=retry_after(1))
        self._left -= size

    def give_back(self, size: int) -> None:
        """Has so many bytes again."""
        self._left += size


class BodyShare:
    """What one request has of the budget."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._size = 0

    def grow(self, size: int) -> None:
        """Has memory for a body of so many bytes from now on; a small one needs none; raises as `BodyBudget.take`."""
        if size > max(UNCOUNTED, self._size):
            self._budget.take(size - self._size)
            self._size = size

    def end(self) -> None:
        """Gives all of it back."""
        self._budget.give_back(self._size)
        self._size = 0


def check_media_type(headers: Mapping[bytes, bytes], expected: bytes) -> None:
    """Refuses a body that is not of the expected type, in UTF-8, plain or gzipped.

    Raises:
        Problem: A 415.
    """
    kind, *parameters = headers.get(b"content-type", b"").lower().split(b";")
    if kind.strip() != expected:
        raise Problem(MEDIA, f"Content-Type must be {expected.decode()}.", headers=[(b"accept", expected)])
    for parameter in parameters:
        name, _, value = parameter.strip().partition(b"=")
        if name == b"charset" and value.strip(b'"') not in (b"utf-8", b"utf8"):
            raise Problem(MEDIA, "The charset must be utf-8.", headers=[(b"accept", expected)])
    if headers.get(b"content-encoding", b"identity").lower() not in (b"identity", b"gzip"):
        raise Problem(MEDIA, "Content-Encoding must be gzip or none.", headers=[(b"accept-encoding", b"gzip")])


def declared_size(headers: Mapping[bytes, bytes]) -> int:
    """The bytes that the head says will follow; 0 where it does not say."""
    declared = headers.get(b"content-length", b"")
    return int(declared) if declared.isdigit() else 0


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, settings: Settings, share: BodyShare) -> bytes:
    """The whole body, unpacked, at most `max_body_bytes` before and after, and within the budget.

    Raises:
        Problem: 413, 408, 400 or 503.
        ClientLeftError: The client left.
    """
    limit = settings.max_body_bytes
    if declared_size(headers) > limit:
        raise _too_large(limit)
    message = await _first(receive, settings)
    body = _chunk(message)
    if message.get("more_body"):
        try:
            async with asyncio.timeout(settings.body_seconds):
                body = await _rest(body, receive, limit, share)
        except TimeoutError:
            raise _too_slow(settings) from None
    if len(body) > limit:
        raise _too_large(limit)
    if headers.get(b"content-encoding", b"").lower() != b"gzip":
        return body
    unpacked = unpack(body, limit)
    share.grow(len(unpacked))
    return unpacked


async def _first(receive: Receive, settings: Settings) -> Any:
    try:
        async with asyncio.timeout(settings.body_seconds):
            return await receive()
    except TimeoutError:
        raise _too_slow(settings) from None


async def _rest(start: bytes, receive: Receive, limit: int, share: BodyShare) -> bytes:
    chunks, size, more = [start], len(start), True
    while more:
        message = await receive()
        chunks.append(_chunk(message))
        size += len(chunks[-1])
        more = message.get("more_body", False)
        if size > limit:
            raise _too_large(limit)
        share.grow(size)
    return b"".join(chunks)


def _chunk(message: AsgiMessage) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientLeftError
    return bytes(message.get("body", b""))


def unpack(body: bytes, limit: int) -> bytes:
    """A gzip stream's content; stops unpacking at the limit.

    Raises:
        Problem: 413 past the limit, 400 where it is not one whole gzip stream.
    """
    stream = zlib.decompressobj(_GZIP)
    try:
        content = stream.decompress(body, limit + 1)
    except zlib.error:
        raise Problem(BAD_ENCODING, "The body must be gzip, as Content-Encoding says.") from None
    if len(content) > limit:
        raise _too_large(limit)
    if not stream.eof or stream.unused_data:
        raise Problem(BAD_ENCODING, "The body must be one whole gzip stream.")
    return content


def _too_large(limit: int) -> Problem:
    return Problem(TOO_LARGE, f"A body must be at most {limit} bytes, before and after decompression.")


def _too_slow(settings: Settings) -> Problem:
    detail = f"A body must arrive within {settings.body_seconds:g} s."
    return Problem(TOO_SLOW, detail, headers=[(b"connection", b"close")])
