"""What a day asks of campaigns and deliveries, imported when they are asked: a run goes on without them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from features.config.use_case import UseCase
from features.spec.suppression_list import objectors_of
from scoring.audiences.pressure.contact_history import forget_hashes

if TYPE_CHECKING:
    from activation.cli.daily_deliveries import DeliveredAll


def settle_campaigns_of(home: Path, use_cases: Mapping[str, UseCase], until: datetime) -> str | None:
    """Joins campaigns that matured by the log, and takes objectors and the erased out; returns a note.

    Raises:
        CampaignError: A campaign cannot be read.
        PopulationError: The day of a list is not what its run wrote.
        SuppressionError: The suppression list cannot be read.
    """
    from activation.campaigns.matured import settle_campaigns

    done = settle_campaigns(home, use_cases, until)
    notes = [f"{done.joined:,} joined by the log"] if done.joined else []
    notes += [f"{done.looked:,} results", *done.notes] if done.looked else done.notes
    objectors = objectors_of(home)
    try:
        forget_hashes(home, objectors.hashes if objectors else ())
    except sqlite3.Error as failure:
        notes.append(f"objectors stay in the contact history: {type(failure).__name__}")
    return ", ".join(notes) or None


def sync_destinations(home: Path, files: Sequence[Path]) -> DeliveredAll:
    """Sends what the destinations of [deliver] have to hear; one that is stopped goes on when it is asked again."""
    from activation.cli.daily_deliveries import deliver_all

    return deliver_all(home, files)
