"""`python -m benchmarks.families`: how often reasons of one family disagree, feature by feature and by family.

Reads the release of a home and the features of its last day. `--read 50` also writes what so many customers read,
in both languages, as Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import structs
from numpy.typing import NDArray

from features.spec.languages import Language
from scoring.answers.served_release import Live, open_live, status_codes
from scoring.bundle.bundle import Bundle
from scoring.population.days import days_of
from scoring.reasons.reason import Reason
from scoring.reasons.reasons import top_reasons
from training.bundling.families import families

COUNTS = (3, 6)  # reasons that are given
LANGUAGES: tuple[Language, ...] = ("en", "fr")


@dataclass(frozen=True)
class Explained:
    """Customers as encoded, and what each feature adds for them."""

    matrix: NDArray[np.float64]
    contributions: NDArray[np.float64]
    score: NDArray[np.float64]

    def reasons(self, bundle: Bundle, count: int, language: Language = "en") -> Iterator[list[Reason]]:
        """What each customer reads."""
        for values, amounts in zip(self.matrix.tolist(), self.contributions, strict=True):
            yield top_reasons(bundle, values, amounts, count, language)


def main() -> int:
    """Prints the shares, and the sentences where asked; 1 where two reasons of one family disagree."""
    asked = _parser().parse_args()
    live = open_live(asked.home, [asked.use_case])[asked.use_case]
    bundle = live.release.bundle
    found = dict(bundle.manifest.families or families(bundle.features, {}))
    rows = _explained(live, _features(asked.home, asked.use_case), asked.customers, asked.seed)
    alone, together = (_with_families(bundle, own) for own in ({}, found))
    of = {name: family for family, names in found.items() for name in names}
    disagreeing = 0.0
    for count in COUNTS:
        shares = [_disagreeing(rows.reasons(one, count), of) for one in (alone, together)]
        disagreeing = max(disagreeing, shares[1])
        print(
            f"{len(rows.matrix):,} customers, two of one family that disagree among {count} reasons: "
            f"{shares[0]:.1%} feature by feature, {shares[1]:.1%} by family"
        )
    if asked.read:
        print("\n".join(_read(together, rows, asked.read)))
    return int(disagreeing > 0)


def _features(home: Path, name: str) -> pa.Table:
    """The rows that the last day scored."""
    day = days_of(home)[-1]
    return pa.concat_tables([pq.read_table(path) for path in sorted(day.folder.glob(f"features-{name}-??.parquet"))])


def _explained(live: Live, table: pa.Table, count: int, seed: int) -> Explained:
    """Some customers of those that the model speaks of, drawn by seed."""
    encoded = live.scorer.encoder.table(table).matrix
    covered = np.flatnonzero(status_codes(live.scorer, encoded) == 0)
    chosen = np.random.default_rng(seed).permutation(covered)[:count]
    matrix = encoded[chosen]
    scored = live.scorer.score(matrix)
    return Explained(matrix, live.scorer.explain(matrix, scored.margin).contributions, scored.score)


def _with_families(bundle: Bundle, found: dict[str, tuple[str, ...]]) -> Bundle:
    return replace(bundle, manifest=structs.replace(bundle.manifest, families=found))


def _disagreeing(read: Iterator[list[Reason]], of: dict[str, str]) -> float:
    """The share of customers with two reasons of one family in opposite directions."""
    found = []
    for reasons in read:
        directions = defaultdict[str, set[str]](set)
        for reason in reasons:
            directions[of.get(reason["feature"], reason["feature"])].add(reason["direction"])
        found.append(any(len(own) > 1 for own in directions.values()))
    return float(np.mean(found))


def _read(bundle: Bundle, rows: Explained, count: int) -> Iterator[str]:
    """What customers read, three reasons each in both languages."""
    yield ""
    read = [list(rows.reasons(bundle, COUNTS[0], language)) for language in LANGUAGES]
    for number, (score, *sentences) in enumerate(zip(rows.score.tolist(), *read, strict=True), 1):
        if number <= count:
            yield f"{number}. {score:g} of 100"
            yield from (f"   - {_line(reasons)}" for reasons in sentences)


def _line(reasons: Sequence[Reason]) -> str:
    return "; ".join(f"{'▲' if reason['direction'] == 'raises' else '▼'} {reason['text']}" for reason in reasons)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.families", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".penchant"))
    parser.add_argument("--use-case", default="churn")
    parser.add_argument("--customers", type=int, default=900)
    parser.add_argument("--read", type=int, default=0, help="customers whose sentences are written")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
