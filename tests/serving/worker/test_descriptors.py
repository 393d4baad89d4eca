"""A worker's open files are the same after a thousand calls as before them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scoring.privacy import suppression
from serving.customers.feature_store import put
from tests.support.models import release_shop
from tests.support.servers import QUICK, start, stop, workers

CALLS = 1000
SPARE = 3  # files that the looks of the moment may have open


def test_no_file_stays_open_after_an_export_or_a_page(tmp_path: Path, profile: dict[str, Any]) -> None:
    """Over 1,000 exports and 1,000 customer pages, with a store, a decisions log and a suppression list."""
    home = tmp_path / "home"
    release_shop(home, "churn", scratch=tmp_path)
    put(home, list(profile["features"]), [("c1", list(profile["features"].values()))], as_of=4e9)
    suppression.add(home, ["objector"])
    server = start(home, tmp_path, {**QUICK, "PENCHANT_DECISIONS": "on"})
    try:
        [worker] = workers(server)
        with server.client() as client:

            def export() -> int:
                return client.post("/v1/customers/export", json={"customer_ids": ["c1", "x"]}).status_code

            def page() -> int:
                return client.post("/console/customer", data={"profile": json.dumps(profile)}).status_code

            for call in (export, page):
                assert {call() for _ in range(40)} == {200}  # each thread has its own by then
                before = descriptors(worker)
                assert {call() for _ in range(CALLS)} == {200}
                assert descriptors(worker) <= before + SPARE
    finally:
        stop(server)


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
