"""The server under load while things happen to it; `make endure` and `make soak` do the same for longer."""

from __future__ import annotations

from pathlib import Path

from benchmarks.endurance.shelf import Shelf
from benchmarks.endurance.swaps import swaps
from tests.serving.conftest import start, stop
from tests.serving.test_live import QUICK


def test_swaps_under_load_fail_no_request_and_mix_no_versions(tmp_path: Path) -> None:
    """Of 8 callers' answers every score is the one that the version beside it gives, one version in an answer.

    Four good releases, a damaged one, and a rollback.
    """
    shelf = Shelf(tmp_path)
    server = start(shelf.home, tmp_path, QUICK)
    port = int(server.url.rpartition(":")[2])
    try:
        held = swaps(shelf, port, swaps=3, rollbacks=1, memory=lambda: 1, settle=0.1, pause=0.05)
    finally:
        stop(server)

    assert held.seen.failed == 0, held.seen
    assert held.seen.good > 100
    assert (held.taken, held.refused) == (5, 1)
