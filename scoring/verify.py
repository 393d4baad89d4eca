"""A release is parsed first in a child under limits: a damaged model crashes or hangs there, not in the server."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from scoring.errors import BundleError

SECONDS = 60  # of processor time and, doubled, of waiting
MEMORY = 8 * 1024**3  # bytes of address space


def verify_release(home: Path, name: str, version: str) -> None:
    """Loads a release and replays its golden rows in a child process.

    Raises:
        BundleError: It was refused, crashed, or took too long.
    """
    command = [sys.executable, "-m", "scoring.verify", str(home.resolve()), name, version]
    root = Path(__file__).resolve().parent.parent
    try:
        child = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=2 * SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise BundleError(f"A release must load within {2 * SECONDS} s, {name}/{version} did not.") from None
    if child.returncode == 3:
        raise BundleError(child.stdout.strip())
    if child.returncode:
        raise BundleError(f"A release must load and replay, {name}/{version} ended its loader with {child.returncode}.")


def _main(home: str, name: str, version: str) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from scoring.lean import bar_training_libraries

    bar_training_libraries()
    from scoring.golden import replay
    from scoring.releases import load_release

    try:
        replay(load_release(Path(home), name, version=version, threads=1).bundle)
    except BundleError as error:
        print(error)  # noqa: T201 the parent reads it
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(*sys.argv[1:]))
