"""What both clients share: how a call is made, when it is made again, and what becomes of a refusal."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypedDict

import httpx

from features.spec.feature import Json

PATIENCE = 60.0  # seconds; a server that asks for a longer wait is not waited for
_BUSY = (429, 503)
_JSON = {"content-type": "application/json"}


class CallError(Exception):
    """The server refused a call, or could not be reached; `status` is 0 in the second case."""

    def __init__(self, status: int, detail: str, problem: Mapping[str, Json] | None = None) -> None:
        super().__init__(f"{status}: {detail}" if status else detail)
        self.status = status
        self.problem = dict(problem or {})  # the RFC 9457 document

    @property
    def request_id(self) -> str | None:
        """What the server's log knows the call by."""
        found = self.problem.get("request_id")
        return found if isinstance(found, str) else None


class ConnectionOptions(TypedDict):
    """The settings of a client's connections, as httpx takes them."""

    base_url: str
    timeout: float
    headers: dict[str, str]
    trust_env: bool


class Calls:
    """The options of a client's connections, and its patience with a busy server."""

    def __init__(self, url: str, *, key: str | None, timeout: float, retries: int) -> None:
        self.retries = retries
        headers = {**_JSON, **({"authorization": f"Bearer {key}"} if key else {})}
        self.options: ConnectionOptions = {
            "base_url": url,
            "timeout": timeout,
            "headers": headers,
            "trust_env": False,
        }

    def wait(self, attempt: int, met: httpx.Response | httpx.TransportError) -> float | None:
        """Seconds to wait before the next attempt; None where the answer stands. Scoring twice changes nothing.

        Raises:
            CallError: The attempts are used up, or the call was refused for good.
        """
        if isinstance(met, httpx.Response):
            if met.is_success:
                return None
            if met.status_code not in _BUSY or attempt >= self.retries:
                raise _refused(met)
            asked = _retry_after(met.headers.get("retry-after"))
            if asked is not None and asked > PATIENCE:
                raise _refused(met)
        elif attempt >= self.retries:
            raise CallError(0, f"The server could not be reached ({type(met).__name__}).") from met
        else:
            asked = None
        backoff = min(0.2 * 2.0**attempt, 10.0) * random.uniform(0.5, 1.0)  # noqa: S311 spreads clients, hides nothing
        return backoff if asked is None else max(asked, backoff)


def _refused(answer: httpx.Response) -> CallError:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    problem = problem if isinstance(problem, dict) else {}
    return CallError(answer.status_code, str(problem.get("detail", answer.reason_phrase)), problem)


def _retry_after(text: str | None) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date; None where it says nothing."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
