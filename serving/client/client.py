"""A client in Python, sync and async: typed answers, chunks of at most 1,000 profiles, and patience with a busy server.

docs/guide/client.md shows it at work.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from types import TracebackType
from typing import Any, Literal, NotRequired, Self, TypedDict

import httpx
import msgspec

MAX_PROFILES = 1000  # a call
PATIENCE = 60.0  # seconds; a server that asks for a longer wait is not waited for
_BUSY = (429, 503)
_JSON = {"content-type": "application/json"}
_ID = "customer_id"
Language = Literal["en", "fr"]


class Profile(TypedDict):
    """A customer to score: every feature of the use case, null where missing."""

    customer_id: str
    features: Mapping[str, Any]


class Named(TypedDict):
    """A band or a segment."""

    code: str
    label: str


class NextBand(TypedDict):
    """The band above, where it begins, and how far away that is."""

    code: str
    at: float
    distance: float


class Note(TypedDict):
    """A broken rule or a warning; never a customer's value."""

    code: str
    detail: str
    feature: NotRequired[str]


class Reason(TypedDict):
    """What one feature adds, in calibrated log-odds and in words."""

    code: str
    feature: str
    value: Any
    contribution: float
    direction: Literal["raises", "lowers"]
    favourable: bool
    text: str


class Score(TypedDict):
    """One use case's answer; all but the status stands there only when it is `scored`, errors when `invalid`."""

    status: str
    probability: NotRequired[float]
    score: NotRequired[float]
    percentile: NotRequired[int]
    band: NotRequired[Named]
    next_band: NotRequired[NextBand | None]
    model_version: NotRequired[str]
    trained_to: NotRequired[str | None]
    warnings: NotRequired[list[Note]]
    reasons: NotRequired[list[Reason]]
    errors: NotRequired[list[Note]]


class Result(TypedDict):
    """One customer's answer."""

    customer_id: str | None
    status: Literal["ok", "invalid"]
    segment: Named | None
    scores: dict[str, Score]
    errors: NotRequired[list[Note]]


class Explanation(TypedDict):
    """Why: sigmoid(base_value + sum of contributions) is the probability."""

    use_case: str
    eligible: bool
    base_value: float
    contributions: dict[str, float]
    margin: float
    calibration: dict[str, float]
    probability: float
    score: float
    percentile: int
    band: Named
    reasons: list[Reason]
    model_version: str
    request_id: str


class CallError(Exception):
    """The server refused a call, or could not be reached; `status` is 0 in the second case."""

    def __init__(self, status: int, detail: str, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{status}: {detail}" if status else detail)
        self.status = status
        self.problem = dict(problem or {})  # the RFC 9457 document

    @property
    def request_id(self) -> str | None:
        """What the server's log knows the call by."""
        return self.problem.get("request_id")


class _Calls:
    """What both clients share: calls to make, and what to do with an answer."""

    def __init__(self, url: str, *, key: str | None, timeout: float, retries: int) -> None:
        self._retries = retries
        headers = {**_JSON, **({"authorization": f"Bearer {key}"} if key else {})}
        self._options: dict[str, Any] = {"base_url": url, "timeout": timeout, "headers": headers, "trust_env": False}

    def _wait(self, attempt: int, met: httpx.Response | httpx.TransportError) -> float | None:
        """Seconds to wait before the next attempt; None where the answer stands. Scoring twice changes nothing.

        Raises:
            CallError: The attempts are used up, or the call was refused for good.
        """
        if isinstance(met, httpx.Response):
            if met.is_success:
                return None
            if met.status_code not in _BUSY or attempt >= self._retries:
                raise _refused(met)
            asked = _retry_after(met.headers.get("retry-after"))
            if asked is not None and asked > PATIENCE:
                raise _refused(met)
        elif attempt >= self._retries:
            raise CallError(0, f"The server could not be reached ({type(met).__name__}).") from met
        else:
            asked = None
        backoff = min(0.2 * 2.0**attempt, 10.0) * random.uniform(0.5, 1.0)  # noqa: S311 spreads clients, hides nothing
        return backoff if asked is None else max(asked, backoff)


class Client(_Calls):
    """Asks a Penchant server.

    Args:
        url: Where it is, e.g. `http://127.0.0.1:3000`.
        key: An API key, where the server asks for one.
        timeout: Seconds for one attempt.
        retries: How often a call is made again when the server is busy (429, 503) or cannot be reached.
    """

    def __init__(self, url: str, *, key: str | None = None, timeout: float = 30.0, retries: int = 5) -> None:
        super().__init__(url, key=key, timeout=timeout, retries=retries)
        self._http = httpx.Client(**self._options)

    def scores(
        self,
        profiles: Any,
        *,
        use_cases: Sequence[str] | None = None,
        reasons: int = 0,
        language: Language = "en",
        customer_id: str = _ID,
    ) -> list[Result]:
        """One result a profile, in order.

        Args:
            profiles: Profiles, or a data frame of any library that speaks Arrow (polars, pandas, pyarrow, DuckDB):
                a column with the customer's id, and the features.
            use_cases: Whom to ask; None: all whose features are there.
            reasons: How many reasons a score, 0..20.
            language: Of labels and reasons.
            customer_id: The data frame's column of ids.

        Raises:
            CallError: The server refused the call, or could not be reached.
        """
        options = {"use_cases": use_cases, "reasons": reasons, "language": language}
        return [row for body in _bodies(profiles_of(profiles, customer_id), options) for row in self._results(body)]

    def explain(self, use_case: str, profile: Profile, *, language: Language = "en") -> Explanation:
        """One score taken apart. Raises as `scores` does; a profile that is not valid is refused with a 422."""
        body = _encode({"use_case": use_case, "profile": profile, "language": language})
        explanation: Explanation = msgspec.json.decode(self._post("/v1/explanations", body))
        return explanation

    def _results(self, body: bytes) -> list[Result]:
        results: list[Result] = msgspec.json.decode(self._post("/v1/scores", body))["results"]
        return results

    def _post(self, path: str, body: bytes) -> bytes:
        for attempt in range(self._retries + 1):
            met: httpx.Response | httpx.TransportError
            try:
                met = self._http.post(path, content=body)
            except httpx.TransportError as error:
                met = error
            wait = self._wait(attempt, met)
            if wait is None and isinstance(met, httpx.Response):
                return met.content
            time.sleep(wait or 0.0)
        raise AssertionError("unreachable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()


class AsyncClient(_Calls):
    """The same, awaited; the chunks of a large call are asked for `at_once` at a time."""

    def __init__(
        self, url: str, *, key: str | None = None, timeout: float = 30.0, retries: int = 5, at_once: int = 2
    ) -> None:
        super().__init__(url, key=key, timeout=timeout, retries=retries)
        self._http = httpx.AsyncClient(**self._options)
        self._at_once = asyncio.Semaphore(at_once)

    async def scores(
        self,
        profiles: Any,
        *,
        use_cases: Sequence[str] | None = None,
        reasons: int = 0,
        language: Language = "en",
        customer_id: str = _ID,
    ) -> list[Result]:
        """One result a profile, in order; arguments and errors are those of `Client.scores`."""
        options = {"use_cases": use_cases, "reasons": reasons, "language": language}
        bodies = _bodies(profiles_of(profiles, customer_id), options)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._results(body)) for body in bodies]
        return [row for task in tasks for row in task.result()]

    async def explain(self, use_case: str, profile: Profile, *, language: Language = "en") -> Explanation:
        """One score taken apart; errors are those of `Client.explain`."""
        body = _encode({"use_case": use_case, "profile": profile, "language": language})
        explanation: Explanation = msgspec.json.decode(await self._post("/v1/explanations", body))
        return explanation

    async def _results(self, body: bytes) -> list[Result]:
        async with self._at_once:
            results: list[Result] = msgspec.json.decode(await self._post("/v1/scores", body))["results"]
        return results

    async def _post(self, path: str, body: bytes) -> bytes:
        for attempt in range(self._retries + 1):
            met: httpx.Response | httpx.TransportError
            try:
                met = await self._http.post(path, content=body)
            except httpx.TransportError as error:
                met = error
            wait = self._wait(attempt, met)
            if wait is None and isinstance(met, httpx.Response):
                return met.content
            await asyncio.sleep(wait or 0.0)
        raise AssertionError("unreachable")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()


def profiles_of(source: Any, customer_id: str = _ID) -> Iterator[Any]:
    """The profiles of a data frame, a row each; anything else is taken to be profiles already.

    Dates become ISO text, NaN and NaT null.

    Raises:
        ValueError: The data frame has no column of ids.
    """
    if not hasattr(source, "__arrow_c_stream__"):
        yield from source
        return
    import pyarrow as pa

    reader = pa.RecordBatchReader.from_stream(source)
    if customer_id not in reader.schema.names:
        raise ValueError(f"A data frame needs the column of ids {customer_id!r}, got {len(reader.schema)} others.")
    for batch in reader:
        for start in range(0, batch.num_rows, MAX_PROFILES):
            for row in batch.slice(start, MAX_PROFILES).to_pylist():
                customer = row.pop(customer_id)
                features = {name: _plain(value) for name, value in row.items()}
                yield {_ID: None if customer is None else str(customer), "features": features}


def _plain(value: Any) -> Any:
    """A cell as JSON has it."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    number = float(value)
    return None if number != number else number


def _bodies(profiles: Iterable[Any], options: Mapping[str, Any]) -> Iterator[bytes]:
    """The bodies of as many calls as it takes."""
    source = iter(profiles)
    while chunk := list(islice(source, MAX_PROFILES)):
        yield _encode({"profiles": chunk, **{name: value for name, value in options.items() if value is not None}})


_encode = msgspec.json.Encoder().encode


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
