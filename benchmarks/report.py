"""The figures as one table, in Markdown and in JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Any

from benchmarks.machine import Machine, machine
from benchmarks.measures import BulkReasons, Results, Sample, ratios

PACKAGES = ("bentoml", "mlflow", "fastapi", "shap", "pandas", "xgboost-cpu", "uvicorn", "starlette", "pyarrow", "numpy")
MIB = 1024 * 1024


def markdown(results: Results) -> str:
    """The ratios, then the figures they come from."""
    parts = [_surroundings_line(), _ratio_table(results)]
    if results.samples:
        parts.append(_sample_table(results))
    parts.append("\n".join(f"- {line}" for line in _other_lines(results)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _surroundings_line() -> str:
    found = surroundings()
    packages = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    processors = f"{found['processors']} processors ({found['machine']})"
    return (
        f"{found['date']}, {processors}, Python {found['python']}; {packages}.\n\n{Machine(**found['machine_jobs'])}."
    )


def surroundings() -> dict[str, Any]:
    """When, on what, and with which versions."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "machine_jobs": asdict(machine()),
        "versions": {name: version(name) for name in PACKAGES},
    }


def _ratio_table(results: Results) -> str:
    lines = ["| ratio | must | aim | found | |", "|---|---|---|---|---|"]
    for ratio in ratios(results):
        found = "" if ratio.found is None else f"**{ratio.found:.3f}**"
        lines.append(f"| {ratio.what} | {ratio.must:.3g} | {ratio.aim:.3g} | {found} | {ratio.verdict} |")
    return "\n".join(lines)


def _sample_table(results: Results) -> str:
    lines = ["| | connections | CPU us | requests/s | p50 ms | p99 ms |", "|---|---|---|---|---|---|"]
    for (name, connections), samples in results.samples.items():
        figures = _figures(samples)
        lines.append(
            f"| {name} | {connections} | {figures['cpu_us']:,.0f} | {figures['requests_per_second']:,.0f}"
            f" | {figures['p50_ms']:.2f} | {figures['p99_ms']:.2f} |"
        )
    return "\n".join(lines)


def _figures(samples: list[Sample]) -> dict[str, float]:
    latencies = sorted(latency for sample in samples for latency in sample.run.latencies)
    return {
        "cpu_us": 1e6 * median(sample.cpu for sample in samples),
        "requests_per_second": median(sample.run.requests / sample.run.seconds for sample in samples),
        "p50_ms": 1e3 * latencies[len(latencies) // 2],
        "p99_ms": 1e3 * latencies[len(latencies) * 99 // 100],
    }


def _other_lines(results: Results) -> list[str]:
    lines = [
        f"start-up of {name}: {median(seconds):.2f} s of CPU until its first answer"
        for name, seconds in results.starts.items()
    ]
    lines += [
        f"memory of {name}: worker {max(sizes.values()) / MIB:.0f} MiB, whole tree {sum(sizes.values()) / MIB:.0f} MiB"
        for name, sizes in results.memory.items()
    ]
    if results.batch:
        ours, bare = results.batch[-1].ours, results.batch[-1].bare
        for name, cost in (("Penchant", ours), ("bare", bare)):
            lines.append(_batch_line(f"{name}, {results.rows:,} rows", asdict(cost)))
    lines += _reasons_lines(results.reasons) if results.reasons else []
    for table, pairs in results.trainings.items():
        least, peer = min(pair.ours.cpu_seconds for pair in pairs), min(pair.bare.cpu_seconds for pair in pairs)
        lines.append(f"training, {table}: {least:.1f} s of CPU at least, autolog {peer:.1f}")
    if results.large:
        lines.append(_batch_line(f"Penchant, {10 * results.rows:,} rows", asdict(results.large)))
    return lines


def _reasons_lines(found: BulkReasons) -> list[str]:
    """Processor time a row, whole commands with reading and writing."""
    measured = {
        f"Penchant, {found.rows:,} rows": (found.plain, found.rows),
        f"Penchant with 3 reasons, {found.rows:,} rows": (found.ours, found.rows),
        f"WOODELF's values alone, {found.rows:,} rows": (found.woodelf, found.rows),
        f"pred_contribs alone, {found.contribs_rows:,} rows": (found.contribs, found.contribs_rows),
    }
    return [
        f"{_batch_line(name, asdict(cost))}, {1e6 * cost.cpu_seconds / rows:,.0f} us of CPU a row"
        if cost
        else f"{name}: could not be installed"
        for name, (cost, rows) in measured.items()
    ]


def _batch_line(name: str, cost: dict[str, float]) -> str:
    return (
        f"batch, {name}: {cost['cpu_seconds']:.1f} s of CPU, {cost['seconds']:.1f} s,"
        f" peak {cost['peak_bytes'] / MIB:.0f} MiB"
    )


def document(results: Results) -> str:
    """Everything as JSON."""
    return json.dumps(
        {
            **surroundings(),
            "ratios": [{**asdict(ratio), "verdict": ratio.verdict} for ratio in ratios(results)],
            "contenders": [
                {"name": name, "connections": connections, **_figures(samples)}
                for (name, connections), samples in results.samples.items()
            ],
            "start_cpu_seconds": results.starts,
            "memory_bytes": {name: sorted(sizes.values(), reverse=True) for name, sizes in results.memory.items()},
            "trainings": {table: [asdict(pair) for pair in pairs] for table, pairs in results.trainings.items()},
            "batch": {
                "rows": results.rows,
                "runs": [asdict(pair) for pair in results.batch],
                "reasons": asdict(results.reasons) if results.reasons else None,
                "large": asdict(results.large) if results.large else None,
            },
        },
        indent=1,
    )
