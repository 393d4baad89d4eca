"""A job as a machine of a cluster has opened it: releases checked and proved, policy read."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import xgboost

from scoring.answers.served_release import Live
from scoring.batch.table_answers import id_column_of, score_table
from scoring.errors import ClusterError
from scoring.segments.policy import Policy, StoredPolicy
from scoring.spark.job import SparkJob
from scoring.spark.travelling_releases import open_copy
from scoring.storage.table_files import BatchError


@dataclass(frozen=True, slots=True)
class OpenedJob:
    """What scores tables of this job."""

    job: SparkJob
    live: Mapping[str, Live]
    policy: Policy

    def score(self, table: pa.Table, before: int | None) -> pa.Table:
        """The answers of a table's rows, of which so many of the source stand before the first.

        Raises:
            BatchError: The table lacks a feature's column, or its rows have neither an id nor a known number.
        """
        if before is None and id_column_of(self.live, table) is None:
            raise BatchError(
                "Rows without a customer_id are numbered, which a cluster can do only where all files before theirs "
                "are Parquet, got one after a CSV file."
            )
        return score_table(
            self.live,
            table,
            first=before or 0,
            reasons=self.job.reasons,
            language=self.job.language,
            policy=self.policy,
            suppression=self.job.objectors,
        )


def open_job(job: SparkJob, home: Path) -> OpenedJob:
    """Opens a job's releases in an unpacked archive.

    Raises:
        ClusterError: This machine's libraries are of other versions than the driver's.
        BundleError: A release is not the one that was sent.
    """
    ours = library_versions()
    if other := [f"{name} {job.versions[name]}, got {ours[name]}" for name in ours if ours[name] != job.versions[name]]:
        raise ClusterError(f"A worker must have the driver's versions: {'; '.join(other)}.")
    live = open_copy(home, job.use_cases, job.seals, threads=1, prepared=job.reasons > 0)
    return OpenedJob(job, live, Policy.from_json(cast("StoredPolicy", job.policy), job.policy_version))


def library_versions() -> dict[str, str]:
    """What numbers depend on beside the releases."""
    return {
        "python": platform.python_version_tuple()[0] + "." + platform.python_version_tuple()[1],
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "xgboost": xgboost.__version__,
    }
