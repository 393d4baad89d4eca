"""Promotion by paired evidence on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.spec.feature import Finding
from training.data.clusters import Clusters
from training.evaluation.metrics import measure
from training.evaluation.paired_gain import paired_gain
from training.promotion.gate import against, decision_record, integrity, minimum


def world(rows: int = 4000, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the probabilities they were drawn from, and a worse model's."""
    random = np.random.default_rng(seed)
    odds = random.normal(-1.5, 1.5, rows)
    truth = 1 / (1 + np.exp(-odds))
    worse = 1 / (1 + np.exp(-(odds * 0.5 + random.normal(0, 0.8, rows) - 0.8)))
    return (random.random(rows) < truth).astype(float), truth, worse


def gained(label: np.ndarray, challenger: np.ndarray, champion: np.ndarray, *, seed: int) -> dict[str, Any]:
    """The paired gain where every row is another customer's."""
    return paired_gain(label, challenger, champion, Clusters.apart(len(label)), seed=seed)


def shaken(odds: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities whose log-odds differ by noise alone."""
    return 1 / (1 + np.exp(-(odds + np.random.default_rng(seed).normal(0, 0.1, len(odds)))))


def test_a_real_gain_is_promoted() -> None:
    """A challenger that is truly better replaces the champion, with its figures."""
    label, truth, worse = world()

    decision = against(gained(label, truth, worse, seed=1))

    assert decision.promote
    assert decision.figures["log_loss_gain"]["low"] > 0.01 * decision.figures["champion_log_loss"]


def test_noise_is_not_promoted() -> None:
    """Of fifty challengers that differ from the champion by noise alone at most one in twenty is promoted."""
    label, truth, _ = world()
    odds = np.log(truth / (1 - truth))

    promoted = [against(gained(label, shaken(odds, seed), truth, seed=seed)).promote for seed in range(50)]

    assert sum(promoted) <= 2


def test_a_small_sure_gain_is_not_enough() -> None:
    """A gain below 1 % of the champion's log-loss keeps the champion, however sure."""
    label, truth, _ = world(8000)
    slightly_off = np.clip(truth * 0.97, 1e-7, 1)

    gain = gained(label, truth, slightly_off, seed=1)["log_loss_gain"]

    assert 0 < gain["mean"] < 0.01 * measure(label, slightly_off)["log_loss"]
    assert not against(gained(label, truth, slightly_off, seed=1)).promote


def test_the_gain_is_the_difference_of_the_figures() -> None:
    """Log-loss and ROC-AUC gains are the differences of both models' own figures, inside their intervals."""
    label, truth, worse = world()

    gain = gained(label, truth, worse, seed=3)

    ours, theirs = measure(label, truth), measure(label, worse)
    assert gain["log_loss_gain"]["mean"] == pytest.approx(theirs["log_loss"] - ours["log_loss"])
    assert gain["roc_auc_gain"]["mean"] == pytest.approx(ours["roc_auc"] - theirs["roc_auc"])
    for name in ("log_loss_gain", "roc_auc_gain"):
        assert gain[name]["low"] < gain[name]["mean"] < gain[name]["high"]


def test_a_first_model_must_beat_the_base_rate() -> None:
    """Without a champion the bar is the base rate's log-loss."""
    label, truth, _ = world()

    assert minimum(label, truth, 0.25).promote
    assert not minimum(label, np.full(len(label), 0.9), 0.25).promote


def test_only_a_blocking_finding_refuses() -> None:
    """Evidence of a leak refuses; a warning does not."""
    assert integrity([Finding("no_valid_from", "sector", "warn", "")]) is None
    refused = integrity([Finding("alone", "duration", "block", "")])
    assert refused is not None
    assert refused.refused
    assert not refused.promote


def test_a_verdict_is_told_by_rule_and_figures() -> None:
    """What a server needs to say it in words of its own: the rule, and the figures the sentence shows."""
    label, truth, worse = world(500)
    blocked = integrity([Finding("separates_alone", "duration", "block", "")])
    told = {
        decision.rule: decision_record("7", decision)
        for decision in (
            blocked,
            against(gained(label, truth, worse, seed=1)),
            against(gained(label, worse, truth, seed=1)),
            minimum(label, truth, float(label.mean())),
            minimum(label, 1 - truth, float(label.mean())),
        )
        if decision
    }

    assert list(told) == ["leak", "better", "champion_kept", "first_model", "below_base_rate"]
    assert [one["promoted"] for one in told.values()] == [False, True, False, True, False]
    assert told["leak"]["refused"]
    assert told["leak"]["findings"] == [{"rule": "separates_alone", "feature": "duration"}]
    assert told["better"]["least_gain"] == 0.01 * told["better"]["champion_log_loss"]
    assert told["first_model"]["log_loss"] < told["first_model"]["base_rate_log_loss"]
