"""The health of a home as of a day: measured, judged and written where serving reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from features.config.use_case import UseCase
from monitoring.drift.damage import feature_drift
from monitoring.drift.sampled_day import SampledDay, sample_day
from monitoring.drift.score_drift import scores_of
from monitoring.drift.served_drift import served_drift
from monitoring.estimate.expectation import expected_quality
from monitoring.outcomes.outcome_file import GIVEN, kept_outcomes
from monitoring.realised.matured import measure_matured
from monitoring.state.data import data_quality, source_freshness
from monitoring.state.judge import Limits, Observed, judge
from scoring.bundle.manifest import Manifest
from scoring.health.health_file import (
    HealthDocument,
    ModelAge,
    RealisedQuality,
    UseCaseHealth,
    health_path,
    write_health,
)
from scoring.health.matured_windows import Bounds, EstimatedQuality, MaturedWindow, read_windows
from scoring.population.days import Day, days_of


def look(home: Path, use_cases: Sequence[UseCase], day: Day, limits: Limits) -> tuple[HealthDocument, str]:
    """Writes the health of a home as of a day, and returns it with the digest of its file; the same from the same.

    Args:
        home: Where days, releases and outcomes are kept.
        use_cases: Those of the daily run.
        day: The day to look at.
        limits: From where on something is said.

    Raises:
        BundleError: What scored the day is gone.
        OutcomeError: A file of outcomes is damaged.
        HealthError: A file of monitoring is.
        PopulationError: The day, or the one before, is not what its run wrote.
        CampaignError: A campaign of the home cannot be read.
        SuppressionError: The suppression list cannot be read.
    """
    sample = sample_day(home, day)
    earlier = [one for one in days_of(home) if one.manifest.as_of < day.manifest.as_of]
    before = earlier[-1] if earlier else None
    scored = [one for one in use_cases if one.name in day.manifest.models]
    found = {one.name: _health(home, one, day, sample, before, limits) for one in scored}
    document = HealthDocument(as_of=day.manifest.as_of.isoformat(), use_cases=found)
    write_health(home, document)
    return document, hashlib.sha256(health_path(home).read_bytes()).hexdigest()


def _health(
    home: Path, use_case: UseCase, day: Day, sample: SampledDay | None, before: Day | None, limits: Limits
) -> UseCaseHealth:
    name, version = use_case.name, day.manifest.models[use_case.name]
    windows = measure_matured(home, name)
    known = [one for one in windows if date.fromisoformat(one.known_on) <= day.manifest.as_of.date()]
    own = [one for one in known if one.version == version]
    pending = _pending(home, name)
    observed = Observed(
        learned_auc=_learned_auc(sample, name),
        windows=own,
        estimate=_estimate(sample, name, known),
        drift=feature_drift(sample, name, least=limits.moved) if sample else (),
        quality=data_quality(home, use_case, day, sample),
        sources=source_freshness(home, use_case, day),
        age=_age(sample, name, version, day),
        next_known=min((known_on for _, known_on in pending if known_on), default=None),
    )
    state, why = judge(observed, limits)
    return UseCaseHealth(
        state=state,
        why=why,
        realised=_realised(own[-1] if own else known[-1] if known else None),
        estimate=observed.estimate,
        drift=tuple(observed.drift),
        scores=scores_of(sample, name, before) if sample else None,
        given=_realised(_last_given(home, name, day)),
        served=served_drift(home, sample.live[name].release, day.manifest.as_of.date()) if sample else (),
        quality=observed.quality,
        sources=tuple(observed.sources),
        age=observed.age,
        pending=tuple(as_of for as_of, _ in pending),
        next_known=observed.next_known,
    )


def _realised(window: MaturedWindow | None) -> RealisedQuality | None:
    if window is None:
        return None
    return RealisedQuality(
        **msgspec.structs.asdict(window.measured),
        as_of=window.as_of,
        version=window.version,
        rfm_logit=window.baseline,
        changed=window.changed,
    )


def _last_given(home: Path, name: str, day: Day) -> MaturedWindow | None:
    """The last day of scores given over HTTP whose outcome was known by a day."""
    until = day.manifest.as_of.date()
    known = [one for one in read_windows(home, f"{name}{GIVEN}") if date.fromisoformat(one.known_on) <= until]
    return known[-1] if known else None


def _pending(home: Path, name: str) -> list[tuple[str, str | None]]:
    """The days whose outcome is not known yet, and when it will be."""
    return [
        (facts.as_of.isoformat(), facts.known_on.isoformat() if facts.known_on else None)
        for _, facts in kept_outcomes(home, name)
        if not facts.matched
    ]


def _manifest(sample: SampledDay | None, name: str) -> Manifest | None:
    return sample.live[name].release.bundle.manifest if sample else None


def _learned_auc(sample: SampledDay | None, name: str) -> Bounds | None:
    manifest = _manifest(sample, name)
    found = manifest.intervals.get("roc_auc") if manifest else None
    return (found[0], found[1]) if found else None


def _estimate(sample: SampledDay | None, name: str, known: Sequence[MaturedWindow]) -> EstimatedQuality | None:
    if sample is None:
        return None
    bundle = sample.live[name].release.bundle
    return expected_quality(bundle, sample.probability(name), sample.day.manifest.as_of, known)


def _age(sample: SampledDay | None, name: str, version: str, day: Day) -> ModelAge:
    manifest = _manifest(sample, name)
    trained_to = manifest.trained_to if manifest else None
    if manifest is None or trained_to is None:
        return ModelAge(version=version, trained_to=trained_to, days=None)
    windows = manifest.windows
    outcome = windows.gap + windows.prediction if windows else 0  # days after the last cutoff that it learned from too
    days = (day.manifest.as_of.date() - date.fromisoformat(trained_to)).days - outcome
    return ModelAge(version=version, trained_to=trained_to, days=max(days, 0))
