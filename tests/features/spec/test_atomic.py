"""Files that appear whole or not at all: kills, failures, permissions, and writers at once."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from features.spec.atomic import draft_of, draft_path, exchange, new_draft, put_in_place, remove_orphans, write_file

ROOT = Path(__file__).parents[3]
KILLED = """
import os, signal, sys
from pathlib import Path
from features.spec.atomic import draft_of
with draft_of(Path(sys.argv[1])) as draft:
    draft.write_bytes(b"new")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def mode_of(path: Path) -> int:
    """A file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_kill_before_the_rename_leaves_the_old_file(tmp_path: Path) -> None:
    """What was there stays to the byte; beside it lies a hidden draft, which no later write trips over."""
    target = tmp_path / "file"
    target.write_bytes(b"old")

    ended = subprocess.run([sys.executable, "-c", KILLED, str(target)], cwd=ROOT, check=False).returncode

    assert ended == -signal.SIGKILL
    assert target.read_bytes() == b"old"
    (left,) = [path for path in tmp_path.iterdir() if path != target]
    assert left.name.startswith(".file.")
    assert left.name.endswith(".tmp")
    write_file(target, b"newer")
    assert target.read_bytes() == b"newer"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """An exception while the draft is written takes the draft away."""
    target = tmp_path / "file"
    target.write_bytes(b"old")

    with pytest.raises(FileNotFoundError), draft_of(target):
        (tmp_path / "source").read_bytes()

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize(("mode", "umask", "expected"), [(0o600, 0o022, 0o600), (0o666, 0o022, 0o644)])
def test_the_mode_is_the_one_asked_for(tmp_path: Path, mode: int, umask: int, expected: int) -> None:
    """Less the umask, from the first moment of the draft on, and whatever the old file allowed."""
    target = tmp_path / "file"
    target.write_bytes(b"old")
    target.chmod(0o640)
    before = os.umask(umask)
    try:
        with draft_of(target, mode=mode) as draft:
            assert mode_of(draft) == expected
            draft.write_bytes(b"new")
    finally:
        os.umask(before)

    assert mode_of(target) == expected
    assert target.read_bytes() == b"new"


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    """A home may be empty."""
    write_file(tmp_path / "a/b/file", b"new")

    assert (tmp_path / "a/b/file").read_bytes() == b"new"


def test_of_two_makers_the_first_counts(tmp_path: Path) -> None:
    """With `keep_existing` a target that appeared meanwhile stays, and the draft goes."""
    target = tmp_path / "key"

    with draft_of(target, keep_existing=True) as later:
        with draft_of(target, keep_existing=True) as earlier:
            earlier.write_bytes(b"first")
        later.write_bytes(b"second")

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"first"]


def test_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    """Threads share a process id, and still never a draft."""
    contents = [bytes([number]) * 10_000 for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write_file(tmp_path / "file", content), contents))

    assert [path.read_bytes() in contents for path in tmp_path.iterdir()] == [True]


def test_a_folder_takes_its_place_whole(tmp_path: Path) -> None:
    """With all its files."""
    target = tmp_path / "folder"
    draft = draft_path(target)
    draft.mkdir()
    (draft / "part").write_bytes(b"new")

    put_in_place(draft, target)

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (target / "part").read_bytes() == b"new"


def test_what_is_written_is_flushed_before_and_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the file, then its folder: after a power cut a name stands for whole content."""
    flushed: list[tuple[str, bool]] = []
    real = os.fsync
    target = tmp_path / "file"

    def watched(handle: int) -> None:
        flushed.append((Path(f"/proc/self/fd/{handle}").readlink().name.partition(".")[0], target.exists()))
        real(handle)

    monkeypatch.setattr(os, "fsync", watched)

    write_file(target, b"new")

    assert flushed == [("", False), (tmp_path.name, True)]


def test_orphans_go_and_drafts_that_are_written_stay(tmp_path: Path) -> None:
    """Files and folders of killed writers; a file of another's name stays, a draft in hand too."""
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "file")], cwd=ROOT, check=False)
    orphan = draft_path(tmp_path / "folder")
    orphan.mkdir()
    (orphan / "part").write_bytes(b"a customer")
    (tmp_path / ".mine.tmp").write_bytes(b"")

    with new_draft(tmp_path / "a") as (one, _), new_draft(tmp_path / "b", folder=True) as (other, _):
        remove_orphans(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".mine.tmp", one.name, other.name])

    assert [path.name for path in tmp_path.iterdir()] == [".mine.tmp"]


@pytest.mark.parametrize("able", [True, False], ids=["at once", "where the system cannot"])
def test_two_folders_swap_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, able: bool) -> None:
    """Each with what is in it."""
    for name in ("draft", "target"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "was").write_text(name)
    if not able:
        monkeypatch.setattr("features.spec.atomic._EXCHANGE", 1 << 30)

    exchange(tmp_path / "draft", tmp_path / "target")

    assert [(tmp_path / name / "was").read_text() for name in ("draft", "target")] == ["target", "draft"]
