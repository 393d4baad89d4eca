"""What a home holds now, store by store: how much, how old, by which rule, and what of it is too old."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from penchant.retention.purge import PURGES, moments, silent_customers
from penchant.retention.register import STORES, HomeStore, files_by_store
from scoring.audiences.campaign import campaigns_of
from scoring.audiences.export_log import read_exports
from scoring.population.days import days_of
from scoring.privacy.audit_trail import lines_of
from scoring.privacy.retention_file import RetentionRules
from serving.customers import decision_log, feature_store
from serving.settings import Settings

_TEXTS = {
    "home": "as long as the home",
    "done": "until what it is for is done",
    "latest": "until the next one",
    "session": "eight hours at most",
    "day": "24 hours at most",
    "owner": "as its owner says",
}


class StoreStatus(Struct, frozen=True):
    """One store."""

    name: str
    holds: str  # `customers` by id, `hashes` of them, or `nobody`
    files: int
    bytes: int
    oldest: str | None  # ISO moment of its oldest row, or of its oldest file
    rule: str
    due: int  # rows, files or folders that are too old


class LastContact(Struct, frozen=True):
    """The rule on customers who are silent."""

    after: str
    events: tuple[str, ...]  # the types that counted; none: it cannot be known here
    known: int
    due: int  # customers


class RetentionStatus(Struct, frozen=True):
    """All of it."""

    at: str
    stores: list[StoreStatus]
    last_contact: LastContact
    unknown: list[str]  # files that no store of the register has


def retention_status(
    home: Path, rules: RetentionRules, now: datetime, *, days: str, as_of: datetime | None = None
) -> RetentionStatus:
    """The state of a home, with every store of the register, also those it does not have.

    Args:
        home: Which home.
        rules: Those of its retention.toml.
        now: This moment, UTC.
        days: The rule of the population, which stands in run.toml.
        as_of: From when last contacts count; None: from the day in service.

    Raises:
        OSError: A file cannot be read.
        sqlite3.Error: The same.
        CampaignError: A campaign cannot be read.
    """
    found, unknown = files_by_store(home)
    settings = Settings.from_environment()
    old = moments(home, rules, now, decisions_days=settings.decisions_days)
    stores = [
        StoreStatus(
            store.name,
            store.holds,
            len(files := found[store.name]),
            sum(path.stat().st_size for path in files),
            _oldest(home, store.name, files),
            rule_text(store, rules, days=days, decisions_days=settings.decisions_days),
            PURGES[store.name].due(home, old[store.name]) if store.name in old else 0,
        )
        for store in STORES
    ]
    silent = silent_customers(home, rules, as_of, now)
    contact = LastContact(str(rules.last_contact), silent.events, silent.known, len(silent.customers))
    others = [path.relative_to(home).as_posix() for path in unknown]
    return RetentionStatus(now.isoformat(timespec="seconds"), stores, contact, others)


def rule_text(store: HomeStore, rules: RetentionRules, *, days: str, decisions_days: float) -> str:
    """The rule of a store as a text."""
    if store.rule in _TEXTS:
        return _TEXTS[store.rule]
    if store.rule == "days":
        return days
    if store.rule == "decisions" and rules.decisions is None:
        return f"{decisions_days:g}d (PENCHANT_DECISIONS_DAYS)"
    if store.rule == "last_contact":
        return f"{rules.last_contact} after the last contact"
    return f"{getattr(rules, store.rule)}"


def _oldest(home: Path, name: str, files: Sequence[Path]) -> str | None:
    if not files:
        return None
    moment = _OLDEST[name](home) if name in _OLDEST else None
    moment = moment if moment is not None else min(path.stat().st_mtime for path in files)
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _oldest_day(home: Path) -> float | None:
    return min((day.manifest.as_of.timestamp() for day in days_of(home)), default=None)


def _oldest_campaign(home: Path) -> float | None:
    return min((campaign.made.timestamp() for campaign in campaigns_of(home)), default=None)


def _oldest_export(home: Path) -> float | None:
    return min((datetime.fromisoformat(one.at).timestamp() for one in read_exports(home)), default=None)


def _oldest_line(home: Path) -> float | None:
    found = (datetime.fromisoformat(line.at).timestamp() for line in lines_of(home) if line and line.has_body)
    return min(found, default=None)


_OLDEST: dict[str, Callable[[Path], float | None]] = {
    "store": feature_store.oldest,
    "decisions": decision_log.oldest,
    "population": _oldest_day,
    "campaigns": _oldest_campaign,
    "exports": _oldest_export,
    "trail": _oldest_line,
}
