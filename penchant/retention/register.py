"""The register: every store that a home can hold, by the files it is made of, with its rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

Holds = Literal["customers", "hashes", "nobody"]  # ids with values, keyed hashes, or nothing of single customers
Rule = Literal[
    "decisions",  # keys of retention.toml
    "outcomes",
    "requests",
    "quarantine",
    "campaigns",
    "contact_history",
    "exports",
    "reports",
    "trail",
    "last_contact",
    "days",  # `keep` and `months` of run.toml
    "home",  # as long as the home
    "done",  # until what it is for is done
    "latest",  # replaced by the next one
    "session",
    "day",
    "owner",  # its owner's own
]


@dataclass(frozen=True, slots=True)
class HomeStore:
    """One store: `patterns` are of paths below the home, in which `*` also stands for folders."""

    name: str
    patterns: tuple[str, ...]
    holds: Holds
    rule: Rule


STORES = (  # the first that has a pattern of a file is its store
    HomeStore("drafts", (".*.tmp", "*/.*.tmp", ".*.tmp/*", "*/.*.tmp/*"), "customers", "done"),
    HomeStore("store", ("store.db*",), "customers", "last_contact"),
    HomeStore("decisions", ("decisions.db*",), "customers", "decisions"),
    HomeStore("runs", ("population/last_run.json", "population/runs/*", "population/.unfinished"), "nobody", "latest"),
    HomeStore("population", ("population/*",), "customers", "days"),
    HomeStore("sources", ("landed/*", "sources.json", ".sources.lock"), "customers", "latest"),
    HomeStore("outcomes", ("outcomes/*",), "customers", "outcomes"),
    HomeStore("requests", ("requests/*",), "customers", "requests"),
    HomeStore("quarantine", ("quarantine/*",), "customers", "quarantine"),
    HomeStore("streams", ("streams/*",), "customers", "last_contact"),
    HomeStore("erasures", ("erasures.db*", ".erasures.lock"), "customers", "done"),
    HomeStore("answers", ("answered.db*",), "customers", "day"),
    HomeStore("contacts", ("contacts/*",), "customers", "owner"),
    HomeStore("campaigns", ("campaigns/*",), "hashes", "campaigns"),
    HomeStore("contact_history", ("contact_history.db*", ".contact_history.lock"), "hashes", "contact_history"),
    HomeStore("deliveries", ("deliveries/*",), "hashes", "home"),
    HomeStore("contact_stops", ("contact_stops.db*",), "hashes", "home"),
    HomeStore("suppression", ("suppressed.db*", "customers.key"), "hashes", "home"),
    HomeStore("trail", ("trail.jsonl", "trail.head"), "hashes", "trail"),
    HomeStore("exports", ("segments/exports.jsonl",), "nobody", "exports"),
    HomeStore("segments", ("segments/*",), "nobody", "home"),
    HomeStore("personas", ("personas/*",), "nobody", "home"),
    HomeStore("reports", ("releases/*/report.html",), "nobody", "reports"),
    HomeStore("releases", ("releases/*",), "nobody", "home"),
    HomeStore("promotions", ("gate/*",), "nobody", "home"),
    HomeStore("registry", ("mlflow.db*", "mlartifacts/*"), "nobody", "home"),
    HomeStore("discoveries", ("discoveries/*",), "nobody", "latest"),
    HomeStore("monitoring", ("monitoring/*",), "nobody", "home"),
    HomeStore("lineage", ("lineage/*",), "nobody", "owner"),
    HomeStore("keys", ("keys.json",), "nobody", "owner"),
    HomeStore("sessions", ("sessions.json",), "nobody", "session"),
    HomeStore(
        "configuration",
        ("run.toml", "monitor.toml", "retention.toml", "dossier.toml", "sign-in.toml", "*.lock"),
        "nobody",
        "owner",
    ),
)
BY_NAME = {store.name: store for store in STORES}


def store_of(path: str) -> HomeStore | None:
    """The store of a path below the home, in POSIX form; None where no store of the register has it.

    >>> store_of("population/2026-03-01/part-03.parquet").name, store_of("releases/churn/4/report.html").name
    ('population', 'reports')
    >>> store_of("notes.txt") is None
    True
    """
    return next((one for one in STORES if any(fnmatchcase(path, pattern) for pattern in one.patterns)), None)


def files_by_store(home: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """The files of a home by the name of their store, and those that no store has."""
    found: dict[str, list[Path]] = {store.name: [] for store in STORES}
    unknown = []
    for path in _files(home):
        store = store_of(path.relative_to(home).as_posix())
        if store is None:
            unknown.append(path)
        else:
            found[store.name].append(path)
    return found, unknown


def _files(home: Path) -> Iterator[Path]:
    return (path for path in sorted(home.rglob("*")) if not path.is_dir())
