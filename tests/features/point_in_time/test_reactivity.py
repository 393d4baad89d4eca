"""Reactivity is what it says, held against plain Python on one customer at a time."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.build.log_table import learning_table, scoring_table
from features.config.use_case import LogUseCase
from features.errors import DataError
from features.point_in_time.compiled_sql import raw_events
from features.point_in_time.labels import naive
from features.point_in_time.log_context import open_log_context
from features.point_in_time.reactivity import PRIOR
from features.sources.engine import engine
from tests.features.point_in_time.test_compiled_sql import answered, posted
from tests.support.worlds import log_case, purchases, utc

CUTOFF = utc(200)
SEND = "Courriel envoyé"
HOURS = timedelta(hours=48)
STATED = {"send": SEND, "answer": ["Ouvert", "Clic"], "within": "48h"}
NAMES = ["reactivity_share", "reactivity_median_hours"]


def mailed(*, seed: int = 3) -> pl.DataFrame:
    """A log of sends, answers at whole hours after them, purchases, and some refunds."""
    random = np.random.default_rng(seed)
    sends = purchases(60, rate=0.1, seed=seed).with_columns(kind=pl.lit(SEND))
    answers = sends.sample(fraction=0.5, seed=seed)
    wait = pl.Series([timedelta(hours=int(n)) for n in random.choice([0, 1, 5, 47, 48, 49, -1, 200], len(answers))])
    later = pl.col("ts") + wait
    kinds = pl.Series(random.choice(["Ouvert", "Clic", "Vu"], len(answers)))
    bought = purchases(60, rate=0.04, seed=seed + 1).with_columns(kind=pl.lit("Achat"))
    whole = pl.concat([sends, answers.with_columns(ts=later, kind=kinds), bought]).sort("ts", "customer_id", "kind")
    return whole.with_columns(back=pl.Series(random.random(len(whole)) < 0.05))


def mailed_case(folder: Path, log: pl.DataFrame, **more: Any) -> LogUseCase:
    """A use case on such a log."""
    events = {"type": {"column": "kind"}, "refund": {"column": "back", "equals": True}}
    sections: dict[str, dict[str, Any]] = {
        "events": events,
        "window": {"test_cutoff": "2024-07-19"},
        "label": {"event": "Achat"},
        "reactivity": STATED,
    }
    return log_case(folder, log, **(sections | more))


def with_events(*events: tuple[str, str, datetime]) -> pl.DataFrame:
    """The log with some events of certain customers."""
    extra = pl.DataFrame(
        events, schema={"customer_id": pl.String, "kind": pl.String, "ts": pl.Datetime("us")}, orient="row"
    ).with_columns(back=False)
    return pl.concat([mailed(), extra], how="diagonal")


def rows_of(use_case: LogUseCase) -> dict[str, dict[str, Any]]:
    """The features at the cutoff, by customer."""
    return {row["customer_id"]: row for row in scoring_table(use_case, CUTOFF).iter_rows(named=True)}


def delays(own: pl.DataFrame, end: datetime) -> dict[datetime, timedelta | None]:
    """Each send whose hours have passed by `end`, and how soon it was answered, by the definition and nothing else."""
    past = [event for event in own.to_dicts() if event["ts"] < end and not event["back"]]
    sends = sorted({event["ts"] for event in past if event["kind"] == SEND})
    found: dict[datetime, timedelta | None] = {}
    for at, send in enumerate(sends):
        over = min([send + HOURS, *sends[at + 1 : at + 2]])
        waits = [e["ts"] - send for e in past if e["kind"] in ("Ouvert", "Clic") and send <= e["ts"] < over]
        if send + HOURS <= end:
            found[send] = min(waits, default=None)
    return found


def test_reactivity_is_what_it_says(tmp_path: Path) -> None:
    """The shrunk share and the median hours of every customer, and the prior that all share, by hand."""
    log = mailed()
    use_case = mailed_case(tmp_path, log)
    with engine() as backend:
        context = open_log_context(backend, use_case, CUTOFF)
        declared, settled = context.plan.reactivity, naive(min(CUTOFF, context.cutoffs.train[-1]))
    assert declared is not None
    before = [wait for _, own in log.group_by("customer_id") for wait in delays(own, settled).values()]
    assert (declared.sends, declared.answered) == (len(before), sum(wait is not None for wait in before))
    assert 0.2 < declared.answered / declared.sends < 0.6

    rows = rows_of(use_case)

    end, first = naive(CUTOFF), naive(CUTOFF) - timedelta(days=100)
    for (customer,), own in log.filter(pl.col("ts") < end).group_by("customer_id"):
        waits = [wait for send, wait in delays(own, end).items() if send >= first]
        hours = [wait / timedelta(hours=1) for wait in waits if wait is not None]
        share, median = (rows[str(customer)][name] for name in NAMES)
        assert share == pytest.approx((len(hours) + declared.prior) / (len(waits) + PRIOR), rel=1e-12)
        assert median == (pytest.approx(statistics.median(hours)) if hours else None)
        assert 0 < share < 1
        assert median is None or 0 <= median < 48


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The features of customers on the edges of the definition."""
    end, instant, hour, day = naive(CUTOFF), timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)
    sends = {"over": end - HOURS, "not yet": end - HOURS + instant, "answered": end - HOURS + instant}
    events = [(name, SEND, at) for name, at in sends.items()]
    events += [("answered", "Clic", end - hour), ("quiet", "Achat", end - hour)]
    events += [("late", SEND, end - 2 * HOURS), ("late", "Clic", end - HOURS)]
    events += [("in time", SEND, end - 2 * HOURS), ("in time", "Clic", end - HOURS - instant)]
    for name, then in (("of the later", end - HOURS - hour), ("of the first", end - HOURS - 3 * hour)):
        events += [(name, SEND, end - HOURS - 9 * hour), (name, SEND, end - HOURS - 2 * hour), (name, "Ouvert", then)]
    for name, many in (("one", 1), ("ten", 10)):
        for sent in (end - (3 + 4 * at) * day for at in range(many)):
            events += [(name, SEND, sent), (name, "Clic", sent + hour)]
    return rows_of(mailed_case(tmp_path_factory.mktemp("edges"), with_events(*events)))


def test_one_answer_to_one_send_is_no_certainty(edges: dict[str, dict[str, Any]]) -> None:
    """More of the same comes nearer to it; where nothing was sent it is the share of all."""
    quiet, one, ten = (edges[name]["reactivity_share"] for name in ("quiet", "one", "ten"))

    assert 0 < quiet < one < ten < 1
    assert one < 0.7
    assert (edges["one"]["reactivity_median_hours"], edges["quiet"]["reactivity_median_hours"]) == (1.0, None)


def test_a_send_counts_once_its_hours_are_over(edges: dict[str, dict[str, Any]]) -> None:
    """At the cutoff that ends them, not a microsecond before, answered or not; an answer is of its latest send."""
    shares = {name: row["reactivity_share"] for name, row in edges.items()}
    hours = {name: edges[name]["reactivity_median_hours"] for name in ("of the later", "of the first", "late")}

    assert shares["not yet"] == shares["answered"] == shares["quiet"]
    assert shares["over"] == shares["late"] < shares["quiet"] < shares["in time"]
    assert hours == {"of the later": 1.0, "of the first": 6.0, "late": None}


def test_raw_events_give_the_reactivity_of_the_table(tmp_path: Path) -> None:
    """With the prior of the training in the SQL, in what the bundle says of it and in the report.

    Neither changes at the training cutoff when every event after it is rewritten and the prior counted anew.
    """
    log = mailed()
    use_case = mailed_case(tmp_path, log)
    table = learning_table(use_case)
    assert table.feature_plan is not None
    assert table.feature_plan.reactivity is not None
    raw = raw_events(use_case, table.feature_plan)

    found = answered(raw, {"events": posted(log, CUTOFF, type=pl.col("kind"), refund=pl.col("back"))})

    assert found.equals(scoring_table(use_case, CUTOFF).drop("eligible"))
    assert not [finding for finding in table.findings if finding.rule == "sees_the_future"]
    assert raw["reactivity"]["answer"] == ["ouvert", "clic"]
    assert raw["reactivity"]["prior_answered"] == table.feature_plan.reactivity.prior
    assert [note["figures"]["hours"] for note in table.report["notes"] if note["rule"] == "reactivity"] == [48]


def test_sends_that_the_log_does_not_have_are_named(tmp_path: Path) -> None:
    """All at once, with the types that it has."""
    stated = {"send": "sent", "answer": ["Clic", "opened"], "within": "2d"}

    with pytest.raises(DataError) as failure:
        scoring_table(mailed_case(tmp_path, mailed(), reactivity=stated), CUTOFF)

    send, answer = failure.value.broken
    assert send.startswith("reactivity.send: must be a type of events of the log (")
    assert answer.startswith("reactivity.answer: ")
    assert answer.endswith("got 'opened'")


def test_an_answer_that_may_tell_something_sensitive_is_left_out(tmp_path: Path) -> None:
    """As such a type is in every other feature, unless somebody has accepted it."""
    log = mailed().with_columns(kind=pl.col("kind").replace({"Clic": "Traitement cancer"}))
    stated = STATED | {"answer": ["Ouvert", "Traitement cancer"]}
    accepted = {"kind": {"reason": "asked for", "owner": "data protection"}}

    found = []
    for more in ({}, {"accepted_sensitive": accepted}):
        with engine() as backend:
            plan = open_log_context(backend, mailed_case(tmp_path, log, reactivity=stated, **more), None).plan
        found.append((plan.reactivity is None, any(one.column == "kind: traitement_cancer" for one in plan.sensitive)))

    assert found == [(True, True), (False, True)]
