"""Alerts of a home: opened once, acknowledged, ended, back again; sent once, and naming nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.errors import UseCaseError
from monitoring.alerts.settle_alerts import settle
from monitoring.config.monitor_file import MONITOR_FILE
from monitoring.delivery.messages import LOG
from scoring.health.alert_file import ALERTS, acknowledge, read_alerts
from scoring.health.health_file import FeatureDrift, HealthDocument, HealthReason, HealthState, UseCaseHealth
from scoring.health.matured_windows import MONITORING, HealthError
from scoring.population.daily_file import LAST_RUN
from tests.support.ports import free_port
from tests.support.receivers import Received, webhook

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
OLD = HealthReason("old_model", {"days": 120, "limit": 90}, "watch")
FELL = HealthReason("auc_fell", {"day": "2026-03-01", "roc_auc": 0.6, "high": 0.62, "low": 0.58, "learned": 0.7},
                    "distrust")  # fmt: skip
FINE = HealthReason("as_learned", {"day": "2026-03-01", "roc_auc": 0.8, "low": 0.7, "high": 0.9})


def health(*why: HealthReason, drift: tuple[FeatureDrift, ...] = (), as_of: datetime = NOW) -> HealthDocument:
    """A home with one use case."""
    state: HealthState = why[0].state if why else "fine"
    return HealthDocument(
        as_of=as_of.isoformat(), use_cases={"churn": UseCaseHealth(state=state, why=why or (FINE,), drift=drift)}
    )


def drifted(feature: str, moved: float, *, alert: bool = True) -> FeatureDrift:
    """A feature whose drift moves a share of customers."""
    return FeatureDrift(
        feature=feature, psi=0.1, p=0.0, moved_band=moved, moved_segment=0.0, moved_list=0.0, value_at_risk=90.0,
        alert=alert,
    )  # fmt: skip


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    """A receiver of the home's alerts."""
    port = free_port()
    monkeypatch.setenv("HOOK_SECRET", "rot13")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / MONITOR_FILE).write_text(f'[[webhook]]\nurl = "http://127.0.0.1:{port}/"\nsecret_env = "HOOK_SECRET"\n')
    with webhook(port) as got:
        yield got


def states(home: Path) -> list[tuple[str, str]]:
    """What each alert is about, and its state."""
    return [(alert.what.code, alert.state) for alert in read_alerts(home)]


def test_an_alert_is_opened_acknowledged_and_ended(tmp_path: Path, receiver: Received) -> None:
    """It is sent once, however often it is found; acknowledged by name; it ends when it is gone."""
    first = settle(tmp_path, health(OLD), NOW)
    again = settle(tmp_path, health(HealthReason("old_model", {"days": 121, "limit": 90}, "watch")), NOW)
    taken = acknowledge(tmp_path, first.alerts[0].id, by="Ada", now=NOW)
    seen = settle(tmp_path, health(OLD), NOW + timedelta(days=3))
    gone = settle(tmp_path, health(), NOW + timedelta(days=4))

    assert (first.open, again.open, seen.open, gone.open) == (1, 1, 0, 0)
    assert first.alerts[0].id == again.alerts[0].id == seen.alerts[0].id
    assert again.alerts[0].what.values["days"] == 121
    assert (taken.acknowledged_by, seen.alerts[0].state) == ("Ada", "acknowledged")
    assert states(tmp_path) == [("old_model", "ended")]
    assert receiver.ids == [first.alerts[0].id]


def test_what_is_fine_alerts_nobody(tmp_path: Path, receiver: Received) -> None:
    """Nor does a drift of no consequence."""
    settled = settle(tmp_path, health(drift=(drifted("x", 0.019), drifted("y", 0.5, alert=False))), NOW)

    assert settled.alerts == ()
    assert receiver.ids == []


def test_drift_is_one_alert_by_the_most_damaging_feature(tmp_path: Path, receiver: Received) -> None:
    """With the money at risk and how many drift; another feature that becomes the worst opens no other alert."""
    reason = HealthReason("drift", {"feature": "x", "moved": 0.3, "value": 90.0, "features": 2}, "watch")

    settled = settle(tmp_path, health(reason, drift=(drifted("x", 0.3), drifted("y", 0.1), drifted("z", 0.01))), NOW)
    later = settle(tmp_path, health(drift=(drifted("y", 0.4), drifted("x", 0.3))), NOW)

    [alert] = settled.alerts
    assert (alert.what.values["feature"], alert.what.values["features"], alert.damage) == ("x", 2, 90.0)
    assert [one.id for one in later.alerts] == [alert.id]
    assert later.alerts[0].what.values["feature"] == "y"
    assert receiver.ids == [alert.id]


def test_the_same_thing_in_a_later_window_is_the_same_alert(tmp_path: Path, receiver: Received) -> None:
    """Its id is of the first window, so that a receiver knows it again."""
    later = HealthReason("auc_fell", {**FELL.values, "day": "2026-03-08"}, "distrust")

    first, second = (settle(tmp_path, health(one), NOW) for one in (FELL, later))

    assert first.alerts[0].id == second.alerts[0].id
    assert len(receiver.ids) == 1


def test_what_is_back_is_another_alert_sent_after_the_cool_down(tmp_path: Path, receiver: Received) -> None:
    """Within a day of the last message nothing is sent; if it is still there then, it is."""
    hours = (0, 1, 2, 30)
    causes = (OLD, None, OLD, OLD)
    days = (NOW, NOW, NOW + timedelta(days=1), NOW + timedelta(days=1))
    sent = []
    for hour, cause, as_of in zip(hours, causes, days, strict=True):
        settle(tmp_path, health(*[cause] if cause else [], as_of=as_of), NOW + timedelta(hours=hour))
        sent.append(len(receiver.ids))

    assert sent == [1, 1, 1, 2]
    assert len(set(receiver.ids)) == 2
    assert states(tmp_path) == [("old_model", "ended"), ("old_model", "open")]


def test_what_stays_open_is_sent_once(tmp_path: Path, receiver: Received) -> None:
    """Also after the cool-down, day after day."""
    for days in range(4):
        settle(tmp_path, health(OLD, as_of=NOW + timedelta(days=days)), NOW + timedelta(days=days))

    assert states(tmp_path) == [("old_model", "open")]
    assert len(receiver.ids) == 1


def test_what_flickers_in_one_window_is_one_alert(tmp_path: Path, receiver: Received) -> None:
    """Gone and back with the same window, it is opened again and sent no more."""
    for cause in ((FELL,), (), (FELL,)):
        settle(tmp_path, health(*cause), NOW)

    assert states(tmp_path) == [("auc_fell", "open")]
    assert len(receiver.ids) == 1


def test_a_drift_around_the_limit_is_one_alert(tmp_path: Path, receiver: Received) -> None:
    """It lasts until its damage is half of the limit, also where it is not said any more of the feature itself."""
    moved = (0.049, 0.051, 0.049, 0.055, 0.026, 0.024, 0.049)

    for day, share in enumerate(moved):
        now = NOW + timedelta(days=day)
        settle(tmp_path, health(drift=(drifted("x", share, alert=share >= 0.05),), as_of=now), now)

    assert states(tmp_path) == [("drift", "ended")]
    assert len(receiver.ids) == 1


def test_only_what_is_grave_enough_alerts(tmp_path: Path) -> None:
    """By the file's least state."""
    (tmp_path / MONITOR_FILE).write_text('[alerts]\nstate = "distrust"\n')

    settled = settle(tmp_path, health(FELL, OLD, drift=(drifted("x", 0.3),)), NOW)

    assert [alert.what.code for alert in settled.alerts] == ["auc_fell"]


def test_a_failed_day_alerts(tmp_path: Path) -> None:
    """Of no use case, and naming what to do."""
    state = tmp_path / "population" / LAST_RUN
    state.parent.mkdir()
    state.write_text('{"status": "failed", "as_of": "2026-06-01T00:00:00+00:00"}')

    alert = settle(tmp_path, health(), NOW).alerts[0]

    assert (alert.use_case, alert.what.code, alert.what.values) == ("", "run_failed", {"day": "2026-06-01"})


def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    """No alert is opened by limits that nobody set."""
    (tmp_path / MONITOR_FILE).write_text("[limits]\nmoved = 7\n")

    with pytest.raises(UseCaseError, match=r"limits\.moved"):
        settle(tmp_path, health(OLD), NOW)
    assert read_alerts(tmp_path) == ()


def test_damaged_alerts_are_refused(tmp_path: Path) -> None:
    """With a sentence; the file stays as it is."""
    settle(tmp_path, health(OLD), NOW)
    (tmp_path / MONITORING / ALERTS).write_bytes(b'[{"id": 7}]')

    with pytest.raises(HealthError, match=r"alerts\.json must be what monitoring wrote, got ValidationError\."):
        settle(tmp_path, health(OLD), NOW)
    assert (tmp_path / MONITORING / ALERTS).read_bytes() == b'[{"id": 7}]'


def test_the_log_has_a_line_for_each_alert(tmp_path: Path) -> None:
    """At once, also where there is no receiver."""
    settle(tmp_path, health(FELL, OLD), NOW)
    settle(tmp_path, health(FELL, OLD), NOW)

    lines = [json.loads(line) for line in (tmp_path / MONITORING / LOG).read_text().splitlines()]
    assert [(line["code"], line["state"]) for line in lines] == [("auc_fell", "distrust"), ("old_model", "watch")]
