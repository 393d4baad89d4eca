"""Requests over HTTP with one policy: what may pass is tried again, no sooner than asked to, or the sync stops."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from types import TracebackType
from typing import Self

import httpx
import msgspec

from features.spec.feature import Json

SECONDS = 30.0  # that a server has to answer
TRIES = 6
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0  # seconds, where the server asks for none
_PASSING = (408, 425, 429)  # statuses below 500 after which the same request may be taken
_NOT_DONE = (425, 429, 503)  # statuses by which a server says that it did not begin
_KEY_REFUSED = (401, 403)
# Headers by which vendors say when to come back, and how many of their units a second has.
_RESETS = {
    "x-sib-ratelimit-reset": 1.0,
    "x-ratelimit-reset-after": 1.0,
    "x-hubspot-ratelimit-interval-milliseconds": 1e3,
}
_LIMITED = 429
_ADDRESS = re.compile(r"[^\s@\"'<>(),;:]+@[^\s@\"'<>(),;:]+|\+?\d[\d .()-]{6,}\d")
_MOST_REASON = 160  # characters


class DeliveryStoppedError(Exception):
    """The destination asks for patience or does not answer: the next sync goes on from here."""


class AnswerLostError(DeliveryStoppedError):
    """A request that must not be made twice may have been done."""


class DestinationRefusedError(Exception):
    """The destination takes nothing as things are: its key, its list or its address is wrong."""


class BatchRefusedError(Exception):
    """A batch is refused as a whole; the reason is the destination's."""


class DeliveryClock:
    """Time as it passes."""

    def now(self) -> datetime:
        """This moment."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Json:
        """The document; null where there is none."""
        found: Json = msgspec.json.decode(self.content) if self.content.strip() else None
        return found


class Transport:
    """The way to one destination."""

    def __init__(
        self, *, per_minute: int | None = None, patience: float = 300.0, clock: DeliveryClock | None = None
    ) -> None:
        """States its limits.

        Args:
            per_minute: Calls at most.
            patience: Seconds that it may be asked to wait.
            clock: By which it waits.
        """
        self.clock, self.calls = clock or DeliveryClock(), 0
        self._pause = 60.0 / per_minute if per_minute else 0.0
        self._patience, self._next = patience, 0.0
        self._client = httpx.Client(timeout=SECONDS, follow_redirects=False, verify=_certificates())

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Closes its connections."""
        self._client.close()

    def ask(
        self,
        method: str,
        url: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        fresh: Callable[[bytes], Mapping[str, str]] | None = None,
        missing: tuple[int, ...] = (),
        twice: bool = True,
    ) -> ServerAnswer:
        """An answer, once there is a whole one.

        Args:
            method: Of HTTP.
            url: Whole.
            body: Sent as JSON; None: nothing.
            headers: The same at each try.
            fresh: Further ones, made of the bytes of the body at each try.
            missing: Statuses that are an answer here, as of what is not there.
            twice: Whether it may be asked again though it may have been done.

        Raises:
            AnswerLostError: It may have been done, and must not be done twice; it was waited for.
            BatchRefusedError: The request is refused for what it holds.
            DeliveryStoppedError: Nothing is answered, or it asks for more patience than allowed.
            DestinationRefusedError: It refuses the key, or is not there.
        """
        content = b"" if body is None else msgspec.json.encode(body, order="sorted")
        given = {"content-type": "application/json", **(headers or {})} if content else dict(headers or {})
        for turn in range(TRIES):
            self._pace()
            answer, why, asked = None, "", None
            try:
                answer = self._once(method, url, content, {**given, **(fresh(content) if fresh else {})})
                if answer.status in missing or 200 <= answer.status < 300:
                    answer.json()  # half a document is no answer
                    return answer
                why, asked = f"status {answer.status}", asked_wait(answer.headers, self.clock.now(), answer.status)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise DestinationRefusedError(f"It cannot be asked: {type(error).__name__}.") from None
            except (httpx.HTTPError, OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
                why = type(error).__name__  # its text may hold the address
            if answer is not None:
                _raise_what_lasts(answer)
            self._wait(why, asked, turn)
            if not twice and (answer is None or answer.status not in _NOT_DONE):
                raise AnswerLostError(f"It may have taken what it did not answer: {why}.")
        raise DeliveryStoppedError(f"It did not answer {TRIES} times: {why}.")

    def _once(self, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> ServerAnswer:
        self.calls += 1
        found = self._client.request(method, url, content=content or None, headers=dict(headers))
        return ServerAnswer(
            found.status_code, {name.lower(): value for name, value in found.headers.items()}, found.content
        )

    def _pace(self) -> None:
        """Keeps calls apart."""
        if self._pause:
            now = self.clock.now().timestamp()
            if now < self._next:
                self.clock.sleep(self._next - now)
            self._next = max(now, self._next) + self._pause

    def _wait(self, why: str, asked: float | None, turn: int) -> None:
        """Waits at least as long as it is asked to, else longer each time."""
        if asked is not None and asked > self._patience:
            raise DeliveryStoppedError(
                f"It asks to wait {asked:.0f} seconds ({why}), more than limits.patience allows."
            )
        if turn + 1 < TRIES:
            own = min(_FIRST_WAIT * 2**turn, _LONGEST_WAIT)
            self.clock.sleep(max(own, asked or 0.0))


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: a daily run has several destinations."""
    return httpx.create_ssl_context()


def asked_wait(headers: Mapping[str, str], now: datetime, status: int) -> float | None:
    """How many seconds a server asks to wait at least, the longest where it says several things; None: it says nothing.

    >>> asked_wait({"retry-after": "7"}, datetime(2026, 1, 1, tzinfo=UTC), 503)
    7.0
    >>> asked_wait({"retry-after": "Thu, 01 Jan 2026 00:01:00 GMT"}, datetime(2026, 1, 1, tzinfo=UTC), 503)
    60.0
    """
    found = [wait for wait in [_retry_after(headers.get("retry-after"), now)] if wait is not None]
    if status == _LIMITED:
        for name, units in _RESETS.items():
            if (wait := _number(headers.get(name))) is not None:
                found.append(wait / units)
    return max(found) if found else None


def without_names(text: str, *secret: str) -> str:
    """A vendor's reason without whatever could name somebody, short enough to be listed.

    >>> without_names("ana@x.org is not a member")
    '... is not a member'
    """
    for one in secret:
        text = text.replace(one, "...") if one else text
    return " ".join(_ADDRESS.sub("...", text).split())[:_MOST_REASON] or "no reason given"


def reason_in(content: bytes) -> str:
    """What a refusal says, of the fields that problem documents have; its status alone says too little."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "refused without a reason"
    if isinstance(found, dict):
        for name in ("detail", "message", "title", "error", "reason", "code"):
            if isinstance(found.get(name), str) and found[name].strip():
                return without_names(found[name])
    return "refused without a reason"


def _raise_what_lasts(answer: ServerAnswer) -> None:
    """Raises what no further try would change."""
    status = answer.status
    if status in _KEY_REFUSED:
        raise DestinationRefusedError(f"It refuses the key: status {status}.")
    if status in (404, 405) or 300 <= status < 400:
        raise DestinationRefusedError(f"There is nothing at its address, or no such list: status {status}.")
    if 400 <= status < 500 and status not in _PASSING:
        raise BatchRefusedError(reason_in(answer.content))


def _retry_after(text: str | None, now: datetime) -> float | None:
    if text is None:
        return None
    if (seconds := _number(text)) is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, (moment - now).total_seconds()) if moment.tzinfo else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None
