"""What keeps a challenger out although its log-loss is better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from scoring.bundle.manifest import SeedVariance
from scoring.models.calibration import Calibration
from scoring.text.promotion import BarGain, GainInterval
from training.data.clusters import Clusters
from training.data.split import split
from training.evaluation.calibration_error import CALIBRATED
from training.evaluation.metrics import ece_by_chance, measure
from training.evaluation.paired_gain import paired_gain
from training.promotion.gate import against
from training.promotion.guards import (
    ALIKE,
    MOVED,
    bar,
    borne_out,
    calibration,
    psi,
    psi_by_chance,
    seed_variance,
    stability,
)
from training.registry.mlflow_registry import Registry
from training.selection.cross_validation import Choice
from training.selection.seed_variance import REFITS, seed_variance_of
from training.selection.winner import fit
from training.task import Task

LEARNED = ("fit", "stop", "calibrate")
APART = Clusters.apart(4000)


def population(rows: int = 4000, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and the probabilities they were drawn from."""
    random = np.random.default_rng(seed)
    truth = 1 / (1 + np.exp(-random.normal(-1.0, 1.5, rows)))
    return (random.random(rows) < truth).astype(float), truth


def shifted(probability: np.ndarray, by: float) -> np.ndarray:
    """The same ranking with every log-odds moved."""
    return np.asarray(1 / (1 + np.exp(-(np.log(probability / (1 - probability)) + by))))


def test_labels_drawn_from_the_model_stay_within_chance() -> None:
    """Of 300 sets of labels drawn from the probabilities about 95% have a calibration error within chance."""
    _, truth = population(1500)
    limit = ece_by_chance(np.zeros(1500), truth, Clusters.apart(1500), seed=1)

    errors = [measure(np.random.default_rng(seed).random(len(truth)) < truth, truth)["ece"] for seed in range(300)]

    assert 0.91 <= np.mean(np.array(errors) <= limit) <= 0.985


def test_miscalibration_keeps_a_better_ranking_out() -> None:
    """A challenger that ranks better but is off in level is kept out for its calibration, and the reason says so."""
    label, truth = population()
    flat = np.full(len(label), label.mean())
    challenger = shifted(truth, 0.6)

    gain = paired_gain(label, challenger, flat, APART, seed=1)
    guard = calibration(label, challenger, flat, APART, seed=1)
    decision = against(gain, [guard])

    assert guard.figures["ece"] > guard.figures["ece_limit"] >= CALIBRATED
    assert against(gain).promote
    assert decision.rule == "guarded"
    assert decision.figures["failed"] == ["calibration"]
    assert not decision.promote
    assert "but kept back for its calibration" in decision.reason
    assert f"ECE {guard.figures['ece']:.4f}" in decision.reason
    assert decision.numbers()["decision.calibration.ece"] == guard.figures["ece"]


def test_no_better_calibration_is_asked_than_the_champions() -> None:
    """Where the champion is as far off on the same rows, the challenger passes."""
    label, truth = population()

    assert not calibration(label, shifted(truth, 0.6), truth, APART, seed=1).passed
    assert calibration(label, shifted(truth, 0.6), shifted(truth, 0.7), APART, seed=1).passed


def test_the_index_is_its_formula() -> None:
    """Two halves that become a quarter and three quarters move by .5 ln 3, and equal samples by nothing."""
    earlier, now = np.repeat([0.1, 0.9], 50_000), np.repeat([0.1, 0.9], [25_000, 75_000])

    assert psi(earlier, now) == pytest.approx(0.25 * np.log(2) + 0.25 * np.log(1.5), abs=1e-3)
    assert psi(earlier, earlier) == 0


def test_chance_exceeds_its_own_limit_once_in_twenty() -> None:
    """Of 400 pairs of samples of one distribution about 5% lie above the limit for their sizes."""
    limit = psi_by_chance(300, 500)
    drawn = [np.random.default_rng(seed).random((2, 500)) for seed in range(400)]

    above = [psi(earlier[:300], now) > limit for earlier, now in drawn]

    assert 0.02 <= np.mean(above) <= 0.09


def test_scores_that_moved_are_unstable_unless_the_champions_did_too() -> None:
    """A challenger whose scores moved is kept out; where the champion's moved as much, the customers changed."""
    _, earlier = population(3000, seed=1)
    _, now = population(3000, seed=2)
    moved = shifted(now, 1.5)

    assert stability((earlier, now), None, borne_out=False).passed
    alone = stability((earlier, moved), (earlier, now), borne_out=False)
    assert not alone.passed
    assert alone.figures["psi"] > MOVED
    assert alone.figures["psi_limit"] == max(MOVED, alone.figures["champion_psi"] + ALIKE)
    assert stability((earlier, moved), (earlier, shifted(now, 1.45)), borne_out=False).passed


def test_a_move_that_outcomes_bear_out_is_right() -> None:
    """Customers who changed are scored anew: scores that moved and came true are no fault, those that did not are."""
    _, earlier = population(3000, seed=1)
    random, moved = np.random.default_rng(7), shifted(population(3000, seed=2)[1], 1.5)
    came = (random.random(len(moved)) < moved).astype(float)
    stayed = (random.random(len(moved)) < shifted(moved, -1.5)).astype(float)

    for label, right in ((came, True), (stayed, False)):
        guard = calibration(label, moved, None, APART, seed=1)
        assert borne_out(guard) is right
        assert stability((earlier, moved), None, borne_out=right).passed is right


def test_few_rows_are_given_the_room_of_chance() -> None:
    """With forty calibration rows the limit is what chance alone would show."""
    _, few = population(40)
    _, now = population(60, seed=3)

    assert stability((few, now), None, borne_out=False).figures["psi_limit"] == psi_by_chance(40, 60) > MOVED


def test_a_model_surely_worse_than_the_rfm_logit_is_kept_out() -> None:
    """Only a gain over the bar wholly below 0 keeps a challenger out; without a bar nothing is asked."""
    area = GainInterval(high=0.01, low=-0.01, mean=0.0)
    unsure = BarGain(0.4, 0.39, GainInterval(high=0.001, low=-0.02, mean=-0.01), "rfm_logit", area, 900)
    worse = BarGain(0.4, 0.38, GainInterval(high=-0.01, low=-0.03, mean=-0.02), "rfm_logit", area, 900)

    assert bar(None) is None
    guards = [bar(each) for each in (unsure, worse)]
    assert [guard and guard.passed for guard in guards] == [True, False]


def test_models_that_differ_by_their_seed_alone_are_rejected() -> None:
    """Of 2,000 pairs whose log-losses are drawn alike, 2.5% of challengers pass; one that is far better does."""
    random, spread = np.random.default_rng(5), 0.003
    refits = random.normal(0.14, spread, (2000, REFITS))
    gains = random.normal(0.0, spread * np.sqrt(2), 2000)
    told = [
        seed_variance(gain, 0.0, SeedVariance(float(np.std(row, ddof=1)), REFITS))
        for gain, row in zip(gains, refits, strict=True)
    ]

    assert 0.015 <= np.mean([guard is not None and guard.passed for guard in told]) <= 0.035
    far = seed_variance(0.03, 0.0014, SeedVariance(spread, REFITS))
    assert far is not None
    assert far.passed
    assert seed_variance(0.0, 0.0014, None) is None


def test_seed_variance_is_larger_where_rows_are_few(
    world: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refits on other deals lie further apart on a tenth of the rows, the same each time; many rows are not."""
    use_case = load_use_case(world / "visits.toml")
    task = Task(use_case, learning_table(use_case), registry.home, registry, "never")
    parts = split(task.table, seed=task.seed)
    few = replace(parts, **{part: getattr(parts, part).head(len(getattr(parts, part)) // 8) for part in LEARNED})

    taught = fit(task, parts, Choice("logit")).taught
    measured = seed_variance_of(task, parts, Choice("logit"), taught)
    fewer = seed_variance_of(task, few, Choice("logit"), fit(task, few, Choice("logit")).taught)

    assert measured is not None
    assert fewer is not None
    assert measured == seed_variance_of(task, parts, Choice("logit"), taught)
    assert measured.refits == REFITS
    assert fewer.log_loss_sd > 2 * measured.log_loss_sd > 0
    calibrated = Choice("logit", calibrations={"logit": Calibration(1.0, 0.0)})  # whose seed changes nothing
    assert (on_all := seed_variance_of(task, parts, calibrated, taught)) is not None
    assert on_all.log_loss_sd > 0
    monkeypatch.setattr("training.selection.seed_variance.SEARCHED_CELLS", parts.fit.height * len(task.table.features))
    assert seed_variance_of(task, parts, Choice("logit"), taught) is None
