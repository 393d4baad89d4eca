"""Who has not been in touch for so long that nothing of them may be kept.

What counts is what comes from the customer: by CNIL's reference on commercial management a click or a purchase, not a
message that was sent or opened. Whoever was never in touch counts from the first event on. The latest of all use cases
holds, by the features of the day in service: `days_since_KIND` and `tenure_days`, of the whole log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Struct

from features.spec.feature import CUSTOMER_ID
from scoring.population.days import PARTS, Day
from scoring.population.partitioned import part_name
from scoring.privacy.retention_file import RetentionRules
from serving.customers import feature_store

RECEIVED = frozenset(
    (
        *("send", "sends", "sent", "mail_sent", "email_sent", "delivery", "delivered", "impression"),
        *("open", "opens", "opened", "mail_open", "email_open", "email_opened", "bounce", "bounced"),
        *("envoi", "envoye", "recu", "ouverture", "ouvertures", "ouvert", "rebond"),
    )
)
_SINCE, _TENURE = "days_since_", "tenure_days"


class LongSilent(Struct, frozen=True):
    """Who has been silent for longer than the rule, and by what that is known."""

    customers: frozenset[str]
    events: tuple[str, ...]  # the kinds of events that counted
    known: int  # customers of whom it is known when they were last in touch


def long_silent(home: Path, day: Day | None, rules: RetentionRules, now: datetime) -> LongSilent:
    """The customers of the day in service, and of the online store, whose last contact is too long ago.

    Args:
        home: Whose store.
        day: One whose features are kept; None: the store alone is looked at.
        rules: Those of the home.
        now: The moment from which it counts, UTC.

    Raises:
        sqlite3.Error: The store cannot be read now.
    """
    cutoff = rules.last_contact.before(now)
    ages = list(_tables(day, rules, cutoff)) if day and not day.manifest.thin else []
    kinds = {kind for one in ages for kind in one.kinds}
    silent = {customer for one in ages for customer in one.silent().to_pylist()}
    silent |= set(feature_store.loaded_before(home, cutoff.timestamp()))
    for one in ages if silent else ():  # in touch by another use case's log
        silent.difference_update(one.recent_among(silent))
    return LongSilent(frozenset(silent), tuple(sorted(kinds)), max((one.known for one in ages), default=0))


@dataclass(frozen=True, slots=True)
class _Ages:
    """The customers of a use case whose last contact is known, part by part."""

    kinds: tuple[str, ...]
    ids: pa.ChunkedArray
    is_silent: pa.ChunkedArray

    @property
    def known(self) -> int:
        return len(self.ids)

    def silent(self) -> pa.ChunkedArray:
        return self.ids.filter(self.is_silent)

    def recent_among(self, customers: Collection[str]) -> list[str]:
        asked = pc.is_in(self.ids, pa.array(sorted(customers), pa.string()))
        found: list[str] = self.ids.filter(pc.and_(asked, pc.invert(self.is_silent))).to_pylist()
        return found


def _tables(day: Day, rules: RetentionRules, cutoff: datetime) -> Iterator[_Ages]:
    """Of each use case who is silent; nothing of one by whose features it cannot be known."""
    most = (day.manifest.as_of - cutoff).total_seconds() / 86400
    for name in day.manifest.models:
        files = [path for number in range(PARTS) if (path := day.file(part_name(f"features-{name}", number)))]
        counted = _counted(pq.read_schema(files[0]).names, rules.contact_events) if files else []
        if not counted:
            continue
        tables = [_aged(path, counted) for path in files]
        rows = pa.concat_tables(tables).filter(pc.field("age").is_valid())
        kinds = tuple(column.removeprefix(_SINCE) for column in counted)
        yield _Ages(kinds, rows.column(CUSTOMER_ID), pc.greater(rows.column("age"), most))


def _aged(path: Path, counted: Sequence[str]) -> pa.Table:
    """Each customer's days since the last contact; since the first event where there was none."""
    names = pq.read_schema(path).names
    rows = pq.read_table(path, columns=[CUSTOMER_ID, *counted, *([_TENURE] if _TENURE in names else [])])
    columns = [rows.column(name).cast(pa.float64()) for name in counted]
    latest = columns[0] if len(columns) == 1 else pc.min_element_wise(*columns)  # nulls are passed over
    if _TENURE in names:
        latest = pc.coalesce(latest, rows.column(_TENURE).cast(pa.float64()))
    return pa.table({CUSTOMER_ID: rows.column(CUSTOMER_ID).cast(pa.string()), "age": latest})


def _counted(columns: Collection[str], stated: Collection[str] | None) -> list[str]:
    """The columns that say when somebody was last in touch."""
    kinds = [column for column in columns if column.startswith(_SINCE)]
    if stated is not None:
        from features.columns.expressions import slug  # with the table engine, which few need here

        wanted = {f"{_SINCE}{slug(one)}" for one in stated}
        return [column for column in kinds if column in wanted]
    return [column for column in kinds if column.removeprefix(_SINCE) not in RECEIVED]
