"""How old a day may be for its customers to leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scoring.population.customer_pages import StaleDayError
from scoring.population.daily_file import add_use_case, age_of, check_age_of, max_age
from scoring.population.days import DayManifest, day_folder
from scoring.population.write_day import seal_day

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_first_training_sets_an_age(tmp_path: Path) -> None:
    """36 hours, in the file that it begins; a home without the key has none."""
    add_use_case(tmp_path, tmp_path / "case.toml", daily=True)
    assert max_age(tmp_path) == timedelta(hours=36)
    (tmp_path / "run.toml").write_text("[population]\n")
    assert max_age(tmp_path) is None


def test_the_folder_of_a_day_that_is_too_old_is_no_snapshot_to_export(tmp_path: Path) -> None:
    """A snapshot elsewhere has no such age: it was taken to be kept."""
    folder = day_folder(tmp_path, DAY)
    folder.mkdir(parents=True)
    seal_day(folder, DayManifest(run_id="r", as_of=DAY, policy="p", models={}, customers=0, files={}))
    (tmp_path / "run.toml").write_text('[deliver]\nmax_age = "2d"\n')

    check_age_of(tmp_path, folder, now=DAY + timedelta(days=2))
    check_age_of(tmp_path, tmp_path / "snapshot.parquet", now=DAY + timedelta(days=9))
    with pytest.raises(StaleDayError, match="2026-03-01"):
        check_age_of(tmp_path, folder, now=DAY + timedelta(days=2, seconds=1))


@pytest.mark.parametrize("text", ["", "36", "1.5h", "-1h", "0d", "36 m", 36, None])
def test_what_is_no_duration_is_refused(text: object) -> None:
    """Whole hours, days or weeks."""
    with pytest.raises(ValueError, match="whole hours, days or weeks"):
        age_of(text)
