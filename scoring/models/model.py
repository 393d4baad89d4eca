"""What every model of a bundle does, in log-odds, and the one of boosted or bagged trees."""

from __future__ import annotations

import os
import threading
from functools import cached_property
from typing import Protocol, Self

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads cost ten times the processor on a busy machine

import numpy as np
import xgboost
from numpy.typing import NDArray

from scoring.models.bulk_shapley import BulkShapley, bulk_shapley
from scoring.models.shapley import Shapley
from scoring.models.trees import Trees, read_trees

FEW = 24  # rows up to which walking the trees ourselves is faster than a call to xgboost
PROOF = 64  # rows on which our walk must give xgboost's own bits
SMALL = 256  # rows up to which one thread is faster than waking others


class Model(Protocol):
    """Rows of float32 in, log-odds out."""

    def margin(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw log-odds, shape (rows,)."""

    def contributions(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature adds to the raw log-odds, shape (rows, features), without the bias."""

    def contributions_in_bulk(self, matrix: NDArray[np.float32]) -> tuple[NDArray[np.float64], float] | None:
        """The same by a way that is faster for very many rows, and how far apart the two may be; None without one."""

    def bias(self) -> float:
        """The model's own expected log-odds: margin = bias + sum of contributions, up to float32 rounding."""


class TreeModel:
    """An xgboost booster: gradient boosted trees, or a forest grown as parallel trees.

    A few rows are walked by numpy, which spares xgboost's cost of a call, once that has been proved to give the same
    bits on rows made to show a difference. The Shapley values are those of the same trees, in float64 and for any
    number of rows; for very many there are tables, made once enough rows were asked for. A booster that is not plain
    trees, or fails the proof, is left to xgboost altogether.

    What only reasons need is made when they are first asked for, or by `prepare`, before which few rows are left to
    xgboost too: a training predicts by many models that never serve, a batch by one that scores no row alone.
    """

    def __init__(self, stored: bytes, *, threads: int = 0) -> None:
        self._threads = threads or os.cpu_count() or 1
        self._stored, self._boosters = stored, dict[int, xgboost.Booster]()
        self._booster(1)
        self._walk: Trees | None = None  # once prepared
        self._bulk: BulkShapley | None = None
        self._asked, self._lock = 0, threading.Lock()  # rows asked for in bulk so far

    def prepare(self) -> Self:
        """Reads the trees, proves the walk and numbers the edges now, so that no request does."""
        self._booster(self._threads)
        self._shapley  # noqa: B018 a property, kept once it is made
        self._walk = self._trees
        return self

    def _booster(self, count: int) -> xgboost.Booster:
        """The booster of so many threads; whoever needs one first makes it."""
        if count not in self._boosters:
            booster = xgboost.Booster({"nthread": count})
            booster.load_model(bytearray(self._stored))
            booster.set_param({"nthread": count})
            self._boosters.setdefault(count, booster)
        return self._boosters[count]

    @cached_property
    def _trees(self) -> Trees | None:
        trees = read_trees(bytes(self._booster(1).save_raw("json")))
        if trees is None or not trees.depth or trees.cover.min() <= 0:
            return None
        rows = trees.edge_cases(PROOF)
        return trees if np.array_equal(trees.margin(rows), self._ask(rows)) else None

    @cached_property
    def _shapley(self) -> Shapley | None:
        return Shapley(self._trees) if self._trees else None

    def margin(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw log-odds, shape (rows,)."""
        if len(matrix) <= FEW and self._walk is not None:
            return self._walk.margin(matrix)
        return self._ask(matrix)

    def _ask(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        margins = self._booster(self._count(matrix)).inplace_predict(
            matrix, predict_type="margin", validate_features=False
        )
        return np.asarray(margins, dtype=np.float32)

    def contributions(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Exact path-dependent Shapley values (Lundberg 2018, TreeSHAP), shape (rows, features)."""
        if self._shapley is not None:
            return self._shapley.contributions(matrix)
        return self._with_bias(matrix)[:, :-1]

    def contributions_in_bulk(self, matrix: NDArray[np.float32]) -> tuple[NDArray[np.float64], float] | None:
        """The same by tables, and how far apart the two may be; None while too few rows were asked for."""
        if self._trees is None:
            return None
        with self._lock:
            self._asked += len(matrix)
            self._bulk = self._bulk or bulk_shapley(self._trees, self._asked)
        return (self._bulk.contributions(matrix), self._bulk.error) if self._bulk else None

    def bias(self) -> float:
        """The expected log-odds under the trees' own covers."""
        width = self._booster(1).num_features()
        return float(self._with_bias(np.full((1, width), np.nan, dtype=np.float32))[0, -1])

    def _with_bias(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        count = self._count(matrix)
        rows, booster = xgboost.DMatrix(matrix, nthread=count), self._booster(count)
        return np.asarray(booster.predict(rows, pred_contribs=True, validate_features=False), dtype=np.float64)

    def _count(self, matrix: NDArray[np.float32]) -> int:
        return 1 if len(matrix) <= SMALL else self._threads
