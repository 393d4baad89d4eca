"""What the commands around segments print for people: a snapshot's counts, a segment report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scoring.audiences.membership import FLAP, SegmentFlow, SnapshotCounts
from scoring.audiences.policy_trial import TrialDocument, TrialSize
from scoring.audiences.segment_report import ReportDocument, SegmentChange
from scoring.audiences.sizes import SnapshotDocument


def snapshot_lines(document: SnapshotDocument, tally: SnapshotCounts, output: Path) -> list[str]:
    """The counts of a snapshot as lines for people."""
    words = [f"{tally.customers:,} customers placed by policy {document['policy']} in {output}."]
    words += [f"  {code}: {size:,}" for code, size in document["sizes"].items()]
    words += [f"  in no segment: {tally.unplaced:,}"] if tally.unplaced else []
    if "flows" in document:
        words += [f"{tally.moved:,} of {tally.compared:,} moved; {tally.arrived:,} are new, {tally.gone:,} gone."]
        words += _flow_lines(document["flows"])
        rate = f" ({tally.flap_rate:.2%})" if tally.flap_rate is not None else ""
        words += [f"{tally.flaps:,} flapped{rate}: back where they were less than {FLAP.days} days before."]
    return words


def _flow_lines(flows: Sequence[SegmentFlow]) -> list[str]:
    moves = [flow for flow in flows if flow["from"] != flow["to"]]
    return [f"  {flow['from'] or '-'} -> {flow['to'] or '-'}: {flow['customers']:,}" for flow in moves]


def trial_lines(found: TrialDocument) -> list[str]:
    """A policy's trial as lines for people, with examples by their ids."""
    lines = [
        f"On the {found['customers']:,} customers of {found['day']}, against policy {found['against']}; nothing is "
        "installed.",
        f"  {'segment':24} {'in service':>12} {'tried':>12}",
    ]
    lines += [_size_line(size["code"], size) for size in found["segments"]]
    if found["unplaced"]["before"] or found["unplaced"]["after"]:
        lines.append(_size_line("in no segment", found["unplaced"]))
    if not found["moved"]:
        return [*lines, "Nobody would move."]
    lines += [f"{found['moved']:,} would move:", *_flow_lines(found["flows"]), "Examples:"]
    for one in found["examples"]:
        scores = ", ".join(f"{name} {'-' if score is None else score}" for name, score in one["scores"].items())
        lines.append(f"  {one['customer_id']}: {one['from'] or '-'} -> {one['to'] or '-'} ({scores})")
    return lines


def _size_line(name: str, size: TrialSize) -> str:
    before, after = ("-" if count is None else f"{count:,}" for count in (size["before"], size["after"]))
    return f"  {name:24} {before:>12} {after:>12}"


def report_lines(report: ReportDocument) -> list[str]:
    """The report as lines for people."""
    before, after = report["before"], report["after"]
    lines = [
        f"{before['as_of']} ({before['customers']:,} customers, policy {before['policy']}) to "
        f"{after['as_of']} ({after['customers']:,}, policy {after['policy']})",
        f"  {'segment':24} {'before':>9} {'after':>9}  predicted / realised among those before (95% interval)",
    ]
    lines += [_segment_line(segment) for segment in report["segments"]]
    lines += [f"{report['moved']:,} moved, {report['arrived']:,} new, {report['gone']:,} gone"]
    for level in sorted({flow["level"] for flow in report["flows"]}):
        lines.append(f"  level {level}:")
        lines += _flow_lines([flow for flow in report["flows"] if flow["level"] == level])
    for segment in report["segments"]:
        for name, features in segment["reasons"].items():
            listed = ", ".join(f"{one['feature']} {one['contribution']:+.2f} ({one['share']:.0%})" for one in features)
            lines.append(f"  why {segment['code']} ({name}): {listed}")
    return lines


def _segment_line(segment: SegmentChange) -> str:
    said = [f"{name} {mean:.3f}" for name, mean in segment["predicted"].items() if mean is not None]
    found = segment.get("realised")
    if found and found["known"]:
        said.append(f"/ {found['rate']:.3f} ({found['low']:.3f} to {found['high']:.3f}) of {found['known']:,}")
    name = "  " * (segment["level"] - 1) + segment["code"]
    return f"  {name:24} {segment['before']:>9,} {segment['after']:>9,}  {' '.join(said)}"
