"""Examples and wrong lines of the reference, tried in a small file of their kind: by the code that reads such files."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ValidationError

from activation.deliveries.destination_file import DestinationFile
from features.config.discovery_file import UnlabelledTable
from features.config.file_errors import error_messages
from features.config.use_case import UseCaseFile, use_case_from
from features.config.value_types import TomlTable
from features.errors import UseCaseError
from handbook.reference.keys import Key
from handbook.reference.texts import Entry
from monitoring.config.monitor_file import MonitorFile
from penchant.daily.run_file import RunFile
from penchant.dossier.dossier_file import DossierFile

_QUESTION = 'name = "shop"\npolarity = "negative"\n'
_LOG = f"""{_QUESTION}
[events]
path = "orders.csv"
customer_id = "client"
timestamp = "at"
type = {{ column = "kind" }}
amount = "total"
properties = ["channel"]
[window]
prediction = "90d"
[label]
event = "order"
outcome = "absent"
"""
_TABLE = f'{_QUESTION}[table]\npath = "bank.parquet"\nlabel = "y"\npositive = "yes"\n'
# What a section needs beside the key that is shown.
_SECTIONS = {
    "counts": '[[counts]]\nname = "carts"\nevent = "cart"\n[calendar]\nsales = ["2025-01-08..2025-02-04"]\n',
    "reactivity": '[reactivity]\nsend = "mail"\nanswer = ["open"]\nwithin = "3d"\n',
    "profiles": '[profiles]\npath = "people.csv"\ncustomer_id = "client"\n',
    "enrich": '[profiles]\npath = "people.csv"\ncustomer_id = "client"\n[[enrich]]\npath = "towns.csv"\nkey = "code"\n',
    "ingest": '[events]\npath = "postgres://db.example/shop"\ntable = "orders"\n',
    "texts": '[texts]\ncolumns = ["comment"]\n',
    "what_if": "[what_if]\n",
}
_DISCOVERY = 'name = "habits"\n[table]\npath = "bank.parquet"\n[discover]\n'
_RUN = '[[use_case]]\nfile = "churn.toml"\n'
_DESTINATION = (
    '[destination]\nkind = "webhook"\nkey_env = "HOOK"\nurl = "https://example.com/hook"\n'
    '[audience]\nsegment = "loyal"\n[consent]\ncontacts = "contacts.csv"\nemail = "mail"\nconsent = "consent.csv"\n'
)
_MONITOR = {
    "webhook": '[[webhook]]\nsecret_env = "HOOK"\n',
    "email": '[email]\nhost = "smtp.example.com"\nfrom = "a@example.com"\nto = ["b@example.com"]\n',
    "goal": '[[goal]]\ncampaign = "9368562671e2"\nkpi = "conversion"\ntarget = 0.1\nby = 2026-12-31\n',
    "quiet": '[alerts.quiet]\nfrom = "20:00"\nto = "08:00"\nzone = "Europe/Paris"\n',
}
Table = dict[str, object]


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file: what the catalogue calls it, its model, a small one of its kind, and the code that reads it."""

    name: str
    model: type[BaseModel]
    base: str
    sections: Mapping[str, str]
    read: Callable[[TomlTable], object]


def _use_case(raw: TomlTable) -> object:
    return use_case_from(raw, Path("use-case.toml"), Path(".penchant"))


USE_CASE = FileKind("use_case", UseCaseFile, _LOG, _SECTIONS, _use_case)
KINDS = (
    USE_CASE,
    FileKind("discovery", UnlabelledTable, _DISCOVERY, {"texts": _SECTIONS["texts"]}, UnlabelledTable.model_validate),
    FileKind("run", RunFile, _RUN, {}, RunFile.model_validate),
    FileKind("destination", DestinationFile, _DESTINATION, {}, DestinationFile.model_validate),
    FileKind("monitor", MonitorFile, "", _MONITOR, MonitorFile.model_validate),
    FileKind("dossier", DossierFile, "", {}, DossierFile.model_validate),
)


def shown(key: Key, lines: str) -> str:
    """The lines of a key under the heading of their section."""
    within = key.path[:-1] if not _is_table(key) else key.path
    if not within:
        return lines.strip()
    repeated = within[0] in {"counts", "enrich", "use_case", "webhook", "goal"} or within[-1] == "derive"
    named = {"accepted_sensitive": ".duration", "names": ".campaign"}.get(within[0], "")
    heading = ".".join(within) + named
    return f"{f'[[{heading}]]' if repeated else f'[{heading}]'}\n{lines.strip()}"


def _is_table(key: Key) -> bool:
    """Whether the lines of a key are entries of it, as names in [monotone] are."""
    return key.type.en.startswith("table, of each name") and len(key.path) == 1


def errors(kind: FileKind, key: Key, entry: Entry, lines: str) -> list[str]:
    """What the code says of the lines of a key in a small file; nothing where they are right."""
    try:
        kind.read(cast(TomlTable, _document(kind, key, entry, lines)))
    except UseCaseError as failure:
        return list(failure.broken)
    except ValidationError as failure:
        return error_messages(failure)
    return []


def _document(kind: FileKind, key: Key, entry: Entry, lines: str) -> Table:
    document: Table = tomllib.loads(_TABLE if entry.base == "table" else kind.base)
    if entry.also is None:
        for name in dict.fromkeys((*key.path[:-1], key.path[0])):
            _merge(document, tomllib.loads(kind.sections.get(name, "")))
    _merge(document, tomllib.loads(entry.also or ""))
    for name in entry.without:
        del cast(Table, document[key.path[0]])[name]
    _merge(document, tomllib.loads(shown(key, lines)))
    return document


def _merge(document: Table, more: Table) -> None:
    """Adds sections to a document; keys of a section that stands are added to it, of a list of them to its first."""
    for name, value in more.items():
        there = document.get(name)
        if isinstance(there, dict) and isinstance(value, dict):
            _merge(there, value)
        elif _is_sections(there) and _is_sections(value):
            _merge(cast(list[Table], there)[0], cast(list[Table], value)[0])
        else:
            document[name] = value


def _is_sections(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
