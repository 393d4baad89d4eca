"""The days whose outcome is known, measured: a window for each day and version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl
from msgspec.structs import replace

from features.config.use_case import UseCase
from features.tables.outcome_schema import FIRST_OUTCOME, OUTCOME
from monitoring.outcomes.from_log import LogOutcomes
from monitoring.outcomes.outcome_file import GIVEN, DayOutcomes, OutcomeFacts, kept_outcomes, read_outcomes_of
from monitoring.outcomes.settle import keep_days, settle_by_log
from monitoring.realised.arms import HOLDOUT, OTHERS, TREATED, arms_of, weights_without_treated
from monitoring.realised.quality import by_group, measured_quality
from monitoring.realised.rfm_baseline import rfm_quality
from scoring.audiences.campaign import campaigns_of
from scoring.health.matured_windows import (
    EstimatedQuality,
    MaturedWindow,
    MeasuredQuality,
    read_windows,
    write_windows,
)
from scoring.population.days import Day, digest_of
from scoring.releases.store import manifest_of


def measure_matured(home: Path, use_case: str) -> list[MaturedWindow]:
    """Measures every day that the home keeps outcomes of, and keeps the windows; those of days gone by stay.

    A day is measured again where its outcomes, or the campaigns of the home, are others than before.

    Raises:
        OutcomeError: A file of outcomes is damaged.
        HealthError: The file of windows is.
        CampaignError: A campaign of the home cannot be read.
        SuppressionError: The suppression list cannot be read.
    """
    before = {(one.as_of, one.version): one for one in read_windows(home, use_case)}
    windows, acting = dict(before), [one.id for one in campaigns_of(home)]
    known = [(file, facts) for file, facts in kept_outcomes(home, use_case) if facts.matched]
    for file, facts in known:
        digest = hashlib.sha256("".join([digest_of(file), *acting]).encode()).hexdigest()
        if digest not in {one.digest for one in before.values()}:
            earlier = _earlier(home, facts, known)
            windows |= {(one.as_of, one.version): one for one in _windows(home, file, earlier, digest)}
    ordered = sorted(windows.values(), key=lambda one: (one.as_of, one.version))
    if windows != before:
        write_windows(home, use_case, ordered)
    return ordered


def take_in(home: Path, use_case: UseCase, days: Sequence[Day], until: datetime) -> LogOutcomes | None:
    """Sets down whom days scored, and fills in and measures what is known by now; returns what the log last said.

    What was known on a day is measured before the day is set down, so that its estimate has the record of earlier ones.

    Raises:
        BundleError: What scored a day is gone.
        OutcomeError: A file of outcomes is damaged.
        HealthError: The file of windows is.
        PopulationError: A day is.
        DataError: The log broke its contract.
        CampaignError: A campaign of the home cannot be read.
        SuppressionError: The suppression list cannot be read.
    """
    found = None
    for day in [*sorted(days, key=lambda one: one.manifest.as_of), None]:
        if use_case.source == "log":
            found = settle_by_log(home, use_case, until if day is None else min(until, day.manifest.as_of)) or found
        measure_matured(home, use_case.name)
        if day is not None:
            keep_days(home, use_case, [day])
    return found


def _earlier(home: Path, facts: OutcomeFacts, known: Sequence[tuple[Path, OutcomeFacts]]) -> pl.DataFrame | None:
    """The latest day whose outcome was known when another one was scored."""
    day = facts.as_of.date()
    files = [file for file, one in known if one.known_on is not None and one.known_on <= day]
    return _known_rows(read_outcomes_of(home, files[-1])) if files else None


def _known_on(facts: OutcomeFacts) -> date:
    return facts.known_on or facts.as_of.date()


def _known_rows(day: DayOutcomes) -> pl.DataFrame:
    return day.rows.filter(pl.col(OUTCOME).is_not_null())


def _windows(home: Path, file: Path, earlier: pl.DataFrame | None, digest: str) -> Iterator[MaturedWindow]:
    """The windows of a day, one a version."""
    day = read_outcomes_of(home, file)
    as_of, until = day.facts.as_of, datetime.combine(_known_on(day.facts), time(), UTC)
    rows = _known_rows(day)
    for version in sorted(rows["version"].unique()):
        own = rows.filter(pl.col("version") == version)
        arms = arms_of(home, own, as_of, until)
        manifest = manifest_of(home, day.facts.use_case.removesuffix(GIVEN), version=version)
        codes = manifest.bands.codes if manifest else tuple(sorted(own["band"].unique()))
        yield replace(_window(day, version, own, arms, earlier, codes), digest=digest)


def _window(
    day: DayOutcomes,
    version: str,
    rows: pl.DataFrame,
    arms: pl.Series | None,
    earlier: pl.DataFrame | None,
    codes: tuple[str, ...],
) -> MaturedWindow:
    """One day of one version; judged by those on whom no campaign acted, and the hold-out for all on its list."""
    treated = arms is not None and bool((arms == TREATED).any())
    weight = weights_without_treated(arms) if arms is not None and treated else None
    judged = rows if weight is None else rows.filter(pl.Series(weight > 0))
    measured = measured_quality(judged, None if weight is None else weight[weight > 0])
    estimate = day.facts.estimates.get(version)
    return MaturedWindow(
        as_of=day.facts.as_of.isoformat(),
        known_on=_known_on(day.facts).isoformat(),
        version=version,
        measured=measured,
        baseline=rfm_quality(judged, earlier),
        bands=by_group(judged, "band", codes),
        segments=by_group(judged, "segment"),
        arms=_by_arm(rows, arms) if arms is not None else {},
        estimate=estimate,
        estimate_true=_contains(estimate, measured),
        currency=day.facts.currency,
        changed=int((rows[OUTCOME] != rows[FIRST_OUTCOME]).sum()),
    )


def _by_arm(rows: pl.DataFrame, arms: pl.Series) -> dict[str, MeasuredQuality]:
    found = {arm: rows.filter(arms == arm) for arm in (TREATED, HOLDOUT, OTHERS)}
    return {arm: measured_quality(own) for arm, own in found.items() if len(own)}


def _contains(estimate: EstimatedQuality | None, measured: MeasuredQuality) -> bool | None:
    """Whether the range of an estimate has the realised area; None where one of them is missing."""
    auc = measured.roc_auc
    if estimate is None or estimate.low is None or estimate.high is None or auc is None:
        return None
    return estimate.low <= auc <= estimate.high
