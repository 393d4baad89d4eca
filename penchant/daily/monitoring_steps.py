"""What a day asks of monitoring, which is imported when it is asked: a run goes on where it is not installed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from features.config.use_case import UseCase
from penchant.daily.realised_log import log_realised
from scoring.health.matured_windows import read_windows
from scoring.population.days import Day
from scoring.privacy.retention_file import read_retention
from scoring.releases.served_counts import forget_served
from serving.customers.decision_log import given_between

SERVED_KEPT = timedelta(days=400)  # that counts of served values are kept


def settle_outcomes(
    home: Path, use_cases: Sequence[UseCase], days: Sequence[Day], until: datetime
) -> tuple[int, str | None]:
    """Sets down whom days scored, and fills in what is known by now; returns how many outcomes are, and a note.

    Raises:
        BundleError: What scored a day is gone.
        OutcomeError: A file of outcomes is damaged.
        DataError: A log broke its contract.
        SuppressionError: The suppression list cannot be read.
    """
    from monitoring.outcomes import settle
    from monitoring.realised.matured import take_in

    matched, changed, late = 0, 0, list[str]()
    months = read_retention(home).outcomes.months
    for use_case in use_cases:
        before = read_windows(home, use_case.name)
        found = take_in(home, use_case, days, until)
        if given := take_in_given(home, use_case, until):
            settle.forget_old_outcomes(home, given, until, months=months)
        fresh = [window for window in read_windows(home, use_case.name) if window not in before]
        late += log_realised(home, use_case.name, fresh)
        if found and found.reaches < until and use_case.source == "log":
            late.append(f"{use_case.label_logs[0].path.name} ends on {found.reaches:%Y-%m-%d}")
        settle.forget_old_outcomes(home, use_case, until, months=months)
        counts = settle.counted(home, use_case)
        matched += sum(day.matched for day in counts)
        changed += sum(day.changed for day in counts)
    forget_served(home, until.date() - SERVED_KEPT)
    notes = [*([f"{changed:,} came late or were corrected"] if changed else []), *late]
    return matched, ", ".join(notes) or None


def take_in_given(home: Path, use_case: UseCase, until: datetime) -> UseCase | None:
    """Sets down the scores given over HTTP on days before a moment, and fills in what is known of them by then.

    Returns the use case under the name that they are kept by; None where the home logs no decisions.

    Raises:
        OutcomeError: A file of outcomes is damaged.
        HealthError: A file of monitoring is.
        DataError: A log broke its contract.
        SuppressionError: The suppression list cannot be read.
        sqlite3.Error: The log of decisions cannot be read now.
    """
    from monitoring.outcomes.given import as_given, keep_given
    from monitoring.outcomes.settle import kept_days
    from monitoring.realised.matured import take_in

    named = as_given(use_case)
    kept, today = kept_days(home, named.name), until.replace(hour=0, minute=0, second=0, microsecond=0)
    first = max(kept) + timedelta(days=1) if kept else datetime.fromtimestamp(0, UTC)
    rows = given_between(home, use_case.name, first.timestamp(), today.timestamp())
    if not rows and not kept:
        return None
    keep_given(home, use_case, rows)
    take_in(home, named, [], until)
    return named


def look_at_health(home: Path, use_cases: Sequence[UseCase], day: Day) -> tuple[str, str]:
    """Writes the health of a home as of a day, and alerts; returns its digest, and the state of each use case.

    A run never fails for an alert, nor for one that does not arrive.

    Raises:
        UseCaseError: HOME/monitor.toml has a broken key.
        BundleError: What scored the day is gone.
        OutcomeError: A file of outcomes is damaged.
        HealthError: A file of monitoring is.
        PopulationError: The day is not what its run wrote.
        SuppressionError: The suppression list cannot be read.
    """
    from monitoring.cli.alert_commands import alert_about
    from monitoring.config.monitor_file import load_monitor_file
    from monitoring.state.look import look

    document, digest = look(home, use_cases, day, load_monitor_file(home).judged_by)
    alert_about(home, document, datetime.now(UTC))
    return digest, ", ".join(f"{name} {health.state}" for name, health in document.use_cases.items())
