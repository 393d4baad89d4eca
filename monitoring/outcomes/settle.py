"""Fills in what is known by now of the days that a home keeps outcomes of, and counts it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pyarrow.parquet as pq
from msgspec import Struct

from features.config.use_case import LogUseCase, UseCase
from features.spec.feature import CUSTOMER_ID
from features.tables.outcome_schema import FIRST_OUTCOME, ORDERS, OUTCOME, VALUE
from monitoring.outcomes.from_file import file_outcomes
from monitoring.outcomes.from_log import LogOutcomes, log_outcomes, window_end
from monitoring.outcomes.outcome_file import (
    DayOutcomes,
    OutcomeError,
    OutcomeFacts,
    kept_outcomes,
    outcomes_file,
    read_outcomes_of,
    write_outcomes,
)
from monitoring.outcomes.pending import keep_day
from monitoring.outcomes.source_facts import SourceFacts, write_source
from scoring.health.matured_windows import read_windows
from scoring.population.days import Day

MONTHS = 13  # for which the last day of each month is kept
# After a day's outcome is known, when a daily run asks the log again for late and corrected events.
AGAIN = (timedelta(0), timedelta(days=1), timedelta(days=7), timedelta(days=35))


class OutcomeCounts(Struct, frozen=True, kw_only=True):
    """Customers of a day by what is known of them."""

    as_of: str  # ISO moment of the day
    matured: int = 0  # the outcome window is over
    pending: int = 0  # it is not
    matched: int = 0  # of the matured: the outcome is known
    unknown: int = 0  # of the matured: the source says nothing of them
    changed: int = 0  # of the matched: otherwise than when it was first known


def keep_days(home: Path, use_case: UseCase, days: Sequence[Day]) -> int:
    """Sets down whom the use case scored on some days; returns how many were new. Raises as `keep_day`."""
    windows = read_windows(home, use_case.name)
    scored = [day for day in days if use_case.name in day.manifest.models]
    return sum(keep_day(home, use_case, day, windows) for day in scored)


def kept_days(home: Path, name: str) -> list[datetime]:
    """The days that outcomes are kept of. Raises as `facts_of`."""
    return [facts.as_of for _, facts in kept_outcomes(home, name)]


def days_due(home: Path, use_case: LogUseCase, until: datetime) -> list[datetime]:
    """The days whose window is over and that were not asked about since then, or not again after some days."""
    return [
        facts.as_of
        for _, facts in kept_outcomes(home, use_case.name)
        if _stage(use_case, facts.as_of, until) > (_stage(use_case, facts.as_of, facts.looked) if facts.looked else 0)
    ]


def _stage(use_case: LogUseCase, day: datetime, moment: datetime) -> int:
    """How often a day should have been asked about by a moment: 0 before its window is over."""
    over = moment - window_end(use_case, day)
    return sum(over >= after for after in AGAIN)


def forget_old_outcomes(home: Path, use_case: UseCase, until: datetime, *, months: int = MONTHS) -> None:
    """Removes the outcomes of days that are measured for good; the last day of each month stays for some months."""
    files = {facts.as_of: file for file, facts in kept_outcomes(home, use_case.name)}
    last_of_month = {day.strftime("%Y-%m"): day for day in sorted(files)}
    for day, file in files.items():
        known = window_end(use_case, day) if use_case.source == "log" else day
        age = (until.year - day.year) * 12 + until.month - day.month
        if until >= known + max(AGAIN) and (last_of_month[day.strftime("%Y-%m")] != day or age > months):
            file.unlink()


def settle_by_log(
    home: Path, use_case: LogUseCase, until: datetime, days: Sequence[datetime] | None = None
) -> LogOutcomes | None:
    """Fills in the days that are due, or those asked for; None where there is none, and the log stays unread.

    Raises:
        OutcomeError: A file is damaged.
        DataError: The log broke its contract.
        SuppressionError: The suppression list cannot be read.
    """
    asked = (
        days_due(home, use_case, until) if days is None else [day for day in days if window_end(use_case, day) <= until]
    )
    if not asked:
        return None
    kept = {day: read_outcomes_of(home, outcomes_file(home, use_case.name, day)) for day in asked}
    found = log_outcomes(use_case, [(day, one.rows[CUSTOMER_ID]) for day, one in kept.items()], home, until)
    stated = use_case.label_logs[0].currency
    currency = stated if isinstance(stated, str) else None
    for day, known in found.known.items():
        _fill(home, kept[day], known, looked=until, currency=currency)
    write_source(home, use_case.name, SourceFacts(until, found.reaches, found.read, found.rejected))
    return found


def settle_by_file(home: Path, use_case: UseCase, day: datetime, file: Path, until: datetime) -> bool:
    """Fills in a day from a file; returns whether its window is over, before which nothing is filled in.

    Raises:
        OutcomeError: The day is not kept, or the file is not one of outcomes.
        BatchError: The file cannot be read.
    """
    target = outcomes_file(home, use_case.name, day)
    if not target.exists():
        raise OutcomeError(f"Outcomes are of a day that was scored and is kept, got {day:%Y-%m-%d}.")
    known = file_outcomes(file, use_case)
    if use_case.source == "log" and until < window_end(use_case, day):
        return False
    _fill(home, read_outcomes_of(home, target), known)
    return True


def counted(home: Path, use_case: UseCase, day: datetime | None = None) -> list[OutcomeCounts]:
    """What is known of each kept day, or of one. Raises as `facts_of`."""
    kept = kept_outcomes(home, use_case.name)
    return [_counts(file, facts) for file, facts in kept if day is None or facts.as_of == day]


def _fill(
    home: Path, kept: DayOutcomes, known: pl.DataFrame, *, looked: datetime | None = None, currency: str | None = None
) -> None:
    """Puts in what is known; the first outcome stays as it was, and nothing that is known is taken back."""
    names = [name for name in (OUTCOME, ORDERS, VALUE) if name in known.columns]
    now = {name: f"now_{name}" for name in names}
    joined = kept.rows.join(known.rename(now), on=CUSTOMER_ID, how="left")
    filled = [pl.coalesce(new, *({name} & set(joined.columns))).alias(name) for name, new in now.items()]
    first = pl.coalesce(FIRST_OUTCOME, OUTCOME, now[OUTCOME]).alias(FIRST_OUTCOME)
    rows = joined.with_columns(*filled, first).drop(now.values())
    latest = max(filter(None, (looked, kept.facts.looked)), default=None)
    facts = msgspec.structs.replace(kept.facts, looked=latest, currency=currency or kept.facts.currency)
    if not rows.equals(kept.rows) or facts != kept.facts:
        write_outcomes(home, facts, rows)


def _counts(file: Path, facts: OutcomeFacts) -> OutcomeCounts:
    rows, as_of = pq.read_metadata(file).num_rows, facts.as_of.isoformat()
    left = rows - facts.matched
    # of a ready table, which has no window, the others may still come
    pending = left if facts.known_on is None or not facts.matched else 0
    return OutcomeCounts(
        as_of=as_of,
        matured=rows - pending,
        pending=pending,
        matched=facts.matched,
        unknown=left - pending,
        changed=facts.changed,
    )
