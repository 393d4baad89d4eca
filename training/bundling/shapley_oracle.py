"""Shapley values of a stored booster computed without its own explainer, to hold its contributions against."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any, TypedDict

import numpy as np
import xgboost
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class DumpedTree(TypedDict):
    """A tree in xgboost's JSON, as far as it is read: one entry a node."""

    left_children: list[int]
    right_children: list[int]
    split_conditions: list[float]
    default_left: list[int]
    split_indices: list[int]
    sum_hessian: list[float]


@dataclass(frozen=True, slots=True)
class Tree:
    """One dumped tree; a node without children is a leaf. A value below the threshold goes left, a gap to `default`."""

    left: NDArray[np.int32]  # -1 at a leaf
    right: NDArray[np.int32]
    default: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    value: Floats  # of a leaf
    cover: Floats  # sum of hessians of the fitting rows in the node


def dump_trees(stored: bytes) -> tuple[Tree, ...]:
    """The trees of a booster, read from its JSON form."""
    booster = xgboost.Booster()
    booster.load_model(bytearray(stored))
    model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
    return tuple(_tree(dumped) for dumped in model["trees"])


def shap_library() -> Any:
    """shap, imported late (it takes seconds) and without the warnings its own imports raise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap
    return shap


def brute_force(trees: tuple[Tree, ...], row: NDArray[np.float32]) -> Floats:
    """Every feature's Shapley value for one row, by the definition: the mean gain over all subsets of the others.

    The worth of a subset is the path-dependent expectation: known features are followed, others averaged by cover
    (Lundberg, Erion and Lee 2018, algorithm 1). Costs 2^features; meant for at most ten.
    """
    width = len(row)
    worth = {
        frozenset(known): sum(_expectation(tree, row, frozenset(known), 0) for tree in trees)
        for size in range(width + 1)
        for known in combinations(range(width), size)
    }
    values = np.zeros(width)
    for known, base in worth.items():
        weight = (
            factorial(len(known)) * factorial(width - len(known) - 1) / factorial(width) if len(known) < width else 0
        )
        for feature in set(range(width)) - known:
            values[feature] += weight * (worth[known | {feature}] - base)
    return values


def by_shap(trees: tuple[Tree, ...], matrix: NDArray[np.float32]) -> Floats:
    """Every feature's Shapley value by shap's own C code fed with the dumped trees, shape (rows, features).

    shap reads `value <= threshold` where xgboost reads `value < threshold`, so thresholds move down by one float32.
    """
    explainer = shap_library().TreeExplainer({"trees": [_for_shap(tree) for tree in trees]})
    return np.asarray(explainer.shap_values(matrix.astype(np.float64), check_additivity=False), dtype=np.float64)


def _tree(dumped: DumpedTree) -> Tree:
    left = np.asarray(dumped["left_children"], dtype=np.int32)
    right = np.asarray(dumped["right_children"], dtype=np.int32)
    conditions = np.asarray(dumped["split_conditions"], dtype=np.float32)  # a leaf's value stands in the same field
    return Tree(
        left,
        right,
        np.where(np.asarray(dumped["default_left"]) == 1, left, right),
        np.asarray(dumped["split_indices"], dtype=np.int32),
        conditions,
        np.where(left < 0, conditions, 0.0).astype(np.float64),
        np.asarray(dumped["sum_hessian"], dtype=np.float64),
    )


def _expectation(tree: Tree, row: NDArray[np.float32], known: frozenset[int], node: int) -> float:
    left, right = int(tree.left[node]), int(tree.right[node])
    if left < 0:
        return float(tree.value[node])
    feature = int(tree.feature[node])
    if feature in known:
        value = row[feature]
        follow = int(tree.default[node]) if np.isnan(value) else left if value < tree.threshold[node] else right
        return _expectation(tree, row, known, follow)
    parts = [tree.cover[child] * _expectation(tree, row, known, child) for child in (left, right)]
    return float(sum(parts) / (tree.cover[left] + tree.cover[right]))


def _for_shap(tree: Tree) -> dict[str, NDArray[Any]]:
    leaf = tree.left < 0
    below = np.nextafter(tree.threshold, -np.float32(np.inf)).astype(np.float64)
    return {
        "children_left": tree.left,
        "children_right": tree.right,
        "children_default": tree.default,
        "features": tree.feature,
        "thresholds": np.where(leaf, 0.0, below),
        "values": tree.value.reshape(-1, 1),
        "node_sample_weight": tree.cover,
    }
