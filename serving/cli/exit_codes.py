"""What the commands that keep or audit a home's data have in common: how they end where something is wrong."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from scoring.errors import BundleError
from scoring.privacy.suppression import SuppressionError
from scoring.storage.table_files import BatchError

DONE, FAILED, BROKEN_DATA = 0, 1, 3


def ended(work: Callable[[], int], file: Path | None) -> int:
    """The exit code of the work; where it fails, one line on stderr says why, and names the file if it is at fault."""
    try:
        return work()
    except BatchError as error:
        print(f"{file}: {error}", file=sys.stderr)
        return BROKEN_DATA
    except (BundleError, SuppressionError, OSError, sqlite3.Error) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
