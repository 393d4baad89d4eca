"""Brings the release store in line with the registry: HOME/releases holds what the aliases name, verified."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.spec.feature import Finding
from scoring.bundle.bundle import MANIFEST as MANIFEST_FILE
from scoring.bundle.bundle import load_bundle
from scoring.bundle.golden_rows import replay
from scoring.errors import BundleError
from scoring.releases.current_pointer import current_version
from scoring.releases.store import ReleaseFacts, install_release, load_release, make_current, release_folder
from scoring.segments.segmentation_bundle import is_segmentation, load_segmentation_bundle
from scoring.segments.segmentation_release import load_segmentation, mark_segmentation
from training.errors import Refused
from training.promotion.decision_log import note_decision
from training.promotion.gate import Decision, decision_record, integrity
from training.registry.lines import SyncLine
from training.registry.mlflow_registry import Registry, Stored, Version

PAUSE = 10.0  # seconds between looks at the registry


@contextmanager
def home_lock(home: Path) -> Iterator[None]:
    """One process at a time for each home; whoever comes second waits, with a message on stderr."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / ".training.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another training in {home}", file=sys.stderr)  # noqa: T201 the command would seem to hang
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sync(registry: Registry, home: Path) -> list[SyncLine]:
    """Installs every champion, and its previous one to fall back on; returns one line for each champion."""
    lines = []
    for name in registry.names():
        if champion := registry.champion(name):
            before = current_version(home, name)
            lines.append(sync_one(registry, home, name))
            if before != champion.number:
                note_decision(home, name, decision_record(champion.number, Decision(promote=True, rule="synced")))
    return lines


def sync_one(registry: Registry, home: Path, name: str) -> SyncLine:
    """Installs what the aliases of one use case name, and makes the champion current.

    Raises:
        BundleError: The registry holds something else than was registered.
    """
    champion, previous = registry.champion(name), registry.previous(name)
    if champion is None:
        return {"name": name, "version": None, "release": None, "changed": False}
    _clear_drafts(home, name)
    installed = [_install(registry, home, version) for version in (previous, champion) if version]
    moved = current_version(home, name) != champion.number
    if moved:
        make_current(home, name, champion.number)
    folder = release_folder(home, name, champion.number).relative_to(home).as_posix()
    return {"name": name, "version": champion.number, "release": folder, "changed": moved or any(installed)}


def adopt(registry: Registry, home: Path, version: Version) -> SyncLine:
    """Makes a version the champion, in the registry and in the release store.

    Its release is written first, so that between the alias and CURRENT lies nothing but a rename; a run that is ended
    just there is put right by the next sync.
    """
    _clear_drafts(home, version.name)
    _install(registry, home, version)
    registry.point(version.name, version.number)
    make_current(home, version.name, version.number)
    return sync_one(registry, home, version.name)


def watch(registry: Registry, home: Path, *, pause: float = PAUSE) -> Iterator[list[SyncLine]]:
    """Syncs again and again; yields what changed."""
    while True:
        with home_lock(home):
            changed = [line for line in sync(registry, home) if line["changed"]]
        if changed:
            yield changed
        time.sleep(pause)


def promote(registry: Registry, home: Path, name: str, number: str | None, *, rule: str = "by_hand") -> SyncLine:
    """Makes a version, by default the latest, the champion and installs it; `rule` is what the home notes.

    Raises:
        Refused: There is no such version, it does not load and replay, or a finding blocks it.
    """
    version = registry.latest(name) if number is None else registry.version(name, number)
    if version is None:
        raise Refused(f"A promotion needs a registered version, {name} has no {number or 'version'}.")
    with _fetched(registry, version) as stored:
        findings = [Finding(**finding) for finding in stored.outcome["findings"]]
    if blocked := integrity(findings):
        note_decision(home, name, decision_record(version.number, blocked))
        raise Refused(f"{name} version {version.number} is refused. {blocked.reason}")
    line = adopt(registry, home, version)
    note_decision(home, name, decision_record(version.number, Decision(promote=True, rule=rule)))
    return line


def rollback(registry: Registry, home: Path, name: str, number: str | None) -> SyncLine:
    """Makes the previous champion, or the version asked for, the champion again.

    Raises:
        Refused: There is no previous champion.
    """
    previous = registry.previous(name)
    if number is None and previous is None:
        raise Refused(f"A rollback needs a previous champion, {name} has none.")
    return promote(registry, home, name, number or (previous.number if previous else None), rule="rolled_back")


@contextmanager
def _fetched(registry: Registry, version: Version) -> Iterator[Stored]:
    """A version's content, checked against the manifest it was registered with, loaded and replayed."""
    with tempfile.TemporaryDirectory() as folder:
        stored = registry.fetch(version, Path(folder))
        sha256 = hashlib.sha256((stored.bundle / MANIFEST_FILE).read_bytes()).hexdigest()
        if sha256 != version.digests["manifest"]:
            raise BundleError(f"{version.name} version {version.number} must hold the manifest it was registered with.")
        if is_segmentation(stored.bundle):
            load_segmentation_bundle(stored.bundle, manifest_sha256=sha256)
        else:
            replay(load_bundle(stored.bundle, manifest_sha256=sha256))
        yield stored


def _clear_drafts(home: Path, name: str) -> None:
    """Takes away what a run that was ended in the middle has left; nobody else writes while we hold the lock."""
    for draft in (home / "releases" / name).glob(".*.tmp"):
        if draft.is_dir():
            shutil.rmtree(draft)
        else:
            draft.unlink()


def _install(registry: Registry, home: Path, version: Version) -> bool:
    """Whether a release had to be written: it was not there, or not what it should be."""
    try:
        if _installed_facts(home, version).manifest_sha256 == version.digests["manifest"]:
            return False
    except BundleError:
        shutil.rmtree(release_folder(home, version.name, version.number), ignore_errors=True)
    facts = {"registered_at": version.registered_at, "run_id": version.run}
    with _fetched(registry, version) as stored:
        install_release(home, version.name, version.number, stored.bundle, report=stored.report, facts=facts)
        if is_segmentation(stored.bundle):
            mark_segmentation(home, version.name)
    return True


def _installed_facts(home: Path, version: Version) -> ReleaseFacts:
    """What an installed release says of itself, once it is whole; raises BundleError where it is not."""
    if is_segmentation(release_folder(home, version.name, version.number)):
        return load_segmentation(home, version.name, version=version.number).facts
    return load_release(home, version.name, version=version.number).facts
