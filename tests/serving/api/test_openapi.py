"""The published description against the server, by a tool that tries to prove it wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.servers import Server

CASES = os.environ.get("PENCHANT_FUZZ_CASES", "40")  # a route; `make fuzz` asks for more


def test_schemathesis_finds_nothing(server: Server, tmp_path: Path) -> None:
    """Every check of it, on every route: statuses, media types, schemas, bad data refused, good data taken."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--checks", "all"]
    done = subprocess.run(
        [*command, "-n", CASES, "--seed", "7", "--no-color", "--suppress-health-check", "all"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4000:]
    assert "internal-error" not in server.written()
