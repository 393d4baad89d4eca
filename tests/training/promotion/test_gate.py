"""Promotion by paired evidence on the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from features.spec.feature import Finding
from training.data.clusters import Clusters
from training.evaluation.metrics import intervals, measure
from training.evaluation.paired_gain import PairedGain, gain_over_rate, paired_gain
from training.promotion.gate import Decision, against, decision_record, integrity, minimum


def world(rows: int = 4000, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the probabilities they were drawn from, and a worse model's."""
    random = np.random.default_rng(seed)
    odds = random.normal(-1.5, 1.5, rows)
    truth = 1 / (1 + np.exp(-odds))
    worse = 1 / (1 + np.exp(-(odds * 0.5 + random.normal(0, 0.8, rows) - 0.8)))
    return (random.random(rows) < truth).astype(float), truth, worse


def gained(label: np.ndarray, challenger: np.ndarray, champion: np.ndarray, *, seed: int) -> PairedGain:
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


def first(label: np.ndarray, served: np.ndarray, *, seed: int = 1) -> Decision:
    """The decision on a model without a champion, every row another customer's."""
    apart = Clusters.apart(len(label))
    return minimum(gain_over_rate(label, served, np.zeros(len(label), dtype=np.int64), apart, seed=seed))


def test_a_first_model_must_surely_beat_the_rows_own_rate() -> None:
    """It must rank, and its probabilities must tell more than the rows' own rate, each by its interval."""
    label, truth, _ = world()
    noise = np.random.default_rng(1).uniform(0.1, 0.3, len(label))

    assert first(label, truth).rule == "first_model"
    assert first(label, np.clip(truth**0.2, 0, 1)).rule == "below_base_rate"  # in order, and far too high
    assert first(label, 1 - truth).rule == "ranks_nobody"
    assert first(label, noise).rule == "ranks_nobody"
    assert [decision.promote for decision in (first(label, truth), first(label, noise))] == [True, False]


def test_a_level_that_moved_makes_no_model() -> None:
    """The constant is the test rows' own rate: where more came than before, whoever says more for all tells nothing."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        label, served = (random.random(600) < 0.55).astype(float), random.uniform(0.4, 0.5, 600)  # a third, once

        assert not first(label, served).promote


def test_models_of_noise_are_not_promoted() -> None:
    """Of 200 models that rank nobody, some of them by rows that stand four times, at most one in twenty is promoted."""
    promoted = 0
    for seed in range(200):
        random, times = np.random.default_rng(seed), 4 if seed % 2 else 1
        who = np.repeat(np.arange(120), times)
        label, served = (random.random(120) < 0.3).astype(float)[who], random.beta(30, 70, 120)[who]
        part = np.zeros(len(who), dtype=np.int64)
        promoted += minimum(gain_over_rate(label, served, part, Clusters.of(who), seed=seed)).promote

    assert promoted <= 10


def test_the_area_of_the_gate_is_the_area_of_the_table() -> None:
    """Of rows that one model predicted, the ROC-AUC and its interval are those the training shows."""
    label, _, worse = world(400)
    apart = Clusters.apart(400)

    told = gain_over_rate(label, worse, np.zeros(400, dtype=np.int64), apart, seed=3)

    assert [told["roc_auc"]["low"], told["roc_auc"]["high"]] == intervals(label, worse, apart, seed=3)["roc_auc"]
    assert told["roc_auc"]["mean"] == measure(label, worse)["roc_auc"]
    assert told["log_loss"] == pytest.approx(measure(label, worse)["log_loss"])


def test_every_part_is_ranked_and_held_against_its_own_rate() -> None:
    """A model that only knows in which part a row is, and each part's rate, tells nothing."""
    part = np.repeat([0, 1], 500)
    rate = np.where(part == 0, 0.2, 0.6)
    label = (np.random.default_rng(4).random(1000) < rate).astype(float)

    told = gain_over_rate(label, rate, part, Clusters.apart(1000), seed=1)

    assert told["roc_auc"]["mean"] == 0.5
    assert told["log_loss_gain"]["mean"] <= 0
    assert measure(label, rate)["roc_auc"] > 0.6


def test_few_test_rows_are_joined_by_others_unless_they_speak_against_it() -> None:
    """Further rows decide where the test is unsure; a test that is surely lost is not outvoted."""
    label, _, _ = world(60, seed=8)
    noise = np.random.default_rng(1).uniform(0.2, 0.3, 60)
    unsure = gain_over_rate(label, noise, np.zeros(60, dtype=np.int64), Clusters.apart(60), seed=1)
    many, sure = world(4000)[:2]
    joined = gain_over_rate(many, sure, np.zeros(4000, dtype=np.int64), Clusters.apart(4000), seed=1)
    lost = gain_over_rate(many, 1 - sure, np.zeros(4000, dtype=np.int64), Clusters.apart(4000), seed=1)

    assert minimum(unsure).rule != "first_model"
    assert minimum(unsure, joined).rule == "first_model"
    assert minimum(unsure, joined).figures["outside_folds"]
    assert minimum(lost, joined).rule == "ranks_nobody"
    assert minimum(unsure, joined, later=True).rule == "ranks_nobody"  # what was so before need not be so now


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
            first(label, truth),
            first(label, 1 - truth),
        )
        if decision
    }

    assert list(told) == ["leak", "better", "champion_kept", "first_model", "ranks_nobody"]
    assert [one["promoted"] for one in told.values()] == [False, True, False, True, False]
    assert told["leak"]["refused"]
    assert told["leak"]["findings"] == [{"rule": "separates_alone", "feature": "duration"}]
    assert told["better"]["least_gain"] == 0.01 * told["better"]["champion_log_loss"]
    assert told["first_model"]["log_loss"] < told["first_model"]["base_rate_log_loss"]
