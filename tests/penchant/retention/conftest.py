"""A home with one of everything that a home can hold."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from features.sources.quarantine import write_quarantine
from features.sources.rejected_rows import BadRows
from features.spec.source_register import write_sources
from scoring.audiences.deliveries.contact_stops import add_stops
from scoring.audiences.deliveries.delivery_record import DeliveryRecord, keep_record
from scoring.audiences.export_log import log_export
from scoring.audiences.pressure.contact_history import ListIdentity, record_contacts
from scoring.population.daily_file import add_use_case
from scoring.privacy import suppression
from serving.auth.api_keys import ApiKey, add_key
from serving.auth.sessions import Sessions
from serving.console.personas.priorities import write_priorities
from serving.customers import subject_rights
from serving.customers.decision_log import Decisions
from serving.idempotency import answered_calls
from serving.stream_state.open_state import open_state
from serving.stream_state.state import StatePlace
from serving.stream_state.status import StreamStatus, write_status
from tests.conftest import made_once
from tests.support.answers import scored_result
from tests.support.campaigns import planned
from tests.support.days import made, released, write_customers
from tests.support.looked_at import look_at
from tests.support.models import release_shop
from tests.support.stored import ROWS, loaded, table
from training.report.discovery_page import write_page

IDS = [f"c{row}" for row in range(300)]


@pytest.fixture
def full(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """Releases, a day, the store, decisions, a campaign, lists, monitoring, objectors, somebody erased, keys."""
    return shutil.copytree(made_once(tmp_path_factory, "full-home", _make) / "home", tmp_path / "home")


def _make(folder: Path) -> None:
    home, scratch = folder / "home", folder / "scratch"
    scratch.mkdir()
    for name, polarity in (("churn", "negative"), ("propensity", "positive")):
        release_shop(home, name, scratch=scratch, polarity=polarity)
    made(home, released(home, "churn", "propensity"), write_customers(scratch / "today.parquet"))
    assert loaded(home, scratch, table(ROWS, IDS), "--as-of", "2026-03-01") == 0
    open_state(StatePlace("shop", home / "streams/shop.db")).close()
    write_status(home, StreamStatus(name="shop", path=str(home / "streams/shop.db"), at="2026-03-01"))
    decide(home, IDS[:5])
    planned(home)
    log_export(home, {"segment": "loyal", "members": 9, "written": 7}, format_="csv", by="console", key="crm")
    now = datetime.now(UTC)
    record_contacts(home, ListIdentity("2026-03-01", "churn", {}), IDS[:9], at=now)
    add_stops(home, "email", [(b"\0" * 32, "unsubscribe")], source="dest", at=now.timestamp())
    keep_record(home, DeliveryRecord(name="dest", kind="file", audience="loyal"))
    look_at(home)
    suppression.add(home, IDS[7:9])
    subject_rights.erase(home, IDS[4:5])
    answered_calls.begin(home, b"who", b"asked")
    add_key(home, "analyst", ["score", "explain"])
    Sessions(home).begin(ApiKey("analyst", "0" * 64, frozenset(["score", "explain"])))
    rows = pl.DataFrame({"__file": ["log.csv"], "__row": [3], "rule": ["a date"], "who": ["c1"]})
    write_quarantine(home / "quarantine", "churn", {"events": BadRows(1, {"a date": 1}, rows)})
    write_page(home, "habits", b"<html></html>")
    write_sources(home, {})
    write_priorities(home, "habits", {"group_1": 5})
    (home / "lineage").mkdir()
    (home / "lineage/events.jsonl").touch()  # as the guide to orchestration has it
    (scratch / "churn.toml").touch()
    add_use_case(home, scratch / "churn.toml", daily=True)


def decide(home: Path, customers: Sequence[str]) -> None:
    """Keeps a score of each in the decisions log."""
    log = Decisions(home, days=90, on=True)
    log.record("r1", "crm", [scored_result(customer) for customer in customers])
    log.flush()
