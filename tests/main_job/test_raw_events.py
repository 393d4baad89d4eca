"""Posted raw events and posted features give the same scores."""

from __future__ import annotations

import json
import os
import runpy
import shutil
from datetime import UTC, datetime
from pathlib import Path

import httpx
import jsonschema
import polars as pl
import pytest

from features.compiled import raw_events
from features.engine import engine
from features.table import prepare, scoring_table
from features.usecase import UseCase, load_use_case
from serving.raw_events import _read, _run
from tests.main_job.conftest import ROOT

DATA = Path(os.environ.get("PENCHANT_DATA", ROOT.parent / "shared" / "data"))
CUSTOMERS = 1000
MAILED = 150  # people of the mailing example


def histories(log: pl.DataFrame, customer: str, keys: dict[str, str]) -> dict[str, list[dict]]:
    """Each customer's events as a client posts them: the log's columns under the keys the API knows."""
    told: dict[str, list[dict]] = {}
    for row in log.iter_rows(named=True):
        event = {key: row[column] for column, key in keys.items()}
        event["ts"] = event["ts"].isoformat()
        told.setdefault(str(row[customer]), []).append(event)
    return told


def test_a_thousand_customers_of_cdnow_score_alike_by_events_and_by_features(server):
    """Over HTTP, two use cases, reasons included: the answers are equal."""
    cutoff = datetime(1998, 4, 2, tzinfo=UTC)
    tables = {
        name: scoring_table(load_use_case(ROOT / f"examples/cdnow/{name}.toml"), cutoff)
        for name in ("churn", "propensity")
    }
    chosen = tables["churn"].sample(CUSTOMERS, seed=1)["customer_id"].to_list()
    log = pl.read_parquet(ROOT / "examples/cdnow/transactions.parquet")
    events = histories(log, "customer_id", {"date": "ts", "amount": "amount"})
    posted = [{"customer_id": c, "events": events[c], "as_of": "1998-04-02T02:00:00+02:00"} for c in chosen]

    by_events = httpx.post(f"{server.url}/v1/scores", json={"profiles": posted, "reasons": 3}, timeout=60).json()

    jsonschema.validate(by_events, json.loads((ROOT / "tests/contract/scores.schema.json").read_text()))
    for name, table in tables.items():
        rows = {row.pop("customer_id"): row for row in table.drop("eligible").iter_rows(named=True)}
        profiles = [{"customer_id": customer, "features": rows[customer]} for customer in chosen]
        body = {"use_cases": [name], "profiles": profiles, "reasons": 3}
        by_features = httpx.post(f"{server.url}/v1/scores", json=body, timeout=60).json()
        assert [row["scores"][name] for row in by_events["results"]] == [
            row["scores"][name] for row in by_features["results"]
        ]


def test_a_history_that_breaks_a_rule_is_told_where_and_never_fails_the_call(server):
    """Positions and keys are named, values are not; a history of nothing is `insufficient_data`."""
    secret = "Zanzibar-4711"  # noqa: S105 a planted value
    broken = [{"ts": secret, "amount": secret}, 3, {"ts": "1998-01-01", "x": 1}]
    profiles = [
        {"customer_id": "a", "events": [], "as_of": "1998-04-02"},
        {"customer_id": "b", "events": broken, "as_of": "1998-04-02"},
        {"customer_id": "c", "events": {}, "as_of": "soon", "more": 1},
        {"customer_id": "d", "events": [{"ts": "1998-01-01"}] * 10_001, "as_of": "1998-04-02"},
    ]

    answer = httpx.post(f"{server.url}/v1/scores", json={"profiles": profiles}, timeout=60)

    blank, broken, malformed, long = answer.json()["results"]
    assert {score["status"] for score in blank["scores"].values()} == {"insufficient_data"}
    fields = {error["field"] for error in broken["scores"]["churn"]["errors"]}
    assert fields == {"events[0].ts", "events[0].amount", "events[1]", "events[2]"}
    assert malformed["status"] == long["status"] == "invalid"
    assert secret not in answer.text
    assert secret not in server.written()


def featured(use_case: UseCase, cutoff: datetime, events: dict[str, list[dict]], traits: dict[str, dict]) -> None:
    """Holds the features of posted histories against the feature table, cell by cell."""
    with engine() as backend:
        layout = prepare(backend, use_case, None).layout
    compiled = json.loads(json.dumps(raw_events(use_case, layout)))
    table = scoring_table(use_case, cutoff).drop("eligible")
    chosen = table.sample(min(CUSTOMERS, table.height), seed=1)
    posted, about = [], []
    for row, customer in enumerate(chosen["customer_id"].to_list()):
        profile = {"events": events[customer], "traits": traits.get(customer), "as_of": cutoff.isoformat()}
        own, told, broken = _read(compiled, row, profile)
        assert not broken
        posted += own
        about += told

    found = _run(compiled, posted, about)

    for row, expected in enumerate(chosen.drop("customer_id").iter_rows(named=True)):
        assert found[row] == expected


@pytest.mark.skipif(not DATA.is_dir(), reason="PENCHANT_DATA names no folder with the reference data")
def test_histories_with_cancellations_give_the_same_features(tmp_path):
    """Online Retail II: refunds by a column, timestamps to the minute."""
    source = DATA / "online_retail_ii_invoices.parquet"
    (tmp_path / "case.toml").write_text(
        f'name = "retail"\npolarity = "positive"\n[events]\npath = "{source}"\ncustomer_id = "customer_id"\n'
        'timestamp = "ts"\namount = "amount"\ntype = "purchase"\nrefund = { column = "is_cancel", equals = true }\n'
        'properties = ["country"]\nmeasures = ["n_items"]\ncurrency = "GBP"\n'
        '[window]\nobservation = "365d"\ngap = "0d"\nprediction = "90d"\ntest_cutoff = "2011-09-10"\n'
        '[label]\nevent = "purchase"\noutcome = "present"\n'
    )
    keys = {"ts": "ts", "amount": "amount", "is_cancel": "refund", "country": "country", "n_items": "n_items"}

    featured(
        load_use_case(tmp_path / "case.toml"),
        datetime(2011, 9, 10, tzinfo=UTC),
        histories(pl.read_parquet(source), "customer_id", keys),
        {},
    )


@pytest.fixture(scope="module")
def mailing(tmp_path_factory):
    """The synthetic example with few people, and its use cases."""
    folder = tmp_path_factory.mktemp("mailing")
    example = ROOT / "examples/b2b-mailing"
    runpy.run_path(str(example / "generate.py"))["write_example"](folder / "data", customers=MAILED, seed=3)
    for name in ("propensity", "churn"):
        shutil.copy(example / f"{name}.toml", folder)
    return folder


@pytest.mark.parametrize("name", ["propensity", "churn"])
def test_mailings_with_traits_give_the_same_features(mailing, name):
    """The synthetic example: several types, properties, a measure, traits of every kind as they were at the cutoff."""
    cutoff = datetime(2026, 6, 1, tzinfo=UTC)
    log = pl.read_parquet(mailing / "data/events.parquet")
    same = ("channel", "device", "region", "time_on_page")
    keys = {"timestamp": "ts", "event_type": "type", **{column: column for column in same}}
    people = pl.read_parquet(mailing / "data/profiles.parquet").filter(pl.col("valid_from") < cutoff.date())
    latest = people.sort("valid_from").unique("customer_id", keep="last").drop("valid_from")
    traits = {row.pop("customer_id"): row for row in latest.iter_rows(named=True)}
    told = {who: {**row, "signed_up": row["signed_up"].isoformat()} for who, row in traits.items()}

    featured(load_use_case(mailing / f"{name}.toml"), cutoff, histories(log, "customer_id", keys), told)


def test_a_first_event_of_long_ago_is_answered():
    """A date that stands for none, such as 1970 or 1900, and one of the year 9999: features for each."""
    use_case = load_use_case(ROOT / "examples/cdnow/propensity.toml")
    with engine() as backend:
        compiled = json.loads(json.dumps(raw_events(use_case, prepare(backend, use_case, None).layout)))
    days = [
        ["1970-01-01", "1998-03-01", "1998-03-05"],
        ["1900-01-01", "1998-03-01", "1998-03-05"],
        ["9999-12-30", "1998-03-01"],
    ]
    posted = []
    for row, each in enumerate(days):
        own, _, broken = _read(compiled, row, {"events": [{"ts": day} for day in each], "as_of": "1998-04-02"})
        assert not broken
        posted += own

    found = _run(compiled, posted, [])

    assert [found[row]["days_since_purchase"] for row in range(3)] == [28.0, 28.0, 32.0]
    assert found[1]["purchase_gap_sd_days"] > 10_000
