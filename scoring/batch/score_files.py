"""Files of customers in, files of scores out: batch by batch on all cores, resumed after a kill, memory flat."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import xgboost

from features.spec.languages import Language
from scoring.answers.served_release import Live, discovered_digests
from scoring.batch.checkpoints import BatchState, Checkpoints, checkpoints_of, input_digest
from scoring.batch.table_answers import score_table
from scoring.privacy.suppression import Suppression
from scoring.segments.assignment import DEFAULT
from scoring.segments.policy import Policy
from scoring.storage.table_files import ROWS, check_target, read_batches, source_files, whole_file


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """What a run did, for its last line."""

    rows: int
    statuses: Mapping[str, int]


def score_file(
    live: Mapping[str, Live],
    source: Path,
    target: Path,
    *,
    reasons: int = 0,
    language: Language = "en",
    policy: Policy = DEFAULT,
    suppression: Suppression | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
) -> BatchCounts:
    """Scores every row of a Parquet or CSV file, or a folder of them, into another; the target appears whole.

    With one use case the columns are `status, probability, ...`; with several each has its name before them.
    Whoever is on the suppression list is `opted_out`. A run that was killed goes on where it was when it is started
    again with the same arguments.

    Raises:
        BatchError: The source cannot be read, or lacks a feature's column, or the target is of a kind that is not
            written.
        SuppressionError: The suppression list cannot be read.
    """

    def score(table: pa.Table, first: int) -> pa.Table:
        return score_table(
            live, table, first=first, reasons=reasons, language=language, policy=policy, suppression=suppression
        )

    check_target(target)
    run = _run_state(live, source, [reasons, language, policy.version], suppression)
    with checkpoints_of(target, run) as parts:
        categories = {name for served in live.values() for name in served.scorer.encoder.levels}
        batches = read_batches(source, mark_broken=True, repeated=categories)
        count = _score_parts(parts, batches, score, progress)
        return _join(parts, count, target)


def _run_state(
    live: Mapping[str, Live], source: Path, arguments: list[int | str], suppression: Suppression | None
) -> BatchState:
    return {
        "source": [str(path.resolve()) for path in source_files(source)],
        "models": {
            **{name: served.release.facts.manifest_sha256 for name, served in live.items()},
            **discovered_digests(live),
        },
        "model_versions": [served.release.version for served in live.values()],
        "rows": ROWS,
        "versions": [pa.__version__, np.__version__, xgboost.__version__],
        "arguments": arguments,
        "suppressed": suppression.digest() if suppression else None,
    }


def _score_parts(
    parts: Checkpoints,
    batches: Iterable[pa.Table],
    score: Callable[[pa.Table, int], pa.Table],
    progress: Callable[[int], None],
) -> int:
    """Scores the batches that have no part yet, as many at once as there are cores; returns how many there are."""
    workers = os.cpu_count() or 1
    first, count = 0, 0
    waiting: deque[Future[int]] = deque()

    def work(number: int, table: pa.Table, start: int) -> int:
        digest = input_digest(table, start)
        if not parts.holds(number, digest):
            parts.write(number, score(table, start), digest)
        return len(table)

    with ThreadPoolExecutor(workers, thread_name_prefix="batch") as pool:
        for table in batches:
            waiting.append(pool.submit(work, count, table, first))
            count, first = count + 1, first + len(table)
            if len(waiting) > workers:
                progress(waiting.popleft().result())
        for job in waiting:
            progress(job.result())
    return count


def _join(parts: Checkpoints, count: int, target: Path) -> BatchCounts:
    rows, statuses = 0, Counter[str]()
    with whole_file(target) as write:
        for table in parts.read(count):
            write(table)
            rows += len(table)
            for name in (name for name in table.column_names if name.endswith("status")):
                for entry in table.column(name).value_counts().to_pylist():
                    statuses[entry["values"]] += entry["counts"]
    return BatchCounts(rows, statuses)
