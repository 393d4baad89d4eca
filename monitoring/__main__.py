"""`python -m monitoring`: the health of a home as monitoring last found it."""

from __future__ import annotations

import sys

from features.spec.options import default_home
from monitoring.cli.health_lines import health_lines
from scoring.health.health_file import read_health

if __name__ == "__main__":
    kept = read_health(default_home())
    print(*(health_lines(kept) if kept else ()), sep="\n")
    sys.exit(0 if kept else 1)
