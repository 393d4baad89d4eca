"""An event means one thing in a log and as it is posted: the corpus as cells of logs, CSV and Parquet."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.build.log_table import scoring_table
from features.config.use_case import load_use_case
from scoring.answers.served_release import Live
from serving.customers.raw_events import prepare
from tests.support.models import release_log
from tests.support.values import CORPUS, NOTHING, Value
from tests.support.worlds import write_use_case

START, CUTOFF = datetime(2024, 7, 5), datetime(2025, 7, 1, tzinfo=UTC)
COLUMN = {
    "comma": "paid",
    "plain": "weight",
    "euro": "fee",
    "dollar": "price",
    "iso": "at",
}  # of the log, by the corpus'
USUAL = {"paid": "12,5", "weight": "3.5", "fee": "7,5 €", "price": "$2.25", "kind": "Plan+", "note": "A+"}
MOST = 1e14  # beyond it an amount is no amount of a log
NAMES = ("client", "at", *USUAL)


def values() -> list[Value]:
    """The texts of numbers, and of moments that lie in the log."""
    texts = [value for value in CORPUS if value.column in COLUMN and value.text]
    return [
        value
        for value in texts
        if value.column != "iso" or not isinstance(value.means, datetime) or value.means.year == 2025
    ]


def usual_events(who: str, rng: random.Random, count: int) -> Iterator[dict[str, str]]:
    """Events as most of a log's are, of levels and types whose slugs collide."""
    for _ in range(count):
        at = START + timedelta(seconds=rng.randrange(355 * 86_400))
        kind, note = rng.choice(["Plan+", "Plan+", "Plan-"]), rng.choice(["A+", "A-", "<100", ">100"])
        paid = f"{rng.randrange(1, 90000) / 1000}".replace(".", ",")
        yield {**USUAL, "client": who, "at": at.isoformat(" "), "paid": paid, "kind": kind, "note": note}


@dataclass
class Log:
    """A log, what it holds of each value's own customer, and the model that learned from it."""

    events: dict[str, list[dict[str, str]]]  # by customer
    tables: Mapping[str, dict[str, dict[str, Any]]]  # by kind of file, then customer: the features
    live: Live


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Written, learned from, released."""
    folder, rng = tmp_path_factory.mktemp("events"), random.Random(5)
    events = {f"c{n}": list(usual_events(f"c{n}", rng, 20)) for n in range(260)}
    for place, value in enumerate(values()):
        who = f"v{place}"
        odd = {**USUAL, "client": who, "at": "2025-03-02 09:00:00", COLUMN[value.column]: value.cell}
        events[who] = [*usual_events(who, rng, 3), odd]
    rows = [event for own in events.values() for event in own]
    rng.shuffle(rows)
    table = pl.DataFrame([{name: event[name] for name in NAMES} for event in rows])
    table.write_csv(folder / "log.csv", separator=";", quote_style="always")
    table.write_parquet(folder / "log.parquet")
    cases = {ending: _case(folder, f"log.{ending}") for ending in ("csv", "parquet")}
    tables = {ending: _by_customer(scoring_table(case, CUTOFF)) for ending, case in cases.items()}
    return Log(events, tables, release_log(folder / "home", cases["csv"]))


def _case(folder: Path, name: str) -> Any:
    sections = {
        "events": {
            "path": name,
            "customer_id": "client",
            "timestamp": "at",
            "amount": "paid",
            "type": {"column": "kind"},
            "properties": ["note"],
            "measures": ["weight", "fee", "price"],
        },
        "window": {"observation": "365d", "prediction": "60d", "train_cutoffs": 1},
        "label": {"event": "Plan-", "outcome": "present"},
    }
    return load_use_case(write_use_case(folder, sections, name="z"))


def _by_customer(table: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row.pop("customer_id"): row for row in table.drop("eligible").to_dicts()}


def posted(log: Log, customers: list[str]) -> list[Any]:
    """What each customer's events give as raw events, or the notes of what was refused."""
    profiles = [
        {
            "customer_id": who,
            "events": [{name: text for name, text in event.items() if name != "client"} for event in log.events[who]],
            "as_of": "2025-07-01",
        }
        for who in customers
    ]
    prepared = prepare(profiles, {"z": log.live}, ["z"])
    return [made.features.get("z") or made.answers["z"].get("errors") for made in prepared]


def test_an_event_is_the_same_in_a_log_and_posted(log: Log) -> None:
    """To the bit, for every value with a meaning; what makes a bad row of a log is refused, by the name of its key."""
    table: list[tuple[Any, ...]] = []
    customers = [f"v{place}" for place in range(len(values()))]
    for who, value, found in zip(customers, values(), posted(log, customers), strict=True):
        beyond = isinstance(value.means, float) and abs(value.means) >= MOST
        refused = value.means is NOTHING or beyond or (value.column == "iso" and value.means is None)
        if refused != isinstance(found, list):
            table.append((value, "refused" if isinstance(found, list) else "taken"))
        elif not refused:
            odd = {ending: _differences(own[who], found) for ending, own in log.tables.items() if own[who] != found}
            table += [(value, ending, differences) for ending, differences in odd.items()]

    assert not table, f"{len(table)} disagreements:\n" + "\n".join(map(str, table))


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_number_of_a_log_is_what_its_text_means(log: Log, ending: str) -> None:
    """The total of a customer is that of the other events and this one's."""
    measured = {"comma": "monetary_total"} | {name: f"{COLUMN[name]}_sum_365d" for name in ("plain", "euro", "dollar")}
    for place, value in enumerate(values()):
        if value.column in measured and isinstance(value.means, float) and abs(value.means) < MOST:
            name, own = measured[value.column], log.events[f"v{place}"]
            usual = {"weight": 3.5, "fee": 7.5, "price": 2.25}.get(COLUMN[value.column])
            others = sum(float(e["paid"].replace(",", ".")) for e in own[:3]) if usual is None else 3 * usual
            total = log.tables[ending][f"v{place}"][name]
            assert total == pytest.approx(others + value.means, abs=1.01e-4, rel=1e-12), value


def test_levels_and_types_that_differ_in_signs_stay_apart(log: Log) -> None:
    """Each is counted by itself; the event that is predicted keeps the slug."""
    names = log.tables["csv"]["c0"]

    assert {"plans_total", "plan_2s_total"} & names.keys() or {"plan_total", "plan_2_total"} & names.keys()
    notes = sorted(name for name in names if "_note_" in name and name.startswith("plan"))
    assert len({name.partition("_note_")[2] for name in notes}) == 4
    for who in ("c0", "c1", "c2"):
        own = [event for event in log.events[who] if event["kind"] == "Plan-"]
        assert log.tables["csv"][who][next(n for n in names if n.startswith("plan") and n.endswith("_total"))] == len(
            own
        )
