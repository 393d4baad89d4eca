"""How a stream stands, by what its worker wrote last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.stream_state.status import SILENT_SECONDS, StreamStatus, stream_health, streams_of, write_status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIGN, BEGUN, WAITED = "2026-03-01T11:59:30Z", "2026-03-01T08:00:00Z", "2026-03-01T11:50:00Z"


def status(**changes: Any) -> StreamStatus:
    """What a worker wrote half a minute ago."""
    return StreamStatus(**{"name": "purchases", "path": "purchases.db", "at": SIGN, "started": BEGUN, **changes})


@pytest.mark.parametrize(
    ("changes", "state", "since"),
    [
        ({}, "running", BEGUN),
        ({"paused": "disk", "paused_since": WAITED}, "paused", WAITED),
        ({"running": False}, "stopped", SIGN),
        ({"running": False, "paused": "broker", "paused_since": WAITED}, "stopped", SIGN),
        ({"at": "2026-03-01T11:00:00Z"}, "silent", "2026-03-01T11:00:00Z"),
        ({"at": "2026-03-01T11:00:00Z", "paused": "disk"}, "silent", "2026-03-01T11:00:00Z"),
        ({"at": "no moment"}, "silent", "no moment"),
    ],
    ids=["running", "paused", "stopped", "stopped while it waited", "silent", "silent while it waited", "no moment"],
)
def test_a_stream_says_what_it_does_and_since_when(
    tmp_path: Path, changes: dict[str, Any], state: str, since: str
) -> None:
    """One that was killed has not said that it stopped: it gives no sign."""
    write_status(tmp_path, status(**changes))

    [found] = stream_health(tmp_path, NOW)

    assert (found.state, found.since) == (state, since)


def test_a_sign_counts_for_so_long(tmp_path: Path) -> None:
    """To the second."""
    write_status(tmp_path, status())
    last = datetime.fromisoformat(SIGN) + timedelta(seconds=SILENT_SECONDS)

    states = [stream_health(tmp_path, last + timedelta(seconds=past))[0].state for past in (0, 1)]

    assert states == ["running", "silent"]


def test_a_file_of_an_earlier_worker_is_read(tmp_path: Path) -> None:
    """It has no counts; a file that is none is passed over."""
    (tmp_path / "streams").mkdir()
    (tmp_path / "streams/old.json").write_text(f'{{"name": "old", "path": "/p", "at": "{SIGN}", "dead": 3}}')
    (tmp_path / "streams/broken.json").write_text('{"name": "broken"')

    [found] = streams_of(tmp_path)

    assert (found.name, found.dead, found.dead_by_rule, found.applied) == ("old", 3, {}, 0)
