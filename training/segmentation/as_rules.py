"""Learned clusters as a draft of a policy: a small tree over the same features, with how often it agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from msgspec import Struct
from numpy.typing import NDArray
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from scoring.segments.learned import LearnedSegments, NearestCentroid
from training.segmentation.sheets.group_sheets import numbers

LEAVES = 2  # a cluster, of the tree
FEWEST = 20  # customers of a leaf, so that no rule is of one
FOLDS = 5
STAY = "30d"  # minimum stay of a drafted segment
DIGITS = 6  # significant ones of a cut

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Fidelity(Struct, frozen=True):
    """The share of customers whom the rules put where the clusters do."""

    agree: float  # of those the tree was grown on
    out_of_sample: float  # of customers that a tree did not see, over five folds
    leaves: int
    customers: int


@dataclass(frozen=True, slots=True)
class DraftPolicy:
    """A draft in the form of `segments.toml`, and how well it does."""

    text: str
    fidelity: Fidelity


@dataclass(frozen=True, slots=True)
class _TreeColumn:
    """A column of the tree: its values, and the rule that holds below or above a cut."""

    name: str
    values: Floats  # a missing number is below all others
    level: str | None = None  # of a category, 1 where a row has it
    boolean: bool = False

    def rule(self, cut: float, *, above: bool, missing_below: bool) -> str:
        """The condition of one side of a split."""
        quoted = _quoted(self.name)
        if self.level is not None:
            text = self.level.replace("'", "''")
            return f"{quoted} = '{text}'" if above else f"({quoted} <> '{text}' OR {quoted} IS NULL)"
        if self.boolean:
            return f"{quoted} IS TRUE" if above else f"({quoted} IS FALSE OR {quoted} IS NULL)"
        shown = f"{cut:.{DIGITS}g}"
        if above:
            return f"{quoted} > {shown}"
        return f"({quoted} <= {shown} OR {quoted} IS NULL)" if missing_below else f"{quoted} <= {shown}"


def draft_policy(
    rows: pl.DataFrame, learned: LearnedSegments, *, use_case: str, seed: int, name: str, as_of: str | None = None
) -> DraftPolicy:
    """The draft of a policy whose segments are the clusters, by rules on features.

    Args:
        rows: The customers, a column a feature.
        learned: The clusters, with the codes and labels they have for good.
        use_case: The use case whose features the rules read.
        seed: Deals the folds.
        name: Of the segmentation, for the reader.
        as_of: When the customers were so.
    """
    columns = _columns(rows, learned)
    which = _clusters(rows, learned)
    matrix = _rounded(np.stack([column.values for column in columns], axis=1))
    grown = _tree(len(learned.codes), seed).fit(matrix, which)
    agree = float((grown.predict(matrix) == which).mean())
    counts = np.bincount(which)
    folds = min(FOLDS, int(counts[counts > 0].min()))
    outside = (
        float((cross_val_predict(_tree(len(learned.codes), seed), matrix, which, cv=folds) == which).mean())
        if folds > 1
        else agree
    )
    fidelity = Fidelity(agree, outside, int(grown.get_n_leaves()), len(which))
    return DraftPolicy(_text(_rules(grown, columns), learned, fidelity, use_case, name, as_of), fidelity)


def _clusters(rows: pl.DataFrame, learned: LearnedSegments) -> Ints:
    nearest = NearestCentroid(learned)
    found: dict[str, NDArray[np.float64] | NDArray[np.object_]] = {}
    for one in learned.names:
        column = rows[one]
        texts = column.dtype in (pl.String, pl.Categorical, pl.Enum)
        found[one] = np.asarray(column.cast(pl.String).to_list(), dtype=object) if texts else numbers(column)
    return nearest.assign(nearest.raw_of(found)).which


def _columns(rows: pl.DataFrame, learned: LearnedSegments) -> list[_TreeColumn]:
    found = []
    for one in {(each.name, each.level if each.kind == "level" else None): each for each in learned.features}.values():
        column = rows[one.name]
        if one.kind == "level":
            marks = (column.cast(pl.String) == one.level).fill_null(value=False)
            found.append(_TreeColumn(one.name, marks.cast(pl.Float64).to_numpy(), one.level))
        elif one.kind == "number" and not column.dtype.is_temporal():  # dates stand in no rule
            values = numbers(column)
            known = values[~np.isnan(values)]
            below = float(known.min()) - 1.0 if len(known) else 0.0
            filled = np.where(np.isnan(values), below, values)
            found.append(_TreeColumn(one.name, filled, boolean=column.dtype == pl.Boolean))
    return found


def _rounded(matrix: Floats) -> Floats:
    """As scikit-learn's trees see it, so that a cut parts the rows that a rule parts."""
    return matrix.astype(np.float32).astype(np.float64)


def _tree(clusters: int, seed: int) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_leaf_nodes=LEAVES * clusters, min_samples_leaf=FEWEST, random_state=seed)


def _rules(grown: DecisionTreeClassifier, columns: Sequence[_TreeColumn]) -> dict[int, list[tuple[float, str]]]:
    """By cluster the conditions of its leaves, each with its customers, the largest first."""
    tree, found = grown.tree_, dict[int, list[tuple[float, str]]]()

    def walk(node: int, conditions: list[str]) -> None:
        if tree.children_left[node] < 0:
            cluster = int(grown.classes_[tree.value[node][0].argmax()])
            found.setdefault(cluster, []).append((float(tree.n_node_samples[node]), " AND ".join(conditions) or "TRUE"))
            return
        column, cut = columns[tree.feature[node]], float(tree.threshold[node])
        missing = column.level is None and bool((column.values < cut).any())
        walk(tree.children_left[node], [*conditions, column.rule(cut, above=False, missing_below=missing)])
        walk(tree.children_right[node], [*conditions, column.rule(cut, above=True, missing_below=False)])

    walk(0, [])
    return {cluster: sorted(leaves, key=lambda leaf: -leaf[0]) for cluster, leaves in found.items()}


def _text(
    rules: Mapping[int, Sequence[tuple[float, str]]],
    learned: LearnedSegments,
    fidelity: Fidelity,
    use_case: str,
    name: str,
    as_of: str | None,
) -> str:
    """The draft; its last segment takes whoever is left, as a policy must."""
    order = sorted(rules, key=lambda cluster: -sum(size for size, _ in rules[cluster]))[::-1]
    dated = f" as of {as_of[:10]}" if as_of else ""
    lines = [
        f"# A draft made of the groups of {name}{dated}, by a tree of {fidelity.leaves} leaves.",
        f"# It puts {fidelity.agree:.1%} of {fidelity.customers:,} customers where the groups are, and",
        f"# {fidelity.out_of_sample:.1%} of customers that the tree did not see. Read it before it is installed.",
        f"use_cases = [{_toml(use_case)}]",
    ]
    for place, cluster in enumerate(order):
        code = learned.codes[cluster]
        whole = " OR ".join(f"({leaf})" if len(rules[cluster]) > 1 else leaf for _, leaf in rules[cluster])
        labels = learned.labels[code]
        lines += [
            "",
            "[[segment]]",
            f"code = {_toml(code)}",
            f"label = {{ en = {_toml(labels['en'])}, fr = {_toml(labels['fr'])} }}",
            f"rule = {_toml('TRUE' if place == len(order) - 1 else whole)}",
            f"minimum_stay = {_toml(STAY)}",
        ]
    return "\n".join(lines) + "\n"


def _quoted(name: str) -> str:
    """A feature's name as a rule writes it."""
    plain = name.replace("_", "a").isalnum() and name.isascii() and not name[0].isdigit()
    return name if plain else '"' + name.replace('"', '""') + '"'


def _toml(text: str) -> str:
    """A basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
