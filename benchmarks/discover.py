"""Verdicts on twenty sets without clusters and on planted shapes, and on CDNOW and Online Retail II; a million rows.

`make discover` (PENCHANT_DATA names the data). Nothing of it is tuned to: the sets are drawn anew with --seed.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.datasets import make_circles
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from features.build.discovery_rows import DiscoveryRows, discovery_rows
from features.config.discovery_file import load_discovery
from features.spec.feature import Feature
from training.segmentation.discover import Discovered, discover
from training.segmentation.prototypes import micro_centroids, ward
from training.segmentation.scaled_space import scaled_space

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROWS = 3_000
MILLION, WIDE = 1_000_000, 20
DATA = Path(os.environ.get("PENCHANT_DATA", "."))
LOGS = {
    "CDNOW": ("cdnow_transactions.parquet", "date", "1998-04-02"),
    "Online Retail II": ("online_retail_ii_invoices.parquet", "ts", "2011-09-10"),
}


@dataclass(frozen=True, slots=True)
class Planted:
    """Rows with the cluster of each, and the method that is asked to find them."""

    rows: Floats
    truth: Integers
    method: str = "kmeans"


def structureless(random: np.random.Generator) -> dict[str, Floats]:
    """Sets without clusters, by name."""
    sets = {f"uniform, {width}": random.random((ROWS, width)) for width in (2, 5, 10)}
    sets |= {f"one Gaussian, {width}": random.normal(size=(ROWS, width)) for width in (2, 5, 20)}
    sets |= {f"lognormal, {width}": np.exp(random.normal(size=(ROWS, width)) * 1.5 + 2) for width in (3, 6)}
    for link in (0.5, 0.9):
        shared = np.full((4, 4), link) + (1 - link) * np.eye(4)
        sets[f"correlated, {link}"] = random.multivariate_normal(np.zeros(4), shared, ROWS)
    shared = np.full((5, 5), 0.7) + 0.3 * np.eye(5)
    sets["correlated lognormal"] = np.exp(random.multivariate_normal(np.zeros(5), shared, ROWS) * 1.2 + 3)
    sets["exponential"] = random.exponential(size=(ROWS, 4))
    sets["heavy tails"] = random.standard_t(3, size=(ROWS, 4))
    sets["counts"] = random.poisson(2, size=(ROWS, 5)).astype(float)
    sets["many zeros"] = np.where(random.random((ROWS, 4)) < 0.5, 0, np.exp(random.normal(size=(ROWS, 4)) + 3))
    sets["one Gaussian, 150 rows"] = random.normal(size=(150, 5))
    return sets


def permuted(rows: pl.DataFrame, names: list[str], random: np.random.Generator) -> Floats:
    """Columns of real customers, each shuffled by itself."""
    return np.column_stack([random.permutation(rows[name].cast(pl.Float64).to_numpy()) for name in names])


def planted(random: np.random.Generator) -> dict[str, Planted]:
    """Sets with clusters, by shape."""
    five, three, two = (random.integers(0, k, ROWS) for k in (5, 3, 2))
    centers = random.normal(size=(5, 6)) * 5
    uneven = random.choice(3, ROWS, p=[0.85, 0.1, 0.05])
    corners = np.array([[0.0, 0, 0, 0], [7, 0, 0, 0], [0, 7, 7, 0]])
    turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    long = np.column_stack([random.normal(size=ROWS) * 6, random.normal(size=ROWS) + three * 7])
    gap = random.normal(size=(ROWS, 5))
    gap[:, 2] = random.normal(size=ROWS) * 0.5 + two * 5
    circles, ring = make_circles(ROWS, factor=0.4, noise=0.05, random_state=int(random.integers(1000)))
    return {
        "blobs": Planted(centers[five] + random.normal(size=(ROWS, 6)), five),
        "unequal sizes": Planted(corners[uneven] + random.normal(size=(ROWS, 4)), uneven),
        "elongated": Planted(long, three),
        "elongated, turned": Planted(long @ turn.T, three),
        "gap in one feature": Planted(gap, two),
        "rings by density": Planted(circles, ring.astype(np.int64), "density"),
        "blobs by a tree": Planted(centers[five] + random.normal(size=(ROWS, 6)), five, "hierarchical"),
    }


def of_numbers(rows: Floats) -> DiscoveryRows:
    """Numbers as customers."""
    table = pl.DataFrame({f"f{at}": rows[:, at] for at in range(rows.shape[1])})
    features = tuple(Feature(name, "number") for name in table.columns)
    return DiscoveryRows(table, features, (), (None,), False, "", "")


def log_rows(name: str, folder: Path) -> DiscoveryRows:
    """The customers of a public log, at three moments."""
    file, moment, cutoff = LOGS[name]
    text = (
        f'name = "groups"\nseed = 7\n[events]\npath = "{DATA / file}"\ncustomer_id = "customer_id"\n'
        f'timestamp = "{moment}"\namount = "amount"\ntype = "purchase"\n'
        f'[window]\nprediction = "90d"\ntest_cutoff = "{cutoff}"\n[discover]\n'
    )
    (folder / "log.toml").write_text(text)
    return discovery_rows(load_discovery(folder / "log.toml"))


def timed(name: str, work: Callable[[], Discovered]) -> Discovered:
    """Runs and prints what was found, with the processor time it took."""
    begun = time.process_time()
    found = work()
    judged = found.structure
    null = f"z {judged.null.z(found.tried):5.1f}, excess {judged.null.excess(found.tried):+.3f}" if judged else ""
    print(
        f"{name:32} {found.verdict:9} k = {found.grouping.k}  {null}  {time.process_time() - begun:.1f} s", flush=True
    )
    return found


def main() -> None:
    """Prints all verdicts; ends with 1 where one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=("none", "planted", "logs", "million"))
    options = parser.parse_args()
    random, wrong = np.random.default_rng(options.seed), 0
    with threadpool_limits(1), tempfile.TemporaryDirectory() as scratch:
        if options.only in (None, "none"):
            sets = structureless(random)
            for name in LOGS:
                rows = log_rows(name, Path(scratch))
                sets[f"{name}, permuted"] = permuted(rows.rows, [one.name for one in rows.features], random)
                every = [one.name for one in rows.every if one.type != "category"]
                sets[f"{name}, all permuted"] = permuted(rows.rows, every, random)
            for name, points in sets.items():
                found = timed(name, lambda p=points: discover(of_numbers(p), method="kmeans", k=None, seed=1))  # type: ignore[misc]
                wrong += found.verdict == "clusters"
        if options.only in (None, "planted"):
            wrong += sum(_missed(name, one) for name, one in planted(random).items())
        if options.only in (None, "logs"):
            for name in LOGS:
                _log(name, Path(scratch))
        if options.only in (None, "million"):
            _million(random)
    raise SystemExit(int(wrong > 0))


def _missed(name: str, one: Planted) -> bool:
    rows = of_numbers(one.rows)
    found = timed(name, lambda: discover(rows, method=one.method, k=None, seed=1))  # type: ignore[arg-type]
    space = found.structure.space if found.structure else scaled_space(rows.rows, rows.features)
    agreed = adjusted_rand_score(one.truth, found.grouping.assign(space.points(space.columns(rows.rows))))
    print(f"{'':32} adjusted Rand {agreed:.3f}", flush=True)
    return found.verdict != "clusters" or agreed < 0.95


def _log(name: str, folder: Path) -> None:
    rows = log_rows(name, folder)
    for k in (None, 3, 4, 5, 6):
        found = timed(f"{name}, k {k or 'open'}", lambda k=k: discover(rows, method="kmeans", k=k, seed=7))  # type: ignore[misc]
        gain = f"{found.gain.score:.4f} - {found.gain.gain:.4f}" if found.gain else ""
        jaccard = f"{min(found.jaccard):.2f}" if found.jaccard else ""
        rand = ", ".join(f"{one:.2f}" for one in found.rand_over_time)
        print(f"{'':6}order kept: {found.order_kept}, log-loss {gain}, Jaccard from {jaccard}, Rand {rand}")
        for moment, rates in zip(rows.moments[1:], found.rates, strict=True):
            shown = ", ".join(f"{one.rate:.3f} ({one.low:.3f} to {one.high:.3f})" for one in rates)
            print(f"{'':6}{moment:%Y-%m-%d}: {shown}", flush=True)


def _million(random: np.random.Generator) -> None:
    centers = random.normal(size=(6, WIDE)) * 2
    rows = centers[random.integers(0, 6, MILLION)] + random.normal(size=(MILLION, WIDE))
    given = of_numbers(rows)
    timed("a million rows, K-means", lambda: discover(given, method="kmeans", k=None, seed=1))
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    tree = ward(*micro_centroids(rows, seed=1))
    spent = time.process_time() - begun
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"a million rows, dendrogram of {len(tree.leaves)} leaves: {spent:.1f} s, {peak:.0f} MB more at most")


if __name__ == "__main__":
    main()
