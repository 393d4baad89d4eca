"""What is counted: nothing is lost between threads and workers, and Prometheus' own parser reads the page."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from serving.telemetry import worker_totals
from serving.telemetry.metrics import (
    BUCKETS,
    FAMILIES,
    HTTP_REQUESTS,
    MODEL_INFO,
    SCORES,
    SCORING_SECONDS,
    SWAPS,
    Counters,
)

LABELS = st.text(max_size=5) | st.sampled_from(['"', "\\", "\n", 'a\\n"', "é"])


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_no_thread_loses_a_count(impatient: None) -> None:
    """Four threads that count at once."""
    counters = Counters()

    def count() -> None:
        for _ in range(5000):
            counters.add(SWAPS, ("churn", "served"))
            counters.observe(SCORING_SECONDS, 0.25)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counters.counts[SWAPS, ("churn", "served")] == 20_000
    assert (sum(counters.spread[SCORING_SECONDS, ()][:-1]), counters.spread[SCORING_SECONDS, ()][-1]) == (20_000, 5_000)


@given(
    st.lists(st.tuples(LABELS, LABELS, LABELS, st.integers(1, 10**6)), max_size=4, unique_by=lambda row: row[:3]),
    st.lists(st.floats(0, 100) | st.sampled_from(BUCKETS), max_size=6),
)
def test_prometheus_reads_what_was_counted(rows: list[tuple[str, str, str, int]], seconds: list[float]) -> None:
    """Every name, sort, label and value, whatever the labels hold."""
    counters = Counters()
    for *labels, amount in rows:
        counters.add(HTTP_REQUESTS, tuple(labels), amount)
    for one in seconds:
        counters.observe(SCORING_SECONDS, one)
    for name, *_ in rows:
        counters.observe_many(SCORES, np.asarray(seconds, float), (name,))

    page = counters.render({(MODEL_INFO, ("churn", "4", "xgboost")): 1}).decode()
    read = {family.name: family for family in text_string_to_metric_families(page)}

    assert {name: family.type for name, family in read.items()} == {
        family.name.removesuffix("_total"): family.sort for family in FAMILIES
    }
    counted = {tuple(one.labels.values()): one.value for one in read["penchant_http_requests"].samples}
    assert counted == {tuple(labels): amount for *labels, amount in rows}
    buckets = {one.labels["le"]: one.value for one in read["penchant_scoring_seconds"].samples if "le" in one.labels}
    for bound in (*BUCKETS, math.inf):
        shown = "+Inf" if bound == math.inf else f"{bound:g}"
        assert buckets[shown] == sum(one <= bound for one in seconds)
    scores = [one for one in read["penchant_scores"].samples if one.labels.get("le") == "+Inf"]
    assert sum(one.value for one in scores) == len(rows) * len(seconds)
    assert {one.labels["use_case"] for one in scores} == {name for name, *_ in rows}


def test_the_counts_of_workers_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of one that ended too; each once."""
    monkeypatch.setenv(worker_totals.FOLDER, str(tmp_path))
    ended, own = Counters(), Counters()
    ended.add(SWAPS, ("churn", "served"), 3)
    ended.observe(SCORING_SECONDS, 0.3)
    worker_totals.publish(ended)
    next(tmp_path.glob("*.json")).rename(tmp_path / "1.json")

    own.add(SWAPS, ("churn", "served"), 4)
    worker_totals.publish(own)
    total = worker_totals.total(own)

    assert total.counts == {(SWAPS, ("churn", "served")): 7}
    assert sum(total.spread[SCORING_SECONDS, ()][:-1]) == 1
