"""`python -m benchmarks.moves`: why a thousand customers moved between the two days of `make run`, held by other means.

The contributions of each must add up to the change of the log-odds of the scores that the days hold, and the rules that
flipped must be those whose own text DuckDB finds true on one day only: of the policy in force, which must read scores
alone, as the default one does.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from scoring.answers.served_release import Live
from scoring.population.days import Day, days_of
from scoring.population.moves import AskedMove, customer_move
from scoring.population.read_days import day_rows
from scoring.releases.store import load_release
from scoring.segments.assignment import current_policy
from scoring.segments.policy import Policy

FARTHEST = 1e-9  # log-odds
FIELDS = ("status", "probability", "score", "percentile", "band")


def main() -> int:
    """Prints the worst sum and how many rules flipped; 1 where anything does not hold."""
    asked = _parser().parse_args()
    first, last = days_of(asked.home)[-2:]
    live = {name: Live(load_release(asked.home, name)) for name in last.manifest.models}
    rows = [_by_id(asked.home, day) for day in (first, last)]
    policy = current_policy(asked.home)
    holds = [_rules_by_duckdb(asked.home, day, policy, live) for day in (first, last)]
    both = sorted(who for who in rows[0].keys() & rows[1].keys() if _scored(asked.use_case, rows, who))
    chosen = random.Random(asked.seed).sample(both, min(asked.customers, len(both)))  # noqa: S311 no secret
    worst, flipped, wrong = 0.0, 0, 0
    for who in chosen:
        move = customer_move(asked.home, AskedMove(asked.use_case, who, first.folder.name, last.folder.name), live)
        odds = [_log_odds(day[who][f"{asked.use_case}_probability"]) for day in rows]
        worst = max(worst, abs(math.fsum(move["contributions"].values()) - (odds[1] - odds[0])))
        expected = {code for code in policy.by_code if (who in holds[0][code]) != (who in holds[1][code])}
        flipped += bool(expected)
        wrong += expected != {rule["code"] for rule in move["rules"]}
    print(f"{len(chosen):,} customers: sums within {worst:.1e}; {flipped:,} with a rule that flipped, {wrong:,} wrong")
    return int(worst > FARTHEST or wrong > 0)


def _by_id(home: Path, day: Day) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in day_rows(home, day).to_pylist()}


def _scored(name: str, rows: list[dict[str, dict[str, Any]]], who: str) -> bool:
    return all(day[who][f"{name}_probability"] is not None for day in rows)


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _rules_by_duckdb(home: Path, day: Day, policy: Policy, live: Mapping[str, Live]) -> dict[str, set[str]]:
    """Whom the text of each segment's own rule holds for, by its code."""
    with duckdb.connect() as connection:
        connection.register("people", day_rows(home, day))
        structs = ", ".join(_struct(name, one) for name, one in live.items())
        spoken = " AND ".join(f"{name}_status IN ('scored', 'not_eligible')" for name in policy.use_cases)
        asked = connection.view("people").filter(spoken).project(f"customer_id, {structs}")
        return {
            segment.code: {who for (who,) in asked.filter(segment.text).project("customer_id").fetchall()}
            for segment in policy.ordered
        }


def _struct(name: str, live: Live) -> str:
    """A use case's fields as a struct of its name, so that a rule's text is SQL as it stands."""
    codes = live.scorer.bundle.ladder.codes
    fields = [f"{own} := {name}_{own}" for own in FIELDS]
    fields += [f"{rung}_band := {name}_band = '{codes[at]}'" for rung, at in (("lowest", 0), ("highest", -1))]
    return f'struct_pack({", ".join(fields)}) AS "{name}"'


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.moves", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".penchant"))
    parser.add_argument("--use-case", default="churn")
    parser.add_argument("--customers", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
