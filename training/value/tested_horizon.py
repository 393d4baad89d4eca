"""When a value is learned and tested: whole horizons that the log holds, one after the other, the last to be tested."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from features.config.use_case import LogUseCase, Value
from features.errors import UseCaseError
from training.task import Task

FARTHEST = 2  # tested horizons that may be asked for at most
WINDOWS = 3  # a history, an outcome to learn from and one to test


@dataclass(frozen=True, slots=True)
class ValueMoments:
    """Cutoffs whose outcome windows, `days` long, share nothing; the last training one ends where the test begins."""

    train: tuple[datetime, ...]  # rising
    test: datetime
    days: int


def value_moments(task: Task, use_case: LogUseCase, asked: Value) -> ValueMoments:
    """The moments of the horizon asked for, or of the longest that the log can test where that is shorter.

    A training cutoff has as much history before it as its outcome is long. Every customer of a cutoff has the whole
    outcome window, however new they are.

    Raises:
        UseCaseError: The horizon is more than twice as long as the log can test.
    """
    first = _day(datetime.fromisoformat(task.table.report["first_event"]))
    end = _day(datetime.fromisoformat(task.table.report["last_event"])) + timedelta(days=1)
    longest = (end - first).days // WINDOWS
    if asked.horizon > FARTHEST * longest:
        rule = (
            f"value.horizon: must be at most twice what the log can test, {longest} days of {(end - first).days} "
            f"(as many to look back, to learn from and to test), got {asked.horizon} days"
        )
        raise UseCaseError(use_case.file, [rule])
    days = min(asked.horizon, longest)
    test, length = end - timedelta(days=days), timedelta(days=days)
    stated = use_case.window.test_cutoff
    if stated is not None and stated < test and stated - 2 * length >= first:
        test = stated
    earlier = [test - step * length for step in range(1, use_case.window.train_cutoffs + 1)]
    return ValueMoments(tuple(sorted(moment for moment in earlier if moment - length >= first)), test, days)


def _day(moment: datetime) -> datetime:
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return known.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
