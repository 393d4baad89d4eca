"""The releases being served: read from the release store, verified, and swapped in one step while requests go on."""

from __future__ import annotations

import dataclasses
import gc
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

from scoring.answers.discovered_alone import Alone, standing_alone
from scoring.answers.served_release import Live, attach
from scoring.answers.verification import verify_release
from scoring.bundle.golden_rows import replay
from scoring.errors import BundleError, PolicyFailedError
from scoring.releases.current_pointer import CURRENT, current_version, released_segmentations, released_use_cases
from scoring.releases.store import RELEASE, load_release
from scoring.segments.assignment import DEFAULT, SEGMENTS_FOLDER
from scoring.segments.policy import Policy
from scoring.segments.segmentation_release import SegmentationRelease, load_segmentation
from serving.releases import verified_cache
from serving.releases.policy_in_force import PolicyInForce
from serving.telemetry import logs

Swapped = Callable[[str, str], None]  # the use case, and `swapped` or `refused`
Mark = tuple[int, ...]  # what tells one state of CURRENT and its release from another
_YOUNG = 20_000  # objects made between two looks of the collector; a call of 1,000 profiles makes about half as many


@dataclass(frozen=True, slots=True)
class Refusal:
    """A release that was not taken into service, and why."""

    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one moment serves; never changed, only replaced."""

    served: Mapping[str, Live] = field(default_factory=dict)
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    released_at: Mapping[str, float] = field(default_factory=dict)  # seconds since the epoch
    segmentations: Mapping[str, SegmentationRelease] = field(default_factory=dict)  # whose clusters answers have
    alone: Mapping[str, Alone] = field(default_factory=dict)  # those that no use case hands rows over to
    policy: Policy = DEFAULT  # whose segments are named
    policy_refusal: str | None = None  # why an installed policy was not taken
    looked: bool = False  # whether the release store was looked at to the end

    @property
    def lacking(self) -> list[str]:
        """Use cases in the release store of which no release has ever been good."""
        return sorted(self.refused.keys() - self.served.keys())

    @property
    def ready(self) -> bool:
        """Whether every use case in the release store is served, and there is one."""
        return self.looked and bool(self.served) and not self.lacking


_LOCK = threading.Lock()  # between the threads that take releases; readers need none


class Watch:
    """Looks at CURRENT of every use case and keeps the last good release of each in service."""

    def __init__(
        self, home: Path, *, fallback: Path | None, poll_seconds: float, also: Callable[[], None], swapped: Swapped
    ) -> None:
        self.snapshot = Snapshot()
        self._home = home
        self._fallback = fallback
        self._poll_seconds = poll_seconds
        self._also = also
        self._swapped = swapped
        self._marks: dict[str, Mark] = {}
        self._policies = PolicyInForce()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="releases", daemon=True)

    def start(self) -> None:
        """Looks once and then every `poll_seconds`, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch after the look that is under way."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._also()
                self.look()
            except Exception as error:  # the watch outlives whatever one look meets
                logs.write("look_failed", level="error", **logs.fault(error))
            self._stopping.wait(self._poll_seconds)

    def look(self) -> None:
        """Takes every release that is new since the last look; several at once, since each is verified in a child."""
        store = self._store()
        self._take_segmentations(store)
        self._take_policy(store)
        changed = [name for name in released_use_cases(store) if self._marks.get(name) != _mark(store, name)]
        if changed:
            with ThreadPoolExecutor(max_workers=2) as pool:
                list(pool.map(lambda name: self._take(store, name), changed))
            _settle()
            self._take_policy(store)  # a release may lack what it reads
        if not self.snapshot.looked:
            self.snapshot = dataclasses.replace(self.snapshot, looked=True)

    def _take_segmentations(self, store: Path) -> None:
        """Every segmentation that is new, once its golden rows are reproduced; else the last good one stays.

        One that is bad is logged and answers go without it: scores are served all the same.
        """
        for name in released_segmentations(store):
            mark = _mark(store, name)
            if self._marks.get(name) == mark:
                continue
            try:
                release = load_segmentation(store, name)
            except (BundleError, OSError) as error:
                reason = str(error) if isinstance(error, BundleError) else type(error).__name__
                logs.write("segmentation_refused", level="error", segmentation=name, reason=reason)
            else:
                with _LOCK:
                    found = {**self.snapshot.segmentations, name: release}
                    served = {key: _beside(live, found) for key, live in self.snapshot.served.items()}
                    alone = standing_alone(served, found.values())
                    self.snapshot = dataclasses.replace(self.snapshot, segmentations=found, served=served, alone=alone)
                logs.write("segmentation_served", segmentation=name, version=release.version)
            self._marks[name] = mark

    def _store(self) -> Path:
        """HOME, or where it has no release that which travelled inside the bento."""
        if self._fallback and not released_use_cases(self._home):
            return self._fallback
        return self._home

    def give_up(self, policy: Policy, error: PolicyFailedError) -> Policy:
        """The policy in force once this one, which failed at customers, is out of service."""
        with _LOCK:
            good = self._policies.give_up(policy, error)
            self._publish_policy()
        return good

    def _take_policy(self, store: Path) -> None:
        """The installed policy of segments, once proved with what is served; else the last good one stays."""
        served = self.snapshot.served
        versions = tuple((name, live.release.version, self.snapshot.released_at[name]) for name, live in served.items())
        clusters = tuple((name, one.version) for name, one in self.snapshot.segmentations.items())
        mark = (_stats([store / SEGMENTS_FOLDER / CURRENT]), versions, clusters)
        with _LOCK:
            if self._policies.look(store, served, mark):
                self._publish_policy()

    def _publish_policy(self) -> None:
        policy, refusal = self._policies.policy, self._policies.refusal
        self.snapshot = dataclasses.replace(self.snapshot, policy=policy, policy_refusal=refusal)

    def _take(self, store: Path, name: str) -> None:
        mark = _mark(store, name)
        try:
            live = verified(store, name)
        except BundleError as error:
            self._refuse(store, name, str(error))
        except InterruptedError:
            return  # the server is being stopped, with all its children; if not, it is tried again
        except OSError as error:
            self._refuse(store, name, f"The release could not be read ({type(error).__name__}).")
            return  # and tried again at the next look
        else:
            self._serve(live, name)
        self._marks[name] = mark

    def _serve(self, live: Live, name: str) -> None:
        written = (live.release.folder / RELEASE).stat().st_mtime
        with _LOCK:
            now = self.snapshot
            attach({name: live}, now.segmentations.values())
            served = dict(sorted({**now.served, name: live}.items()))
            self.snapshot = dataclasses.replace(
                now,
                served=served,
                alone=standing_alone(served, now.segmentations.values()),
                refused={key: refusal for key, refusal in now.refused.items() if key != name},
                released_at={**now.released_at, name: written},
            )
        logs.write("release_served", use_case=name, version=live.release.version)
        self._swapped(name, "swapped")

    def _refuse(self, store: Path, name: str, reason: str) -> None:
        refusal = Refusal(_named(store, name), reason)
        with _LOCK:
            if self.snapshot.refused.get(name) == refusal:
                return
            self.snapshot = dataclasses.replace(self.snapshot, refused={**self.snapshot.refused, name: refusal})
        logs.write("release_refused", level="error", use_case=name, version=refusal.version, reason=reason)
        self._swapped(name, "refused")


def _beside(live: Live, segmentations: Mapping[str, SegmentationRelease]) -> Live:
    """The same release with other segmentations: requests that are under way see what they began with."""
    other = copy(live)
    other.on_scored = None
    attach({live.release.bundle.name: other}, segmentations.values())
    return other


def _settle() -> None:
    """Hides all that will live long from Python's garbage collector.

    Large requests set off full collections, each of which would look through BentoML and the models again: a tenth of
    a second in which nothing is answered, and a copy of all that workers share. What a request makes holds no cycles,
    so the collector need not look often, and no release does, so that one which is replaced goes without its help.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)


def verified(home: Path, name: str) -> Live:
    """The current release, parsed in a child first, then here, its golden rows reproduced in both.

    The child is spared where one has verified the same bytes for another worker of this server.

    Raises:
        BundleError: It is not what it says it is.
    """
    version = current_version(home, name)
    if version is None:
        raise BundleError(f"A use case needs a release, {name} has none.")
    mark = verified_cache.mark_of(home, name, version)
    if mark is None or not mark.exists():
        verify_release(home, name, version)
        verified_cache.remember(mark)
    release = load_release(home, name, version=version, threads=1)
    replay(release.bundle)
    return Live(release)


def _named(home: Path, name: str) -> str:
    try:
        return current_version(home, name) or ""
    except (BundleError, OSError):
        return ""


def _mark(home: Path, name: str) -> Mark:
    """The identity and age of CURRENT and of the release it names."""
    folder = home / "releases" / name
    version = _named(home, name)
    paths = [folder / CURRENT, folder / version / RELEASE] if version else [folder / CURRENT]
    return _stats(paths)


def _stats(paths: list[Path]) -> Mark:
    stats = [path.stat() for path in paths if path.exists()]
    return tuple(part for stat in stats for part in (stat.st_ino, stat.st_mtime_ns, stat.st_size))


def age_seconds(snapshot: Snapshot) -> dict[str, float]:
    """Time since the served version of each use case was released."""
    return {name: time.time() - at for name, at in snapshot.released_at.items()}
