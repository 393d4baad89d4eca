"""From raw purchases to an explained score over HTTP, on real data."""

from __future__ import annotations

import json
import math
import re
import shutil
import time
from datetime import date
from pathlib import Path
from typing import Any

import bentoml
import httpx
import jsonschema
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from scoring.bundle.scorer import Scorer
from scoring.releases.store import load_release
from tests.conftest import newcomer
from tests.support import forks
from tests.support.servers import Server
from tests.system.main_job.conftest import ROOT, penchant

PERIOD = re.compile(r'data-period="([^"]*)".*?<data value="(\d+)".*?<td class="num">([^<]*)</td></tr>', re.DOTALL)
CONTRACT = ROOT / "tests" / "contract"


def schema(name: str) -> dict[str, Any]:
    """A contract's JSON Schema."""
    return dict(json.loads((CONTRACT / f"{name}.schema.json").read_text()))


def posted(customers: Path) -> list[dict[str, Any]]:
    """The customers as a CRM posts them."""
    rows = pq.read_table(customers).drop(["eligible"]).to_pylist()
    return [{"customer_id": row.pop("customer_id"), "features": row} for row in rows]


def test_the_examples_reach_what_is_known_of_them(trained: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    """Out of time, seed 7: propensity AUC >= .83 and log-loss <= .305, churn AUC >= .71, bank AUC >= .78."""
    home, reports = trained
    jsonschema.validate(list(reports.values()), schema("training-report"))

    assert reports["propensity"]["metrics"]["roc_auc"] >= 0.83
    assert reports["propensity"]["metrics"]["log_loss"] <= 0.305
    assert reports["churn"]["metrics"]["roc_auc"] >= 0.71
    assert reports["term-deposit"]["metrics"]["roc_auc"] >= 0.78
    assert {"rfm_logit", "recency"} <= reports["churn"]["baselines"].keys() & reports["propensity"]["baselines"].keys()
    assert "logit" in reports["term-deposit"]["baselines"]
    for report in reports.values():
        assert report["promoted"]
        assert (home / report["release"] / "manifest.json").is_file()


def test_the_receipt_in_every_bundle_says_that_reasons_add_up(trained: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    """All test rows within 1e-6; contributions within 1e-5 of an independent Shapley computation."""
    home, reports = trained
    for name, report in reports.items():
        receipt = load_release(home, name).bundle.manifest.receipt
        assert receipt.rows == report["rows"]["test"]
        limits = (
            (receipt.largest_sum_difference, 1e-6),
            (receipt.largest_oracle_difference, 1e-5),
            (receipt.largest_base_difference, 1e-5),
        )
        for difference, most in limits:
            assert difference is not None
            assert difference < most
        assert receipt.golden_rows


def test_every_door_gives_the_same_number(
    trained: tuple[Path, dict[str, dict[str, Any]]], server: Server, customers: Path, tmp_path: Path
) -> None:
    """HTTP, BentoML's client, batch, pyfunc and training's scorer: 500 customers, difference 0."""
    home, _ = trained
    profiles = posted(customers)
    body = {"use_cases": ["propensity", "churn"], "profiles": profiles, "reasons": 3, "language": "fr"}

    over_http = httpx.post(f"{server.url}/v1/scores", json=body, timeout=60).json()
    with bentoml.SyncHTTPClient(server.url) as client:
        by_client = client.scores(**body)
    files = ["--input", str(customers), "--output", str(tmp_path / "scored.parquet")]
    both = ["--use-case", "propensity", "--use-case", "churn", "--reasons", "3", "--language", "fr"]
    penchant("scoring", "--home", str(home), *files, *both)

    jsonschema.validate(over_http, schema("scores"))
    assert by_client["results"] == over_http["results"]
    batch = pq.read_table(tmp_path / "scored.parquet").to_pylist()
    for name in ("propensity", "churn"):
        served = [row["scores"][name].get("probability") for row in over_http["results"]]
        assert [row[f"{name}_probability"] for row in batch] == served
        scorer = Scorer(load_release(home, name).bundle)
        direct = scorer.score(scorer.encoder.table(pq.read_table(customers)).matrix).probability
        by_registry = registry_scores(home, name, customers)
        speaking = np.array([value is not None for value in served])
        assert speaking.sum() > 50
        assert np.array_equal(direct[speaking], np.array([value for value in served if value is not None]))
        assert np.array_equal(direct, by_registry)
    assert [row["segment"] for row in batch] == [(row["segment"] or {}).get("code") for row in over_http["results"]]


def registry_scores(home: Path, name: str, customers: Path) -> np.ndarray:
    """What `mlflow.pyfunc` gives for the champion, in a process of its own."""
    script = (
        "import sys, mlflow, pandas; mlflow.set_tracking_uri(sys.argv[1]);"
        "model = mlflow.pyfunc.load_model(f'models:/{sys.argv[2]}@champion');"
        "print([float(p) for p in model.predict(pandas.read_parquet(sys.argv[3]))])"
    )
    store = f"sqlite:///{home / 'mlflow.db'}"
    done = forks.run(["-c", script, store, name, str(customers)], cwd=home, env=newcomer())
    assert done.returncode == 0, done.stderr
    return np.array(json.loads(done.stdout.splitlines()[-1]))


def test_an_explanation_adds_up_over_http(server: Server, customers: Path) -> None:
    """sigmoid(base_value + sum of contributions) is the probability, and the contract holds."""
    for profile in posted(customers)[:20]:
        for name in ("propensity", "churn"):
            answer = httpx.post(f"{server.url}/v1/explanations", json={"use_case": name, "profile": profile}).json()
            jsonschema.validate(answer, schema("explanation"))
            total = answer["base_value"] + math.fsum(answer["contributions"].values())
            assert abs(1 / (1 + math.exp(-total)) - answer["probability"]) < 1e-6


def test_the_example_of_every_use_case_works_as_it_stands(server: Server) -> None:
    """GET /v1/use-cases/{name} gives a body that can be posted back, and one of raw events where there is a log."""
    for name in ("churn", "propensity", "term-deposit"):
        told = httpx.get(f"{server.url}/v1/use-cases/{name}").json()
        jsonschema.validate(told, schema("use-case"))
        bodies = [told["example"]] + ([told["events"]["example"]] if "events" in told else [])

        answers = [httpx.post(f"{server.url}/v1/scores", json=body).json()["results"] for body in bodies]

        assert len(bodies) == (1 if name == "term-deposit" else 2)
        assert {row["scores"][name]["status"] for rows in answers for row in rows} <= {"scored", "not_eligible"}
    told = httpx.get(f"{server.url}/v1/use-cases/churn").json()["events"]
    assert told["fields"][0] == {"name": "date", "also": ["timestamp", "ts"], "type": "date", "required": True}


def test_the_card_has_a_customers_purchases_by_period(server: Server) -> None:
    """Each period's number and amount as counted in the log; the last period ends on the day in service."""
    log = pl.read_parquet(ROOT / "examples/cdnow/transactions.parquet").filter(pl.col("date") < date(1998, 6, 30))
    buyers = log.group_by("customer_id").len().sort("len", "customer_id")["customer_id"][-6::2].to_list()
    for customer in map(str, buyers):
        own = log.filter(pl.col("customer_id").cast(pl.String) == customer)
        page = httpx.post(f"{server.url}/console/customer?language=en", data={"customer_id": customer}).text
        periods = PERIOD.findall(page)

        assert len(periods) == 6
        assert periods[-1][0] == "1998-06-30"
        starts = [date(1900, 1, 1), *(date.fromisoformat(end) for end, _, _ in periods)]
        for (end, count, amount), start in zip(periods, starts, strict=False):
            inside = own.filter(pl.col("date") >= start, pl.col("date") < date.fromisoformat(end))
            assert int(count) == len(inside)
            assert amount == f"{inside['amount'].sum():,.2f} USD"


def test_ten_real_customers_are_ready_to_post(trained: tuple[Path, dict[str, dict[str, Any]]], server: Server) -> None:
    """HOME/requests/<use case>.json is a body that works as it stands."""
    home, _ = trained
    for name in ("churn", "propensity", "term-deposit"):
        body = (home / "requests" / f"{name}.json").read_bytes()

        answer = httpx.post(f"{server.url}/v1/scores", content=body, headers={"content-type": "application/json"})

        assert answer.status_code == 200
        assert len(answer.json()["results"]) == 10
        assert any(row["scores"][name]["status"] == "scored" for row in answer.json()["results"])


def test_unchanged_data_registers_nothing(trained: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    """The same data, configuration, code and versions: `unchanged`, and no new version."""
    home, reports = trained

    again = json.loads(penchant("training", "examples/cdnow/churn.toml", "--home", str(home), "--json"))[0]

    assert again["kind"] == "unchanged"
    assert again["version"] == reports["churn"]["version"]
    jsonschema.validate([again], schema("training-report"))


@pytest.fixture(scope="session")
def another_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another home where churn was trained, as the example says."""
    home = tmp_path_factory.mktemp("another") / "home"
    penchant("training", "examples/cdnow/churn.toml", "--home", str(home))
    return home


def test_training_twice_gives_the_same_bytes(
    trained: tuple[Path, dict[str, dict[str, Any]]], another_home: Path
) -> None:
    """Another home, the same bundle: nothing of the clock, the host or the run is inside."""
    one, two = (folder / "releases" / "churn" / "1" for folder in (trained[0], another_home))
    sealed = [path.name for path in one.iterdir() if path.name not in ("release.json", "report.html")]

    assert {"manifest.json", "golden.jsonl", "reference.json"} < set(sealed)
    for name in sealed:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_moving_the_alias_moves_what_is_released(another_home: Path) -> None:
    """`sync` installs what `champion` names; deleted releases come back byte for byte."""
    home = another_home
    before = {path.name: path.read_bytes() for path in (home / "releases/churn/1").iterdir()}
    assert current(home) == "1"

    with_client(home, AGAIN + champion("2"))
    penchant("training", "sync", "--home", str(home))
    assert current(home) == "2"

    with_client(home, champion("1"))
    shutil.rmtree(home / "releases")
    penchant("training", "sync", "--home", str(home))
    assert current(home) == "1"
    assert {path.name: path.read_bytes() for path in (home / "releases/churn/1").iterdir()} == before


def current(home: Path) -> str:
    """The version of churn that is served."""
    return (home / "releases" / "churn" / "CURRENT").read_text().strip()


AGAIN = (  # the model of version 1 as version 2
    "one = client.get_model_version('churn', '1');"
    "client.create_model_version('churn', one.source, one.run_id, one.tags, model_id=one.model_id);"
)


def champion(version: str) -> str:
    """A line that moves the alias."""
    return f"client.set_registered_model_alias('churn', 'champion', '{version}')"


def with_client(home: Path, script: str) -> None:
    """Runs a line with MLflow's own client of a home's registry, in a process of its own."""
    opened = f"from mlflow import MlflowClient; client = MlflowClient('sqlite:///{home / 'mlflow.db'}');"
    done = forks.run(["-c", opened + script], cwd=home, env=newcomer())
    assert done.returncode == 0, done.stderr


def test_a_running_server_follows_the_alias(
    trained: tuple[Path, dict[str, dict[str, Any]]], server: Server, customers: Path
) -> None:
    """HTTP answers with the version that CURRENT names, seconds after it moved, without a restart."""
    home, reports = trained
    version = reports["propensity"]["version"]
    copy = str(int(version) + 100)
    release_store = home / "releases" / "propensity"
    from scoring.releases.store import install_release, make_current

    facts = json.loads((release_store / version / "release.json").read_text())
    bundle = home / "draft"
    shutil.copytree(release_store / version, bundle, ignore=shutil.ignore_patterns("release.json", "report.html"))
    install_release(home, "propensity", copy, bundle, facts=facts)
    make_current(home, "propensity", copy)
    try:
        assert wait_for_version(server, posted(customers)[:1], copy) == copy
    finally:
        make_current(home, "propensity", version)
        assert wait_for_version(server, posted(customers)[:1], version) == version
        shutil.rmtree(release_store / copy)
        shutil.rmtree(bundle)


def wait_for_version(server: Server, profiles: list[dict[str, Any]], version: str) -> str | None:
    """The version that answers, once it is the one expected or half a minute is over."""
    latest = time.monotonic() + 30
    served = None
    while served != version and time.monotonic() < latest:
        body = {"use_cases": ["propensity"], "profiles": profiles}
        served = httpx.post(f"{server.url}/v1/scores", json=body).json()["results"][0]["scores"]["propensity"][
            "model_version"
        ]
        time.sleep(0.2)
    return served


def test_rewriting_the_future_leaves_the_features_of_cdnow_byte_identical(tmp_path: Path) -> None:
    """Every event at or after the cutoff changed, doubled and moved: the table's bytes are the same."""
    log = pl.read_parquet(ROOT / "examples/cdnow/transactions.parquet")
    cutoff = pl.date(1998, 4, 2)
    future = log.filter(pl.col("date") >= cutoff).with_columns(pl.col("amount") * 7 + 1)
    rewritten = pl.concat([log.filter(pl.col("date") < cutoff), future, future]).sample(
        fraction=1, shuffle=True, seed=3
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder, events in (("a", log), ("b", rewritten)):
        events.write_parquet(tmp_path / folder / "transactions.parquet")
        shutil.copy(ROOT / "examples/cdnow/propensity.toml", tmp_path / folder / "propensity.toml")
        penchant("features", "build", str(tmp_path / folder / "propensity.toml"), "--cutoff", "1998-04-02",
                 "--out", str(tmp_path / folder / "out.parquet"))  # fmt: skip

    assert (tmp_path / "a/out.parquet").read_bytes() == (tmp_path / "b/out.parquet").read_bytes()


@pytest.mark.parametrize(("share", "code"), [(0.04, 0), (0.06, 3)], ids=["within", "beyond"])
def test_more_bad_rows_than_tolerated_stop_the_run(tmp_path: Path, share: float, code: int) -> None:
    """Five in a hundred rows may break the schema by default; one more is exit 3, with a table of counts."""
    log = pl.read_parquet(ROOT / "examples/cdnow/transactions.parquet").with_row_index()
    broken = log.with_columns(
        pl.when(pl.col("index") % 1000 < share * 1000).then(None).otherwise(pl.col("date")).alias("date")
    )
    broken.drop("index").write_parquet(tmp_path / "transactions.parquet")
    shutil.copy(ROOT / "examples/cdnow/churn.toml", tmp_path / "churn.toml")

    penchant("features", "build", str(tmp_path / "churn.toml"), "--cutoff", "1998-04-02", "--out",
             str(tmp_path / "out.parquet"), code=code)  # fmt: skip

    assert (tmp_path / "out.parquet").exists() == (code == 0)
