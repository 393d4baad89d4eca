from __future__ import annotations

import json
import os

import pytest

from benchmarks.contenders import CONTENDERS
from benchmarks.files import Cost
from benchmarks.load import Run
from benchmarks.measures import BANK, WIDE, BulkReasons, Measured, Results, Sample, ratios
from benchmarks.processes import cpu_seconds, memory_bytes
from benchmarks.report import document, markdown


@pytest.fixture
def results() -> Results:
    """Two rounds in which every contender takes 1 ms of processor time a request, and 2 ms at 32 connections."""
    made = Results(rows=1000)
    for one in CONTENDERS:
        for connections in (1, 32):
            for _ in range(2):
                made.add(one.name, connections, Sample(1e-3 * (1 + (connections > 1)), Run(100, 1.0, [0.001] * 100)))
    made.starts = {"penchant": [1.0, 2.0], "quickstart": [4.0, 4.0]}
    made.memory = {"penchant": {1: 10, 2: 60}, "quickstart": {3: 100}}
    made.batch = [Measured(Cost(1.1, 1.0, 100), Cost(1.0, 1.0, 90))]
    made.trainings = {
        BANK: [Measured(Cost(cpu, 1.0, 100), Cost(10.0, 1.0, 90)) for cpu in (30.0, 9.0, 8.0)],
        WIDE: [Measured(Cost(20.0, 1.0, 100), Cost(10.0, 1.0, 90))],
    }
    made.large = Cost(10.0, 9.0, 103)
    ours, plain, bare, woodelf, contribs = (Cost(cpu, 1.0, 100) for cpu in (12.0, 3.0, 2.0, 32.0, 9.0))
    made.reasons = BulkReasons(200, ours, plain, bare, woodelf, contribs, 5)
    return made


def test_every_ratio_that_is_asked_for_is_reported(results: Results) -> None:
    """Against one peer, against the sum of two, at the worse concurrency; a ratio of one that is faster is below 1."""
    slow = results.samples["Penchant, score", 32]
    results.samples["Penchant, score", 32] = [Sample(3 * one.cpu, one.run) for one in slow]

    found = {ratio.what: (ratio.found, ratio.verdict) for ratio in ratios(results)}

    assert len(found) == 14
    assert found["score by a blend, CPU against its trees alone"] == (1.0, "aim met")
    assert found["score, CPU against BentoML's quickstart"] == (3.0, "missed")
    assert found["score, CPU against floor + no-op `@bentoml.api`"] == (1.5, "missed")
    assert found["batch of ten times the rows, peak memory"] == (1.03, "must met")
    assert found["start-up CPU against BentoML's quickstart"] == (0.375, "must met")
    assert found["memory of one worker against the quickstart"] == (0.6, "must met")
    assert found["3 reasons in a batch, 200,000 rows, CPU they add against WOODELF's values alone"] == (0.3, "must met")
    assert found["batch with 3 reasons, 200,000 rows, CPU against the batch without"] == (4.0, "aim met")
    training = "training, 3,000 rows ({}), CPU against `xgboost.train` + MLflow's autolog"
    assert found[training.format(BANK)] == (0.9, "must met")
    assert found[training.format(WIDE)] == (2.0, "missed")
    assert all(what in markdown(results) for what in found)
    assert len(json.loads(document(results))["ratios"]) == 14


def test_what_was_not_measured_is_reported_so() -> None:
    """A run of some parts leaves the other ratios open."""
    assert {ratio.verdict for ratio in ratios(Results())} == {"not measured"}
    assert "not measured" in markdown(Results())


def test_processes_are_counted_with_their_children() -> None:
    """This process has used some processor time and holds some memory."""
    assert cpu_seconds(os.getpid()) > 0
    assert memory_bytes(os.getpid())[os.getpid()] > 2**20
