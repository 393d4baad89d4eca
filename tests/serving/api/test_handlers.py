"""The routes of a real server, held against the contract's schemas and against scoring itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest

from scoring.answers.explain import explain_profile
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.releases.store import load_release
from scoring.segments.assignment import current_policy
from tests.support.answers import contract, profiles


@pytest.mark.parametrize("count", [1, 3, 300], ids=["one", "few", "many"])
def test_http_answers_what_scoring_answers(client: httpx.Client, home: Path, count: int) -> None:
    """Every number, band, segment and reason equals the core's, whether answered on the loop or in the thread."""
    live = {name: Live(load_release(home, name)) for name in ("churn", "propensity")}
    body = {"profiles": profiles(count), "reasons": 3, "language": "fr"}

    answer = client.post("/v1/scores", json=body)

    assert answer.status_code == 200
    jsonschema.validate(answer.json(), contract("scores"))
    policy = current_policy(home)
    assert answer.json()["results"] == score_profiles(live, profiles(count), reasons=3, language="fr", policy=policy)


def test_reasons_add_up_to_the_served_probability(client: httpx.Client) -> None:
    """base_value and contributions give the probability, which is the one /v1/scores gives."""
    for row in profiles(20):
        told = client.post("/v1/explanations", json={"use_case": "churn", "profile": row}).json()
        score = client.post("/v1/scores", json={"use_cases": ["churn"], "profiles": [row]}).json()["results"][0]

        jsonschema.validate(told, contract("explanation"))
        log_odds = told["base_value"] + sum(told["contributions"].values())
        assert abs(1 / (1 + np.exp(-log_odds)) - told["probability"]) < 1e-6
        if told["eligible"]:
            assert score["scores"]["churn"]["probability"] == told["probability"]


def test_explanations_are_those_of_scoring(client: httpx.Client, home: Path, profile: dict[str, Any]) -> None:
    """Apart from the request's own id and time the answer is the core's."""
    live = Live(load_release(home, "churn"))

    told = client.post("/v1/explanations", json={"use_case": "churn", "profile": profile, "language": "fr"}).json()

    del told["request_id"], told["scored_at"]
    assert told == explain_profile(live, profile, language="fr")


@pytest.mark.parametrize("name", ["churn", "propensity"])
def test_the_example_of_a_use_case_works_as_it_stands(client: httpx.Client, name: str) -> None:
    """Posting `example` gives a score with reasons."""
    described = client.get(f"/v1/use-cases/{name}").json()

    answer = client.post("/v1/scores", json=described["example"])

    jsonschema.validate(described, contract("use-case"))
    assert answer.json()["results"][0]["scores"][name]["status"] == "scored"
    assert len(answer.json()["results"][0]["scores"][name]["reasons"]) == 3


def test_an_unchanged_use_case_is_not_sent_twice(client: httpx.Client) -> None:
    """A known ETag is answered by 304 without a body."""
    first = client.get("/v1/use-cases/churn")

    second = client.get("/v1/use-cases/churn", headers={"If-None-Match": first.headers["etag"]})

    assert (second.status_code, second.content) == (304, b"")
    assert second.headers["etag"] == first.headers["etag"]


def test_the_lists_name_what_is_served(client: httpx.Client) -> None:
    """Use cases and segments, each in its order."""
    assert [one["name"] for one in client.get("/v1/use-cases").json()["use_cases"]] == ["churn", "propensity"]
    assert [one["code"] for one in client.get("/v1/segments").json()["segments"]][:2] == ["dormant", "at_risk"]


def test_the_report_of_the_served_version_is_shown_and_can_do_nothing(client: httpx.Client) -> None:
    """The page training wrote comes in a sandbox."""
    answer = client.get("/v1/use-cases/churn/report")

    assert answer.text == "<!doctype html><title>report</title>"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_readiness_names_the_versions(client: httpx.Client) -> None:
    """A ready server says what it serves and how many golden rows it reproduced."""
    facts = client.get("/readyz").json()

    assert facts["status"] == "ready"
    assert facts["use_cases"]["churn"]["model_version"] == "1"
    assert facts["use_cases"]["churn"]["golden_rows"] == 30
    assert client.get("/livez").json() == {"status": "alive"}


def test_the_root_leads_to_the_console(client: httpx.Client) -> None:
    """A browser that opens the address lands on the console."""
    answer = client.get("/")

    assert (answer.status_code, answer.headers["location"]) == (307, "/console/")


def test_a_bad_row_does_not_fail_the_call(client: httpx.Client, profile: dict[str, Any]) -> None:
    """Rows of any shape are answered in their places."""
    lacking = {"customer_id": "c2", "features": {"days_since_purchase": 1}}
    odd = {"customer_id": "c3", "features": {**profile["features"], "days_since_purchase": True}}
    body = {"use_cases": ["churn"], "profiles": [profile, lacking, odd, 7, None, {"customer_id": 5}, profile]}

    results = client.post("/v1/scores", json=body).json()["results"]

    assert [row["status"] for row in results] == ["ok", "ok", "ok", "invalid", "invalid", "invalid", "ok"]
    assert [row["scores"]["churn"]["status"] for row in results if row["scores"]] == [
        "scored",
        "invalid",
        "invalid",
        "scored",
    ]
    assert results[0] == results[6]


def test_a_thousand_profiles_of_full_width_are_answered(client: httpx.Client) -> None:
    """The largest call is answered, in order."""
    answer = client.post("/v1/scores", json={"profiles": profiles(1000), "reasons": 20})

    assert answer.status_code == 200
    assert [row["customer_id"] for row in answer.json()["results"]] == [f"c{i}" for i in range(1000)]


def test_every_described_path_is_there(client: httpx.Client) -> None:
    """The OpenAPI document tells only routes that exist, and what each POST may answer."""
    described = client.get("/openapi.json").json()

    for path, methods in described["paths"].items():
        allowed = client.options(path.replace("{name}", "churn")).headers["allow"]
        assert all(method.upper() in allowed for method in methods)
    for path in ("/v1/scores", "/v1/explanations"):
        assert {"400", "404", "405", "413", "415", "422", "429", "503", "504"} <= described["paths"][path]["post"][
            "responses"
        ].keys()


def test_answers_keep_the_schemas_that_are_published(client: httpx.Client, profile: dict[str, Any]) -> None:
    """What /openapi.json says of each answer holds for real ones."""
    described = client.get("/openapi.json").json()
    explanation = {"use_case": "churn", "profile": profile}
    answers = {
        "Scores": client.post("/v1/scores", json={"profiles": [profile, {}], "reasons": 2}),
        "Explanation": client.post("/v1/explanations", json=explanation),
        "UseCase": client.get("/v1/use-cases/churn"),
        "UseCases": client.get("/v1/use-cases"),
        "Segments": client.get("/v1/segments"),
        "Ready": client.get("/readyz"),
        "Alive": client.get("/livez"),
        "Problem": client.get("/nowhere"),
    }

    for name, answer in answers.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        jsonschema.validate(answer.json(), schema)
    request = {"$ref": "#/components/schemas/ExplanationRequest", "components": described["components"]}
    jsonschema.validate(explanation, request)
