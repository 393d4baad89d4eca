"""A sync that is killed at every boundary and in between, for each kind of destination: the next one ends it."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from activation.deliveries import deliver
from features.spec.suppression_list import keyed, read_key
from scoring.privacy import suppression
from tests.support.deliveries import DeliveryWorld, address, hot, world
from tests.support.fakes.base import FakeVendor, serving
from tests.support.killed_syncs import MOMENTS, Killer, in_small_batches
from tests.support.vendors import VENDORS, Vendor

ALL = "PENCHANT_DELIVERIES" in os.environ  # `make deliveries` takes all moments; the suite these, first and apart
REQUESTS, WRITES = ((1, 1), (1, 1)) if ALL else ((2, 3), (3, 12))
OBJECTED, LATE = "c1", "c8"  # before the sync that is killed, and after it
REMOVALS = ("batch/read", "/remove", "audience.remove", "members_to_remove", "inactive", "recordIdsToRemove")


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    """One process forks for all."""
    with Killer(tmp_path_factory.mktemp("killer")) as killer:
        yield killer


@dataclass
class Stage:
    """A home, and the destination that it wants to have members."""

    made: DeliveryWorld
    file: Path
    fake: FakeVendor | None = None
    state: dict[str, Any] = field(default_factory=dict)  # of the stand-in

    def begin(self) -> None:
        """Eight members; since then one objected, one went elsewhere, one has another score, two came."""
        self.made.segments = {"c8": "cold", "c9": "cold"}
        self.made.write()
        self.sync()
        suppression.add(self.made.home, [OBJECTED])
        self.made.segments, self.made.scores = {"c2": "cold"}, {"c3": 99.5}
        self.made.write()
        if self.fake:
            self.fake.requests.clear()
            kept = {name: one for name, one in vars(self.fake).items() if isinstance(one, dict | set | list)}
            self.state = deepcopy(kept)

    def again(self, folder: Path) -> Stage:
        """The same in another folder; the stand-in is as it was."""
        shutil.copytree(self.made.folder, folder)
        if self.fake:
            vars(self.fake).update(deepcopy(self.state))
            self.fake.faults.clear()
        return replace(self, made=replace(self.made, folder=folder), file=folder / self.file.name)

    def sync(self) -> tuple[int, int, int]:
        """A whole one; how many it added, updated, removed."""
        report = deliver.sync(in_small_batches(self.made.delivery(self.file)), allow_shrink="dest")
        assert (report.status, report.rejected) == ("done", ())
        return report.adds, report.updates, report.removes

    def remote(self) -> list[str]:
        """The addresses that it has, twice who is there twice."""
        if self.fake:
            return sorted(one for one, _ in self.fake.listed_rows())
        with (self.made.folder / "out/dest.csv").open(encoding="utf-8", newline="") as file:
            return sorted(row["email"] for row in csv.DictReader(file))

    def sent(self, since: int = 0) -> str:
        """What was sent of members to be."""
        requests = [path + json.dumps(body) for _, path, body in self.fake.requests[since:]] if self.fake else []
        return "".join(one for one in requests if not any(removal in one for removal in REMOVALS))

    def acknowledged(self) -> dict[bytes, str]:
        """The digest of what it has of each, whose row is not on its way."""
        ledger = self.made.delivery(self.file).ledger
        under_way = {row.who for row in ledger.pending()}
        return {who: one.digest for who, one in ledger.members().items() if who not in under_way}


@pytest.fixture(params=[*VENDORS, None], ids=lambda one: one.kind if one else "file")
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """One of each kind."""
    vendor: Vendor | None = request.param
    made = world(tmp_path / "stage", 10)
    if vendor is None:
        stage = Stage(made, made.file('kind = "file"\nurl = "out"'))
        stage.begin()
        yield stage
        return
    fake = vendor.fake(made.people)
    with serving(fake) as url:
        stage = Stage(made, made.file(vendor.section(url)), fake)
        stage.begin()
        yield stage
        assert fake.broken == []


def kills(stage: Stage, killer: Killer) -> Iterator[Stage]:
    """The same sync, killed when each moment comes for the first time, the second, ... until it comes no more."""
    count = 0
    for moment in MOMENTS:
        first, apart = WRITES if moment in ("writing", "written") else REQUESTS
        for at in range(first, 1_000, apart):
            killed = stage.again(stage.made.folder.parent / f"{moment}{at}")
            if killed.fake and moment == "accepted":
                killed.fake.faults.extend([*[None] * (at - 1), "lost"])
            if not killer.killed(killed.file, moment, at):
                break
            if killed.fake:
                killed.fake.faults.clear()
            count += 1
            yield killed
    print(f"{count} kills")
    assert count >= (20 if ALL and stage.fake else 2)


def test_a_sync_killed_at_any_moment_is_ended_by_the_next(stage: Stage, killer: Killer) -> None:
    """No customer is there twice, what was acknowledged is not sent again, and then nothing is left to send."""
    for killed in kills(stage, killer):
        since, had = len(killed.fake.requests) if killed.fake else 0, killed.acknowledged()

        killed.sync()

        assert killed.remote() == sorted(hot(killed.made, but={OBJECTED}))
        has, key = killed.acknowledged(), read_key(killed.made.home)
        assert len(has) == len(killed.remote())
        done = [who for who in killed.made.people if has.get(mark := keyed(key, who)) and has[mark] == had.get(mark)]
        assert not [who for who in done if address(who) in killed.sent(since)]
        assert address(OBJECTED) not in killed.sent()
        assert killed.sync() == (0, 0, 0)


def test_whoever_objects_after_a_kill_is_not_there(stage: Stage, killer: Killer) -> None:
    """Though what was sent of them may have arrived; nor is who went elsewhere, and who changed has the newest."""
    for killed in kills(stage, killer):
        since = len(killed.fake.requests) if killed.fake else 0
        suppression.add(killed.made.home, [LATE])
        killed.made.segments, killed.made.scores = {"c9": "cold"}, {"c3": 11.5}
        killed.made.write()

        killed.sync()

        assert killed.remote() == sorted(hot(killed.made, but={OBJECTED, LATE}))
        assert address(OBJECTED) not in killed.sent()
        assert address(LATE) not in killed.sent(since)
        if killed.fake:
            assert "11.5" in str(killed.fake.members()[address("c3")])
        assert killed.sync() == (0, 0, 0)
