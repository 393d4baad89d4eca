"""A process of pytest-xdist, forked where it would be started anew: `python -m tests.support.worker` for `python`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support import forks

if __name__ == "__main__":
    program = [each for each in sys.argv[1:] if each != "-u"]  # `python -u -c PROGRAM`
    streams = {"stdin": sys.stdin.buffer, "stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer}
    sys.exit(forks.start(program, cwd=Path.cwd(), env=os.environ, **streams).wait())
