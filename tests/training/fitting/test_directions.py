"""Stated directions hold in every model, and settings of boosting that a use case fixes are not searched."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from features.config.model_section import ModelSection
from features.spec.feature import Feature
from training.fitting.candidates import OURS, AdditiveFit, BoostedFit, Boosting, candidates
from training.fitting.lesson import Fit, Lesson
from training.selection.settings_search import SearchedSettings, search_settings

FEATURES = (Feature("days", "number"), Feature("visits", "integer", lower=0), Feature("age", "number"))


@cache
def lesson(days: str | None, visits: str | None = None) -> Lesson:
    """An outcome that falls with days but rises again at the end, and rises with visits; gaps in days."""
    random = np.random.default_rng(3)
    matrix = np.stack([random.uniform(0, 10, 900), random.poisson(3, 900), random.normal(size=900)], axis=1)
    odds = 1 - 0.8 * matrix[:, 0] + 1.6 * np.maximum(matrix[:, 0] - 7, 0) * 2 + 0.5 * matrix[:, 1]
    label = (random.random(900) < 1 / (1 + np.exp(-odds))).astype(float)
    matrix[random.random(900) < 0.1, 0] = np.nan
    rows = matrix.astype(np.float32)
    ways = (days, visits, None)
    features = tuple(replace(one, monotone=way) for one, way in zip(FEATURES, ways, strict=True))  # type: ignore[arg-type]  # ways are texts
    return Lesson(features, {}, rows[:700], label[:700], rows[700:], label[700:])


def moves(fit: Fit, taught: Lesson, place: int, low: float, high: float) -> np.ndarray:
    """How the margin moves, step by step, as one feature of forty rows grows from one end to the other."""
    steps = np.linspace(low, high, 60)
    rows = np.repeat(taught.stop[:40], len(steps), axis=0)
    rows[:, place] = np.tile(steps, 40)
    return np.diff(fit(taught, 1).model().margin(rows).reshape(40, -1), axis=1)


@pytest.mark.parametrize("kind", ["logit", "additive", "forest", "xgboost"])
def test_no_score_goes_against_a_stated_direction(kind: str) -> None:
    """Whatever the other features; without the statement trees and curves follow the outcome up again."""
    fit = candidates(FEATURES, None)[kind]

    assert moves(fit, lesson("falls"), 0, 0, 10).max() <= 1e-6
    assert kind == "logit" or moves(fit, lesson(None), 0, 0, 10).max() > 0.01


@pytest.mark.parametrize("kind", ["logit", "additive"])
def test_a_term_against_its_direction_is_left_out(kind: str) -> None:
    """Where the outcome rises with visits, a sum of terms that must fall with them does not use them; others stay."""
    fitted = candidates(FEATURES, None)[kind](lesson(None, "falls"), 1)

    contributions = np.abs(fitted.model().contributions(lesson(None).stop)).max(axis=0)

    assert contributions[1] == 0
    assert contributions[0] > 0.01


def test_a_sum_without_a_term_left_says_one_rate() -> None:
    """Of everybody, so that it does not rise with the outcome and does not compete."""
    taught = lesson(None)
    turned = replace(taught, features=(replace(FEATURES[1], monotone="falls"),), fit=taught.fit[:, [1]])
    fitted = candidates(turned.features, None)["additive"](replace(turned, stop=taught.stop[:, [1]]), 1)

    assert np.ptp(fitted.model().margin(taught.stop[:, [1]])) == 0


def test_fixed_settings_are_not_searched() -> None:
    """What is stated holds, the rest is ours; without a trial nothing is searched; a budget is the number of trials."""
    fixed = candidates(FEATURES, None, model=ModelSection.model_validate({"max_depth": 2, "lambda": 9}))
    none = candidates(FEATURES, None, model=ModelSection(trials=0))

    found = search_settings(lesson(None), fixed, seed=1)

    assert found.boosting == Boosting(max_depth=2, l2=9)
    assert found.of(fixed)["xgboost"] == BoostedFit(found.boosting, 0)
    assert found.of(fixed)["xgboost"](lesson(None), 1).params["max_depth"] == 2
    assert search_settings(lesson(None), {"xgboost": none["xgboost"]}, seed=1).boosting == OURS


def test_where_nothing_was_searched_candidates_keep_what_the_use_case_states() -> None:
    """As in the training of a campaign, which searches for no settings."""
    fixed: dict[str, Fit] = {"xgboost": BoostedFit(Boosting(max_depth=2), 0), "additive": AdditiveFit(bend=0.5)}

    assert SearchedSettings().of(fixed) == fixed
