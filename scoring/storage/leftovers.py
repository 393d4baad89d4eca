"""What killed processes left in a home: drafts, and logs of what was not committed; either may name customers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from features.spec.atomic import remove_orphans
from scoring.storage.sqlite import empty_log


def remove_leftovers(home: Path) -> None:
    """Removes what nobody writes any more; called by every command on a home and by each server that starts there."""
    with suppress(OSError):  # a home that cannot be written is left as it is
        inside = [path for path in home.iterdir() if path.is_dir()]
        for folder in (home, *inside, *(path for path in (home / "releases").glob("*") if path.is_dir())):
            remove_orphans(folder)
        for path in home.glob("*.db"):
            empty_log(path)
