"""The reasons of many rows at once, as the columns of a batch; each text is made once a value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.spec.feature import MISSING, Feature
from features.spec.languages import Language
from features.spec.texts.text_marks import FAMILY as TEXT
from scoring.bundle.bundle import Bundle
from scoring.bundle.families import OTHER_FACTORS
from scoring.reasons.reasons import is_about_data, shown_values, speaks_second, words_of_reason
from scoring.reasons.sentences import sentences, shown_value, text_sentence
from scoring.reasons.value_texts import multiplied
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
    sums = bundle.families.sums(contributions)
    strongest = _largest(np.abs(sums), count)  # families are in the order of their names
    about = _where(bundle, matrix, is_about_data)
    columnwise = np.ascontiguousarray(contributions.T).T  # features as rows of memory, read one at a time
    leading = _leading(bundle, columnwise, sums, strongest, _where(bundle, matrix, speaks_second))
    if (last := np.take_along_axis(about, leading, axis=1)).any():
        order = np.argsort(last, axis=1, kind="stable")  # as `data_last`
        strongest, leading = (np.take_along_axis(found, order, axis=1) for found in (strongest, leading))
    columns: dict[str, pa.Array] = {}
    kinds = {name: kind for name, kind in _COLUMNS.items() if language or name != "text"}
    for rank in range(count):
        if rank < leading.shape[1]:
            at = leading[:, rank]
            found = _named_columns(bundle, at)
            if language:
                found["text"] = _texts(bundle, matrix, contributions, at, language)
            found["contribution"] = pa.array(np.take_along_axis(sums, strongest[:, rank, None], axis=1)[:, 0])
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


def _leading(
    bundle: Bundle,
    contributions: NDArray[np.float64],
    sums: NDArray[np.float64],
    strongest: NDArray[np.intp],
    second: NDArray[np.bool_],
) -> NDArray[np.intp]:
    """The position of the feature whose sentence each family of a row has, as `leading_feature` chooses it.

    One past the features are those that are never named.
    """
    firsts = [members[0] for members in bundle.families.members]
    leading = np.asarray(firsts, np.intp)[strongest]
    if bundle.families.hidden is not None:
        leading[strongest == bundle.families.hidden] = len(bundle.features)
    for family, members in enumerate(bundle.families.members):
        if len(members) > 1 and family != bundle.families.hidden:
            saying = _saying_most(members, contributions, sums[:, family], second)
            np.copyto(leading, saying[:, None], where=strongest == family)
    return leading


def _saying_most(
    members: tuple[int, ...],
    contributions: NDArray[np.float64],
    total: NDArray[np.float64],
    second: NDArray[np.bool_],
) -> NDArray[np.intp]:
    """The position of one family's speaking feature in each row; a column at a time, of equals the first."""
    sign = np.where(total >= 0, 1.0, -1.0)
    first, most = np.zeros(len(total)), np.full(len(total), -np.inf)  # of those that speak first, of all
    speaking, any_of_them = np.full((2, len(total)), members[0], np.intp)
    for position in members:
        towards = sign * contributions[:, position]
        for found, amounts, better in (
            (speaking, first, (towards > first) & ~second[:, position]),
            (any_of_them, most, towards > most),
        ):
            np.copyto(found, position, where=better)
            np.copyto(amounts, towards, where=better)
    return np.where(first > 0, speaking, any_of_them)


def _where(bundle: Bundle, matrix: NDArray[np.float64], holds: Callable[[Feature, bool], bool]) -> NDArray[np.bool_]:
    """Where something holds of a feature and whether its value is missing; never of other factors, one past the end."""
    found = np.zeros((len(bundle.features) + 1, len(matrix)), dtype=np.bool_).T
    for position, feature in enumerate(bundle.features):
        if holds(feature, False):
            found[:, position] = True
        elif holds(feature, True):
            found[:, position] = _is_missing(bundle, feature, matrix[:, position])
    return found


def _is_missing(bundle: Bundle, feature: Feature, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    if feature.type != "category":
        return np.isnan(values)
    return np.asarray(values == bundle.manifest.encoder[feature.name].index(MISSING))


def _named_columns(bundle: Bundle, at: NDArray[np.intp]) -> dict[str, pa.Array]:
    """Code and name of each row's feature; `at` is its position, one past the end for others."""
    which = pa.array(at)
    return {
        "code": pa.array([*(feature.family for feature in bundle.features), OTHER_FACTORS]).take(which),
        "feature": pa.array([*(feature.name for feature in bundle.features), OTHER_FACTORS]).take(which),
    }


def _texts(
    bundle: Bundle,
    matrix: NDArray[np.float64],
    contributions: NDArray[np.float64],
    at: NDArray[np.intp],
    language: Language,
) -> pa.Array:
    """The text of each row's feature."""
    texts = np.full(len(matrix), catalogue()["texts"][language][OTHER_FACTORS], dtype=object)
    for position in np.unique(at[at < len(bundle.features)]).tolist():
        feature, rows = bundle.features[position], np.flatnonzero(at == position)
        if feature.family == TEXT:
            for row in rows.tolist():
                texts[row] = _text_of_words(bundle, matrix[row], contributions[row], position, language)
            continue
        values, where = np.unique(matrix[rows, position], return_inverse=True)
        labels = bundle.manifest.labels_of(feature.name, language)
        known = (shown_value(bundle, feature, value) for value in values.tolist())
        texts[rows] = np.asarray(sentences(feature, known, language, labels), dtype=object)[where]
    return pa.array(texts, pa.string())


def _text_of_words(
    bundle: Bundle, values: NDArray[np.float64], amounts: NDArray[np.float64], best: int, language: Language
) -> str:
    """The sentence of a reason that the words of a text stand for."""
    family = next(place for place, members in enumerate(bundle.families.members) if best in members)
    known = shown_values(bundle, family, values.tolist())
    return text_sentence(words_of_reason(bundle, known, amounts.tolist(), best), known[best], language)


def value_columns(found: Mapping[str, pa.Array], count: int, language: Language | None) -> dict[str, pa.Array]:
    """The columns of `reason_columns` whose contributions are logarithms, as those of what multiplies a value."""
    columns: dict[str, pa.Array] = {}
    for reason in (f"reason_{rank}" for rank in range(1, count + 1)):
        amounts = found[f"{reason}_contribution"].to_pylist()
        factors = [None if amount is None else math.exp(amount) for amount in amounts]
        columns |= {name: found[name] for name in (f"{reason}_code", f"{reason}_feature")}
        if language:
            texts = zip(found[f"{reason}_text"].to_pylist(), factors, strict=True)
            shown = [None if factor is None else multiplied(text, factor, language) for text, factor in texts]
            columns[f"{reason}_text"] = pa.array(shown, pa.string())
        columns[f"{reason}_multiplies_by"] = pa.array(factors, pa.float64())
    return columns
