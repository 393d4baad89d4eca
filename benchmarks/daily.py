"""`python -m benchmarks.daily`: what pages of a day cost with a million customers behind them.

A day is made of drawn parts, as a run writes them, and indexed and read by the very code that serves; processor time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scoring.models.bands import published_score
from scoring.population.cursors import Cursor
from scoring.population.customer_pages import CustomerQuery, Order
from scoring.population.day_index import INDEX, PROFILE, UseCaseCodes, write_index
from scoring.population.days import PARTS, DayManifest, day_folder, digests
from scoring.population.partitioned import part_name
from scoring.population.ranked import DayIndex, open_index
from scoring.population.write_day import seal_day
from scoring.privacy import suppression

DAY = datetime(2026, 3, 1, tzinfo=UTC)
BANDS, REASONS = ("low", "medium", "high"), ("frequency", "monetary", "recency", "regularity", "tenure", "trait")
SEGMENTS = [f"segment_{number}" for number in range(11)]
CODES = UseCaseCodes(BANDS, REASONS)
NAMES = ("churn", "propensity")
OBJECTORS = 1_000
Question = Callable[[DayIndex], int]


def main() -> int:
    """Prints a line for each kind of page, and for searches."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.daily", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        begun = time.process_time()
        seconds = write(home, options.customers)
        size = (day_folder(home, DAY) / INDEX).stat().st_size
        print(f"{options.customers:,} customers drawn in {time.process_time() - begun - seconds:.1f} s")
        print(f"index: {size / 2**20:,.0f} MiB, written in {seconds:.1f} s of processor time\n")
        print("| asked | of | ms, median | ms, worst |\n|---|---|---|---|")
        for name, asked in _questions(home).items():
            total, spent = _measured(home, asked, options.rounds)
            print(f"| {name} | {total:,} | {median(spent):.1f} | {max(spent):.1f} |", flush=True)
    return 0


def write(home: Path, customers: int) -> float:
    """Draws a day with objectors and returns the seconds of processor time that its index took."""
    folder, random = day_folder(home, DAY), np.random.default_rng(1)
    folder.mkdir(parents=True)
    for number in range(PARTS):
        ids = [f"C-{each:07d}" for each in range(number, customers, PARTS)]
        pq.write_table(_part(ids, random), folder / part_name("part", number))
    suppression.add(home, [f"C-{each:07d}" for each in range(0, customers, max(1, customers // OBJECTORS))])
    begun = time.process_time()
    write_index(home, folder, dict.fromkeys(NAMES, CODES))
    seconds = time.process_time() - begun
    seal_day(
        folder,
        DayManifest(
            run_id="drawn",
            as_of=DAY,
            policy="drawn",
            models=dict.fromkeys(NAMES, "1"),
            customers=customers,
            files=digests(folder),
        ),
    )
    return seconds


def _part(ids: list[str], random: np.random.Generator) -> pa.Table:
    segments = random.integers(0, len(SEGMENTS), len(ids))
    columns: dict[str, pa.Array] = {
        "customer_id": pa.array(ids),
        "segment": pa.array(SEGMENTS).take(pa.array(segments)),
        "segment_path": pa.array([[SEGMENTS[one]] for one in segments]),
        "also": pa.array([["often"] if one else [] for one in random.random(len(ids)) < 0.1], pa.list_(pa.string())),
    }
    expected = np.full(len(ids), 6, np.int16)
    missing = random.binomial(expected, 0.2).astype(np.int16)  # a quarter of the customers lack nothing
    profile = (missing, expected, random.random(len(ids)))
    columns |= {name: pa.array(values) for name, values in zip(PROFILE, profile, strict=True)}
    for name in NAMES:
        columns |= {f"{name}_{own}": values for own, values in _scores(len(ids), random).items()}
    facts = {"segments": [{"code": code} for code in (*SEGMENTS, "often")]}
    return pa.table(columns).replace_schema_metadata({"penchant": json.dumps(facts)})


def _scores(count: int, random: np.random.Generator) -> dict[str, pa.Array]:
    """One use case's columns; a tenth is not eligible."""
    silent = random.random(count) < 0.1
    probability = random.beta(2, 5, count)
    drawn: dict[str, pa.Array] = {
        "status": pa.array(np.where(silent, "not_eligible", "scored")),
        "probability": pa.array(probability, mask=silent),
        "score": pa.array(published_score(probability), mask=silent),
        "percentile": pa.array(random.integers(1, 101, count).astype(np.int32), mask=silent),
        "band": pa.array(BANDS).take(pa.array(np.digitize(probability, (0.2, 0.5)), mask=silent)),
    }
    for rank in range(1, 4):
        codes = random.integers(0, len(REASONS), count)
        drawn |= {
            f"reason_{rank}_code": pa.array(REASONS).take(pa.array(codes, mask=silent)),
            f"reason_{rank}_feature": pa.array([f"{code}_90d" for code in REASONS]).take(pa.array(codes, mask=silent)),
            f"reason_{rank}_contribution": pa.array(np.round(random.normal(0, 1, count), 9), mask=silent),
            f"reason_{rank}_value": pa.array(np.round(random.gamma(2, 40, count), 2), mask=silent).cast(pa.string()),
        }
    return drawn


def _questions(home: Path) -> dict[str, Question]:
    """What is asked, each of a freshly opened index, as a request does; each gives how many there are."""
    filters = {
        "all": CustomerQuery(),
        "a use case": CustomerQuery(use_case="churn"),
        "a segment": CustomerQuery(use_case="churn", segment="segment_3"),
        "a band": CustomerQuery(use_case="churn", band="high"),
        "a reason": CustomerQuery(use_case="churn", reason="recency"),
        "all filters": CustomerQuery(use_case="churn", segment="segment_3", band="high", reason="recency"),
    }
    orders: tuple[Order, ...] = ("-score", "score", "customer_id")
    asked: dict[str, Question] = {}
    for name, query in filters.items():
        for order in orders if query.use_case else ("customer_id",):
            asked |= _pages(home, name, CustomerQuery(query.use_case, query.segment, query.band, query.reason, order))
    asked |= _pages(home, "profiles", CustomerQuery(order="refresh"))
    asked |= _pages(home, "profiles of a segment", CustomerQuery(segment="segment_3", order="refresh"))
    for contains in ("1", "00", "12345", "C-0123456", "nobody"):
        asked[f"search {contains!r}"] = partial(_search, contains)
    asked["counts of a segment"] = lambda index: index.counts(filters["a segment"]).total
    return asked


def _pages(home: Path, name: str, query: CustomerQuery) -> dict[str, Question]:
    """The first page, the one in the middle, and the last."""
    index = open_index(home)
    found: dict[str, Question] = {}
    rows, first = index.ranked(query), index.page(query, limit=1).next
    assert first
    for place, skipped in {"first": 0, "middle": len(rows) // 2, "last": len(rows) - 50}.items():
        after = replace(first, rank=index.rank(query, int(rows[skipped - 1]))) if skipped else None
        found[f"{name} by {query.order}, {place} page"] = partial(_page, query, after)
    return found


def _page(query: CustomerQuery, after: Cursor | None, index: DayIndex) -> int:
    return index.page(query, after=after).total


def _search(contains: str, index: DayIndex) -> int:
    return index.search(contains).total


def _measured(home: Path, asked: Question, rounds: int) -> tuple[int, list[float]]:
    """How many there are, and milliseconds of processor time of each round."""
    total, spent = 0, []
    for _ in range(rounds):
        begun = time.process_time()
        total = asked(open_index(home))
        spent.append(1000 * (time.process_time() - begun))
    return total, spent


if __name__ == "__main__":
    raise SystemExit(main())
