"""`python -m monitoring`: the health of a home as monitoring last found it, and its alerts brought up to date."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from features.spec.options import default_home
from monitoring.cli.alert_commands import acknowledge_command, alert_about, alert_lines
from monitoring.cli.health_lines import health_lines
from scoring.health.health_file import read_health


def main() -> int:
    """Prints what is known; 7 while an alert is open, 1 where nobody has looked yet."""
    if sys.argv[1:2] == ["ack"]:
        return acknowledge_command(sys.argv[2:])
    home = default_home()
    kept = read_health(home)
    if kept is None:
        return 1
    document, code = alert_about(home, kept, datetime.now(UTC))
    print(*health_lines(document), *alert_lines(document.alerts), sep="\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
