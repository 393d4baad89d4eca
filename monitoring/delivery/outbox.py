"""HOME/monitoring/outbox.json: messages on their way, tried at each run until they arrive or are dead letters.

A message is on the disk before its alert counts as sent, and leaves it after the receiver took it: whatever is killed
in between, it arrives at least once, each time with the same id.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from features.spec.atomic import write_file
from monitoring.config.monitor_file import MonitorFile
from monitoring.delivery.channels import DeliveryError, send_email, send_webhook
from monitoring.delivery.messages import AlertMessage
from scoring.health.matured_windows import MONITORING, HealthError
from scoring.health.monitoring_folder import add_lines, locked

OUTBOX, DEAD, LOCK = "outbox.json", "dead_letters.jsonl", "outbox.lock"
WAITS = (0.5, 1.0)  # seconds before a second and a third try within a run
GIVEN_UP = timedelta(days=7)  # after which a message is a dead letter
Send = Callable[[AlertMessage, datetime], None]


class OutboxEntry(Struct, frozen=True, kw_only=True):
    """A message on its way to one receiver."""

    channel: str  # `email`, or `webhook-` and a hash of where it is said to stand
    message: AlertMessage
    since: str  # ISO moment
    tries: int = 0
    failure: str | None = None  # why the last try failed


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """What became of an outbox at a run."""

    sent: int = 0
    waiting: int = 0
    given_up: int = 0


def put_in_outbox(home: Path, file: MonitorFile, messages: Sequence[AlertMessage], now: datetime) -> None:
    """Adds messages for every receiver; one that is there already stays as it is.

    Raises:
        HealthError: The outbox is damaged.
    """
    if not messages:
        return
    with locked(home, LOCK):
        entries = _read(home)
        known = {(entry.channel, entry.message.id) for entry in entries}
        entries += [
            OutboxEntry(channel=channel, message=message, since=now.isoformat(timespec="seconds"))
            for message in messages
            for channel in _channels(file)
            if (channel, message.id) not in known
        ]
        _write(home, entries)


def deliver(
    home: Path, file: MonitorFile, now: datetime, *, wait: Callable[[float], None] = time.sleep
) -> DeliveryCount:
    """Tries every message; in quiet hours none.

    A receiver that is down is asked three times, then its other messages wait for the next run too.

    Raises:
        HealthError: The outbox is damaged.
    """
    with locked(home, LOCK):
        entries = _read(home)
        if not entries or (file.alerts.quiet and file.alerts.quiet.holds(now)):
            return DeliveryCount(waiting=len(entries))
        left = list(_tried(entries, _channels(file), now, wait))
        dead = [entry for entry in left if now - datetime.fromisoformat(entry.since) >= GIVEN_UP]
        add_lines(home, DEAD, [msgspec.json.encode(entry) for entry in dead])
        kept = [entry for entry in left if entry not in dead]
        _write(home, kept)
    return DeliveryCount(len(entries) - len(left), len(kept), len(dead))


def _tried(
    entries: Sequence[OutboxEntry], channels: dict[str, Send], now: datetime, wait: Callable[[float], None]
) -> Iterator[OutboxEntry]:
    """The entries that did not arrive, each with its failure."""
    down: dict[str, str] = {}
    for entry in entries:
        if entry.channel not in channels:
            yield replace(entry, failure="no such receiver is configured any more")
        elif entry.channel in down:
            yield replace(entry, failure=down[entry.channel])
        elif failure := _send(channels[entry.channel], entry.message, now, wait):
            if failure.down:
                down[entry.channel] = str(failure)
            yield replace(entry, tries=entry.tries + 1, failure=str(failure))


def _send(send: Send, message: AlertMessage, now: datetime, wait: Callable[[float], None]) -> DeliveryError | None:
    for pause in (*WAITS, None):
        try:
            send(message, now)
        except DeliveryError as failure:
            if pause is None or not failure.down:
                return failure
            wait(pause)
        else:
            return None
    return None


def _channels(file: MonitorFile) -> dict[str, Send]:
    """How to send, by the name of the channel."""
    found: dict[str, Send] = {}
    for receiver in file.webhook:
        where = hashlib.sha256((receiver.url or f"${receiver.url_env}").encode()).hexdigest()[:12]
        found[f"webhook-{where}"] = partial(send_webhook, receiver)
    if file.email is not None:
        found["email"] = partial(send_email, file.email, file.alerts.language)
    return found


def _read(home: Path) -> list[OutboxEntry]:
    file = home / MONITORING / OUTBOX
    try:
        return _DECODE(file.read_bytes()) if file.exists() else []
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HealthError(f"{OUTBOX} must be what monitoring wrote, got {type(error).__name__}.") from error


def _write(home: Path, entries: Sequence[OutboxEntry]) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(entries), indent=1)
    write_file(home / MONITORING / OUTBOX, encoded + b"\n", mode=0o600)


_DECODE = msgspec.json.Decoder(list[OutboxEntry]).decode
