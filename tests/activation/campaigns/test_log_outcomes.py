"""Outcomes by the log: within the window alone, refunds subtracted, known no further than the log goes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from activation.campaigns.log_outcomes import log_outcomes
from features.config.use_case import LogUseCase, load_use_case
from features.errors import DataError
from tests.support.campaigns import planned

USE_CASE = """
name = "shop"
polarity = "positive"
[events]
path = "log.csv"
customer_id = "who"
timestamp = "at"
type = { column = "kind" }
amount = "spent"
[window]
observation = "90d"
prediction = "30d"
test_cutoff = "2025-10-01"
[label]
event = "purchase"
outcome = "present"
"""


def shop(folder: Path, *lines: str) -> LogUseCase:
    """A use case on a log of these lines, and of enough others to be a log."""
    others = [f"o{n},2025-{month:02}-05 10:00:00,visit," for n in range(20) for month in range(1, 13)]
    (folder / "log.csv").write_text("\n".join(["who,at,kind,spent", *others, *lines]) + "\n")
    (folder / "shop.toml").write_text(USE_CASE)
    found = load_use_case(folder / "shop.toml")
    assert isinstance(found, LogUseCase)
    return found


def test_only_what_lies_within_the_window_counts(tmp_path: Path) -> None:
    """From after its making to its last moment; other events do not."""
    use_case = shop(
        tmp_path,
        "t0,2026-03-02 00:00:00,purchase,10",
        "t1,2026-03-02 00:00:01,purchase,10",
        "t1,2026-04-02 00:00:01,Purchase,5",
        "t2,2026-05-31 00:00:00,purchase,7",
        "t3,2026-05-31 00:00:01,purchase,7",
        "h0,2026-04-01 00:00:00,visit,",
        "h1,2026-07-01 00:00:00,visit,",
    )
    found = log_outcomes(tmp_path, planned(tmp_path, treated=4, held_out=2), use_case)

    assert found.rows.select("customer_id", "answered", "value").rows() == [("t1", True, 15.0), ("t2", True, 7.0)]
    assert found.known_to == datetime(2026, 5, 31, tzinfo=UTC)


def test_outcomes_are_known_no_further_than_the_log_goes(tmp_path: Path) -> None:
    """So that a log that ends early is a look that comes early."""
    use_case = shop(tmp_path, "t1,2026-03-05 12:00:00,purchase,10")

    assert log_outcomes(tmp_path, planned(tmp_path), use_case).known_to == datetime(2026, 3, 5, 12, tzinfo=UTC)


def test_a_log_from_before_the_campaign_is_refused(tmp_path: Path) -> None:
    """It knows nothing of it."""
    use_case = shop(tmp_path, "t1,2026-02-01 12:00:00,purchase,10")

    with pytest.raises(DataError, match="got none"):
        log_outcomes(tmp_path, planned(tmp_path), use_case)
