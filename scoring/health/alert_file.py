"""HOME/monitoring/alerts.json: what somebody should do, from the day it was found until some time after it is gone.

Monitoring opens and ends alerts; whoever reads them may acknowledge one, by name. Both go through the same lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from features.spec.atomic import write_file
from scoring.health.health_file import HealthAlert, HealthDocument, read_health
from scoring.health.matured_windows import MONITORING, HealthError
from scoring.health.monitoring_folder import locked

ALERTS, LOCK = "alerts.json", "alerts.lock"
LONGEST_NAME = 80
Alerts = tuple[HealthAlert, ...]


class AcknowledgeError(HealthError):
    """There is no such alert that has not ended, or no such name."""


def alerts_path(home: Path) -> Path:
    """Where the alerts of a home stand, or would."""
    return home / MONITORING / ALERTS


def read_alerts(home: Path) -> Alerts:
    """All alerts that are kept, ended ones too, in the order in which they were found; none where nobody looked.

    Raises:
        HealthError: The file is damaged.
    """
    file = alerts_path(home)
    try:
        return _DECODE(file.read_bytes()) if file.exists() else ()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HealthError(f"{ALERTS} must be what monitoring wrote, got {type(error).__name__}.") from error


def change_alerts(home: Path, change: Callable[[Alerts], Sequence[HealthAlert]]) -> Alerts:
    """Replaces the alerts by what is made of them; whoever else changes them waits meanwhile.

    Raises:
        HealthError: The file is damaged, and stays as it is.
    """
    with locked(home, LOCK):
        changed = tuple(change(read_alerts(home)))
        encoded = msgspec.json.format(msgspec.json.encode(changed, order="deterministic"), indent=1)
        write_file(alerts_path(home), encoded + b"\n", mode=0o600)
    return changed


def acknowledge(home: Path, alert_id: str, *, by: str, now: datetime) -> HealthAlert:
    """Notes that somebody has taken an alert on; of several the first one counts.

    Args:
        home: Whose alert it is.
        alert_id: Of an alert that has not ended.
        by: The name of whoever takes it on, 1 to 80 printable characters.
        now: This moment, with its zone.

    Raises:
        AcknowledgeError: The name is none, or no alert of that id has not ended.
        HealthError: The file is damaged.
    """
    name = by.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise AcknowledgeError(
            f"A name must have 1 to {LONGEST_NAME} printable characters, got {len(name)} that do not do."
        )
    taken = {"state": "acknowledged", "acknowledged_by": name, "acknowledged": now.isoformat(timespec="seconds")}
    changed = change_alerts(
        home,
        lambda alerts: [replace(one, **taken) if one.id == alert_id and one.state == "open" else one for one in alerts],
    )
    found = [one for one in standing(changed) if one.id == alert_id]
    if not found:
        raise AcknowledgeError("An alert must be one that has not ended, got another id.")
    return found[0]


def standing(alerts: Sequence[HealthAlert]) -> Alerts:
    """Those that have not ended, open ones first."""
    lasting = [alert for alert in alerts if alert.state != "ended"]
    return tuple(sorted(lasting, key=lambda alert: alert.state != "open"))


def health_with_alerts(home: Path) -> HealthDocument | None:
    """The health of a home with its alerts as they stand now; None where monitoring never looked.

    Raises:
        HealthError: A file is damaged.
    """
    document = read_health(home)
    return document and replace(document, alerts=standing(read_alerts(home)))


# msgspec looks a type up when it is first used, and crashes where two threads do that at once: here it is done before.
_DECODE = msgspec.json.Decoder(Alerts).decode
