"""How candidates are held against each other: folds, repeats, seeds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl
import pytest

from features.spec.feature import Feature
from training.errors import NothingLearned
from training.evaluation.metrics import row_losses
from training.fitting.calibrate import fit_calibration
from training.fitting.candidates import EAGER, OURS, XGBOOSTS_OWN, Boosting, fit_logit, fit_xgboost
from training.fitting.lesson import Fitted, Lesson
from training.selection import cross_validation as choose
from training.selection import settings_search as settings
from training.selection.blend_selection import SIMPLER


def table(count: int, *, cutoffs: int = 0) -> pl.DataFrame:
    """Learning rows with a third of positive labels, at several cutoffs or, of a ready table, at none."""
    random = np.random.default_rng(0)
    moments = [f"2024-0{1 + row % cutoffs}-01" if cutoffs else None for row in range(count)]
    return pl.DataFrame(
        {
            "__cutoff": pl.Series(moments, dtype=pl.String).str.to_datetime(time_zone="UTC"),
            "__group": random.integers(0, 2**60, count, dtype=np.uint64),
            "__label": (random.random(count) < 1 / 3).astype(np.int8),
        }
    )


def test_folds_of_a_small_ready_table_are_repeated() -> None:
    """Each row is validated on three times, each time by two thirds dealt anew, of which it is none."""
    dealt = choose.folds(table(600), width=10, seed=4)

    assert len(dealt) == 9
    assert all(not (learn & validate).any() and (learn | validate).all() for learn, validate in dealt)
    assert set(np.sum([validate for _, validate in dealt], axis=0).tolist()) == {3}
    assert len({validate.tobytes() for _, validate in dealt}) == 9


@pytest.mark.parametrize(("rows", "width"), [(600, 1000), (200_001, 1)])
def test_folds_of_a_large_table_are_dealt_once(rows: int, width: int) -> None:
    """Beyond 200,000 cells every row is validated on once."""
    dealt = choose.folds(table(rows), width=width, seed=4)

    assert len(dealt) == 3
    assert sum(int(validate.sum()) for _, validate in dealt) == rows


def test_folds_of_a_log_roll_on_its_cutoffs() -> None:
    """Each later cutoff is predicted by the rows of those before it, once."""
    rows = table(600, cutoffs=3)

    dealt = choose.folds(rows, width=10, seed=4)

    spans = [
        (rows.filter(learn)["__cutoff"].max(), rows.filter(judged)["__cutoff"].unique()) for learn, judged in dealt
    ]
    assert len(spans) == 2
    assert all(len(at) == 1 and before < at[0] for before, at in spans)


def test_a_lucky_seed_never_wins() -> None:
    """The model kept is the third best of five by its calibrated stopping loss."""
    random = np.random.default_rng(1)
    matrix = random.normal(size=(600, 4)).astype(np.float32)
    label = (random.random(600) < 1 / (1 + np.exp(-matrix[:, 0]))).astype(float)
    names = tuple(Feature(f"f{place}", "number") for place in range(4))
    lesson = Lesson(names, {}, matrix[:400], label[:400], matrix[400:], label[400:])

    def loss(fitted: Fitted) -> float:
        margin = fitted.model().margin(lesson.stop)
        return float(
            row_losses(lesson.stop_labels, fit_calibration(margin, lesson.stop_labels).probability(margin)).mean()
        )

    kept = settings.median_fitted(lesson, fit_xgboost, seed=5)

    losses = sorted(loss(fit_xgboost(lesson, 5 + 1000 * number)) for number in range(5))
    assert len(set(losses)) == 5
    assert loss(kept) == losses[2]


def test_eager_settings_and_the_library_s_own_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """They win where few rows tell nearly all; where the outcome is noise nothing surely beats ours."""
    random = np.random.default_rng(2)
    matrix = random.integers(0, 6, size=(900, 2)).astype(np.float32)
    rule, noise = (matrix.sum(axis=1) % 3 == 0).astype(float), random.integers(0, 2, 900).astype(float)
    numbers = random.normal(size=(900, 2)).astype(np.float32)
    box = (np.abs(numbers) < 0.6).all(axis=1).astype(float)
    names = tuple(Feature(f"f{place}", "number") for place in range(2))
    found = []
    for tried, label in ((1, box), (2, rule), (2, noise)):
        monkeypatch.setattr(settings, "MOST_TRIALS", tried)
        rows = numbers if label is box else matrix
        found.append(settings.search(Lesson(names, {}, rows[:500], label[:500], rows[500:], label[500:]), seed=3))

    assert found == [EAGER, XGBOOSTS_OWN, OURS]


@pytest.mark.parametrize(("asked", "kind"), [(None, "of 2"), ("of 1", "of 1")], ids=["free", "asked"])
def test_repeats_make_one_loss_of_a_row(asked: str | None, kind: str) -> None:
    """A row's losses are averaged over the repeats before candidates are compared; one asked for wins all the same."""
    rows = table(900)
    signal = rows["__label"].to_numpy() + np.random.default_rng(2).normal(size=900)
    fits = {f"of {depth}": partial(fit_xgboost, settings=Boosting(max_depth=depth)) for depth in (1, 2)}

    choice = choose.choose(
        rows.with_columns(x=pl.Series(signal)), (Feature("x", "number"),), fits, label_event=None, seed=0, asked=asked
    )

    assert (choice.folds, choice.repeats, choice.rows) == (5, 2, 900)
    assert 0 < choice.losses["of 2"]["log_loss"] < choice.losses["of 1"]["log_loss"] < np.log(2)
    assert choice.losses["of 1"]["behind"] > SIMPLER * choice.losses["of 2"]["log_loss"]
    assert choice.kind == kind


def dull(lesson: Lesson, seed: int) -> Fitted:
    """A logit that sees the first feature alone."""
    seen = np.array([1, 0], dtype=np.float32)
    return fit_logit(replace(lesson, fit=lesson.fit * seen, stop=lesson.stop * seen), seed)


def test_a_rate_that_moves_between_cutoffs_lets_no_dull_candidate_win() -> None:
    """Where fewer buy at the later cutoff all are too high, the surest most; the one that tells more still wins."""
    random = np.random.default_rng(3)
    weak, strong = random.normal(size=(2, 2400))
    late = np.arange(2400) % 2
    signal = 0.6 * weak + 1.2 * strong + 1.3 - 2.6 * late + random.logistic(size=2400)
    rows = table(2400, cutoffs=2).with_columns(
        pl.Series("weak", weak), pl.Series("strong", strong), __label=pl.Series(signal > 0).cast(pl.Int8)
    )
    features = (Feature("weak", "number"), Feature("strong", "number"))

    chosen = choose.choose(rows, features, {"dull": dull, "logit": fit_logit}, label_event=None, seed=1)

    assert chosen.kind == "logit"
    assert chosen.losses["dull"]["behind"] > 3 * chosen.losses["dull"]["standard_error"]


def test_a_candidate_asked_for_that_tells_nothing_is_refused() -> None:
    """Where the one asked for could not be calibrated, none is put in its place."""
    with pytest.raises(NothingLearned, match="'tree'"):
        choose.winner({"stump": {}}, "tree")


def test_a_fold_that_fails_by_chance_leaves_a_candidate_in() -> None:
    """Of a rare class some folds calibrate on a handful of outcomes; a feature that tells it is still learned from."""
    random = np.random.default_rng(0)
    rows = table(240).with_columns(x=pl.col("__label") * 1.0 + random.normal(size=240)).filter(
        (pl.col("__label") == 0) | (pl.col("__label").cum_sum() <= 22)
    )  # fmt: skip
    features = (Feature("x", "number"),)

    chosen = choose.choose(rows, features, {"logit": fit_logit}, label_event=None, seed=1)

    assert chosen.kind == "logit"
