"""`python -m benchmarks.engines`: features of whole examples on each engine, held against DuckDB's to the bit.

Elapsed seconds of this machine, beside whatever else runs on it; an engine's first query has its own start.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.doors import mailing
from benchmarks.tasks import ROOT
from features.config.use_case import LogUseCase
from features.leakage.perturbation import same_bytes
from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from features.sources.engines.open_engine import feature_engine
from tests.support.edge_log import edge_case
from tests.support.engines import stated_engine
from tests.support.worlds import load_log

PEOPLE = 4_000  # of the mailing example, as `make mailing` writes it
_row = "| {:14} | {:8} | {:>9} | {:>8} | {:>7} | {:>15} |"


def main() -> int:
    """Prints a row for each example and engine; 1 where a column differs."""
    apart = 0
    print(_row.format("example", "engine", "customers", "features", "seconds", "columns apart"))
    print(_row.format(*["---"] * 6))
    with tempfile.TemporaryDirectory() as name:
        examples = dict(_examples(Path(name)))
        for kind in ("postgres", "spark"):
            with stated_engine(kind) as stated:
                for example, use_case in examples.items():
                    with engine() as backend, feature_engine(backend, stated) as other:
                        context = open_log_context(backend, use_case, None)
                        begun = time.perf_counter()
                        here = context.features_at(context.cutoffs.test)
                        middle = time.perf_counter()
                        there = replace(context, engine=other).features_at(context.cutoffs.test)
                        took = (middle - begun, time.perf_counter() - middle)
                    differ = [each for each in here.columns if not same_bytes(here[each], there[each])]
                    apart += len(differ) + (here.schema != there.schema)
                    size = (f"{len(here):,}", str(here.width - 1))
                    print(_row.format(example, "duckdb", *size, f"{took[0]:.1f}", ""))
                    print(_row.format(example, kind, *size, f"{took[1]:.1f}", ", ".join(differ) or "0"), flush=True)
    return int(apart > 0)


def _examples(folder: Path) -> Iterator[tuple[str, LogUseCase]]:
    yield "cdnow", load_log(ROOT / "examples/cdnow/propensity.toml")
    (folder / "mailing").mkdir()
    yield "b2b-mailing", mailing(folder / "mailing", customers=PEOPLE, seed=7)["propensity"]
    (folder / "edges").mkdir()
    yield "odd cells", edge_case(folder / "edges")


if __name__ == "__main__":
    sys.exit(main())
