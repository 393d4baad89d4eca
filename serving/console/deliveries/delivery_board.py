"""What the page Deliveries shows: of each destination the last sync, what it refused, and what is to be sent next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving.console.web.i18n import Texts

if TYPE_CHECKING:
    from scoring.audiences.deliveries.delivery_record import DeliveryRecord, DeliveryReport


class DeliveriesUnreadableError(ValueError):
    """A record of the home is not as it was written."""


@dataclass(frozen=True, slots=True)
class DeliveryFigures:
    """A plan or a sync, as people read it."""

    at: str  # ISO
    report: DeliveryReport
    left_out: list[tuple[str, int]]  # why, and how many


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A destination, as people read it."""

    name: str
    kind: str
    audience: str
    members: int
    synced: DeliveryFigures | None
    planned: DeliveryFigures | None  # what would be sent, where nothing was since
    stopped: bool
    following: str  # what is next


def delivery_board(home: Path, texts: Texts) -> list[DeliveryLine]:
    """The destinations of a home by name; it reads files, so never on the loop that answers.

    Raises:
        DeliveriesUnreadableError: One of them cannot be read.
    """
    from scoring.audiences.deliveries.delivery_record import DeliveryRecordError, records_of

    try:
        return [_line(record, texts) for record in records_of(home)]
    except DeliveryRecordError as error:
        raise DeliveriesUnreadableError(str(error)) from None


def _line(record: DeliveryRecord, texts: Texts) -> DeliveryLine:
    planned = _figures(record.planned, str(record.planned_at or ""), texts)
    synced = _figures(record.synced, str(record.synced_at or ""), texts)
    stopped = record.synced is not None and record.synced.status == "stopped"
    key = "delivery_next_resume" if stopped else "delivery_next_day"
    if record.planned is not None:
        key = "delivery_next_refused" if record.planned.why else "delivery_next_send"
    return DeliveryLine(
        name=record.name,
        kind=record.kind,
        audience=Path(record.audience).name,
        members=record.members,
        synced=synced,
        planned=planned,
        stopped=stopped,
        following=texts[key],
    )


def _figures(report: DeliveryReport | None, at: str, texts: Texts) -> DeliveryFigures | None:
    if report is None:
        return None
    counted = [(reason, count) for reason, count in report.left_out.items() if count]
    return DeliveryFigures(at[:10], report, [(texts[f"delivery_left_{reason}"], count) for reason, count in counted])
