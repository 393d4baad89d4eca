"""What really runs in a home, as far as the dossier speaks of it: no customer, and nothing that is only meant to be."""

from __future__ import annotations

import stat
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from features.config.use_case import UseCase
from features.errors import UseCaseError
from features.spec.languages import Language
from penchant.daily.run_file import kept_days, load_run_file
from penchant.retention.status import StoreStatus, retention_status
from scoring.audiences.contacts import named_contacts
from scoring.audiences.export_log import read_exports
from scoring.bundle.manifest import Manifest
from scoring.population.days import Day, days_of
from scoring.privacy import suppression
from scoring.privacy.retention_file import RetentionRules
from scoring.privacy.trail_check import checked_trail
from scoring.releases.current_pointer import current_version, released_use_cases
from scoring.releases.store import manifest_of
from serving.auth.api_keys import read_keys


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A use case in service."""

    version: str
    manifest: Manifest
    use_case: UseCase | None  # its file, where run.toml names it and it can be read

    @property
    def sources(self) -> list[str]:
        """The files that it is made from, by name."""
        if self.use_case is None:
            return []
        if self.use_case.source == "table":
            return [self.use_case.table.path.name]
        profiles = self.use_case.profiles
        logs = dict.fromkeys(log.path.name for log in self.use_case.logs)
        return [*logs, *([profiles.path.name] if profiles else [])]


@dataclass(frozen=True, slots=True)
class ListDoor:
    """By which door lists left, in which form, how often, with how many customers in all."""

    by: str
    format: str
    lists: int
    customers: int


@dataclass(frozen=True, slots=True)
class DossierFacts:
    """All of it."""

    at: datetime
    product: str  # its version
    models: list[ServedModel]
    last_day: Day | None
    days: int
    stores: list[StoreStatus]
    last_contact: str
    contact_events: tuple[str, ...]
    keys: list[tuple[str, str]]  # names with scopes
    open_files: int  # that others than the owner may read
    doors: list[ListDoor]
    consent: tuple[str, str] | None  # channel and purpose of the contacts
    alerts: list[str]  # receivers of alerts, which name nobody
    objectors: int
    erased: int
    trail_lines: int
    trail_whole: bool

    def holds(self, store: str) -> bool:
        """Whether the home has anything in a store."""
        return any(one.files for one in self.stores if one.name == store)


def dossier_facts(home: Path, rules: RetentionRules, now: datetime, language: Language) -> DossierFacts:
    """Reads a home.

    Raises:
        BundleError: A release is not what it says it is.
        OSError: A file cannot be read.
        sqlite3.Error: The same.
        UseCaseError: run.toml has a broken key.
        KeysError: The file of keys is not one.
        SuppressionError: The suppression list cannot be read.
    """
    days = days_of(home)
    named = named_contacts(home)
    trail = checked_trail(home)
    status = retention_status(home, rules, now, days=days_rule(home, language))
    return DossierFacts(
        at=now,
        product=_product(),
        models=list(_models(home)),
        last_day=days[-1] if days else None,
        days=len(days),
        stores=status.stores,
        last_contact=status.last_contact.after,
        contact_events=status.last_contact.events,
        keys=[(key.name, ", ".join(sorted(key.scopes))) for key in read_keys(home).keys],
        open_files=sum(bool(stat.S_IMODE(path.stat().st_mode) & 0o077) for path in home.rglob("*") if path.is_file()),
        doors=_doors(home),
        consent=(named.channel, named.purpose) if named else None,
        alerts=_alert_receivers(home),
        objectors=suppression.count(home),
        erased=suppression.count_erased(home, 0.0),
        trail_lines=trail.head.n,
        trail_whole=not trail.faults,
    )


def days_rule(home: Path, language: Language) -> str:
    """The rule of the days in run.toml, as a text."""
    kept = kept_days(home)
    if language == "fr":
        return f"{kept.keep} jours avec attributs et facteurs ; fins de mois : {kept.months} mois"
    return f"{kept.keep} days with features and reasons; month ends for {kept.months} months"


def _models(home: Path) -> Iterator[ServedModel]:
    use_cases: dict[str, UseCase] = {}
    if (home / "run.toml").exists():
        try:
            use_cases = load_run_file(home)[1]
        except UseCaseError:
            use_cases = {}  # their files are elsewhere: what the bundles say remains
    for name in released_use_cases(home):
        manifest, served = manifest_of(home, name), current_version(home, name)
        if manifest is not None and served is not None:
            yield ServedModel(served, manifest, use_cases.get(name))


def _doors(home: Path) -> list[ListDoor]:
    lists, customers = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in read_exports(home):
        lists[one.by, one.format] += 1
        customers[one.by, one.format] += one.written
    return [ListDoor(*door, lists[door], customers[door]) for door in sorted(lists)]


def _alert_receivers(home: Path) -> list[str]:
    if not find_spec("monitoring") or not (home / "monitor.toml").exists():
        return []
    from monitoring.config.monitor_file import load_monitor_file  # a package that may not be installed

    found = load_monitor_file(home)
    return [*(["webhook"] * len(found.webhook)), *(["e-mail"] if found.email else [])]


def _product() -> str:
    try:
        return version("penchant")
    except PackageNotFoundError:  # in a checkout that is not installed
        stated = Path(__file__).parents[2] / "pyproject.toml"
        return str(tomllib.loads(stated.read_text(encoding="utf-8"))["project"]["version"]) if stated.exists() else ""
