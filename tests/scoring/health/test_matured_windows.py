"""The days whose outcome is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.health.matured_windows import (
    HealthError,
    MaturedWindow,
    MeasuredQuality,
    read_windows,
    windows_file,
    write_windows,
)


def window(as_of: str, version: str = "1") -> MaturedWindow:
    """A day of one version."""
    measured = MeasuredQuality(rows=100, positives=7, roc_auc=0.7, intervals={"roc_auc": (0.6, 0.8)})
    return MaturedWindow(as_of=as_of, known_on="2026-06-01", version=version, measured=measured)


def test_windows_are_read_in_order(tmp_path: Path) -> None:
    """Of day and version, in whatever order they were written, to the same bytes."""
    days = [window("2026-01-02"), window("2026-01-01", "2"), window("2026-01-01", "1")]

    write_windows(tmp_path, "churn", days)
    first = windows_file(tmp_path, "churn").read_bytes()
    write_windows(tmp_path, "churn", days[::-1])

    assert read_windows(tmp_path, "churn") == days[::-1]
    assert windows_file(tmp_path, "churn").read_bytes() == first
    assert read_windows(tmp_path, "other") == []


def test_a_damaged_line_is_refused(tmp_path: Path) -> None:
    """A file cut off in a line is not read in part."""
    write_windows(tmp_path, "churn", [window("2026-01-01"), window("2026-01-02")])
    file = windows_file(tmp_path, "churn")
    file.write_bytes(file.read_bytes()[:-9])

    with pytest.raises(HealthError, match="a matured window a line"):
        read_windows(tmp_path, "churn")
