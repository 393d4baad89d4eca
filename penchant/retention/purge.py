"""What the rules of a home say is too old: counted, and removed; each purge is a line of the trail."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from features.spec.atomic import sync
from penchant.retention.last_contact import LongSilent, long_silent
from penchant.retention.register import files_by_store
from scoring.audiences.campaign import campaigns_of, one_writer
from scoring.audiences.deliveries.handovers import count_handovers_before, purge_handovers
from scoring.audiences.export_log import EXPORTS, read_export, read_exports
from scoring.audiences.pressure.contact_history import count_before, forget_hashes
from scoring.population.days import days_of
from scoring.privacy.audit_trail import Actor, lines_of, record
from scoring.privacy.retention_file import RetentionRules
from scoring.privacy.trail_check import purge_bodies
from scoring.releases.current_pointer import current_version
from scoring.segments.assignment import SEGMENTS_FOLDER
from serving.customers import decision_log, subject_rights

AT_ONCE = 1000  # customers of one erasure


@dataclass(frozen=True, slots=True)
class Purge:
    """How one store is purged: how much is from before a moment, and its removal, which says how much went."""

    due: Callable[[Path, datetime], int]
    remove: Callable[[Path, datetime, Actor], int]


def moments(home: Path, rules: RetentionRules, now: datetime, *, decisions_days: float) -> dict[str, datetime]:
    """The moment before which nothing is kept, by the stores that `PURGES` has."""
    spans = {name: getattr(rules, name) for name in PURGES}
    found = {name: span.before(now) for name, span in spans.items() if span is not None}
    if rules.decisions is None:
        found["decisions"] = datetime.fromtimestamp(decision_log.kept_since(home, decisions_days), UTC)
    return found


def purge_old(home: Path, rules: RetentionRules, now: datetime, by: Actor, *, decisions_days: float) -> dict[str, int]:
    """Removes what is too old of each store; returns how much went, by those of which something did.

    Raises:
        OSError: A file cannot be written; what was purged before it stays purged.
        sqlite3.Error: The same.
        CampaignError: A campaign cannot be read.
    """
    removed = {}
    for name, moment in moments(home, rules, now, decisions_days=decisions_days).items():
        if PURGES[name].due(home, moment):
            removed[name] = PURGES[name].remove(home, moment, by)
            if name != "trail":  # which says so itself
                record(home, "purge", by, about={"store": name, "until": _iso(moment), "removed": removed[name]})
    return {name: count for name, count in removed.items() if count}


def silent_customers(home: Path, rules: RetentionRules, as_of: datetime | None, now: datetime) -> LongSilent:
    """Who has not been in touch for longer than the rule; raises as `long_silent`.

    It counts from `as_of`; where that is None from the day in service, since nothing is known of later contacts, and
    in a home without days from now.
    """
    days = [day for day in days_of(home) if not day.manifest.thin]
    last = days[-1] if days else None
    return long_silent(home, last, rules, as_of or (last.manifest.as_of if last else now))


def erase_silent(home: Path, rules: RetentionRules, as_of: datetime | None, now: datetime, by: Actor) -> int:
    """Erases whoever has been silent for longer than the rule, as a request of theirs would; returns how many.

    Their bytes go as those of every erasure do: see `finish_erasures`.

    Raises:
        OSError: The trail or a file cannot be written.
        sqlite3.Error: A file cannot be written.
        SuppressionError: The suppression list has lost its key.
    """
    silent = sorted(silent_customers(home, rules, as_of, now).customers)
    for first in range(0, len(silent), AT_ONCE):
        some = silent[first : first + AT_ONCE]
        record(home, "erase", by, customers=some, about={"rule": "last_contact", "after": str(rules.last_contact)})
        subject_rights.erase(home, some)
    return len(silent)


def _old_files(store: str) -> Purge:
    """A store of files that are written once, by the moment they were."""

    def old(home: Path, moment: datetime) -> list[Path]:
        return [path for path in files_by_store(home)[0][store] if path.stat().st_mtime < moment.timestamp()]

    def remove(home: Path, moment: datetime, _by: Actor) -> int:
        gone = old(home, moment)
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    return Purge(lambda home, moment: len(old(home, moment)), remove)


def _old_reports(home: Path, moment: datetime) -> Iterator[Path]:
    """Reports of versions that serve no more."""
    for path in files_by_store(home)[0]["reports"]:
        version, name = path.parent.name, path.parent.parent.name
        if version != current_version(home, name) and path.stat().st_mtime < moment.timestamp():
            yield path


def _remove_reports(home: Path, moment: datetime, _by: Actor) -> int:
    gone = list(_old_reports(home, moment))
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def _old_campaigns(home: Path, moment: datetime) -> list[str]:
    return [campaign.id for campaign in campaigns_of(home) if campaign.made < moment]


def _remove_campaigns(home: Path, moment: datetime, _by: Actor) -> int:
    with one_writer(home):
        gone = _old_campaigns(home, moment)
        for identity in gone:
            shutil.rmtree(home / "campaigns" / identity)
    return len(gone)


def _old_exports(home: Path, moment: datetime) -> int:
    return sum(one.at < _iso(moment) for one in read_exports(home))


def _remove_exports(home: Path, moment: datetime, _by: Actor) -> int:
    """Takes old lines out in place, under the lock that those who add lines take."""
    path = home / SEGMENTS_FOLDER / EXPORTS
    handle = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if (found := read_export(line)) is None or found.at >= _iso(moment)]
        os.pwrite(handle, b"".join(kept), 0)
        os.ftruncate(handle, sum(map(len, kept)))
    finally:
        os.close(handle)
    sync(path)
    return len(lines) - len(kept)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


PURGES: Mapping[str, Purge] = {
    "decisions": Purge(
        lambda home, moment: decision_log.count_before(home, moment.timestamp()),
        lambda home, moment, _: decision_log.delete_before(home, moment.timestamp()),
    ),
    "requests": _old_files("requests"),
    "quarantine": _old_files("quarantine"),
    "campaigns": Purge(lambda home, moment: len(_old_campaigns(home, moment)), _remove_campaigns),
    "contact_history": Purge(
        lambda home, moment: count_before(home, moment) + count_handovers_before(home, moment.timestamp()),
        lambda home, moment, _: forget_hashes(home, (), before=moment) + purge_handovers(home, moment.timestamp()),
    ),
    "exports": Purge(_old_exports, _remove_exports),
    "reports": Purge(lambda home, moment: len(list(_old_reports(home, moment))), _remove_reports),
    "trail": Purge(
        lambda home, moment: sum(
            line is not None and line.has_body and line.at < _iso(moment) for line in lines_of(home)
        ),
        lambda home, moment, by: purge_bodies(home, _iso(moment), by),
    ),
}
