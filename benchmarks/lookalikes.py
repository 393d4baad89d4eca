"""`python -m benchmarks.lookalikes`: fifty future big spenders of CDNOW as a seed, who else becomes one found by it.

A big spender is one of the twentieth of all customers who spend most in the 90 days after 1998-04-02; features are of
before that moment. Each draw takes fifty of them as a seed and ranks everybody else: by the model that a list is made
with, and by the distance to the mean of the seed, what look-alikes are made by without one.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.config.use_case import LogUseCase, load_use_case
from training.evaluation.metrics import Outcomes
from training.fitting.linear import read_number, scale_of
from training.lookalike.customer_table import CustomerTable
from training.lookalike.seed_file import SeedFile
from training.lookalike.seed_model import fit_seed_model, learned_rows
from training.lookalike.use_case_customers import use_case_customers

USE_CASE = Path(__file__).parents[1] / "examples/cdnow/propensity.toml"
MOMENT, WINDOW = datetime(1998, 4, 2, tzinfo=UTC), timedelta(days=90)
BIG, SEED, DRAWS = 0.05, 50, 20
LEAST = {"roc_auc": 0.88, "lift_at_10": 5.5}
KINDS = ("look-alike", "centroid")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spenders:
    """CDNOW's customers as of the moment, and who of them becomes a big spender."""

    table: CustomerTable
    big: NDArray[np.bool_]
    standardised: Floats  # features as the model reads them, a missing value at the mean


def spenders() -> Spenders:
    """Read from the example."""
    use_case = load_use_case(USE_CASE)
    assert isinstance(use_case, LogUseCase)
    table = use_case_customers(use_case, Path("no home"), SeedFile((), 0, 0), MOMENT)
    later = (pl.col("date") >= MOMENT.date()) & (pl.col("date") < (MOMENT + WINDOW).date())
    events = pl.read_parquet(use_case.events.path).filter(later).group_by("customer_id").agg(pl.col("amount").sum())
    spent = dict(zip(events["customer_id"].cast(pl.String), events["amount"], strict=True))
    amounts = np.asarray([spent.get(customer, 0.0) for customer in table.customers])
    big = np.zeros(len(amounts), np.bool_)
    big[np.argsort(-amounts, kind="stable")[: int(BIG * len(amounts))]] = True
    columns = []
    for feature, column in zip(table.features, table.matrix.T, strict=True):
        scale = scale_of(feature, column, always_log=False)
        columns.append(np.nan_to_num((read_number(column, scale) - scale.centre) / scale.spread))
    return Spenders(table, big, np.column_stack(columns))


def drawn(found: Spenders, number: int) -> dict[str, tuple[float, float]]:
    """ROC-AUC and lift@10 of one draw by kind, of all who are not of the seed."""
    random = np.random.default_rng(number)
    seed = np.zeros(len(found.big), np.bool_)
    seed[random.choice(np.flatnonzero(found.big), SEED, replace=False)] = True
    model = fit_seed_model(found.table, seed, learned_rows(seed, found.table.known(), random))
    away = np.square(found.standardised - found.standardised[seed].mean(axis=0)).sum(axis=1)
    scores = dict(zip(KINDS, (model.log_odds(found.table.matrix), -away), strict=True))
    return {kind: _figures(found.big[~seed], score[~seed]) for kind, score in scores.items()}


def _figures(label: NDArray[np.bool_], score: Floats) -> tuple[float, float]:
    ranks = (np.searchsorted(np.sort(score), score) + 0.5) / len(score)  # the metrics take probabilities
    figures = Outcomes.of(label, ranks).figures()
    return figures["roc_auc"], figures["lift_at_10"]


def means(found: Spenders, draws: int) -> dict[str, tuple[float, float]]:
    """Mean ROC-AUC and lift@10 by kind."""
    each = [drawn(found, number) for number in range(draws)]
    return {kind: tuple(np.mean([one[kind] for one in each], axis=0).tolist()) for kind in KINDS}


def main() -> int:
    """Prints the means; 1 where the model is below what it must reach."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lookalikes", description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=DRAWS)
    found = means(spenders(), parser.parse_args().draws)
    for kind, (area, lift) in found.items():
        print(f"{kind}: ROC-AUC {area:.3f}, lift@10 {lift:.2f}")
    area, lift = found["look-alike"]
    return int(area < LEAST["roc_auc"] or lift < LEAST["lift_at_10"])


if __name__ == "__main__":
    sys.exit(main())
