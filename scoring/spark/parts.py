"""The parts of a run, and the manifest that makes a folder of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from features.spec.atomic import write_file
from scoring.bundle.bundle import canonical_json
from scoring.errors import ClusterError
from scoring.spark.job import SliceReport
from scoring.storage.table_files import parquet_writer

MANIFEST = "_manifest.json"  # Spark, pyarrow and DuckDB take a name that begins so for none of a table's files


def write_part(path: Path, tables: Iterable[pa.Table]) -> tuple[int, dict[str, int], str]:
    """Writes tables of one schema as one file; returns its rows, how many have which status, and its sha256."""
    rows, statuses, writer = 0, Counter[str](), None
    try:
        for table in tables:
            writer = writer or parquet_writer(path, table.schema)
            writer.write_table(table)
            rows += len(table)
            for name in (name for name in table.column_names if name.endswith("status")):
                for entry in table.column(name).value_counts().to_pylist():
                    statuses[entry["values"]] += entry["counts"]
    finally:
        if writer is not None:
            writer.close()
    with path.open("rb") as stream:
        return rows, dict(statuses), hashlib.file_digest(stream, "sha256").hexdigest()


def seal_parts(folder: Path, reports: Sequence[SliceReport], facts: Mapping[str, object]) -> None:
    """Leaves in a folder the parts that were reported, and writes the manifest that names them, last.

    Raises:
        ClusterError: A part is not there, so the machines do not share this folder.
    """
    reports = sorted(reports, key=lambda report: report.part)
    known = {report.part for report in reports if report.rows}
    if missing := sum(not (folder / name).is_file() for name in known):
        raise ClusterError(f"Every machine must write into one folder, got one without {missing} of its parts.")
    for path in folder.iterdir():
        if path.name not in known:  # of a task that was killed, or of rows that a file does not have
            path.unlink()
    parts = [{"part": one.part, "rows": one.rows, "sha256": one.sha256} for one in reports if one.rows]
    document = {**facts, "rows": sum(one.rows for one in reports), "parts": parts}
    write_file(folder / MANIFEST, canonical_json(document))
