"""All destinations of a home in one go, as the daily run asks for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from activation.deliveries import deliver
from activation.deliveries.delivery_plan import DeliveryRefusedError
from activation.deliveries.ledger_file import LedgerError
from activation.deliveries.transport import DestinationRefusedError
from activation.destinations.kinds import open_delivery

_FAILURES = (DeliveryRefusedError, DestinationRefusedError, LedgerError, ValueError, OSError, sqlite3.Error)


@dataclass(frozen=True, slots=True)
class DeliveredAll:
    """What became of the destinations of a day."""

    acknowledged: int  # rows
    notes: tuple[str, ...]  # one each
    stopped: bool = False  # whether one of them goes on when it is asked again


def deliver_all(home: Path, files: Sequence[Path]) -> DeliveredAll:
    """Syncs one destination after the other; one that cannot be synced keeps none of the others waiting."""
    acknowledged, notes, stopped = 0, list[str](), False
    for file in files:
        try:
            delivery = open_delivery(home, file)
            report = deliver.sync(delivery)
        except _FAILURES as failure:
            notes.append(f"{file.stem} not sent: {failure}")
            continue
        acknowledged += report.acknowledged
        stopped |= report.status != "done"
        rejected = sum(one.rows for one in report.rejected)
        text = f"{delivery.file.name} +{report.adds:,} ~{report.updates:,} -{report.removes:,}"
        text += f", {rejected:,} rejected" if rejected else ""
        notes.append(text if report.status == "done" else f"{text}, stopped: {report.why}")
    return DeliveredAll(acknowledged, tuple(notes), stopped)
