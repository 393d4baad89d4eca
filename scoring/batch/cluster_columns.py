"""The clusters of a table's rows as columns: the codes, margins and reasons of HTTP."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.spec.languages import Language
from scoring.answers.discovered import Discovering
from scoring.answers.served_release import Live
from scoring.reasons.sentences import sentences

Floats = NDArray[np.float64]


def cluster_columns(
    served: Live, matrix: Floats, known: NDArray[np.bool_], count: int, language: Language | None
) -> dict[str, pa.Array]:
    """`NAME_cluster`, `NAME_cluster_margin` and `NAME_cluster_next` of each segmentation that reads these rows.

    With reasons `NAME_cluster_reason_1_feature`, `_1_text` and `_1_contribution` of the first, and so on, without a
    language no text. Null where nothing is known of a row.
    """
    columns: dict[str, pa.Array] = {}
    for name, discovering in served.discovering.items():
        rows = matrix[known]
        found, codes = discovering.assign(rows), pa.array(discovering.learned.codes)
        of_known = {
            "cluster": codes.take(pa.array(found.which)),
            "cluster_margin": pa.array(found.margin),
            "cluster_next": codes.take(pa.array(found.next)),
        }
        if count:
            of_known |= _reasons(discovering, rows, found.contributions, count, language)
        among = pa.array(np.cumsum(known) - 1, mask=~known)
        columns |= {f"{name}_{own}": values.take(among) for own, values in of_known.items()}
    return columns


def _reasons(
    discovering: Discovering, rows: Floats, contributions: Floats, count: int, language: Language | None
) -> dict[str, pa.Array]:
    named = np.asarray(discovering.named, np.intp)
    order = np.argsort(-np.abs(contributions[:, named]), axis=1, kind="stable")[:, :count]
    columns: dict[str, pa.Array] = {}
    for rank in range(count):
        prefix = f"cluster_reason_{rank + 1}"
        if rank >= len(named):
            columns |= {f"{prefix}_feature": pa.nulls(len(rows), pa.string())}
            columns |= {f"{prefix}_text": pa.nulls(len(rows), pa.string())} if language else {}
            columns |= {f"{prefix}_contribution": pa.nulls(len(rows), pa.float64())}
            continue
        at = named[order[:, rank]]
        names = pa.array([discovering.feature(int(one)).name for one in range(contributions.shape[1])])
        columns[f"{prefix}_feature"] = names.take(pa.array(at))
        if language:
            columns[f"{prefix}_text"] = pa.array(_texts(discovering, rows, at, language), pa.string())
        columns[f"{prefix}_contribution"] = pa.array(np.take_along_axis(contributions, at[:, None], axis=1)[:, 0])
    return columns


def _texts(discovering: Discovering, rows: Floats, at: NDArray[np.intp], language: Language) -> Sequence[str | None]:
    """The sentence of the feature that each row names; each is made once a value."""
    texts: list[str | None] = [None] * len(rows)
    for one in np.unique(at).tolist():
        members, feature = np.flatnonzero(at == one), discovering.feature(one)
        values, which = np.unique(discovering.values(rows[members], one), return_inverse=True)
        shown = [discovering.shown(feature, value) for value in values.tolist()]
        labels = discovering.rows.labels_of(feature.name, language)
        made = sentences(feature, shown, language, labels)
        for row, value in zip(members.tolist(), which.tolist(), strict=True):
            texts[row] = made[value]
    return texts
