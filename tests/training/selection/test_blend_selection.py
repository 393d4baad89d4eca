"""Blends: weights by maximum likelihood, judged by rows that did not weigh them, and chosen where they help."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

from features.spec.feature import Feature
from tests.training.selection.test_cross_validation import table
from training.data.split import learning_parts
from training.errors import NothingLearned
from training.fitting.blending import BLENDED, BlendFit, blended, weigh
from training.fitting.candidates import candidates
from training.fitting.fit import teach
from training.fitting.lesson import Fit
from training.selection import cross_validation as choose
from training.selection.blend_selection import SIMPLER, blend_at_once

FEATURES = tuple(Feature(f"f{place}", "number") for place in range(6))


@cache
def rows(count: int = 900) -> pl.DataFrame:
    """An outcome that four numbers tell by a line, and two more only together."""
    random = np.random.default_rng(8)
    drawn = random.normal(size=(6, count))
    odds = 0.8 * drawn[:4].sum(axis=0) + 1.5 * np.sign(drawn[4] * drawn[5])
    label = pl.Series(random.random(count) < 1 / (1 + np.exp(-odds))).cast(pl.Int8)
    columns = {feature.name: pl.Series(values) for feature, values in zip(FEATURES, drawn, strict=True)}
    return table(count).with_columns(**columns, __label=label)


def fits() -> dict[str, Fit]:
    """All candidates but the forest, which takes longest."""
    return {kind: fit for kind, fit in candidates(FEATURES, None).items() if kind != "forest"}


@cache
def chosen() -> choose.Choice:
    """The choice among all candidates."""
    return choose.choose(rows(), FEATURES, fits(), label_event=None, seed=1)


def drawn(count: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two margins that tell different things and one that tells nothing, labels, and the fold of each row."""
    random = np.random.default_rng(2)
    one, two, noise = random.normal(size=(3, count))
    fold = np.arange(count) % 2
    odds = 0.9 * one + 0.4 * two + np.where(fold == 1, -1.0, 1.0)
    return np.stack([one, two, noise], axis=1), (random.random(count) < 1 / (1 + np.exp(-odds))).astype(float), fold


def test_weights_are_those_that_the_outcome_was_drawn_by() -> None:
    """Also where its rate moved between folds; a member that opposes the outcome has no place in a blend."""
    margins, label, fold = drawn()

    assert weigh(margins[:, :2], label, fold) == pytest.approx([0.9, 0.4], abs=0.12)
    assert weigh(margins[:, :2] * [1, -1], label, fold) is None


def test_no_row_is_judged_by_weights_it_was_weighed_on() -> None:
    """Another outcome of one row changes its own loss, and the losses of the other half, which it weighs."""
    margins, label, _ = drawn(600)
    half, turned = np.arange(600) % 2, np.where(np.arange(600) == 6, 1 - drawn(600)[1], drawn(600)[1])
    named = {"a": margins[:, 0].astype(np.float32), "b": margins[:, 1].astype(np.float32)}

    first, second = (blend_at_once(named, labels, half, ["a", "b"]) for labels in (label, turned))

    assert first is not None
    assert second is not None
    moved = first.losses[0] != second.losses[0]
    assert moved.tolist() == ((half == 1) | (np.arange(600) == 6)).tolist()


def test_a_member_that_adds_nothing_is_left_out() -> None:
    """Two members stand for three where the third is worth less than .2 % of log-loss."""
    margins, label, _ = drawn(3000)
    random = np.random.default_rng(1)
    named = {"a": margins[:, 0], "b": margins[:, 1], "c": margins[:, 0] + 0.5 * random.normal(size=3000)}

    found = blend_at_once({k: v.astype(np.float32) for k, v in named.items()}, label, np.arange(3000) % 2, list(named))

    assert found is not None
    assert set(found.weights) == {"a", "b"}


def test_a_blend_is_chosen_where_members_tell_different_things() -> None:
    """Its log-loss is below every member's, and it is one of a line and of trees."""
    choice = chosen()

    assert choice.kind == BLENDED
    assert choice.cost == 0
    assert {"logit", "additive"} & choice.weights.keys()
    assert "xgboost" in choice.weights
    best = choice.losses[BLENDED]["log_loss"]
    assert all(one["behind"] > SIMPLER * best for kind, one in choice.losses.items() if kind != BLENDED)


def test_the_fit_of_a_blend_is_that_of_its_members() -> None:
    """With the settings that were searched and the weights that were found, on whatever rows it is fitted on."""
    choice, tuned = chosen(), choose.tuned_fit(fits(), chosen())
    taught = teach(FEATURES, *learning_parts(rows(), None, seed=3), label_event=None)
    fit = tuned[BLENDED]
    assert isinstance(fit, BlendFit)

    fitted = fit(taught.lesson, 4)

    members = [tuned[kind](taught.lesson, 4) for kind in choice.weights]
    assert fitted.files == blended(members, list(choice.weights.values())).files
    expected = sum(
        weight * member.model().margin(taught.calibrate).astype(np.float64)
        for member, weight in zip(members, choice.weights.values(), strict=True)
    )
    assert np.array_equal(fitted.model().margin(taught.calibrate), np.asarray(expected, dtype=np.float32))
    assert fitted.params["members"] == list(choice.weights)


def test_the_simplest_within_a_fifth_of_a_percent_wins() -> None:
    """Whatever the standard error; one asked for wins all the same, a blend only where there is one."""
    losses = {"logit": 0.5016, "additive": 0.5009, "xgboost": 0.5}
    rows = {kind: {"log_loss": loss, "behind": loss - 0.5, "standard_error": 0.01} for kind, loss in losses.items()}

    assert choose.winner(rows, None) == "additive"
    assert choose.winner(rows, "logit") == "logit"
    with pytest.raises(NothingLearned, match="members that help each other"):
        choose.winner(rows, BLENDED)
