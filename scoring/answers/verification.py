"""A release is parsed first in a child under limits: a damaged model crashes or hangs there, not in the server."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from scoring.errors import BundleError

SECONDS = 60  # of processor time and, doubled, of waiting
MEMORY = 1024**3  # bytes of address space for any release; the libraries alone take 0.3 GB
MEMORY_A_BYTE = 256  # and more for each byte of it: a model of 1 MB takes up to 100 MB while it is read
ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each thread reserves address space, used or not
PROGRAM = ["-m", "scoring.answers.verification"]
LONGEST = 500  # characters of a reason that are passed on: it may quote the release


def verify_release(home: Path, name: str, version: str) -> None:
    """Loads a release and replays its golden rows in a child process.

    Raises:
        BundleError: It was refused, crashed, or took too long.
        InterruptedError: Somebody stopped the child, which says nothing of the release.
    """
    command = [sys.executable, *PROGRAM, str(home.resolve()), name, version]
    root = Path(__file__).resolve().parents[2]
    try:
        child = subprocess.run(
            command,
            cwd=root,
            env={**os.environ, **ALONE},
            capture_output=True,
            text=True,
            timeout=2 * SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"A release must load within {2 * SECONDS} s, {name}/{version} did not.") from None
    if child.returncode == 3:
        raise BundleError(child.stdout.strip()[:LONGEST])
    if child.returncode in (-signal.SIGTERM, -signal.SIGINT):
        raise InterruptedError("The loader was stopped before it was done.")
    if child.returncode:
        raise BundleError(f"A release must load and replay, {name}/{version} ended its loader with {child.returncode}.")


def _main(home: str, name: str, version: str) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    folder = Path(home) / "releases" / name / version
    memory = MEMORY + MEMORY_A_BYTE * sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from scoring.lean_imports import bar_training_libraries

    bar_training_libraries()
    try:
        _rehearse(name, Path(home), version)
    except BundleError as error:
        print(error)  # noqa: T201 the parent reads it
        return 3
    return 0


def _rehearse(name: str, home: Path, version: str) -> None:
    """Replays the golden rows, then answers about them as a request would: no request may be the first to stumble."""
    from features.spec.languages import LANGUAGES
    from scoring.answers.explain import explain_profile
    from scoring.answers.score import MAX_REASONS, score_profiles
    from scoring.answers.served_release import Live
    from scoring.bundle.golden_rows import replay
    from scoring.releases.store import load_release

    release = load_release(home, name, version=version, threads=1)
    replay(release.bundle)
    live = Live(release)
    profiles = [{"customer_id": "golden", "features": dict(row.features)} for row in release.bundle.golden]
    for language in LANGUAGES:
        score_profiles({name: live}, profiles, reasons=MAX_REASONS, language=language)
        explain_profile(live, profiles[0], language=language)


if __name__ == "__main__":
    raise SystemExit(_main(*sys.argv[1:]))
