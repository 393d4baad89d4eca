"""The client whose calls return when they are answered."""

from __future__ import annotations

import time
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


class Client(Calls):
    """Asks a Penchant server.

    Args:
        url: Where it is, e.g. `http://127.0.0.1:3000`.
        key: An API key, where the server asks for one.
        timeout: Seconds for one attempt.
        retries: How often a call is made again when the server is busy (429, 503) or cannot be reached.
    """

    def __init__(self, url: str, *, key: str | None = None, timeout: float = 30.0, retries: int = 5) -> None:
        super().__init__(url, key=key, timeout=timeout, retries=retries)
        self._http = httpx.Client(**self.options)

    def scores(
        self,
        profiles: Any,
        *,
        use_cases: Sequence[str] | None = None,
        reasons: int = 0,
        language: Language = "en",
        customer_id: str = ID,
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
        return self._all(profiles, customer_id, options)

    def flat_scores(
        self,
        profiles: Any,
        *,
        use_cases: Sequence[str] | None = None,
        reasons: int = 0,
        language: Language = "en",
        customer_id: str = ID,
    ) -> list[dict[str, FlatValue]]:
        """The same results, each one level of columns such as `churn_score`. Arguments and errors are as `scores`."""
        options = {"use_cases": use_cases, "reasons": reasons, "language": language, "flat": True}
        return self._all(profiles, customer_id, options)

    def scores_frame(
        self,
        frame: Frame,
        *,
        use_cases: Sequence[str] | None = None,
        reasons: int = 0,
        language: Language = "en",
        customer_id: str = ID,
    ) -> Frame:
        """The scores of a data frame as one of the same library, a row for each of its rows, in order.

        Its ids stand in `customer_id` as they were, beside the columns of `flat_scores`.

        Args:
            frame: Of polars, pandas, pyarrow or another that speaks Arrow: a column of ids, and the features.
            use_cases: As in `scores`, as are the others.
            reasons: How many reasons a score, 0..20.
            language: Of labels and reasons.
            customer_id: The column of ids.

        Raises:
            TypeError: It is no data frame.
            ValueError: It has no such column.
            CallError: As `scores`.
        """
        table = table_of(frame, customer_id)
        options = {"use_cases": use_cases, "reasons": reasons, "language": language, "flat": True}
        rows = self._all(table, customer_id, options)
        return answered(frame, table.column(customer_id), rows, customer_id)

    def explain(
        self,
        use_case: str,
        profile: Profile | None = None,
        *,
        customer_id: str | int | None = None,
        language: Language = "en",
    ) -> Explanation:
        """One score taken apart.

        Args:
            use_case: Which.
            profile: The customer, with every feature.
            customer_id: Instead of a profile, the id of a customer of the online store.
            language: Of the reasons.

        Raises:
            CallError: As `scores`; a 422 where the profile is not valid, a 404 where the store has no such customer.
        """
        whom = {"profile": profile} if customer_id is None else {"customer_id": customer_id}
        body = encode({"use_case": use_case, "language": language, **whom})
        explanation: Explanation = msgspec.json.decode(self._post("/v1/explanations", body))
        return explanation

    def _all(self, profiles: Any, customer_id: str, options: Mapping[str, Json]) -> list[Any]:
        return [row for body in bodies(profiles_of(profiles, customer_id), options) for row in self._results(body)]

    def _results(self, body: bytes) -> list[Any]:
        results: list[Any] = msgspec.json.decode(self._post("/v1/scores", body))["results"]
        return results

    def _post(self, path: str, body: bytes) -> bytes:
        for attempt in range(self.retries + 1):
            met: httpx.Response | httpx.TransportError
            try:
                met = self._http.post(path, content=body)
            except httpx.TransportError as error:
                met = error
            wait = self.wait(attempt, met)
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
