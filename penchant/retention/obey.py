"""The rules of a home obeyed: by the last steps of a run, or by a command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from penchant.retention.purge import erase_silent, purge_old
from penchant.retention.returned import erase_returned
from scoring.privacy.audit_trail import Actor
from scoring.privacy.retention_file import RetentionRules
from serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Obeyed:
    """What went."""

    removed: dict[str, int]  # by store
    silent: int  # customers
    returned: int  # customers

    @property
    def text(self) -> str:
        """As a note; `nothing too old` where nothing went."""
        parts = [f"{count:,} of {name}" for name, count in self.removed.items()]
        parts += [f"{self.silent:,} customers by last contact"] if self.silent else []
        parts += [f"{self.returned:,} erased customers who had come back"] if self.returned else []
        return ", ".join(parts) or "nothing too old"


def obey(
    home: Path,
    rules: RetentionRules,
    now: datetime,
    by: Actor,
    *,
    as_of: datetime | None = None,
    restored: bool = False,
) -> Obeyed:
    """Purges every store, and erases who has been silent for too long; the bytes of these go with `finish_erasures`.

    Args:
        home: Which home.
        rules: Its rules.
        now: The moment from which ages count, UTC.
        by: Who asks.
        as_of: From when last contacts count; None: from the day in service.
        restored: Whether a backup may have been put back: then who was erased is looked for in every store.

    Raises:
        OSError: A file cannot be written.
        sqlite3.Error: The same.
        SuppressionError: The suppression list has lost its key.
        CampaignError: A campaign cannot be read.
    """
    returned = erase_returned(home, by) if restored else 0
    removed = purge_old(home, rules, now, by, decisions_days=Settings.from_environment().decisions_days)
    return Obeyed(removed, erase_silent(home, rules, as_of, now, by), returned)
