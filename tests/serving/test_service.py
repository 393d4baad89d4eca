"""BentoML really used as BentoML: its command line, its client, its builds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT, take_along
from tests.support.answers import profiles
from tests.support.servers import QUICK, Server, start, stop

BENTOML = [sys.executable, "-m", "bentoml"]
BARRED = ("mlflow", "pandas", "sklearn", "shap", "pandera", "ibis", "numba")
CLIENT = """
import json, sys, bentoml
asked = json.load(sys.stdin)
with bentoml.SyncHTTPClient(sys.argv[1]) as client:
    print(json.dumps([client.scores(**asked["scores"]), client.explanations(**asked["explanation"])]))
"""


@pytest.fixture(scope="module")
def plain(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Plain `bentoml serve`, every call answered by BentoML's own routes; it also notes each module it imports."""
    settings = {"PENCHANT_HOME": str(home), "PENCHANT_SHORTCUT": "off", "PYTHONPROFILEIMPORTTIME": "1", **QUICK}
    running = start(home, tmp_path_factory.mktemp("server"), settings, command=[*BENTOML, "serve"])
    yield running
    stop(running)


def same(one: httpx.Response, other: httpx.Response) -> bool:
    """Whether two answers agree in all but the request's own id and time."""
    left, right = dict(one.json()), dict(other.json())
    for told in (left, right):
        told.pop("request_id", None)
        told.pop("scored_at", None)
    kinds = {answer.headers["content-type"] for answer in (one, other)}
    return (one.status_code, left) == (other.status_code, right) and len(kinds) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"profiles": profiles(5), "reasons": 3, "language": "fr"},
        {"profiles": profiles(400), "use_cases": ["churn"], "reasons": 1},
        {"customer_ids": ["nobody", "é"], "reasons": 1},
        {"customer_ids": ["a"], "profiles": profiles(1)},
        {"customer_ids": [""]},
        {"profiles": [1, None, {}, {"customer_id": 1, "features": {}}], "use_cases": None},
        {"profiles": []},
        {"profiles": profiles(1), "reasons": "3"},
        {"profiles": profiles(1), "reasons": True},
        {"profiles": profiles(1), "use_cases": ["nope"]},
        {"profiles": profiles(1), "more": 1},
        {},
    ],
    ids=[
        "few",
        "many",
        "ids",
        "ids and profiles",
        "empty id",
        "odd rows",
        "none",
        "text",
        "true",
        "unknown",
        "more",
        "empty",
    ],
)
def test_the_edge_and_bentoml_answer_the_same(server: Server, plain: Server, body: dict[str, Any]) -> None:
    """Whether the edge answers a call itself or BentoML's route does, nothing differs."""
    with server.client() as short, plain.client() as long:
        assert same(short.post("/v1/scores", json=body), long.post("/v1/scores", json=body))


@pytest.mark.parametrize("use_case", ["churn", "nope", 3])
def test_explanations_are_the_same_either_way(server: Server, plain: Server, use_case: object) -> None:
    """Answers and problems alike."""
    with server.client() as short, plain.client() as long:
        for row in (*profiles(3), {"customer_id": "x"}):
            body = {"use_case": use_case, "profile": row, "language": "fr"}
            assert same(short.post("/v1/explanations", json=body), long.post("/v1/explanations", json=body))


@pytest.mark.parametrize("path", ["export", "erase"])
def test_what_is_held_is_told_the_same_either_way(server: Server, plain: Server, path: str) -> None:
    """Answers and problems alike."""
    with server.client() as short, plain.client() as long:
        bodies: list[dict[str, list[str]]] = [{"customer_ids": ["a-stranger", "é"]}, {"customer_ids": []}, {}]
        for body in bodies:
            url = f"/v1/customers/{path}"
            assert same(short.post(url, json=body), long.post(url, json=body))


@pytest.mark.parametrize("which", ["server", "plain"])
def test_bentomls_own_client_is_answered_what_http_is(
    request: pytest.FixtureRequest, which: str, profile: dict[str, Any], tmp_path: Path
) -> None:
    """`bentoml.SyncHTTPClient(url).scores(...)` and `.explanations(...)`, in a process of its own."""
    running: Server = request.getfixturevalue(which)
    asked = {
        "scores": {"profiles": profiles(20), "use_cases": ["propensity", "churn"], "reasons": 2, "language": "fr"},
        "explanation": {"use_case": "churn", "profile": profile},
    }
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, running.url],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True"},
    )
    scores, explanation = json.loads(done.stdout)

    with running.client() as client:
        assert scores["results"] == client.post("/v1/scores", json=asked["scores"]).json()["results"]
        told = client.post("/v1/explanations", json=asked["explanation"]).json()
    assert explanation["contributions"] == told["contributions"]
    assert explanation["probability"] == told["probability"]


def test_plain_bentoml_serve_listens_on_this_machine_only(plain: Server) -> None:
    """The default host is 127.0.0.1."""
    port = int(plain.url.rpartition(":")[2])
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    addresses = {line.split()[1] for line in listening if line.split()[3] == "0A"}

    assert f"0100007F:{port:04X}" in addresses
    assert f"00000000:{port:04X}" not in addresses


def test_a_running_server_has_no_training_library(plain: Server) -> None:
    """Of all modules it imported, scoring with reasons included, none is barred."""
    with plain.client() as client:
        client.post("/v1/scores", json={"profiles": profiles(300), "reasons": 3})
        client.get("/console/")
    names = [line.rpartition("|")[2].strip() for line in plain.written().splitlines() if "|" in line]
    imported = {name.partition(".")[0] for name in names if "." in name}  # an attempt that fails has no submodules

    assert {"bentoml", "xgboost", "numpy", "serving"} <= imported
    assert not imported & set(BARRED)
    assert "scipy.sparse" not in names


@pytest.fixture(scope="module")
def bento(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bento built from a copy of the project in which the shop's releases are the default home's."""
    scratch = tmp_path_factory.mktemp("build")
    project = scratch / "project"
    project.mkdir()
    take_along(("serving", "scoring", "features", "bentofile.yaml", "LICENSE"), project)
    shutil.copytree(home / "releases", project / ".penchant/releases")
    built = subprocess.run(
        [*BENTOML, "build", "--output", "tag", str(project)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "BENTOML_HOME": str(scratch / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"},
    )
    assert built.returncode == 0, built.stderr
    name, _, version = built.stdout.strip().rpartition("__tag__:")[2].partition(":")
    return scratch / "bentoml/bentos" / name / version


def test_a_built_bento_serves_alone(bento: Path, tmp_path: Path, profile: dict[str, Any]) -> None:
    """With an empty home, and far from the project, it serves the releases that travelled inside."""
    server = start(
        tmp_path / "none",
        tmp_path,
        {
            **QUICK,
            "PENCHANT_HOME": str(tmp_path / "none"),
            "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
            "PYTHONPATH": "",
        },
        command=[*BENTOML, "serve", str(bento)],
    )
    try:
        with server.client() as client:
            answer = client.post("/v1/scores", json={"use_cases": ["churn"], "profiles": [profile]})
        assert answer.json()["results"][0]["scores"]["churn"]["status"] == "scored"
    finally:
        stop(server)


def test_a_bento_holds_what_serving_needs_and_no_more(bento: Path) -> None:
    """No training, no feature engineering, no library that serving bars; pins with hashes."""
    files = {path.relative_to(bento / "src").as_posix() for path in (bento / "src").rglob("*") if path.is_file()}
    lock = (bento / "env/python/requirements.txt").read_text()

    assert {"serving/service.py", "features/spec/feature.py", ".penchant/releases/churn/CURRENT"} <= files
    assert not {name for name in files if name.startswith(("training/", "tests/", "examples/"))}
    spec = {path.relative_to(ROOT).as_posix() for path in (ROOT / "features/spec").rglob("*.py")}
    assert {name for name in files if name.startswith("features/")} == {"features/__init__.py", *spec}
    assert not [name for name in BARRED if f"\n{name}==" in lock]
    assert "--hash=sha256:" in lock
    assert "://" not in "".join(line for line in lock.splitlines() if not line.lstrip().startswith("#"))
