"""What a worker of a cluster does: opens the releases once, then reads, scores and writes slice after slice.

Only what is light is imported above: training libraries are barred before anything imports xgboost.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scoring.lean_imports import bar_training_libraries
from scoring.spark.job import SliceReport, SparkJob, part_name

if TYPE_CHECKING:
    from scoring.spark.opened_job import OpenedJob
    from scoring.spark.slices import Slice


def score_slice(job: bytes, numbered: tuple[int, bytes]) -> bytes:
    """Scores one slice into its part, which appears whole or not at all; returns its report, all as JSON.

    Whoever scores a slice again writes the same bytes under the same name. What trying again cannot mend is reported.

    Raises:
        OSError: The source or the folder of parts cannot be reached from here; Spark tries it again.
    """
    bar_training_libraries()
    from scoring.errors import BundleError, ClusterError
    from scoring.spark.slices import Slice
    from scoring.storage.table_files import BatchError

    number, planned = numbered
    try:
        report = _scored(_opened(job), number, msgspec.json.decode(planned, type=Slice))
    except BatchError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from error
        report = SliceReport(part_name(number), source_error=str(error))
    except (BundleError, ClusterError) as error:
        report = SliceReport(part_name(number), cluster_error=str(error))
    return msgspec.json.encode(report)


def _scored(opened: OpenedJob, number: int, planned: Slice) -> SliceReport:
    from features.spec.atomic import draft_of
    from scoring.answers.scored_values import BatchValues
    from scoring.errors import ClusterError
    from scoring.spark.parts import write_part
    from scoring.spark.slices import slice_tables

    folder = Path(opened.job.folder)
    if not folder.is_dir():
        raise ClusterError("The output's folder must be the same on every machine, got a worker without it.")
    values = BatchValues(opened.live, opened.job.rows)
    tables = (opened.score(table, before) for before, table in slice_tables(planned, opened.job.repeated))
    with draft_of(folder / part_name(number)) as draft:
        rows, statuses, digest = write_part(draft, tables)
    return SliceReport(part_name(number), rows, digest, statuses, values.counts())


@lru_cache(maxsize=1)
def _opened(job: bytes) -> OpenedJob:
    """The releases of a job as they came, checked; kept for the next slice that this process is handed."""
    from pyspark import SparkFiles

    from scoring.spark.opened_job import open_job
    from scoring.spark.travelling_releases import ARCHIVE

    return open_job(msgspec.json.decode(job, type=SparkJob), Path(SparkFiles.get(ARCHIVE)))
