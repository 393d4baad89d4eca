"""The reasons of many rows at once, as the columns of a batch; each text is made once a value."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.spec.feature import MISSING, Feature
from features.spec.languages import Language
from scoring.bundle.bundle import Bundle
from scoring.bundle.published_contributions import rounded
from scoring.reasons.reasons import OTHER_FACTORS, is_about_data, sentences, shown_value
from scoring.text.formatting import catalogue

_COLUMNS = {"code": pa.string(), "feature": pa.string(), "text": pa.string(), "contribution": pa.float64()}


def reason_columns(
    bundle: Bundle,
    matrix: NDArray[np.float64],
    contributions: NDArray[np.float64],
    count: int,
    language: Language | None,
) -> dict[str, pa.Array]:
    """The reasons that `top_reasons` gives each row, as columns; null where a row has no more of them.

    `reason_1_code`, `reason_1_feature`, `reason_1_text`, `reason_1_contribution` are of the first, and so on; no text
    without a language.
    """
    shown = [position for position, feature in enumerate(bundle.features) if feature.name not in bundle.forbidden]
    amounts = contributions[:, shown]
    if bundle.forbidden:
        hidden = np.zeros(len(matrix))
        for position in sorted(set(range(len(bundle.features))) - set(shown)):
            hidden = hidden + contributions[:, position]  # one by one, as a single row's are added up
        amounts = np.concatenate([amounts, rounded(hidden)[:, None]], axis=1)
    names = [*(bundle.features[position].name for position in shown), OTHER_FACTORS]
    by_name = np.asarray(sorted(range(amounts.shape[1]), key=names.__getitem__), dtype=np.intp)
    strongest = by_name[_largest(np.abs(amounts.take(by_name, axis=1)), count)]
    order = _data_last(strongest, _about_data(bundle, matrix, shown))
    columns: dict[str, pa.Array] = {}
    kinds = {name: kind for name, kind in _COLUMNS.items() if language or name != "text"}
    for rank in range(count):
        if rank < order.shape[1]:
            at = order[:, rank]
            found = _named_columns(bundle, shown, at)
            if language:
                found["text"] = _texts(bundle, matrix, shown, at, language)
            found["contribution"] = pa.array(np.take_along_axis(amounts, at[:, None], axis=1)[:, 0])
        else:
            found = {name: pa.nulls(len(matrix), kind) for name, kind in kinds.items()}
        columns |= {f"reason_{rank + 1}_{name}": found[name] for name in kinds}
    return columns


def _largest(sizes: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The columns of each row's largest sizes, the largest first, of equals the first; sizes are taken over.

    So few are wanted that it is quicker to look for each than to sort all.
    """
    found = np.empty((len(sizes), min(count, sizes.shape[1])), np.intp)
    rows = np.arange(len(sizes))
    for rank in range(found.shape[1]):
        found[:, rank] = sizes.argmax(axis=1)
        sizes[rows, found[:, rank]] = -1.0
    return found


def _about_data(bundle: Bundle, matrix: NDArray[np.float64], shown: list[int]) -> NDArray[np.bool_]:
    """Whether each row's reason is about the data, by its position in `shown`; other factors, one past, are not."""
    about = np.zeros((len(matrix), len(shown) + 1), dtype=np.bool_)
    for place, position in enumerate(shown):
        feature = bundle.features[position]
        if is_about_data(feature, missing=False):
            about[:, place] = True
        elif is_about_data(feature, missing=True):
            about[:, place] = _is_missing(bundle, feature, matrix[:, position])
    return about


def _is_missing(bundle: Bundle, feature: Feature, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    if feature.type != "category":
        return np.isnan(values)
    return np.asarray(values == bundle.manifest.encoder[feature.name].index(MISSING))


def _data_last(strongest: NDArray[np.intp], about: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The reasons of each row in the order of `data_last`."""
    last = np.take_along_axis(about, strongest, axis=1)
    if not last.any():
        return strongest
    return np.take_along_axis(strongest, np.argsort(last, axis=1, kind="stable"), axis=1)


def _named_columns(bundle: Bundle, shown: list[int], at: NDArray[np.int64]) -> dict[str, pa.Array]:
    """Code and feature of each row's feature; `at` is its position in `shown`, one past the end for others."""
    features, which = [bundle.features[position] for position in shown], pa.array(at)
    return {
        "code": pa.array([*(feature.family for feature in features), OTHER_FACTORS]).take(which),
        "feature": pa.array([*(feature.name for feature in features), OTHER_FACTORS]).take(which),
    }


def _texts(
    bundle: Bundle, matrix: NDArray[np.float64], shown: list[int], at: NDArray[np.int64], language: Language
) -> pa.Array:
    """The text of each row's feature."""
    features = [bundle.features[position] for position in shown]
    texts = np.full(len(matrix), catalogue()["texts"][language][OTHER_FACTORS], dtype=object)
    for position, feature in enumerate(features):
        rows = np.flatnonzero(at == position)
        values, where = np.unique(matrix[rows, shown[position]], return_inverse=True)
        labels = bundle.manifest.labels_of(feature.name, language)
        known = (shown_value(bundle, feature, value) for value in values.tolist())
        texts[rows] = np.asarray(sentences(feature, known, language, labels), dtype=object)[where]
    return pa.array(texts, pa.string())
