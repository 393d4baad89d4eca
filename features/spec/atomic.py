"""Files that appear whole or not at all, and are on the disk once they do: the one way to replace one."""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_DRAFT = re.compile(r"\..+\.\d+\.[0-9a-f]{8}\.tmp")  # as `draft_path` names them
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


def write_file(target: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Replaces a file by other bytes; a process killed meanwhile leaves the old ones, and a hidden draft beside them.

    Args:
        target: The file; its folder is made where there is none.
        content: All that it shall hold.
        mode: Permissions before the umask, those of a new file whatever the old one had.
    """
    with draft_of(target, mode=mode) as draft:
        draft.write_bytes(content)


@contextmanager
def draft_of(target: Path, *, mode: int = 0o666, keep_existing: bool = False) -> Iterator[Path]:
    """An empty file in the target's folder that becomes the target once the block has written it.

    Args:
        target: The file to be; its folder is made where there is none.
        mode: Permissions before the umask.
        keep_existing: Whether a target that is there by then stays: of several writers the first one counts.
    """
    with new_draft(target, mode=mode) as (draft, release):
        yield draft
        if keep_existing:
            sync(draft)
            release()  # else closing it later would drop the locks that SQLite has by then on the same file
            with suppress(FileExistsError):
                os.link(draft, target)
            sync(target.parent)
        else:
            put_in_place(draft, target)


@contextmanager
def new_draft(target: Path, *, mode: int = 0o666, folder: bool = False) -> Iterator[tuple[Path, Callable[[], None]]]:
    """An empty file or folder beside a target, which is locked while the block writes it and gone after it.

    The lock tells a draft that is being written from one whose writer was killed, which `remove_orphans` removes. The
    second value takes the lock off before the block ends.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft, handle = _locked_draft(target, mode, folder)
    lock = ExitStack()
    lock.callback(os.close, handle)
    try:
        yield draft, lock.close
    finally:
        lock.close()
        _remove(draft)


def _locked_draft(target: Path, mode: int, folder: bool) -> tuple[Path, int]:
    while True:
        draft = draft_path(target)
        if folder:
            draft.mkdir()
        else:
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        with suppress(FileNotFoundError):  # it was taken for an orphan before it was locked
            handle = os.open(draft, os.O_RDONLY)
            _lock(handle, fcntl.LOCK_EX)
            if draft.exists():
                return draft, handle
            os.close(handle)


def remove_orphans(folder: Path) -> None:
    """Removes drafts in a folder whose writers were killed; one that is being written is locked."""
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            if _DRAFT.fullmatch(path.name) and not _is_locked(path):
                _remove(path)


@contextmanager
def locked_file(path: Path) -> Iterator[int]:
    """Whoever else asks for the lock of this file waits until the block has ended; the descriptor is the file's.

    It is made where it is not there, for its owner alone; the lock goes with the process that has it.

    Raises:
        OSError: It cannot be made or read.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _lock(handle: int, kind: int) -> None:
    with suppress(OSError):  # a file system without locks: nothing on it is ever taken for an orphan
        fcntl.flock(handle, kind)


def _is_locked(path: Path) -> bool:
    """Whether somebody writes it, or it is not ours to say."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def draft_path(target: Path) -> Path:
    """A hidden name beside a target that no other writer uses, of this process or another."""
    return target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")


def put_in_place(draft: Path, target: Path) -> None:
    """Renames a file, or a folder of files, to its place, with everything flushed to the disk before and after."""
    for path in draft.iterdir() if draft.is_dir() else ():
        sync(path)
    sync(draft)
    draft.replace(target)
    sync(target.parent)


def exchange(draft: Path, target: Path) -> None:
    """Swaps two files or folders at once, so that at no moment either name is missing.

    Where the system cannot, which Linux can on its own file systems, it is three renames.
    """
    paths = [os.fsencode(path) for path in (draft, target)]
    swap = getattr(ctypes.CDLL(None), "renameat2", None)
    if swap is None or swap(_HERE, paths[0], _HERE, paths[1], _EXCHANGE):
        aside = draft_path(target)
        target.rename(aside)
        draft.rename(target)
        aside.rename(draft)
    sync(target.parent)


def sync(path: Path) -> None:
    """Flushes a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
