"""A request's body within its limits: its kind, its size on the wire and unpacked, and the time it takes to come."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from serving.problems import BAD_ENCODING, MEDIA, TOO_LARGE, TOO_SLOW, Problem
from serving.settings import Settings

Receive = Callable[[], Awaitable[Any]]
_GZIP = 31  # zlib's window bits for a gzip stream


class ClientLeftError(Exception):
    """The client left before its request was whole."""


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


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, settings: Settings) -> bytes:
    """The whole body, unpacked, at most `max_body_bytes` before and after.

    Raises:
        Problem: 413, 408 or 400.
        ClientLeftError: The client left.
    """
    limit = settings.max_body_bytes
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    message = await _first(receive, settings)
    body = _chunk(message)
    if message.get("more_body"):
        try:
            async with asyncio.timeout(settings.body_seconds):
                body = await _rest(body, receive, limit)
        except TimeoutError:
            raise _too_slow(settings) from None
    if len(body) > limit:
        raise _too_large(limit)
    gzipped = headers.get(b"content-encoding", b"").lower() == b"gzip"
    return unpack(body, limit) if gzipped else body


async def _first(receive: Receive, settings: Settings) -> Any:
    try:
        async with asyncio.timeout(settings.body_seconds):
            return await receive()
    except TimeoutError:
        raise _too_slow(settings) from None


async def _rest(start: bytes, receive: Receive, limit: int) -> bytes:
    chunks, size, more = [start], len(start), True
    while more:
        message = await receive()
        chunks.append(_chunk(message))
        size += len(chunks[-1])
        more = message.get("more_body", False)
        if size > limit:
            raise _too_large(limit)
    return b"".join(chunks)


def _chunk(message: Mapping[str, Any]) -> bytes:
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
