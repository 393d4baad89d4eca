"""Damaged releases by the hundred, each held up to the child that must refuse it."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.endurance.damage import QUICK, SLOW, Harm
from benchmarks.endurance.release_store import ReleaseStore, renamed
from scoring.answers.verification import verify_release
from scoring.errors import BundleError

EVERY_SLOW = 100  # one release in so many hangs whoever reads it


@dataclass
class Refusals:
    """What became of damaged releases."""

    refused: Counter[str] = field(default_factory=Counter)  # by the sort of damage
    taken: list[str] = field(default_factory=list)  # damage that passed
    said: Counter[str] = field(default_factory=Counter)  # why, in the words before the first comma

    @property
    def total(self) -> int:
        """How many were held up."""
        return self.refused.total() + len(self.taken)


def refusals(release_store: ReleaseStore, harms: Sequence[tuple[Harm, int]], *, at_once: int = 2) -> Refusals:
    """Damages a good release in each way, seeded, and asks the child of `scoring.answers.verification` about it."""
    found = Refusals()

    def ask(number: int, harm: Harm, seed: int) -> tuple[str, str | None]:
        version = put(release_store, number, harm, seed)
        try:
            verify_release(release_store.home, "churn", version)
        except BundleError as error:
            return f"{harm.__name__} {seed}", str(error)
        return f"{harm.__name__} {seed}", None

    with ThreadPoolExecutor(at_once) as pool:
        for name, reason in pool.map(ask, range(len(harms)), *zip(*harms, strict=True)):
            if reason is None:
                found.taken.append(name)
            else:
                found.refused[name.partition(" ")[0]] += 1
                found.said[reason.partition(",")[0].partition(":")[0][:60]] += 1
    return found


def put(release_store: ReleaseStore, number: int, harm: Harm, seed: int) -> str:
    """Puts a damaged copy of a good release in the release store; returns the version it stands as, and says it is."""
    version = str(1000 + number)
    folder = release_store.home / "releases/churn" / version
    shutil.copytree(release_store.home / "releases/churn/1", folder)
    renamed(folder, version)
    harm(folder, random.Random(seed))  # noqa: S311 a draw that can be repeated
    return version


def drawn(count: int, *, slow: bool) -> list[tuple[Harm, int]]:
    """So many harms in turn, each with a seed of its own."""
    chosen = [(QUICK[number % len(QUICK)], number) for number in range(count)]
    if slow:
        for number in range(0, count, EVERY_SLOW):
            chosen[number] = (SLOW[0], number)
    return chosen
