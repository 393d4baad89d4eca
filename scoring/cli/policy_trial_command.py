"""`segments FILE --try`: a policy on the customers of the latest day, before it serves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scoring.answers.served_release import Live
from scoring.audiences.policy_trial import PolicyTrial, TrialDocument
from scoring.population.days import Day, PopulationError, latest_day
from scoring.population.read_days import scored_parts
from scoring.segments.assignment import current_policy
from scoring.segments.policy import Policy


def try_policy(home: Path, tried: Policy, live: Mapping[str, Live]) -> TrialDocument:
    """What a policy would make of the customers of a home's latest day; nothing is installed.

    Raises:
        PopulationError: There is no day, or it lacks what one of the policies reads.
        BatchError: Its rows lack a feature of a release that is newer.
        BundleError: The current policy is not what its name says.
        SuppressionError: The suppression list cannot be read.
    """
    day, current = latest_day(home), current_policy(home)
    if day is None:
        raise PopulationError("A policy is tried on the customers of a day: run `penchant run`, the home has none yet.")
    read = {name: live[name] for name in sorted({*tried.use_cases, *current.use_cases}) if name in live}
    _check(day, list(read))
    features = {name: [each.name for each in served.release.bundle.features] for name, served in read.items()}
    trial = PolicyTrial(read, tried, current, day.manifest.as_of.date())
    for stood, rows in scored_parts(home, day, features):
        trial.add(stood, rows)
    return trial.document(day.folder.name)


def _check(day: Day, names: list[str]) -> None:
    lacking = [name for name in names if name not in day.manifest.models]
    if lacking or day.manifest.thin:
        what = "its features are gone by age" if day.manifest.thin else f"it has not scored {', '.join(lacking)}"
        raise PopulationError(
            f"The latest day, {day.folder.name}, must hold what the policies read: run `penchant run`, {what}."
        )
