"""HOME/deliveries/NAME.json: how the last plan, sync and pull of a destination went, in counts that name nobody."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from features.spec.atomic import write_file

DELIVERIES = "deliveries"
DeliveryStatus = Literal["done", "stopped"]


class RejectedRows(msgspec.Struct, frozen=True):
    """Rows that a destination refused for one reason, in its words without whatever names somebody."""

    reason: str
    rows: int


class DeliveryReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan would do, or a sync did."""

    adds: int
    updates: int
    removes: int
    left_out: dict[str, int]
    calls: int  # a plan's: how many it would take at least; a sync's: how many it took
    acknowledged: int = 0  # rows
    rejected: tuple[RejectedRows, ...] = ()
    status: DeliveryStatus = "done"
    changes: int = 0  # of segments, which go out as events
    why: str | None = None  # it stopped, or why nothing may be sent
    as_of: str | None = None  # the day that it is of
    versions: dict[str, str] = {}  # of the models that scored it, and of the policy
    stops: int = 0  # unsubscribes, complaints and bounces that came back and were not known


class DeliveryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a destination."""

    name: str
    kind: str
    audience: str  # whom it is of: a segment's code, a list, or a use case and how many
    planned: DeliveryReport | None = None  # what would be sent, unless it was since
    planned_at: datetime | None = None
    synced: DeliveryReport | None = None
    synced_at: datetime | None = None
    pulled_at: datetime | None = None
    members: int = 0  # that it has of us


def keep_record(home: Path, record: DeliveryRecord) -> None:
    """Replaces what is known of a destination."""
    encoded = msgspec.json.format(msgspec.json.encode(record), indent=1)
    write_file(home / DELIVERIES / f"{record.name}.json", encoded + b"\n", mode=0o600)


def record_named(home: Path, name: str) -> DeliveryRecord | None:
    """What is known of a destination; None where nothing is. Raises as `records_of`."""
    file = home / DELIVERIES / f"{name}.json"
    return _read(file) if file.is_file() else None


def records_of(home: Path) -> list[DeliveryRecord]:
    """All destinations of a home, by name.

    Raises:
        DeliveryRecordError: One of them cannot be read.
    """
    folder = home / DELIVERIES
    return [_read(file) for file in sorted(folder.glob("*.json"))] if folder.is_dir() else []


class DeliveryRecordError(ValueError):
    """What is known of a destination is not as it was written."""


def _read(file: Path) -> DeliveryRecord:
    try:
        return _DECODE(file.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DeliveryRecordError(f"{file.name} must be as a delivery wrote it, got {type(error).__name__}.") from error


_DECODE = msgspec.json.Decoder(DeliveryRecord).decode
