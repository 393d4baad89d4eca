"""Which rows teach, which stop the teaching, which calibrate, and which only judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.errors import DataError
from training.data.clusters import Clusters

if TYPE_CHECKING:
    from features.build.log_table import LearningTable

LEAST_OF_A_CLASS = 20  # rows of either class below which nothing is trained
LEAST_OF_A_PART = 2  # rows of either class below which a part says nothing
TEST_SHARE = 0.2
SOURCE = "learning table"
CUTOFFS_TO_SPARE = 4  # train cutoffs from which the latest is given to calibration alone
SHARES = (0.7, 0.15, 0.15)  # of the learning rows: fit, stop, calibrate

Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Parts:
    """Four sets of rows that share none; calibration rows are seen by neither fitting nor stopping."""

    fit: pl.DataFrame
    stop: pl.DataFrame
    calibrate: pl.DataFrame
    test: pl.DataFrame

    @property
    def learning(self) -> pl.DataFrame:
        """Every row that is not a test row."""
        return pl.concat([self.fit, self.stop, self.calibrate])

    @property
    def earlier(self) -> pl.DataFrame:
        """Rows whose scores those of the test are compared with: a log's calibration rows, a table's stopping rows."""
        return self.calibrate if self.calibrate["__cutoff"].count() else self.stop

    def counts(self) -> dict[str, int]:
        """Rows of each part, and `train` for all but the test."""
        parts = {"fit": self.fit, "stop": self.stop, "calibrate": self.calibrate, "test": self.test}
        sizes = {name: part.height for name, part in parts.items()}
        return {"train": sum(sizes.values()) - sizes["test"], **sizes}

    def base_rates(self) -> dict[str, float]:
        """The share of positive labels among learning and test rows."""
        return {"train": positive_share(self.learning), "test": positive_share(self.test)}


def labels(rows: pl.DataFrame) -> NDArray[np.float64]:
    """The outcomes, 0 or 1."""
    return rows["__label"].cast(pl.Float64).to_numpy()


def clusters_of(rows: pl.DataFrame) -> Clusters:
    """Which rows are one customer's, or copies of one row."""
    return Clusters.of(rows["__group"].to_numpy())


def positive_share(rows: pl.DataFrame) -> float:
    """The base rate."""
    return float(labels(rows).mean()) if rows.height else 0.0


def split(table: LearningTable, *, seed: int) -> Parts:
    """Parts a learning table: a log by time, a ready table by its order or, without one, by chance.

    Raises:
        DataError: A class has fewer than 20 rows, or a part lacks one; the message names the counts.
    """
    _check_classes(table.rows)
    test = _test_rows(table, seed)
    keys = table.rows.select("__cutoff", "__group", "__label")  # all that dealing asks of a row
    part = np.full(table.rows.height, 3)
    part[~test] = _deal(keys.filter(~test), own_cutoff(table), seed=seed)
    return check(Parts(*(table.rows.filter(part == number) for number in range(4))))


def learning_parts(
    rows: pl.DataFrame, own_cutoff: Any, *, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Fitting, stopping and calibration rows; those of `own_cutoff`, where given, calibrate and do nothing else."""
    part = _deal(rows, own_cutoff, seed=seed)
    return rows.filter(part == 0), rows.filter(part == 1), rows.filter(part == 2)


def _deal(rows: pl.DataFrame, own_cutoff: Any, *, seed: int) -> NDArray[np.int64]:
    """0 for a fitting row, 1 for a stopping row, 2 for a calibration row."""
    if own_cutoff is None:
        return share_out(rows, SHARES, seed=seed + 1)
    own = (rows["__cutoff"] == own_cutoff).to_numpy()
    part = np.full(rows.height, 2)
    part[~own] = share_out(rows.filter(~own), (SHARES[0], SHARES[1] + SHARES[2]), seed=seed + 1)
    return part


def share_out(rows: pl.DataFrame, shares: tuple[float, ...], *, seed: int) -> NDArray[np.int64]:
    """A part for each row, 0, 1, ...: stratified by label, whole groups at a time, by a seeded hash of the group.

    A group is a customer, or all rows of one content. It is dealt to the part that its middle row falls into when the
    groups of its stratum are laid end to end in the order of their hashes.
    """
    group, where = np.unique(rows["__group"].to_numpy(), return_inverse=True)
    sizes = np.bincount(where, minlength=len(group)).astype(np.float64)
    stratum = np.zeros(len(group))
    np.maximum.at(stratum, where, labels(rows))
    order = np.lexsort((_mixed(group, seed), stratum))
    part = np.empty(len(group), dtype=np.int64)
    edges = np.cumsum(shares)[:-1] / np.sum(shares)
    for value in (0.0, 1.0):
        members = order[stratum[order] == value]
        middles = np.cumsum(sizes[members]) - sizes[members] / 2
        part[members] = np.searchsorted(edges, middles / max(sizes[members].sum(), 1.0), side="right")
    return part[where]


def check(parts: Parts) -> Parts:
    """The same parts, every one of them holding both classes."""
    named = {"fitting": parts.fit, "stopping": parts.stop, "calibration": parts.calibrate, "test": parts.test}
    poor = [
        f"{name} has {int(labels(part).sum())} positive of {part.height}"
        for name, part in named.items()
        if min(labels(part).sum(), part.height - labels(part).sum()) < LEAST_OF_A_PART
    ]
    if poor:
        raise DataError(
            SOURCE, [f"every part needs {LEAST_OF_A_PART} rows of either class, got too few: {'; '.join(poor)}"]
        )
    return parts


def customers_by_class(rows: pl.DataFrame) -> tuple[int, int]:
    """How many customers have a row of label 0, and of label 1; at every cutoff anew, and copies of a row once."""
    met = rows.select("__group", "__cutoff", "__label").unique()["__label"].cast(pl.Int64)
    return int((met == 0).sum()), int((met == 1).sum())


def _check_classes(rows: pl.DataFrame) -> None:
    negatives, positives = customers_by_class(rows)
    if min(positives, negatives) < LEAST_OF_A_CLASS:
        rule = f"training needs at least {LEAST_OF_A_CLASS} rows of either class, a customer's counted once"
        raise DataError(SOURCE, [f"{rule}, got {positives} positive and {negatives} negative"])


def _test_rows(table: LearningTable, seed: int) -> Rows:
    rows = table.rows
    if table.cutoffs is not None and table.cutoffs.test not in table.cutoffs.train:  # a campaign's are of one moment
        return (rows["__cutoff"] == table.cutoffs.test).to_numpy()
    if rows["__order"].null_count() < rows.height:
        return _latest(rows["__order"])
    test: NDArray[np.bool_] = share_out(rows, (1 - TEST_SHARE, TEST_SHARE), seed=seed) == 1
    return test


def _latest(order: pl.Series) -> Rows:
    """The last fifth by order, as near as rows of one moment, which stay together, allow; no order is the earliest."""
    counts = order.value_counts().drop_nulls().sort(order.name)
    if counts.height < 2:
        raise DataError(SOURCE, ["an out-of-time split needs at least two moments to order by, got one"])
    later = counts["count"].sum() - counts["count"].cum_sum() + counts["count"]
    start = int((later[1:] / order.len() - TEST_SHARE).abs().arg_min() or 0) + 1
    latest: NDArray[np.bool_] = (order >= counts[order.name][start]).fill_null(value=False).to_numpy()
    return latest


def own_cutoff(table: LearningTable) -> Any:
    """The latest train cutoff, to calibrate on alone, where there are enough others to fit on; else None."""
    train = table.cutoffs.train if table.cutoffs is not None else ()
    return train[-1] if len(train) >= CUTOFFS_TO_SPARE else None


def _mixed(group: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """A seeded hash of hashes (splitmix64, Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        mixed = group + np.uint64(0x9E3779B97F4A7C15) * np.uint64(2 * seed + 1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
