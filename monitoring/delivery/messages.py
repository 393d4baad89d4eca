"""An alert as it leaves: what it is, in both languages, and the one thing to do; it names no customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from features.spec.languages import LANGUAGES, Language
from scoring.health.health_file import HealthAlert, HealthState
from scoring.health.monitoring_folder import add_lines
from scoring.text.health_reasons import health_action, health_text

LOG = "alerts_log.jsonl"


class AlertMessage(Struct, frozen=True, kw_only=True):
    """What a receiver gets; the same alert is the same message, sent as often as it takes."""

    id: str
    use_case: str
    state: HealthState  # what it speaks for
    code: str
    since: str
    text: dict[Language, str]
    action: dict[Language, str]
    subject: str | None = None
    damage: float | None = None
    who: str | None = None


def message_of(alert: HealthAlert, who: str | None) -> AlertMessage:
    """The message of an alert, addressed to whoever should act."""
    what = alert.what
    return AlertMessage(
        id=alert.id,
        use_case=alert.use_case,
        state=what.state,
        code=what.code,
        since=alert.since,
        text={language: health_text(what.code, what.values, language) for language in LANGUAGES},
        action={language: health_action(what.code, alert.use_case, what.values, language) for language in LANGUAGES},
        subject=alert.subject,
        damage=alert.damage,
        who=who,
    )


def log_messages(home: Path, messages: Sequence[AlertMessage], now: datetime) -> None:
    """Adds a line for each to HOME/monitoring/alerts_log.jsonl, which is never rewritten.

    Raises:
        OSError: It cannot be written.
    """
    at = now.isoformat(timespec="seconds")
    lines = [{"at": at, **msgspec.to_builtins(message)} for message in messages]
    add_lines(home, LOG, [msgspec.json.encode(line) for line in lines])
