"""Damaged releases: whatever a release is made of, the child that parses it says no, and nobody else is harmed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.endurance.damage import QUICK
from benchmarks.endurance.refusals import drawn, put
from benchmarks.endurance.release_store import ReleaseStore
from scoring.answers import verification as verify
from scoring.answers.verification import verify_release
from scoring.bundle.bundle import MANIFEST
from scoring.bundle.manifest import read_manifest
from scoring.errors import BundleError
from scoring.releases.current_pointer import current_version
from scoring.releases.store import load_release

ROOT = Path(__file__).parents[3]
# As many children as there are releases, each a copy of one process that has imported the libraries already.
NURSERY = """
import json, os, sys
from scoring.lean_imports import bar_training_libraries
bar_training_libraries()
import scoring.answers.score
from scoring.answers.verification import _main
ended = {}
for version in sys.argv[2:]:
    child = os.fork()
    if not child:
        sys.stdout = sys.stderr = open(os.devnull, "w")
        code = 1  # as an exception that nobody catches ends a process
        try:
            code = _main(sys.argv[1], "churn", version)
        finally:
            os._exit(code)
    ended[version] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps(ended))
"""


@pytest.fixture(scope="module")
def release_store(tmp_path_factory: pytest.TempPathFactory) -> ReleaseStore:
    """A release store with good releases, to put bad ones beside."""
    return ReleaseStore(tmp_path_factory.mktemp("release_store"))


def test_every_damaged_release_is_refused(release_store: ReleaseStore) -> None:
    """Thirty-nine, three of each sort, seeded; a good one passes. `make endure` does the same with four hundred."""
    versions = [
        put(release_store, number, harm, seed) for number, (harm, seed) in enumerate(drawn(3 * len(QUICK), slow=False))
    ]

    command = [sys.executable, "-c", NURSERY, str(release_store.home), "1", *versions]
    ended = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)

    assert ended.pop("1") == 0
    assert [version for version, code in ended.items() if code == 0] == []


def test_many_processors_do_not_use_up_the_limit(
    release_store: ReleaseStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child has one thread wherever it runs: the libraries reserve 40 MB of addresses for each further one."""
    monkeypatch.setattr(verify, "PROGRAM", ["-c", "import numpy, os; print(os.listdir('/proc/self/task')); exit(3)"])

    with pytest.raises(BundleError, match=r"^\['\d+'\]$"):
        verify_release(release_store.home, "churn", "1")


def test_a_model_that_is_never_read_to_its_end_is_given_up(
    release_store: ReleaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loader that hangs is stopped, and its release refused."""
    monkeypatch.setattr(verify, "SECONDS", 0.05)

    with pytest.raises(BundleError, match="must load within"):
        verify_release(release_store.home, "churn", "1")


def test_a_loader_that_somebody_stops_says_nothing_of_its_release(
    release_store: ReleaseStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a server is stopped with all its children, no release is to blame."""
    stopped = tmp_path / "python"
    stopped.write_text("#!/bin/sh\nkill -TERM $$\n")
    stopped.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stopped))

    with pytest.raises(InterruptedError):
        verify_release(release_store.home, "churn", "1")


def test_a_reason_is_short_whatever_the_release_is(release_store: ReleaseStore) -> None:
    """It stands in the log and in /readyz, and may quote what the release holds."""
    folder = release_store.home / "releases/churn" / put(release_store, 900, QUICK[0], 1)
    manifest = json.loads((release_store.home / "releases/churn/1" / MANIFEST).read_bytes())
    manifest["files"] |= {f"{number}{'x' * 200}": {"size": 1, "sha256": ""} for number in range(100)}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    release = json.loads((folder / "release.json").read_bytes())
    release["manifest_sha256"] = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    (folder / "release.json").write_text(json.dumps(release))

    with pytest.raises(BundleError) as refused:
        verify_release(release_store.home, "churn", folder.name)

    assert len(str(refused.value)) <= verify.LONGEST


@pytest.mark.parametrize(
    "harm",
    [
        lambda m: m.update(boundaries=[]),
        lambda m: m["boundaries"].reverse(),
        lambda m: m["boundaries"].__setitem__(0, 10**400),
        lambda m: m["boundaries"].__setitem__(0, True),
        lambda m: m["bands"]["labels"].pop("fr"),
        lambda m: m["bands"]["labels"]["en"].pop(),
        lambda m: m["bands"].update(thresholds=["0.5", None]),
        lambda m: m["calibration"].update(a=float("nan")),
        lambda m: m["calibration"].update(b="0"),
        lambda m: m.update(eligible={"feature": "x"}),
        lambda m: m.update(eligible={"feature": "x", "op": "==", "value": 1}),
        lambda m: m.update(encoder={"canal d'achat": [1]}),
        lambda m: m.update(what_if={"x": 1}),
        lambda m: m.update(polarity="sideways"),
        lambda m: m.pop("trained_to"),
        lambda m: m.pop("metrics"),
        lambda m: m["digests"].pop("data"),
        lambda m: m.update(forbid="age"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(release_store: ReleaseStore, harm: Callable[[Any], object]) -> None:
    """What golden rows do not touch would else break a request, or quietly make every percentile 1."""
    manifest = json.loads((release_store.home / "releases/churn/1" / MANIFEST).read_bytes())
    read_manifest(manifest)
    harm(manifest)

    with pytest.raises(BundleError, match="every part of its kind"):
        read_manifest(manifest)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe1", b"", b"../1", b"1\n2", b"9" * 10**6], ids=lambda text: repr(text[:8])
)
def test_a_pointer_that_names_no_version_is_refused(release_store: ReleaseStore, content: bytes) -> None:
    """Whatever bytes stand in CURRENT, the error is one that a server expects."""
    folder = release_store.home / "releases/broken"
    folder.mkdir(exist_ok=True)
    (folder / "CURRENT").write_bytes(content)

    with pytest.raises(BundleError, match="must name one version"):
        current_version(release_store.home, "broken")


def test_a_pipe_for_a_release_is_not_waited_for(release_store: ReleaseStore) -> None:
    """A release.json that never ends is refused at once."""
    version = put(release_store, 901, QUICK[0], 1)
    path = release_store.home / "releases/churn" / version / "release.json"
    path.unlink()
    os.mkfifo(path)

    with pytest.raises(BundleError, match="must be a file"):
        load_release(release_store.home, "churn", version=version)
