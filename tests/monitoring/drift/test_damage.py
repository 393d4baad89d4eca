"""Drift of real customers, ranked by what it does to their scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.build.log_table import scoring_table
from monitoring.drift.damage import feature_drift
from monitoring.drift.sampled_day import SampledDay
from scoring.answers.served_release import Live
from scoring.batch.table_answers import answer_table
from scoring.bundle.bundle import canonical_json
from scoring.health.health_file import FeatureDrift
from scoring.population.days import Day, DayManifest
from scoring.releases.store import load_release
from scoring.segments.assignment import policy_of_version
from tests.monitoring.conftest import NAME
from tests.support.worlds import load_log
from training.bundling.manifest import reference

CUTOFF = datetime(1998, 1, 1, tzinfo=UTC)
LEAST = 0.02
STRONG, BY = "purchase_recency_over_gap", 14  # a feature that decides much, and how far it is moved
WEAK = {"active_days_180d": 1, "days_since_purchase": 112, "purchases_90d": 1, "purchases_180d": 1, "monetary_90d": 46}


@pytest.fixture(scope="module")
def customers(cdnow: Path) -> pl.DataFrame:
    """All customers as of a day, with their features."""
    return scoring_table(load_log(cdnow / f"{NAME}.toml"), CUTOFF)


@pytest.fixture(scope="module")
def live(cdnow: Path, customers: pl.DataFrame) -> Live:
    """The model, with these very customers as what it was learned from."""
    release = load_release(cdnow / "home", NAME)
    served = Live(release)
    matrix = served.scorer.encoder.table(customers.to_arrow()).matrix
    stored = reference(
        release.bundle.features,
        release.bundle.manifest.encoder,
        (matrix[:, place] for place in range(matrix.shape[1])),
        served.scorer.score(matrix).probability,
    )
    files = {**release.bundle.files, "reference.json": canonical_json(stored)}
    return Live(replace(release, bundle=replace(release.bundle, files=files)))


def sampled(live: Live, rows: pl.DataFrame, home: Path) -> SampledDay:
    """A day of some customers."""
    models = {NAME: live.release.version}
    manifest = DayManifest(run_id="run", as_of=CUTOFF, policy="default", models=models, customers=len(rows), files={})
    table = rows.to_arrow()
    policy = policy_of_version(home, "default", models)
    served: Mapping[str, Live] = {NAME: live}
    return SampledDay(Day(home, manifest), served, policy, table, answer_table(served, table))


def alerts(found: tuple[FeatureDrift, ...]) -> list[str]:
    """The features worth an alert."""
    return [one.feature for one in found if one.alert]


def test_twenty_windows_without_drift_alert_at_most_once(cdnow: Path, customers: pl.DataFrame, live: Live) -> None:
    """Customers drawn again from those that were learned, however few."""
    alerting = 0
    for seed in range(20):
        window = customers.sample(len(customers) // (1 + seed % 3), with_replacement=True, seed=seed)
        found = feature_drift(sampled(live, window, cdnow / "home"), NAME, least=LEAST)
        assert len(found) == len(live.release.bundle.features)
        alerting += bool(alerts(found))

    assert alerting <= 1


def test_the_very_customers_that_were_learned_show_no_damage(cdnow: Path, customers: pl.DataFrame, live: Live) -> None:
    """All figures are 0."""
    for one in feature_drift(sampled(live, customers, cdnow / "home"), NAME):
        assert (one.moved_band, one.moved_segment, one.moved_list, one.alert) == (0, 0, 0, False)
        assert one.psi == pytest.approx(0, abs=1e-12)


def test_a_strong_feature_comes_before_weak_ones_that_drifted_more(
    cdnow: Path, customers: pl.DataFrame, live: Live
) -> None:
    """Five features that hardly decide anything are moved far, the one that decides most a little."""
    matrix = live.scorer.encoder.table(customers.to_arrow()).matrix
    explained = live.scorer.explain(matrix, live.scorer.score(matrix).margin)
    weights = dict(zip(customers.columns[1:-1], np.abs(explained.contributions).mean(axis=0), strict=True))
    assert all(weights[name] < weights[STRONG] / 5 for name in WEAK)
    moved = customers.with_columns(pl.col(name) + shift for name, shift in {STRONG: BY, **WEAK}.items())

    found = feature_drift(sampled(live, moved, cdnow / "home"), NAME, least=LEAST)

    by_name = {one.feature: one for one in found}
    assert found[0].feature == STRONG
    assert found[0].alert
    assert all(by_name[name].psi > by_name[STRONG].psi for name in WEAK)
    assert found[0].moved_band > 0
