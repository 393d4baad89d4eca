"""Where a page ended: the day and a rank in it, never an id; opaque, and refused unless a page gave it."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime

_FORM = struct.Struct(">BqIi")
_VERSION = 1


class CursorError(ValueError):
    """A text is no cursor, or one of another list."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last rank of a page, by which the next begins, also where customers were taken out meanwhile."""

    as_of: datetime  # the day, UTC
    rank: int
    listed: int  # the checksum of what was asked, since a rank of one list means nothing in another

    def __str__(self) -> str:
        """As it travels: letters, digits, - and _."""
        packed = _FORM.pack(_VERSION, int(self.as_of.timestamp()), self.listed, self.rank)
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def checksum(question: str) -> int:
    """What a cursor remembers of what was asked.

    >>> checksum("churn") == checksum("churn") != checksum("propensity")
    True
    """
    return zlib.crc32(question.encode())


def read_cursor(text: str) -> Cursor:
    """The cursor of a text.

    >>> read_cursor("AQAAAABpo4GAAAAABwAAADE").rank
    49

    Raises:
        CursorError: It is none.
    """
    try:
        packed = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, seconds, listed, rank = _FORM.unpack(packed)
        cursor = Cursor(datetime.fromtimestamp(seconds, UTC), rank, listed)
    except (ValueError, struct.error, binascii.Error, OverflowError, OSError):
        raise _refused() from None
    if version != _VERSION or rank < 0 or str(cursor) != text:
        raise _refused()
    return cursor


def _refused() -> CursorError:
    return CursorError("A cursor must be the `next` of a page before, got another text.")
