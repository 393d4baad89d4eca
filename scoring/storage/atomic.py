"""Files that appear whole or not at all, and are on the disk once they do: the one way to replace one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_path(target)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    try:
        yield draft
        if keep_existing:
            sync(draft)
            with suppress(FileExistsError):
                os.link(draft, target)
            sync(target.parent)
        else:
            put_in_place(draft, target)
    finally:
        draft.unlink(missing_ok=True)


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


def sync(path: Path) -> None:
    """Flushes a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
