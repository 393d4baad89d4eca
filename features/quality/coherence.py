"""Whether a log and its profiles agree with each other and with time; noted in the data report, never repaired."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir

from features.columns.expressions import slug
from features.history.event_log import Log
from features.point_in_time.traits import Traits
from features.spec.feature import CUSTOMER_ID, DataNote, Finding

FEW_PROFILES = 0.2  # share of a log's customers with a profile below which ids are doubted
_sign_up = re.compile(
    r"(^|_)(signed?_?up|sign_?up|signup_date|registered|registration|inscription|created|creation|joined|since|opened)(_|$)"
)


def incoherences(log: Log, profiles: Traits | None) -> list[DataNote]:
    """What is at odds: events before their customer's sign-up, events and profiles in the future, unknown customers."""
    now = ibis.literal(datetime.now(UTC).replace(tzinfo=None), "timestamp(6)")
    events = log.encoded.events
    notes = [_counted_note("future_events", events.count(where=events.ts > now), "events lie in the future")]
    if profiles is None:
        return [note for note in notes if note]
    known = profiles.rows.select(CUSTOMER_ID).distinct()
    customers = log.decoded.select(CUSTOMER_ID).distinct()
    unknown, idle = customers.anti_join(known, CUSTOMER_ID), known.anti_join(customers, CUSTOMER_ID)
    notes.append(_counted_note("without_profile", unknown.count(), "customers of the log have no profile"))
    notes.append(_counted_note("without_events", idle.count(), "profiles belong to nobody in the log"))
    if profiles.dated:
        ahead = profiles.rows.count(where=profiles.rows.valid_from > now)
        notes.append(_counted_note("future_profiles", ahead, "profiles are dated in the future"))
    signs = [trait for trait in profiles.traits if trait.kind == "date" and _sign_up.search(slug(trait.column))]
    for trait in signs:
        early = _events_before(log, profiles, trait.inside)
        notes.append(
            _counted_note("before_sign_up", early, f"events lie before their customer's {trait.column!r}", trait.column)
        )
    return [note for note in notes if note]


def profile_findings(log: Log, profiles: Traits | None) -> list[Finding]:
    """A finding where hardly a customer of the log has a profile: their ids are likely written in other ways."""
    if profiles is None:
        return []
    known = profiles.rows.select(CUSTOMER_ID).distinct()
    customers = log.decoded.select(CUSTOMER_ID).distinct()
    count = int(customers.count().execute())
    found = int(customers.semi_join(known, CUSTOMER_ID).count().execute())
    if found >= FEW_PROFILES * count:
        return []
    detail = f"{found:,} of {count:,} customers have a profile: are ids written alike in the log and in the profiles?"
    return [Finding("few_profiles", None, "warn", detail, {"found": found, "customers": count})]


def _events_before(log: Log, profiles: Traits, column: str) -> ir.Value:
    """How many events lie on a day before the earliest date that their customer's profiles give."""
    rows = profiles.rows
    signed = (
        rows.group_by(CUSTOMER_ID).aggregate(signed=rows[column].cast("timestamp(6)").min()).rename(who=CUSTOMER_ID)
    )
    joined = log.decoded.inner_join(signed, log.decoded[CUSTOMER_ID] == signed["who"])
    return joined.count(where=joined.ts < joined.signed.truncate("D"))


def _counted_note(rule: str, count: ir.Value, what: str, column: str | None = None) -> DataNote | None:
    n = int(count.execute())
    return DataNote(rule, f"{n:,} {what}", {"count": n, "column": column} if column else {"count": n}) if n else None
