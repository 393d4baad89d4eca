"""What a test posts, and what it expects of any answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import jsonschema

from scoring.answers.wire import Result, Score
from scoring.reasons.reason import Reason
from scoring.segments.names import Named
from tests.support.models import shop_rows

ROOT = Path(__file__).parents[2]


def contract(name: str) -> dict[str, Any]:
    """A schema of the contract."""
    return dict(json.loads((ROOT / "tests/contract" / f"{name}.schema.json").read_bytes()))


def scored_result(
    customer: str, *, score: float = 31.2, version: str = "4", reasons: tuple[str, ...] = ("recency",)
) -> Result:
    """One customer's result of POST /v1/scores, where `churn` gave a score."""
    texts: list[Reason] = [
        {"code": code, "feature": code, "value": 1, "contribution": 0.1, "direction": "raises", "favourable": False,
         "text": code, "parts": [{"feature": code, "value": 1, "contribution": 0.1}]} for code in reasons
    ]  # fmt: skip
    band: Named = {"code": "low", "label": "Low"}
    scored: Score = {"status": "scored", "score": score, "band": band, "model_version": version, "reasons": texts}
    return {"customer_id": customer, "status": "ok", "segment": None, "scores": {"churn": scored}}


def profiles(count: int) -> list[dict[str, Any]]:
    """Posted profiles, nulls and all."""
    return [{"customer_id": f"c{i}", "features": row} for i, row in enumerate(shop_rows(count, seed=9))]


def bearer(token: str) -> dict[str, str]:
    """The header a caller sends."""
    return {"Authorization": f"Bearer {token}"}


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, checked: media type, schema, status, code and the id that the header has too."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = dict(answer.json())
    jsonschema.validate(problem, contract("problem"))
    assert (problem["status"], problem["type"]) == (status, f"urn:penchant:problem:{code}")
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


def results(client: httpx.Client, **body: Any) -> list[Any]:
    """The results of a call that succeeds."""
    answer = client.post("/v1/scores", json=body)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["results"])


def statuses(result: Mapping[str, Any]) -> dict[str, str]:
    """The status of each use case."""
    return {name: score["status"] for name, score in result["scores"].items()}


def version(client: httpx.Client, profile: dict[str, Any]) -> str:
    """The version that scores now."""
    answer = client.post("/v1/scores", json={"use_cases": ["churn"], "profiles": [profile]})
    return str(answer.json()["results"][0]["scores"]["churn"]["model_version"])
