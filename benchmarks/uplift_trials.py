"""`python -m benchmarks.uplift_trials`: campaigns with an effect, with none, and the same for all; which are adopted.

Each is a campaign of its own up to the gate's decision, drawn anew. Where nothing is to be learned, or plain response
is as good, uplift may be adopted in 5% of them at most; where it is planted, nearly always.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from tests.support.campaign_world import Effect, campaign, on_all, on_visits, task_of, write_campaign
from training.data.split import split
from training.promotion.gate import uplift_decision
from training.uplift.learned_uplift import learn_campaign

ROWS = 3000
MOST_ADOPTED = 0.05  # of campaigns in which uplift is worth no more than plain response
LEAST_ADOPTED = 0.8  # of those in which it is planted
WORLDS: dict[str, tuple[Effect, float, float]] = {  # effect on log-odds; base and slope of those without a contact
    "none": (on_all(0.0), -1.0, 2.0),
    "same for all": (on_all(0.8), -2.5, 0.8),
    "planted": (on_visits(2.0), -1.0, 2.0),
}


def main() -> int:
    """Runs the trials; 1 where a world is adopted oftener, or less often, than it may be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.uplift_trials", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=200, help="campaigns of each world")
    parser.add_argument("--candidate", choices=("logit", "xgboost"), default="", help="default: both compete")
    options = parser.parse_args()
    bad = 0
    for world in WORLDS:
        rules = Counter(decided(world, seed, options.candidate) for seed in range(options.runs))
        adopted = rules["uplift_adopted"] / options.runs
        allowed = adopted >= LEAST_ADOPTED if world == "planted" else adopted <= limit(options.runs)
        bad += not allowed
        print(f"{world}: adopted {rules['uplift_adopted']} of {options.runs}, {dict(rules)}", flush=True)
    return int(bad > 0)


def decided(world: str, seed: int, candidate: str) -> str:
    """The gate's rule for one campaign."""
    effect, base, slope = WORLDS[world]
    with tempfile.TemporaryDirectory() as folder:
        rows = campaign(ROWS, effect, seed=seed, base=base, slope=slope)
        task = task_of(write_campaign(Path(folder), rows, seed=seed, candidate=candidate))
    lesson = learn_campaign(task, split(task.table, seed=task.seed))
    assert lesson is not None
    return uplift_decision(lesson.evidence).rule


def limit(runs: int) -> float:
    """The share of adopted campaigns that runs at the stated rate exceed once in a thousand times."""
    return MOST_ADOPTED + 3.1 * float(np.sqrt(MOST_ADOPTED * (1 - MOST_ADOPTED) / runs))


if __name__ == "__main__":
    sys.exit(main())
