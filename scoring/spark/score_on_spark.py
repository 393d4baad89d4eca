"""The driver of a run on a cluster: plans slices, sends the releases, and puts the parts that come back in place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import msgspec

from features.spec.atomic import new_draft, put_in_place, remove_orphans
from features.spec.languages import Language
from features.spec.suppression_list import Objectors
from scoring.answers.served_release import Live
from scoring.batch.score_files import BatchCounts
from scoring.errors import ClusterError
from scoring.releases.served_counts import ServedCounts, summed
from scoring.segments.assignment import DEFAULT
from scoring.segments.policy import Policy
from scoring.spark.executor_task import score_slice
from scoring.spark.job import SliceReport, SparkJob
from scoring.spark.opened_job import library_versions
from scoring.spark.parts import seal_parts
from scoring.spark.session import spark_context
from scoring.spark.slices import Slice, plan_slices, rows_a_slice
from scoring.spark.travelling_releases import ARCHIVE, pack_releases, seals_of
from scoring.storage.table_files import BatchError, count_rows

if TYPE_CHECKING:
    from pyspark import SparkContext

_RAISED = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception)): ", re.MULTILINE)  # in what Spark says of a failed task


@dataclass(frozen=True, slots=True)
class ClusterCounts:
    """What a run on a cluster did."""

    done: BatchCounts
    values: Mapping[str, ServedCounts]  # that were scored, in bins, by use case


def score_on_spark(
    live: Mapping[str, Live],
    source: Path,
    target: Path,
    *,
    master: str | None = None,
    reasons: int = 0,
    language: Language = "en",
    policy: Policy = DEFAULT,
    objectors: Objectors | None = None,
    slice_rows: int | None = None,
) -> ClusterCounts:
    """Scores every row of a Parquet or CSV file, or a folder of them, into a folder of Parquet files, on a cluster.

    Rows, order, numbers, segments and texts are those of `score_file`. The machines read the source and write their
    parts themselves, at the same paths as here; the folder appears whole, with its manifest in it.

    Args:
        live: The releases, as this machine has opened and proved them.
        source: A file or folder that every machine sees.
        target: The folder to be, which must not be there; every machine can write beside it.
        master: The cluster's address; None: the one that Spark's configuration names.
        reasons: As `score_file` has it, like all that follow.
        language: Of texts.
        policy: Whose segments.
        objectors: Who is `opted_out`, as of now.
        slice_rows: How many rows a task takes; None: by how many there are, and how many cores.

    Raises:
        BatchError: The source cannot be read or scored, or the target is no new folder.
        BundleError: A worker was handed another release than was sent.
        ClusterError: The cluster cannot be reached, or not score as this machine does.
    """
    _check_folder(target)
    remove_orphans(target.parent)
    rows = count_rows(source)
    with (
        new_draft(target, folder=True) as (draft, _),
        TemporaryDirectory(prefix="penchant-") as scratch,
        spark_context(master) as context,
    ):
        planned = plan_slices(source, slice_rows or rows_a_slice(rows, context.defaultParallelism))
        job = SparkJob(
            folder=str(draft.resolve()),
            use_cases=list(live),
            seals=seals_of(live),
            versions=library_versions(),
            policy=cast("dict[str, Any]", policy.to_json()),
            policy_version=policy.version,
            reasons=reasons,
            language=language,
            repeated=sorted({name for served in live.values() for name in served.scorer.encoder.levels}),
            rows=rows,
            objectors=objectors,
        )
        archive = pack_releases(live, Path(scratch))
        reports = _run(context, archive, msgspec.json.encode(job), planned)
        if not sum(report.rows for report in reports):
            raise BatchError("A file to score must hold at least one row, got none.")
        versions = {name: served.release.version for name, served in live.items()}
        seal_parts(draft, reports, {"models": versions, "seals": job.seals, "policy": policy.version})
        put_in_place(draft, target)
    return _counted(reports)


def _check_folder(target: Path) -> None:
    if target.suffix:
        raise BatchError(f"A cluster writes a folder, whose name has no ending, got {target.suffix}.")
    if target.exists():
        raise BatchError("A folder to write must not be there yet, got one that is.")


def _run(context: SparkContext, archive: Path, job: bytes, planned: Sequence[Slice]) -> list[SliceReport]:
    """The reports of all slices; what Spark lost meanwhile it has run again."""
    # pyspark's own import of it: py4j is no dependency of ours
    from pyspark.core.context import Py4JError  # type: ignore[attr-defined]  # as above

    context.addArchive(f"{archive.resolve().as_uri()}#{ARCHIVE}")
    slices = [(number, msgspec.json.encode(one)) for number, one in enumerate(planned)]
    try:
        found = context.parallelize(slices, len(slices)).map(partial(score_slice, job)).collect()
    except Py4JError as error:
        raised = (_RAISED.findall(str(error)) or ["no answer"])[-1]
        raise ClusterError(
            f"Spark must run every slice within the tries it gives them, got {raised}; its log says more."
        ) from error
    reports = [msgspec.json.decode(one, type=SliceReport) for one in found]
    if broken := next((one.source_error for one in reports if one.source_error), None):
        raise BatchError(broken)
    if faults := sorted({one.cluster_error for one in reports if one.cluster_error}):
        raise ClusterError(" ".join(faults))
    return reports


def _counted(reports: Sequence[SliceReport]) -> ClusterCounts:
    statuses, values = Counter[str](), dict[str, list[ServedCounts]]()
    for report in reports:
        statuses.update(report.statuses)
        for name, counts in report.counts.items():
            values.setdefault(name, []).append(counts)
    done = BatchCounts(sum(report.rows for report in reports), statuses)
    return ClusterCounts(done, {name: summed(found) for name, found in values.items()})
