"""Streams on the page that Prometheus reads."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from serving.stream_state.status import write_status
from serving.stream_state.stream_gauges import StreamGauges
from serving.telemetry.metrics import STREAM_FAMILIES, Counters
from tests.serving.stream_state.test_status import NOW, status

FIGURES = {"lag": 7, "oldest_seconds": 2.5, "batch": 40, "applied": 900, "duplicates": 8, "redelivered": 3}
FIGURES |= {"published": 55, "outbox": 1, "customers": 200}


def shown(gauges: StreamGauges) -> dict[str, dict[tuple[str, ...], float]]:
    """Samples of streams by name and labels, as Prometheus' own parser reads them."""
    families = text_string_to_metric_families(Counters().render(gauges.now(NOW)).decode())
    samples = [sample for family in families for sample in family.samples if "_stream_" in sample.name]
    return {one.name: {} for one in samples} | {
        name: {tuple(one.labels.values()): one.value for one in samples if one.name == name}
        for name in {one.name for one in samples}
    }


def test_every_figure_of_a_stream_is_there(tmp_path: Path) -> None:
    """Dead letters by the rule that they break; what the broker does not say is left out."""
    rules = {"The body must be a JSON object": 2, 'events.amount must be "a number"': 1}
    write_status(tmp_path, status(**FIGURES, dead=3, dead_by_rule=rules))
    write_status(tmp_path, status(name="visits", running=False))
    gauges = StreamGauges(tmp_path)
    gauges.look(NOW)

    found = shown(gauges)

    assert found.keys() == {family.name for family in STREAM_FAMILIES}
    assert found["penchant_stream_state"] == {("purchases", ""): 0, ("visits", ""): 2}
    assert found["penchant_stream_sign_age_seconds"] == {("purchases", ""): 30, ("visits", ""): 30}
    assert found["penchant_stream_dead"] == {("purchases", rule): count for rule, count in rules.items()}
    assert found["penchant_stream_lag"] == {("purchases", ""): 7}
    named = {"applied", "duplicates", "redelivered", "published"}
    for name, value in FIGURES.items():
        labels = ("purchases",) if name in ("outbox", "customers") else ("purchases", "")
        assert found[f"penchant_stream_{name}{'_total' if name in named else ''}"][labels] == value


def test_a_stream_that_falls_silent_is_seen_without_another_sign(tmp_path: Path) -> None:
    """The worker is gone: its file stays as it was."""
    write_status(tmp_path, status())
    gauges = StreamGauges(tmp_path)
    gauges.look(NOW)
    before = shown(gauges)["penchant_stream_state"]

    gauges.look(NOW + timedelta(minutes=5))

    assert (before, shown(gauges)["penchant_stream_state"]) == ({("purchases", ""): 0}, {("purchases", ""): 2})


def test_nothing_of_the_place_of_the_state_is_shown(tmp_path: Path) -> None:
    """Only what a worker counts."""
    write_status(tmp_path, status(path="/secret/place.db"))
    gauges = StreamGauges(tmp_path)
    gauges.look(NOW)

    assert b"secret" not in Counters().render(gauges.now(NOW))
    assert b"secret" not in msgspec.json.encode(gauges._found)


def test_what_workers_share_is_counted_once(tmp_path: Path) -> None:
    """As the latest of them says; what each did is its own."""
    write_status(tmp_path, status(worker="1", applied=5, customers=9, dead_by_rule={"rule": 1}))
    write_status(tmp_path, status(worker="2", applied=7, customers=8, at="2026-03-01T11:59:00Z", running=False))
    gauges = StreamGauges(tmp_path)
    gauges.look(NOW)

    found = shown(gauges)

    assert found["penchant_stream_applied_total"] == {("purchases", "1"): 5, ("purchases", "2"): 7}
    assert found["penchant_stream_state"] == {("purchases", "1"): 0, ("purchases", "2"): 2}
    assert (found["penchant_stream_customers"], found["penchant_stream_dead"]) == (
        {("purchases",): 9},
        {("purchases", "rule"): 1},
    )
