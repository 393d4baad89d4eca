"""Sizes and flows of segments as documents, and where a home keeps the last ones for its pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from features.spec.atomic import write_file
from scoring.answers.served_release import Live
from scoring.audiences.membership import SnapshotCounts
from scoring.bundle.bundle import canonical_json
from scoring.segments.assignment import REPORT, SEGMENTS_FOLDER, SIZES
from scoring.segments.policy import Policy


def snapshot_document(
    policy: Policy, live: Mapping[str, Live], as_of: date, tally: SnapshotCounts, *, compared: bool
) -> dict[str, Any]:
    """Sizes by segment, and where there is a snapshot before, the flows since."""
    document: dict[str, Any] = {
        "policy": policy.version,
        "models": {name: served.release.version for name, served in live.items()},
        "as_of": as_of.isoformat(),
        "customers": tally.customers,
        "unplaced": tally.unplaced,
        "sizes": {segment.code: tally.sizes[segment.code] for segment in policy.ordered},
    }
    if compared:
        flows = sorted(tally.flows.items(), key=lambda flow: (-flow[1], str(flow[0])))
        document |= {
            "flows": [{"from": pair[0], "to": pair[1], "customers": count} for pair, count in flows],
            "moved": tally.moved,
            "arrived": tally.arrived,
            "gone": tally.gone,
            "flaps": tally.flaps,
            "flap_rate": tally.flap_rate,
        }
    return document


def keep_sizes(home: Path, document: Mapping[str, Any], snapshot: Path) -> None:
    """Keeps the sizes of the last snapshot, and where it is, for pages and exports."""
    sizes = {key: document[key] for key in ("policy", "models", "as_of", "customers", "unplaced", "sizes")}
    sizes["snapshot"] = str(snapshot.resolve())
    write_file(home / SEGMENTS_FOLDER / SIZES, canonical_json(sizes))


def keep_report(home: Path, report: Mapping[str, Any], outcome: str | None = None) -> None:
    """Keeps the last report between two snapshots for the pages; `outcome` is the name of what was realised."""
    kept = {"outcome": outcome, **report}
    write_file(home / SEGMENTS_FOLDER / REPORT, (json.dumps(kept, ensure_ascii=False) + "\n").encode())
