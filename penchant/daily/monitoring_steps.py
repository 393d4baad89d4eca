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
        fresh = [window for window in read_windows(home, use_case.name) if window not in before]
        late += log_realised(home, use_case.name, fresh)
        if found and found.reaches < until and use_case.source == "log":
            late.append(f"{use_case.events.path.name} ends on {found.reaches:%Y-%m-%d}")
        settle.forget_old_outcomes(home, use_case, until, months=months)
        counts = settle.counted(home, use_case)
        matched += sum(day.matched for day in counts)
        changed += sum(day.changed for day in counts)
    forget_served(home, until.date() - SERVED_KEPT)
    notes = [*([f"{changed:,} came late or were corrected"] if changed else []), *late]
    return matched, ", ".join(notes) or None


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
