"""Errors say where in the request they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.answers import is_problem, results


def resolved(document: Any, pointer: str) -> Any:
    """What a JSON pointer points at."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def errors_of(rows: list[Any]) -> Iterator[dict[str, Any]]:
    """Every error of a call's results."""
    for row in rows:
        yield from row.get("errors", ())
        for score in row["scores"].values():
            yield from score.get("errors", ())


def test_the_errors_of_a_row_point_at_what_is_wrong(client: httpx.Client, profile: dict[str, Any]) -> None:
    """Features, keys and whole profiles, by their place in the call."""
    broken = {**profile["features"], "purchases_90d": -1, "joined on": "soon", "canal d'achat": 7}
    body = {
        "use_cases": ["churn"],
        "profiles": [profile, {"customer_id": "b", "features": broken}, 5, {"customer_id": 0.5, "features": []}],
    }

    found = {error["pointer"] for error in errors_of(results(client, **body))}

    assert {resolved(body, pointer) for pointer in found if pointer.startswith("/profiles/1")} == {-1, "soon", 7}
    assert found - {pointer for pointer in found if pointer.startswith("/profiles/1")} == {
        "/profiles/2",
        "/profiles/3/customer_id",
        "/profiles/3/features",
    }


def test_the_error_of_an_explained_profile_points_into_it(client: httpx.Client, profile: dict[str, Any]) -> None:
    """A feature by its name, an unknown key by the profile that holds it."""
    odd = {**profile, "features": {**profile["features"], "purchases_90d": -1}}

    for posted, pointer in ((odd, "/profile/features/purchases_90d"), ({**profile, "more": 1}, "/profile")):
        answer = client.post("/v1/explanations", json={"use_case": "churn", "profile": posted})
        assert [error["pointer"] for error in is_problem(answer, 422, "invalid-profile")["errors"]] == [pointer]


def test_an_unknown_use_case_is_found_in_the_list(client: httpx.Client, profile: dict[str, Any]) -> None:
    """Not named: it may be anything."""
    answer = client.post("/v1/scores", json={"use_cases": ["churn", "nope"], "profiles": [profile]})

    assert is_problem(answer, 404, "unknown-use-case")["errors"][0]["pointer"] == "/use_cases/1"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_nobody_unknown_is_explained(client: httpx.Client, language: str) -> None:
    """A 404 with the status that scores by id have."""
    answer = client.post("/v1/explanations", json={"use_case": "churn", "customer_id": 12, "language": language})

    problem = is_problem(answer, 404, "unknown-customer")
    assert [(error["code"], error["pointer"]) for error in problem["errors"]] == [("unknown", "/customer_id")]
