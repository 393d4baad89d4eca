"""What a data scientist would try first: each library as its own guide sets it, on the rows that ours learns from.

XGBoost, LightGBM and CatBoost keep their default settings and stop early, as their guides show; scikit-learn's model
is the better by folds of a gradient boosting whose settings are searched and of a logistic regression on splines. What
they predict is what they serve: no calibration is added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from features.spec.feature import Feature
from training.data.split import Parts, labels

ROUNDS = 1000  # most rounds, CatBoost's default; the others' guides take many where they stop early
PATIENCE = 50
THOROUGH = 4_000  # rows up to which scikit-learn's settings are searched the longer
SEARCHES = {True: (12, 5), False: (4, 3)}  # how many settings of its boosting, by how many folds
MISSING = "missing"
MOST_LEVELS = 250  # that scikit-learn's boosting takes
BOOSTING = {
    "histgradientboostingclassifier__learning_rate": [0.02, 0.05, 0.1],
    "histgradientboostingclassifier__max_leaf_nodes": [4, 8, 15, 31],
    "histgradientboostingclassifier__min_samples_leaf": [10, 20, 50],
    "histgradientboostingclassifier__l2_regularization": [0.0, 1.0, 10.0],
}
REGRESSION = {"logisticregression__C": [0.01, 0.1, 1.0]}
LEAST, MOST = 1e-6, 1 - 1e-6  # what is served stays within, so that no log-loss is infinite

Floats = NDArray[np.float64]


class Classifier(Protocol):
    """A fitted model."""

    def predict_proba(self, rows: pd.DataFrame) -> Floats:
        """The probabilities of both classes, shape (rows, 2)."""


class Lesson:
    """Rows to fit on, to stop on and to predict, as pandas frames whose text columns are categories."""

    def __init__(self, features: tuple[Feature, ...], parts: Parts) -> None:
        """`parts` of a task; calibration rows are fitted on, since these models need none."""
        names = [feature.name for feature in features]
        texts = {feature.name for feature in features if feature.type == "category"}
        levels = {name: sorted(parts.learning[name].drop_nulls().cast(pl.String).unique()) for name in texts}
        fit = pl.concat([parts.fit, parts.calibrate])
        self.fit, self.stop, self.test = (_frame(rows, names, levels) for rows in (fit, parts.stop, parts.test))
        self.fit_labels, self.stop_labels = labels(fit), labels(parts.stop)
        self.texts = [name for name in names if name in texts]


def xgboost_plain(lesson: Lesson, seed: int) -> Classifier:
    """XGBoost's defaults, stopped early."""
    import xgboost

    model = xgboost.XGBClassifier(
        n_estimators=ROUNDS,
        early_stopping_rounds=PATIENCE,
        enable_categorical=True,
        eval_metric="logloss",
        random_state=seed,
        n_jobs=1,
    )
    return model.fit(lesson.fit, lesson.fit_labels, eval_set=[(lesson.stop, lesson.stop_labels)], verbose=False)


def lightgbm_plain(lesson: Lesson, seed: int) -> Classifier:
    """LightGBM's defaults, stopped early."""
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=ROUNDS, random_state=seed, n_jobs=1, verbosity=-1)
    fitted: Classifier = model.fit(
        lesson.fit,
        lesson.fit_labels,
        eval_set=[(lesson.stop, lesson.stop_labels)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    return fitted


def catboost_plain(lesson: Lesson, seed: int) -> Classifier:
    """CatBoost's defaults, its best round by the stopping rows, categories as they are."""
    import catboost

    model = catboost.CatBoostClassifier(
        random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False, early_stopping_rounds=PATIENCE
    )
    fit, stop = (_as_texts(rows, lesson.texts) for rows in (lesson.fit, lesson.stop))
    model.fit(fit, lesson.fit_labels, cat_features=lesson.texts, eval_set=(stop, lesson.stop_labels))
    return _OfTexts(model, lesson.texts)


def sklearn_tuned(lesson: Lesson, seed: int) -> Classifier:
    """The better of a searched gradient boosting and a regularised regression on splines, by folds of its own."""
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

    rows, label = pd.concat([lesson.fit, lesson.stop]), np.concatenate([lesson.fit_labels, lesson.stop_labels])
    rows = _as_texts(rows, lesson.texts)
    searched, folds = SEARCHES[len(rows) <= THOROUGH]
    scored = {"scoring": "neg_log_loss", "cv": folds, "n_jobs": 1}
    trees = RandomizedSearchCV(
        _boosting(lesson.texts, seed), BOOSTING, n_iter=searched, random_state=seed, **scored
    ).fit(rows, label)
    smooth = GridSearchCV(_regression(lesson), REGRESSION, **scored).fit(rows, label)
    return _OfTexts(max(trees, smooth, key=lambda search: float(search.best_score_)), lesson.texts)


def _boosting(texts: list[str], seed: int) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    coded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MOST_LEVELS)
    boosting = HistGradientBoostingClassifier(
        categorical_features=[*range(len(texts))], early_stopping=True, max_iter=ROUNDS, random_state=seed
    )
    return make_pipeline(make_column_transformer((coded, texts), remainder="passthrough"), boosting)


def _regression(lesson: Lesson) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

    numbers = [name for name in lesson.fit.columns if name not in lesson.texts]
    curves = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), StandardScaler(), SplineTransformer(knots="quantile")
    )
    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5)
    return make_pipeline(
        make_column_transformer((curves, numbers), (levels, lesson.texts)), LogisticRegression(max_iter=500)
    )


COMPETITORS: dict[str, Callable[[Lesson, int], Classifier]] = {
    "xgboost": xgboost_plain,
    "lightgbm": lightgbm_plain,
    "catboost": catboost_plain,
    "scikit-learn": sklearn_tuned,
}


def predicted(name: str, features: tuple[Feature, ...], parts: Parts, *, seed: int) -> Floats:
    """What a competitor, fitted on the learning rows of some parts, says of their test rows."""
    lesson = Lesson(features, parts)
    said = COMPETITORS[name](lesson, seed).predict_proba(lesson.test)[:, 1]
    return np.clip(np.asarray(said, dtype=np.float64), LEAST, MOST)


class _OfTexts:
    """A model that reads categories as texts, missing ones as a text of their own."""

    def __init__(self, model: Classifier, texts: list[str]) -> None:
        self._model, self._texts = model, texts

    def predict_proba(self, rows: pd.DataFrame) -> Floats:
        return self._model.predict_proba(_as_texts(rows, self._texts))


def _as_texts(rows: pd.DataFrame, texts: list[str]) -> pd.DataFrame:
    return rows.assign(**{name: rows[name].astype(object).fillna(MISSING).astype(str) for name in texts})


def _frame(rows: pl.DataFrame, names: list[str], levels: Mapping[str, list[str]]) -> pd.DataFrame:
    """The features of some rows; a level that no learning row has is missing."""
    columns = {
        name: pd.Categorical(rows[name].cast(pl.String).to_list(), levels[name])
        if name in levels
        else rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name in names
    }
    return pd.DataFrame(columns)
