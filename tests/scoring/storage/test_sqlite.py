"""Small files that many read: what was opened is closed."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

from scoring.storage.sqlite import Reader, writing

TABLES = "CREATE TABLE IF NOT EXISTS t (n INTEGER)"


def test_a_reader_leaves_no_file_open(tmp_path: Path) -> None:
    """Nor its connections of other threads, whether or not the collector ever runs."""
    with writing(tmp_path / "t.db", TABLES) as connection:
        connection.execute("INSERT INTO t VALUES (7)")
    before = _open_files(tmp_path)
    gc.disable()
    try:
        for _ in range(50):
            reader = Reader(tmp_path / "t.db")
            thread = threading.Thread(target=reader.ask, args=("SELECT n FROM t",))
            thread.start()
            thread.join()
            assert list(reader.ask_of("SELECT n FROM t WHERE n IN {}", [7, 8])) == [(7,)]
            del thread, reader
        after = _open_files(tmp_path)
    finally:
        gc.enable()

    assert (before, after) == ([], [])


def _open_files(folder: Path) -> list[str]:
    """This process's open files in a folder."""
    links = (path for path in Path("/proc/self/fd").iterdir())
    return sorted(str(path.resolve()) for path in links if str(path.resolve()).startswith(str(folder)))
