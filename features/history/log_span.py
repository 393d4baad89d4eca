"""Where a log begins and ends, apart from a few events dated far from all others; no clock is asked.

A date that stands for "unknown" or a mistyped year (1900-01-01, 2038-01-19, 2999-12-31) would move the end of the log,
and with it the default test cutoff, to where nothing happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise

import polars as pl

from features.spec.feature import DataNote

FEW = 0.05  # share of the events up to which those apart from the rest may be misdated
THIN = 0.1  # of the events a day of the largest stretch, from which a stretch that lasts is business as usual
TWICE = 2  # a silence before misdated events is that much longer than any other


@dataclass(frozen=True, slots=True)
class LogSpan:
    """The days between which a log is taken to run, and what lies outside of them."""

    start: datetime  # midnight of the first day, UTC without zone
    end: datetime  # the midnight after the last
    early: int  # events before `start`
    late: int  # events from `end` on
    notes: tuple[DataNote, ...]  # on silences, and on what lies outside


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Events without a long silence between them."""

    first: datetime
    last: datetime
    events: int

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def find_log_span(counts: pl.DataFrame, *, observation: int, awaited: int, known_to: datetime | None) -> LogSpan:
    """The span of a log of events by `day` (date) and `n`, at least one.

    A stretch of events parted from the rest by more than observation window and `awaited` days (gap and prediction
    window) is misdated where it is before or after all that is sound, holds few events, and the silence is at least
    twice as long as any other. Sound is what holds more than a few events, what lasts `awaited` days with a tenth of
    the largest stretch's events a day, and all up to `known_to`, a moment which the user has set.
    """
    counts = counts.sort("day")
    stretches = _stretches(counts, observation + awaited)
    sound = [at for at, each in enumerate(stretches) if _is_sound(each, stretches, awaited, known_to)]
    low, high = sound[0], sound[-1]
    longest = _longest_silence(counts, stretches[low].first, stretches[high].last)
    if low and not _is_isolated(stretches[:low], stretches, stretches[low].first - stretches[low - 1].last, longest):
        low = 0
    after = stretches[high + 1 :]
    if after and not _is_isolated(after, stretches, after[0].first - stretches[high].last, longest):
        high = len(stretches) - 1
    return _span_of(stretches, low, high)


def _span_of(stretches: list[_Stretch], low: int, high: int) -> LogSpan:
    kept = stretches[low : high + 1]
    notes = [_silence(one.last, other.first) for one, other in pairwise(kept)]
    start, end = kept[0].first, kept[-1].last + timedelta(days=1)
    early = sum(each.events for each in stretches[:low])
    late = sum(each.events for each in stretches[high + 1 :])
    if early:
        notes.append(_early(early, start, (start - stretches[low - 1].last).days))
    if late:
        first = stretches[high + 1].first
        notes.append(_late(late, first, (first - stretches[high].last).days))
    return LogSpan(start, end, early, late, tuple(notes))


def _silence(last: datetime, following: datetime) -> DataNote:
    days = {"last_day": f"{last:%Y-%m-%d}", "next_day": f"{following:%Y-%m-%d}"}
    return DataNote("silence", f"no event lies between {days['last_day']} and {days['next_day']}", days)


def _early(events: int, start: datetime, silent: int) -> DataNote:
    detail = (
        f"{events:,} events lie before {start:%Y-%m-%d}, after which {silent:,} days pass without any: perhaps "
        "misdated; they count in tenure and totals, not for the cutoffs"
    )
    return DataNote("early_events", detail, {"events": events, "next_day": f"{start:%Y-%m-%d}", "days": silent})


def _late(events: int, first: datetime, silent: int) -> DataNote:
    detail = (
        f"{events:,} events follow after {silent:,} days without any, the first on {first:%Y-%m-%d}: taken as "
        "misdated; window.test_cutoff keeps those that its prediction window reaches"
    )
    return DataNote("late_events", detail, {"events": events, "next_day": f"{first:%Y-%m-%d}", "days": silent})


def _stretches(counts: pl.DataFrame, silence: int) -> list[_Stretch]:
    parted = (pl.col("day").diff().dt.total_days() > silence).fill_null(False).cum_sum()
    grouped = counts.group_by(parted.alias("stretch"), maintain_order=True).agg(
        first=pl.col("day").first(), last=pl.col("day").last(), events=pl.col("n").sum()
    )
    return [
        _Stretch(datetime.combine(first, time()), datetime.combine(last, time()), events)
        for _, first, last, events in grouped.iter_rows()
    ]


def _is_sound(each: _Stretch, stretches: list[_Stretch], awaited: int, known_to: datetime | None) -> bool:
    largest = max(stretches, key=lambda stretch: stretch.events)
    if each.events > FEW * sum(stretch.events for stretch in stretches) or each is largest:
        return True
    if known_to is not None and largest.first <= each.first < known_to:
        return True
    return each.days >= awaited and each.events / each.days >= THIN * largest.events / largest.days


def _longest_silence(counts: pl.DataFrame, first: datetime, last: datetime) -> timedelta:
    inside = counts.filter(pl.col("day").is_between(first.date(), last.date()))["day"]
    longest = inside.diff().max()
    return longest if isinstance(longest, timedelta) else timedelta()


def _is_isolated(those: list[_Stretch], stretches: list[_Stretch], silence: timedelta, longest: timedelta) -> bool:
    """Whether stretches on one side hold few events in all, after an unusual silence."""
    few = sum(each.events for each in those) <= FEW * sum(each.events for each in stretches)
    return few and silence >= TWICE * longest
