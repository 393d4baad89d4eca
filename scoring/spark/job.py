"""What the driver hands to the machines of a cluster, and what it is handed back, as JSON."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from features.spec.languages import Language
from features.spec.suppression_list import Objectors
from scoring.releases.served_counts import ServedCounts


class SparkJob(Struct, frozen=True, kw_only=True):
    """All that a slice's scores depend on beside its rows, and where they go."""

    folder: str  # of the parts, at the same path on every machine
    use_cases: list[str]
    seals: dict[str, str]  # the sha256 of each release's manifest, and of each segmentation's
    versions: dict[str, str]  # of the libraries that compute, on the driver
    policy: dict[str, Any]
    policy_version: str
    reasons: int
    language: Language
    repeated: list[str]  # columns of few texts
    rows: int | None  # of the whole source, where that is known
    objectors: Objectors | None  # whoever objected when the run began


class SliceReport(Struct, frozen=True):
    """What became of one slice: its part, or why there is none."""

    part: str
    rows: int = 0
    sha256: str = ""
    statuses: dict[str, int] = {}
    counts: dict[str, ServedCounts] = {}  # the values that were scored, in bins, by use case
    source_error: str | None = None  # the rows cannot be scored, here or elsewhere
    cluster_error: str | None = None  # this machine cannot score


def part_name(number: int) -> str:
    """The file of a slice; in the order of their names parts are in the order of the source."""
    return f"part-{number:06}.parquet"
