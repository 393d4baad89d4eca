"""What commands print reaches any terminal: a sign that its encoding lacks becomes a replacement sign."""

from __future__ import annotations

import sys


def print_to_any_terminal() -> None:
    """From here on printing never fails for a sign that a terminal or pipe (latin-1, cp850, ascii) cannot write.

    Every `main` calls it first, so that --help, progress and errors are covered too.
    """
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):  # what stands in for a stream may have none
            reconfigure(errors="replace")
