"""A client that an engineer generates from /openapi.json, against the server that describes itself so."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.support.looked_at import look_at
from tests.support.models import release_shop
from tests.support.moved_days import FIRST, LAST, write_moved_day
from tests.support.servers import QUICK, Server, start, stop
from tests.support.stored import ROWS, loaded, table

PACKAGE = "penchant_client"  # as the generator names it, after the title of the document


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two releases, one of them with a hyphen in its name, whose store knows ten customers; two days."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch)
    release_shop(home, "shop-churn", scratch=scratch, polarity="negative", seed=1)
    write_moved_day(home, FIRST, 3)
    write_moved_day(home, LAST, 4)
    look_at(home)
    assert loaded(home, scratch, table(ROWS[:10], range(10))) == 0
    running = start(home, tmp_path_factory.mktemp("server"), QUICK)
    yield running
    stop(running)


@pytest.fixture(scope="module")
def described(knowing: Server) -> dict[str, Any]:
    """What the server says of itself."""
    return dict(httpx.get(f"{knowing.url}/openapi.json", trust_env=False).json())


@pytest.fixture(scope="module")
def generated(described: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package that the generator makes of it, without a warning."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(json.dumps(described))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json"]
    done = subprocess.run(
        [*command, "--output-path", "client", "--meta", "none", "--fail-on-warning"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},  # it runs ruff
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "client").rename(folder / PACKAGE)
    sys.path.insert(0, str(folder))
    yield importlib.import_module(PACKAGE)
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def call(knowing: Server, generated: ModuleType) -> Iterator[Callable[..., Any]]:
    """Calls an operation with what its function takes, and gives the parsed answer."""
    options = {"timeout": 30, "httpx_args": {"trust_env": False}}
    with generated.Client(base_url=knowing.url, **options) as client:

        def called(operation: str, *path: Any, **body: Any) -> Any:
            module = importlib.import_module(f"{PACKAGE}.api.default.{operation}")
            answer = module.sync_detailed(*path, client=client, **body)
            assert answer.status_code == 200, answer.content
            assert answer.parsed is not None
            return answer.parsed

        yield called


def models(generated: ModuleType) -> Any:
    """The generated types."""
    return importlib.import_module(f"{generated.__name__}.models")


def test_every_route_is_called(call: Callable[..., Any], generated: ModuleType, described: dict[str, Any]) -> None:
    """By the function that was generated for it; each answer parses as the type it has."""
    types = models(generated)
    features = types.ShopChurnFeatures.from_dict(ROWS[0])
    profile = types.ShopChurnProfile(customer_id="0", features=features)
    explained = types.ShopChurnExplanationRequest(
        use_case=types.ShopChurnExplanationRequestUseCase("shop-churn"), profile=profile
    )
    name = types.UseCaseName("shop-churn")
    everyone = types.CustomersRequest(customer_ids=["8", 9])

    answers = {
        "scores": call("scores", body=types.ScoresByProfiles(profiles=[profile], use_cases=[name], reasons=2)),
        "explanations": call("explanations", body=explained),
        "moves": call(
            "moves", body=types.MoveRequest(use_case=name, customer_id="c1", from_="2026-03-01", to="2026-03-02")
        ),
        "listCustomers": call("list_customers", use_case=name, limit=2),
        "searchCustomers": call("search_customers", body=types.SearchRequest(contains="c1", limit=2)),
        "lookUpCustomers": call("look_up_customers", body=types.LookupRequest(customer_ids=["c1"])),
        "lists": call("lists", body=types.ListRequest(use_case=name, top=4, holdout=0.5, salt="spring", metric="sale")),
        "exportCustomers": call("export_customers", body=everyone),
        "eraseCustomers": call("erase_customers", body=everyone),
        "contestScore": call(
            "contest_score",
            body=types.ContestationRequest(customer_id="9", use_case=name, text="No.", by="J. Martin"),
        ),
        "listUseCases": call("list_use_cases"),
        "getUseCase": call("get_use_case", name),
        "getReport": call("get_report", name),
        "listSegments": call("list_segments"),
        "health": call("health"),
        "livez": call("livez"),
        "readyz": call("readyz"),
        "metrics": call("metrics"),
        "openapi": call("openapi"),
        "docs": call("docs"),
    }

    assert answers.keys() == {one["operationId"] for each in described["paths"].values() for one in each.values()}
    score = answers["scores"].results[0].scores["shop-churn"]
    assert score.probability == answers["explanations"].probability
    assert [reason.text for reason in score.reasons] == [one.text for one in answers["explanations"].reasons[:2]]
    assert [one.customer_id for one in answers["exportCustomers"].customers] == ["8", "9"]
    assert len(answers["listCustomers"].customers) == 2
    assert answers["searchCustomers"].customers[0].customer_id == "c1"
    assert answers["lookUpCustomers"].customers[0].known
    assert answers["lists"].written + len(answers["lists"].holdout_ids) == answers["lists"].members == 4
    health = answers["health"].use_cases["churn"]
    assert (health.state, health.realised.roc_auc, len(answers["health"].alerts)) == ("distrust", 0.71, 2)
    move = answers["moves"]
    assert sum(move.contributions.additional_properties.values()) == pytest.approx(move.sum_, abs=1e-9)
    assert (move.from_.day, move.to.day) == ("2026-03-01", "2026-03-02")
    assert answers["readyz"].use_cases["shop-churn"].model_version == "1"
    assert answers["getUseCase"].features[0].name == "days_since_purchase"


def test_the_other_ways_to_ask_have_types_too(call: Callable[..., Any], generated: ModuleType) -> None:
    """By id, and flat; the answers are those of the usual way."""
    types = models(generated)
    name = types.UseCaseName("shop-churn")
    by_id = call("scores", body=types.ScoresByIds(customer_ids=[0, "1"], use_cases=[name], reasons=1))
    flat = call("scores", body=types.ScoresByIds(customer_ids=[0, "1"], use_cases=[name], reasons=1, flat=True))
    explained = call("explanations", body=types.ExplanationById(use_case=name, customer_id=0))

    scores = [result.scores["shop-churn"] for result in by_id.results]
    assert [one.customer_id for one in by_id.results] == ["0", "1"]
    assert explained.probability == scores[0].probability
    assert [row["shop-churn_probability"] for row in flat.results] == [score.probability for score in scores]
    assert [row["shop-churn_reason_1_text"] for row in flat.results] == [score.reasons[0].text for score in scores]


def test_the_components_are_named_and_described(described: dict[str, Any]) -> None:
    """Every component says what it is; no bound of a whole number is beyond 64 bits."""
    components = described["components"]["schemas"]

    assert [name for name, schema in components.items() if not schema.get("description")
            and not name.endswith("Profile")] == []  # fmt: skip
    for schema in components.values():
        for bounded in whole_numbers(schema):
            assert (
                -(2**63) <= bounded.get("minimum", 0) <= bounded.get("maximum", 0) < 2**63 or "maximum" not in bounded
            )


def whole_numbers(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema of a whole number within another."""
    if isinstance(schema, dict):
        if schema.get("type") == "integer":
            yield schema
        for inner in schema.values():
            yield from whole_numbers(inner)
    if isinstance(schema, list):
        for inner in schema:
            yield from whole_numbers(inner)
