"""Several logs beside each other: whose customers they share, how far each reaches, and what that does to features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir
import polars as pl

from features.history.event_log import Log
from features.point_in_time.labels import Cutoffs, log_end
from features.sources.engine import frame
from features.spec.data_report import LogReport
from features.spec.feature import CUSTOMER_ID, Finding, Scalar

FEW_SHARED = 0.2  # share of a log's customers with events in another below which ids are doubted
OF_LOGS = frozenset(("few_shared_customers", "log_ends_early", "log_begins_late"))  # rules of its findings
_LOG = "__log"


def log_reports(log: Log, names: Sequence[str]) -> list[LogReport]:
    """A line of the data report for each of several logs; none where there is but one."""
    if not log.each:
        return []
    counts = _customers(log.each)
    return [
        {
            "name": name,
            "file": one.source.path.name,
            "rows": one.rows,
            "first_event": one.first.isoformat(),
            "last_event": one.last.isoformat(),
            "event_types": sorted(one.encoded.codes),
            "customers": counts[at][0],
            "shared_customers": counts[at][1],
            "duplicates_removed": one.duplicates,
            "bad_rows": one.bad.to_json(),
        }
        for at, (one, name) in enumerate(zip(log.each, names, strict=True))
    ]


def log_findings(log: Log, reports: Sequence[LogReport], cutoffs: Cutoffs) -> Iterator[Finding]:
    """A finding on each log that ends before the test cutoff, begins after a cutoff learned from, or shares no one."""
    for one, report in zip(log.each, reports, strict=True):
        yield from _reach(one, report["name"], cutoffs)
        if report["shared_customers"] < FEW_SHARED * report["customers"]:
            figures: dict[str, Scalar] = {
                "log": report["name"],
                "found": report["shared_customers"],
                "customers": report["customers"],
            }
            detail = (
                f"{report['shared_customers']:,} of {report['customers']:,} customers of log {report['name']!r} have "
                "events in another: are ids written alike? `links` says who is who where they are not."
            )
            yield Finding("few_shared_customers", None, "warn", detail, figures)


def early_ends(log: Log, names: Sequence[str], cutoff: datetime) -> list[str]:
    """A sentence on each log, or on the only one, that ends before a cutoff at which features are asked for."""
    shown = [f"log {name!r}" for name in names] if log.each else [log.source.path.name]
    return [
        f"{name} ends on {one.last:%Y-%m-%d}, {days:,} day{'s' * (days > 1)} before the cutoff: that stretch of its "
        "windows is empty, and its latest events look that much older"
        for one, name in zip(log.logs, shown, strict=True)
        if (days := _days_short(one, cutoff)) > 0
    ]


def _days_short(log: Log, moment: datetime) -> int:
    """Days begun between the end of a log and a moment; 0 or less where it reaches it."""
    return -((log_end(log) - moment) // timedelta(days=1))


def _reach(log: Log, name: str, cutoffs: Cutoffs) -> Iterator[Finding]:
    """What windows of a log lack at the cutoffs."""
    days = _days_short(log, cutoffs.test)
    if days > 0:
        detail = (
            f"Log {name!r} ends on {log.last:%Y-%m-%d}, {days:,} days before the test cutoff: the last {days:,} days "
            "of its windows are empty there, its latest events look that much older, and so they do in every score "
            "until it is brought up to date."
        )
        yield Finding("log_ends_early", None, "warn", detail, _dated(name, log.last, days))
    begins, earliest = log.first.replace(tzinfo=UTC), cutoffs.train[0]
    if begins > earliest:
        days = -(-(begins - earliest) // timedelta(days=1))
        detail = (
            f"Log {name!r} begins on {log.first:%Y-%m-%d}, {days:,} days after the first cutoff learned from: nobody "
            "has events of it there."
        )
        yield Finding("log_begins_late", None, "warn", detail, _dated(name, log.first, days))


def _dated(name: str, day: datetime, days: int) -> dict[str, Scalar]:
    return {"log": name, "day": f"{day:%Y-%m-%d}", "days": days}


def _customers(logs: Sequence[Log]) -> list[tuple[int, int]]:
    """Of each log how many customers have events in it, and how many of them in another too."""
    parts = [_of_log(log, at) for at, log in enumerate(logs)]
    everyone: ir.Table = parts[0].union(*parts[1:])
    each = everyone.group_by(CUSTOMER_ID).aggregate(logs=everyone[_LOG].nunique())
    joined = everyone.inner_join(each, CUSTOMER_ID)
    counted = joined.group_by(_LOG).aggregate(n=joined.count(), shared=joined.count(where=joined.logs > 1))
    found = {at: (n, shared) for at, n, shared in frame(counted).select(pl.col(_LOG), "n", "shared").iter_rows()}
    return [found.get(at, (0, 0)) for at in range(len(logs))]


def _of_log(log: Log, at: int) -> ir.Table:
    """The customers of a log, each once."""
    customers = log.encoded.with_ids(log.encoded.events.select(CUSTOMER_ID).distinct())
    return customers.mutate(**{_LOG: ibis.literal(at, "int8")})
