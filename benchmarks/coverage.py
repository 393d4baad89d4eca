"""`python -m benchmarks.coverage`: how often 95% intervals hold the truth, that of a million fresh rows.

Synthetic populations of 150 to 5,000 rows, calibrated or not, rare or not; in half of them customers come three or four
times, with the same outcome each time or with outcomes that are alike.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.clusters import Clusters
from training.evaluation.metrics import intervals, measure

METRICS = ("roc_auc", "log_loss", "ece")
LEAST, MOST = 0.92, 0.98
FRESH = 1_000_000
FEWEST = 5  # rows of the rarer class below which a sample is drawn anew
RARER = (30, 60, 120, 200)  # rows of the rarer class that are expected with --few

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """Customers of log-odds `offset + slope * z`, served as `a` times that plus `b`."""

    offset: float
    slope: float
    a: float
    b: float
    times: int  # rows of a customer
    alike: bool  # whether a customer's rows are copies

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Population:
        """One at random; a third of them served as they are."""
        a, b = [(1.0, 0.0), (random.uniform(0.6, 1.5), random.normal(0, 0.25)), (1.0, random.normal(0, 0.08))][
            int(random.integers(3))
        ]
        times = int(random.choice([1, 1, 3, 4]))
        return cls(random.uniform(-3, 0.5), random.uniform(0.2, 1.6), a, b, times, bool(random.random() < 0.5))

    def sample(self, random: np.random.Generator, rows: int) -> tuple[Floats, Floats, Clusters]:
        """Labels, served probabilities, and whose each row is."""
        customers = rows // self.times
        who = np.repeat(np.arange(customers), self.times)
        z, draw = random.normal(size=customers)[who], random.random(customers)[who]
        if not self.alike:
            z = z + 0.5 * random.normal(size=len(who)) * (self.times > 1)
            draw = np.where(random.random(customers)[who] < 0.5, draw, random.random(len(who)))
        odds = self.offset + self.slope * z
        label = (draw < 1 / (1 + np.exp(-odds))).astype(np.float64)
        return label, 1 / (1 + np.exp(-(self.a * odds + self.b))), Clusters.of(who)


def truth(population: Population, random: np.random.Generator, *, fresh: int = FRESH) -> dict[str, float]:
    """The metrics of so many fresh rows."""
    label, served, _ = population.sample(random, fresh)
    return measure(label, served)


def covering(
    population: Population, rows: int, true: dict[str, float], random: np.random.Generator, *, seed: int
) -> dict[str, bool]:
    """By metric whether the interval of one sample holds the truth."""
    while True:
        label, served, clusters = population.sample(random, rows)
        if FEWEST <= label.sum() <= len(label) - FEWEST:
            break
    found = intervals(label, served, clusters, seed=seed)
    return {name: found[name][0] <= true[name] <= found[name][1] for name in METRICS}


def covered(seed: int, *, few: bool = False) -> tuple[bool, dict[str, bool]]:
    """Whether customers come again in a population, and by metric whether its interval holds the truth."""
    random = np.random.default_rng([17, seed])
    population, rows = Population.drawn(random), int(random.choice([150, 300, 600, 1200, 2500, 5000]))
    true = truth(population, random)
    if few:
        label = population.sample(random, 100_000)[0]
        rows = int(random.choice(RARER) / min(label.mean(), 1 - label.mean()))
    return population.times > 1, covering(population, rows, true, random, seed=seed)


def main() -> int:
    """Prints a table; 1 where a metric's intervals hold the truth less than 92% or more than 98% of the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--populations", type=int, default=300)
    parser.add_argument("--few", action="store_true", help="30 to 200 rows of the rarer class each")
    options = parser.parse_args()
    found = []
    for seed in range(count := options.populations):
        found.append(covered(seed, few=options.few))
        print(f"{seed + 1} of {count}", file=sys.stderr, flush=True)
    print("| 95% interval of | holds the truth | customers once | customers again |\n|---|---|---|---|")
    shares = {}
    for name in METRICS:
        parts = [[one[name] for again, one in found if again in which] for which in ((False, True), (False,), (True,))]
        shares[name] = float(np.mean(parts[0]))
        print(f"| {name} | {' | '.join(f'{np.mean(part):.1%} of {len(part)}' for part in parts if part)} |")
    return int(not all(LEAST <= share <= MOST for share in shares.values()))


if __name__ == "__main__":
    raise SystemExit(main())
