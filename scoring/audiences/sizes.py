"""Sizes and flows of segments as documents, and where a home keeps the last ones for its pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NotRequired, TypedDict

from features.spec.atomic import write_file
from scoring.answers.served_release import Live
from scoring.audiences.membership import SegmentFlow, SnapshotCounts
from scoring.audiences.segment_report import ReportDocument
from scoring.bundle.bundle import canonical_json
from scoring.segments.assignment import REPORT, SEGMENTS_FOLDER, SIZES
from scoring.segments.policy import Policy


class SnapshotDocument(TypedDict):
    """What a snapshot counted; what follows the sizes only where there is one before."""

    policy: str
    models: dict[str, str]  # versions by use case
    as_of: str
    customers: int
    unplaced: int
    sizes: dict[str, int]  # by segment
    flows: NotRequired[list[SegmentFlow]]
    moved: NotRequired[int]
    arrived: NotRequired[int]
    gone: NotRequired[int]
    flaps: NotRequired[int]
    flap_rate: NotRequired[float | None]


def snapshot_document(
    policy: Policy, live: Mapping[str, Live], as_of: date, tally: SnapshotCounts, *, compared: bool
) -> SnapshotDocument:
    """Sizes by segment, and where there is a snapshot before, the flows since."""
    document: SnapshotDocument = {
        "policy": policy.version,
        "models": {name: served.release.version for name, served in live.items()},
        "as_of": as_of.isoformat(),
        "customers": tally.customers,
        "unplaced": tally.unplaced,
        "sizes": {segment.code: tally.sizes[segment.code] for segment in policy.ordered},
    }
    if compared:
        flows = sorted(tally.flows.items(), key=lambda flow: (-flow[1], str(flow[0])))
        document["flows"] = [{"from": pair[0], "to": pair[1], "customers": count} for pair, count in flows]
        document["moved"] = tally.moved
        document["arrived"] = tally.arrived
        document["gone"] = tally.gone
        document["flaps"] = tally.flaps
        document["flap_rate"] = tally.flap_rate
    return document


def keep_sizes(home: Path, document: SnapshotDocument, snapshot: Path) -> None:
    """Keeps the sizes of the last snapshot, and where it is, for pages and exports."""
    sizes = {
        "policy": document["policy"],
        "models": document["models"],
        "as_of": document["as_of"],
        "customers": document["customers"],
        "unplaced": document["unplaced"],
        "sizes": document["sizes"],
        "snapshot": str(snapshot.resolve()),
    }
    write_file(home / SEGMENTS_FOLDER / SIZES, canonical_json(sizes))


def keep_report(home: Path, report: ReportDocument, outcome: str | None = None) -> None:
    """Keeps the last report between two snapshots for the pages; `outcome` is the name of what was realised."""
    kept = {"outcome": outcome, **report}
    write_file(home / SEGMENTS_FOLDER / REPORT, (json.dumps(kept, ensure_ascii=False) + "\n").encode())
