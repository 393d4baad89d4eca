"""The alerts of a home brought up to date: those found anew opened, those gone ended, what is to be sent sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from monitoring.alerts.causes import AlertCause, Kind, causes_of
from monitoring.config.monitor_file import MonitorFile, load_monitor_file
from monitoring.delivery.messages import log_messages, message_of
from monitoring.delivery.outbox import DeliveryCount, deliver, put_in_outbox
from scoring.health.alert_file import Alerts, change_alerts, standing
from scoring.health.health_file import HealthAlert, HealthDocument

REMEMBERED = timedelta(days=400)  # that an alert is kept after its end


@dataclass(frozen=True, slots=True)
class SettledAlerts:
    """The alerts that have not ended, open ones first, and what became of their messages."""

    alerts: Alerts
    delivered: DeliveryCount

    @property
    def open(self) -> int:
        """How many nobody has acknowledged."""
        return sum(alert.state == "open" for alert in self.alerts)


def settle(home: Path, health: HealthDocument, now: datetime) -> SettledAlerts:
    """Brings alerts up to date with the health of a home, and sends what is to be sent.

    Args:
        home: Whose alerts they are.
        health: As monitoring has just found it.
        now: This moment, with its zone.

    Raises:
        UseCaseError: HOME/monitor.toml breaks a rule; nothing has changed.
        HealthError: The alerts or the outbox are damaged.
        PopulationError: The days of the home cannot be read.
    """
    file = load_monitor_file(home)

    def settled(before: Alerts) -> list[HealthAlert]:
        causes = list(causes_of(home, health, file, frozenset(map(kind_of, standing(before)))))
        after = list(_merged(before, causes, now))
        fresh = [alert for alert in after if _is_due(alert, after, now, file)]
        messages = [message_of(alert, file.alerts.who) for alert in fresh]
        log_messages(home, messages, now)
        put_in_outbox(home, file, messages, now)
        queued = {alert.id for alert in fresh}
        return [replace(one, queued=_iso(now)) if one.id in queued else one for one in after]

    alerts = change_alerts(home, settled)
    return SettledAlerts(standing(alerts), deliver(home, file, now))


def kind_of(alert: HealthAlert) -> Kind:
    """What an alert is the same thing by as a cause."""
    return alert.what.code, alert.use_case, alert.subject or ""


def _merged(before: Sequence[HealthAlert], causes: Sequence[AlertCause], now: datetime) -> Iterator[HealthAlert]:
    """Alerts as they were found; one that is still there goes on, whatever window shows it now."""
    found = {cause.kind: cause for cause in causes}
    for alert in before:
        cause = found.get(kind_of(alert))
        lasting = alert.state != "ended" or (cause is not None and cause.alert_id == alert.id)
        if cause is not None and lasting:
            del found[kind_of(alert)]
            state = "acknowledged" if alert.acknowledged else "open"
            yield replace(alert, state=state, what=cause.what, damage=cause.damage, ended=None)
        elif alert.state != "ended":
            yield replace(alert, state="ended", ended=_iso(now))
        elif alert.ended and now - datetime.fromisoformat(alert.ended) < REMEMBERED:
            yield alert
    for cause in found.values():
        yield HealthAlert(
            id=cause.alert_id,
            use_case=cause.use_case,
            state="open",
            since=now.date().isoformat(),
            what=cause.what,
            damage=cause.damage,
            subject=cause.subject,
        )


def _is_due(alert: HealthAlert, alerts: Sequence[HealthAlert], now: datetime, file: MonitorFile) -> bool:
    """Whether an alert is sent now: once, and not while the same thing was sent a short while ago."""
    if alert.state != "open" or alert.queued:
        return False
    sent = [datetime.fromisoformat(one.queued) for one in alerts if one.queued and kind_of(one) == kind_of(alert)]
    return all(now - moment >= timedelta(hours=file.alerts.cool_down) for moment in sent)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
