"""Posted raw events and posted features give the same scores."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import polars as pl
import pytest

from benchmarks.doors import doors
from features.build.log_table import scoring_table
from features.config.use_case import LogUseCase
from features.point_in_time.compiled_sql import raw_events
from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.answers.wire import Score
from serving.customers.raw_events import PostedHistory, _read, _run, prepare
from tests.support.days import released
from tests.support.mailed import NAME, PEOPLE, mailing_case
from tests.support.models import release_log
from tests.support.servers import Server
from tests.support.worlds import load_log, log_case, purchases, utc
from tests.system.main_job.conftest import ROOT

DATA = Path(os.environ.get("PENCHANT_DATA", ROOT.parent / "shared" / "data"))
CUSTOMERS = 1000


def histories(log: pl.DataFrame, customer: str, keys: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Each customer's events as a client posts them: the log's columns under the keys the API knows."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in log.iter_rows(named=True):
        event = {key: row[column] for column, key in keys.items()}
        event["ts"] = event["ts"].isoformat()
        found.setdefault(str(row[customer]), []).append(event)
    return found


def test_a_thousand_customers_of_cdnow_score_alike_by_events_and_by_features(server: Server) -> None:
    """Over HTTP, two use cases, reasons included: the answers are equal."""
    cutoff = datetime(1998, 4, 2, tzinfo=UTC)
    tables = {
        name: scoring_table(load_log(ROOT / f"examples/cdnow/{name}.toml"), cutoff) for name in ("churn", "propensity")
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


def test_a_history_that_breaks_a_rule_is_told_where_and_never_fails_the_call(server: Server) -> None:
    """Positions and keys are named, values are not; a history of nothing is `insufficient_data`."""
    secret = "Zanzibar-4711"  # noqa: S105 a planted value
    events: list[Any] = [{"ts": secret, "amount": secret}, 3, {"ts": "1998-01-01", "x": 1}]
    profiles = [
        {"customer_id": "a", "events": [], "as_of": "1998-04-02"},
        {"customer_id": "b", "events": events, "as_of": "1998-04-02"},
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


def answered_alike(use_case: LogUseCase, cutoff: datetime, live: Live) -> list[Score]:
    """Posts everyone by events and by features, as the server does, and holds the whole answers against each other."""
    served = {use_case.name: live}
    both = json.loads(json.dumps(asdict(doors(use_case, cutoff, CUSTOMERS))))

    by_events, by_features = (
        score_profiles(served, prepare(both[way], served, None), reasons=5, language="fr")
        for way in ("by_events", "by_features")
    )

    assert by_events == by_features
    return [row["scores"][use_case.name] for row in by_events]


@pytest.mark.skipif(not DATA.is_dir(), reason="PENCHANT_DATA names no folder with the reference data")
def test_a_thousand_histories_with_cancellations_score_alike(tmp_path: Path) -> None:
    """Online Retail II: refunds by a column, timestamps to the minute."""
    source = DATA / "online_retail_ii_invoices.parquet"
    (tmp_path / "case.toml").write_text(
        f'name = "retail"\npolarity = "positive"\n[events]\npath = "{source}"\ncustomer_id = "customer_id"\n'
        'timestamp = "ts"\namount = "amount"\ntype = "purchase"\nrefund = { column = "is_cancel", equals = true }\n'
        'properties = ["country"]\nmeasures = ["n_items"]\ncurrency = "GBP"\n'
        '[window]\nobservation = "365d"\ngap = "0d"\nprediction = "90d"\ntest_cutoff = "2011-09-10"\n'
        "train_cutoffs = 1\n"
        '[label]\nevent = "purchase"\noutcome = "present"\n'
    )

    case = load_log(tmp_path / "case.toml")
    told = answered_alike(case, datetime(2011, 9, 10, tzinfo=UTC), release_log(tmp_path / "home", case))

    assert len(told) == CUSTOMERS
    assert len({score["probability"] for score in told}) > CUSTOMERS / 4


def test_mailings_with_traits_score_alike(mailing_home: Path) -> None:
    """The synthetic example: several types, properties, a measure, traits of every kind as they were at the cutoff."""
    case = mailing_case(mailing_home)
    [live] = released(mailing_home / "home", NAME).values()

    told = answered_alike(case, datetime(2026, 6, 1, tzinfo=UTC), live)

    assert len(told) > 0.9 * PEOPLE
    assert {score["status"] for score in told} == {"scored", "not_eligible"}
    assert len({score.get("probability") for score in told}) > PEOPLE / 4


ODD: dict[str, dict[str, Any]] = {
    "events": {
        "customer_id": "who",
        "timestamp": "Le",
        "amount": "ts",
        "type": {"column": "kind"},
        "id": "n°",
        "refund": {"column": "void", "equals": 0},
        "properties": ["type"],
        "measures": ["amount"],
        "currency": {"column": "money", "to": "EUR", "rates": {"CHF": 1.05}},
    },
    "label": {"event": "Achat !", "outcome": "present"},
}


def odd(count: int) -> pl.DataFrame:
    """A log whose columns bear names that stand for others elsewhere, with refunds, copies and two currencies."""
    log = purchases(count).select(
        who="customer_id",
        Le=pl.col("ts").cast(pl.String),
        ts="amount",
        amount=pl.col("amount") / 7,
    ).with_row_index("n°")  # fmt: skip
    row = pl.col("n°")
    told = log.with_columns(
        kind=pl.when(row % 3 > 0).then(pl.lit("Achat !")).otherwise(pl.lit("visite")),
        type=pl.when(row % 2 > 0).then(pl.lit("Web")).otherwise(pl.lit("boutique")),
        void=(row % 11 > 0).cast(pl.Int64),
        money=pl.when(row % 5 > 0).then(pl.lit("eur")).otherwise(pl.lit("CHF")),
    )
    return pl.concat([told, told[::9]])


def test_rows_are_posted_as_they_stand_in_the_log(tmp_path: Path) -> None:
    """The log's own columns are the keys, ids and customers included; the features are those of the table."""
    log = odd(60)
    use_case = log_case(tmp_path, log, **ODD)
    cutoff = utc(200)
    with engine() as backend:
        compiled = json.loads(json.dumps(raw_events(use_case, open_log_context(backend, use_case, None).plan)))
    expected = scoring_table(use_case, cutoff).drop("eligible")
    posted = []
    for row, who in enumerate(expected["customer_id"]):
        events = log.filter(pl.col("who") == who).to_dicts()
        profile: PostedHistory = {"customer_id": who, "events": events, "as_of": cutoff.isoformat()}
        own, _, broken = _read(compiled, row, profile)
        assert not broken
        posted += own

    found = _run(compiled, posted, [])

    assert [found[row] for row in range(len(expected))] == expected.drop("customer_id").to_dicts()
    assert expected["refunds_total"].sum() > 0
    words = [each["names"] for each in compiled["events"] if each["key"] != "as_of"]
    assert words[:5] == [["who", "customer_id"], ["Le", "timestamp"], ["kind"], ["ts"], ["void", "refund"]]
    bad: list[dict[str, Any]]
    bad = [{"kind": "—"}, {"ts": 1e14}, {"amount": -1e300}, {"money": "USD"}, {"timestamp": None, "Le": None}, {"x": 1}]
    broken = _read(
        compiled, 0, {"events": [{**log.row(0, named=True), "n°": None, **each} for each in bad], "as_of": "2024-01-01"}
    )[2]
    assert [each["field"].split("].")[-1] for each in broken] == ["kind", "ts", "amount", "money", "Le", "events[5]"]


def test_a_first_event_of_long_ago_is_answered() -> None:
    """A date that stands for none, such as 1970 or 1900, and one of the year 9999: features for each."""
    use_case = load_log(ROOT / "examples/cdnow/propensity.toml")
    with engine() as backend:
        compiled = json.loads(json.dumps(raw_events(use_case, open_log_context(backend, use_case, None).plan)))
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
    assert float(str(found[1]["purchase_gap_sd_days"])) > 10_000
