"""The client whose calls are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from features.spec.feature import Json
from features.spec.languages import Language
from scoring.answers.wire import Explanation, FlatValue, Profile, Result
from serving.client.calls import Calls
from serving.client.frames import Frame, answered, table_of
from serving.client.profiles import ID, bodies, encode, profiles_of


class AsyncClient(Calls):
    """The same, awaited; the chunks of a large call are asked for `at_once` at a time."""

    def __init__(
        self, url: str, *, key: str | None = None, timeout: float = 30.0, retries: int = 5, at_once: int = 2
    ) -> None:
        super().__init__(url, key=key, timeout=timeout, retries=retries)
        self._http = httpx.AsyncClient(**self.options)
        self._at_once = asyncio.Semaphore(at_once)

    async def scores(
        self,
        profiles: Any,
        *,
        use_cases: Sequence[str] | None = None,
        reasons: int = 0,
        language: Language = "en",
        customer_id: str = ID,
    ) -> list[Result]:
        """One result a profile, in order; arguments and errors are those of `Client.scores`."""
        options = {"use_cases": use_cases, "reasons": reasons, "language": language}
        return await self._all(profiles, customer_id, options)

    async def flat_scores(
        self,
        profiles: Any,
        *,
        use_cases: Sequence[str] | None = None,
        reasons: int = 0,
        language: Language = "en",
        customer_id: str = ID,
    ) -> list[dict[str, FlatValue]]:
        """The same results, each one level of columns; arguments and errors are those of `Client.scores`."""
        options = {"use_cases": use_cases, "reasons": reasons, "language": language, "flat": True}
        return await self._all(profiles, customer_id, options)

    async def scores_frame(
        self,
        frame: Frame,
        *,
        use_cases: Sequence[str] | None = None,
        reasons: int = 0,
        language: Language = "en",
        customer_id: str = ID,
    ) -> Frame:
        """The scores of a data frame as one of the same library; arguments and errors are those of `Client`."""
        table = table_of(frame, customer_id)
        options = {"use_cases": use_cases, "reasons": reasons, "language": language, "flat": True}
        rows = await self._all(table, customer_id, options)
        return answered(frame, table.column(customer_id), rows, customer_id)

    async def explain(
        self,
        use_case: str,
        profile: Profile | None = None,
        *,
        customer_id: str | int | None = None,
        language: Language = "en",
    ) -> Explanation:
        """One score taken apart; arguments and errors are those of `Client.explain`."""
        whom = {"profile": profile} if customer_id is None else {"customer_id": customer_id}
        body = encode({"use_case": use_case, "language": language, **whom})
        explanation: Explanation = msgspec.json.decode(await self._post("/v1/explanations", body))
        return explanation

    async def _all(self, profiles: Any, customer_id: str, options: Mapping[str, Json]) -> list[Any]:
        chunks = bodies(profiles_of(profiles, customer_id), options)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._results(body)) for body in chunks]
        return [row for task in tasks for row in task.result()]

    async def _results(self, body: bytes) -> list[Any]:
        async with self._at_once:
            results: list[Any] = msgspec.json.decode(await self._post("/v1/scores", body))["results"]
        return results

    async def _post(self, path: str, body: bytes) -> bytes:
        for attempt in range(self.retries + 1):
            met: httpx.Response | httpx.TransportError
            try:
                met = await self._http.post(path, content=body)
            except httpx.TransportError as error:
                met = error
            wait = self.wait(attempt, met)
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
