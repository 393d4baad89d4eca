"""Whether a log and its profiles agree with each other and with time; said in the data report, never repaired."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir

from features.cells import slug
from features.events import Log
from features.profiles import Traits
from features.types import CUSTOMER_ID

_sign_up = re.compile(
    r"(^|_)(signed?_?up|sign_?up|signup_date|registered|registration|inscription|created|creation|joined|since|opened)(_|$)"
)


def incoherences(log: Log, profiles: Traits | None) -> list[str]:
    """What is at odds: events before their customer's sign-up, events and profiles in the future, unknown customers."""
    now = ibis.literal(datetime.now(UTC).replace(tzinfo=None), "timestamp(6)")
    events = log.held.events
    told = [_said(events.count(where=events.ts > now), "events lie in the future")]
    if profiles is None:
        return [line for line in told if line]
    known = profiles.rows.select(CUSTOMER_ID).distinct()
    customers = log.named.select(CUSTOMER_ID).distinct()
    told.append(_said(customers.anti_join(known, CUSTOMER_ID).count(), "customers of the log have no profile"))
    told.append(_said(known.anti_join(customers, CUSTOMER_ID).count(), "profiles belong to nobody in the log"))
    if profiles.dated:
        told.append(
            _said(profiles.rows.count(where=profiles.rows.valid_from > now), "profiles are dated in the future")
        )
    signs = [trait for trait in profiles.traits if trait.kind == "date" and _sign_up.search(slug(trait.column))]
    told += [
        _said(_before(log, profiles, trait.inside), f"events lie before their customer's {trait.column!r}")
        for trait in signs
    ]
    return [line for line in told if line]


def _before(log: Log, profiles: Traits, column: str) -> ir.Value:
    """How many events lie on a day before the earliest date that their customer's profiles give."""
    rows = profiles.rows
    signed = (
        rows.group_by(CUSTOMER_ID).aggregate(signed=rows[column].cast("timestamp(6)").min()).rename(who=CUSTOMER_ID)
    )
    joined = log.named.inner_join(signed, log.named[CUSTOMER_ID] == signed["who"])
    return joined.count(where=joined.ts < joined.signed.truncate("D"))


def _said(count: ir.Value, what: str) -> str | None:
    n = int(count.execute())
    return f"{n:,} {what}" if n else None
