"""The copy that a person is given of what a home keeps of them, in French or English, as data and as a page."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from features.spec.languages import Language
from features.spec.suppression_list import keyed, read_key
from scoring.answers.served_release import Live
from scoring.audiences.campaign import CampaignError, assigned, campaigns_of
from scoring.audiences.contacts import named_contacts
from scoring.audiences.pressure.pressure_rules import RUN_FILE
from scoring.population.days import PopulationError
from scoring.privacy.retention_file import RetentionError
from serving.customers.keeping import Keeping, keeping_of
from serving.customers.kept import CopyError, CustomerExport, HandedOver, PersonCampaign, PersonCopy, PersonSource
from serving.customers.person_page import person_page
from serving.customers.person_scores import PersonScores

Part = Literal["events", "profiles", "table", "links", "contacts"]


def with_copies(
    home: Path,
    exported: Sequence[CustomerExport],
    served: Mapping[str, Live],
    language: Language,
    *,
    decisions_days: float,
) -> list[CustomerExport]:
    """What is kept of customers, each with the copy to hand over.

    Args:
        home: Whose customers.
        exported: What is kept of them.
        served: The releases in service; those of earlier versions are looked up.
        language: Of the copy.
        decisions_days: How long the server keeps decisions, where the home has no rule.

    Raises:
        CopyError: A day, a campaign or a rule cannot be read.
    """
    try:
        keeping = keeping_of(home, decisions_days=decisions_days)
        reader = PersonScores(home, served, language, keeping)
        arms = _arms(home, [one["customer_id"] for one in exported], keeping)
        sources = list(_sources(home))
        return [{**one, "copy": _copy(one, reader, arms.get(one["customer_id"], []), sources)} for one in exported]
    except (PopulationError, RetentionError, CampaignError) as error:
        raise CopyError(str(error)) from error


def _copy(
    exported: CustomerExport, reader: PersonScores, campaigns: list[PersonCampaign], sources: list[PersonSource]
) -> PersonCopy:
    stated = {name: live.stated_effect for name, live in reader.served.items()}
    copy: PersonCopy = {
        "language": reader.language,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "scores": reader.scores(exported),
        "now": reader.now(exported),
        "segments": reader.segments(exported),
        "lists": [
            {"at": one["at"], "what": one["what"], "kept_until": reader.keeping.list_until(one["at"])}
            for one in exported.get("lists", [])
        ],
        "deliveries": [
            {**one, "kept_until": _handed_until(one, reader.keeping)} for one in exported.get("deliveries", [])
        ],
        "campaigns": campaigns,
        "sources": sources,
        "effects": {name: effect for name, effect in stated.items() if effect is not None},
        "page": "",
    }
    copy["page"] = person_page(exported, copy, reader.keeping, reader.language)
    return copy


def _handed_until(line: HandedOver, keeping: Keeping) -> str | None:
    """Until when it is known what a tool was handed: while it has it, and then as long as that one was on a list."""
    ended = line["last_at"] if line["what"] == "change" else line["removed_at"]
    return None if ended is None else keeping.list_until(ended)


def _arms(home: Path, customers: Sequence[str], keeping: Keeping) -> dict[str, list[PersonCampaign]]:
    """The campaigns in which customers were drawn, by id, the earliest first."""
    campaigns = campaigns_of(home)
    if not campaigns:
        return {}
    key, found = read_key(home), dict[str, list[PersonCampaign]]()
    hashes = {customer: keyed(key, customer) for customer in customers}
    for campaign in sorted(campaigns, key=lambda one: one.made):
        arms, at = assigned(home, campaign), campaign.made.isoformat().replace("+00:00", "Z")
        for customer, who in hashes.items():
            if who in arms:
                line: PersonCampaign = {
                    "id": campaign.id,
                    "at": at,
                    "use_case": campaign.list.use_case,
                    "arm": arms[who],
                    "kept_until": keeping.campaign_until(at),
                }
                found.setdefault(customer, []).append(line)
    return found


def _sources(home: Path) -> Iterator[PersonSource]:
    """The files and tables that the use cases of the daily run read, by name, and the contacts."""
    for file in _use_cases(home):
        with suppress(OSError, ValueError, AttributeError, TypeError):
            stated = tomllib.loads(file.read_text(encoding="utf-8-sig"))
            parts: tuple[Part, ...] = ("events", "profiles", "table")
            for part in parts:
                section = stated.get(part, {})
                if "path" in section:
                    yield {"use_case": stated["name"], "what": part, "name": _name(section)}
            if links := stated.get("events", {}).get("links"):
                yield {"use_case": stated["name"], "what": "links", "name": Path(links).name}
    if contacts := named_contacts(home):
        yield {"use_case": "", "what": "contacts", "name": contacts.path.name}


def _name(section: Mapping[str, object]) -> str:
    """A file's name, with the table in it where it holds several; never an address, which may hold a password."""
    name = Path(str(section["path"]).partition("?")[0].rpartition("@")[2]).name
    return f"{name}: {section['table']}" if section.get("table") else name


def _use_cases(home: Path) -> list[Path]:
    try:
        stated = tomllib.loads((home / RUN_FILE).read_text(encoding="utf-8")).get("use_case", [])
        return [home / str(one["file"]) for one in stated]
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        return []
