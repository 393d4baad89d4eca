"""Files by SFTP and in S3 while connections are cut: each file is the one before or the new one, never a part."""

from __future__ import annotations

import csv
import io
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from activation.deliveries import deliver
from activation.destinations.kinds import open_delivery
from tests.support.deliveries import DeliveryWorld, QuickClock, address, hot, world
from tests.support.object_store import BUCKET, file_system, object_store
from tests.support.relay import Relay, relayed
from tests.support.sftp_server import PASSWORD, sftp_server

RUNS = int(os.environ.get("PENCHANT_DELIVERIES", "1"))  # `make deliveries` takes 20 of each


@dataclass
class Stormy:
    """A destination behind a relay."""

    made: DeliveryWorld
    file: Path
    relay: Relay
    read: Callable[[], bytes]

    def sync(self) -> str:
        """Its status."""
        delivery = open_delivery(self.made.home, self.file, clock=QuickClock(), environment={"SFTP_KEY": PASSWORD})
        return deliver.sync(delivery, allow_shrink="dest").status

    def addresses(self) -> set[str]:
        """Of the file as it is, of which each row is whole."""
        rows = list(csv.DictReader(io.StringIO(self.read().decode())))
        assert all(row["segment"] == "hot" for row in rows)
        return {row["email"] for row in rows}


@contextmanager
def by_sftp(folder: Path) -> Iterator[Stormy]:
    """A server that is known by its key at the relay's port."""
    (there := folder / "there").mkdir()
    made = world(folder, 400)
    with sftp_server(there, folder / "known") as url, relayed(urlsplit(url).port or 0) as relay:
        port = urlsplit(url).port
        known = (folder / "known").read_text().replace(f":{port} ", f":{relay.port} ")
        (folder / "known").write_text(known)
        stated = url.replace(f":{port}/", f":{relay.port}/")
        text = f'kind = "file"\nkey_env = "SFTP_KEY"\nurl = "{stated}"\nknown_hosts = "known"'
        yield Stormy(made, made.file(text), relay, (there / "dest.csv").read_bytes)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An S3 of this machine."""
    with object_store(tmp_path_factory.mktemp("s3")) as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables


def stormy(one: Stormy, run: int) -> None:
    """Cuts connections, some early and some late, until the file is there."""
    draw = random.Random(run)
    assert one.sync() == "done"
    for gone in ({"c3"}, {"c3", "c4"}):
        before = one.addresses()
        one.made.unwilling = gone
        one.made.write()
        one.relay.cuts.extend(draw.choice([0, 30, 900, 3_000, 9_000, 20_000, None]) for _ in range(6))
        for _ in range(20):
            status = one.sync()
            assert one.addresses() in (before, hot(one.made, but=gone))
            if status == "done":
                break
        assert one.addresses() == hot(one.made, but=gone)
        assert address("c3") not in one.addresses()
        one.relay.cuts.clear()


@pytest.mark.parametrize("run", range(RUNS))
def test_a_file_by_sftp_is_whole_whatever_is_cut(tmp_path: Path, run: int) -> None:
    """A sync that is cut stops, and goes on by the next."""
    with by_sftp(tmp_path) as one:
        stormy(one, run)


@pytest.mark.parametrize("run", range(RUNS))
def test_an_object_in_s3_is_whole_whatever_is_cut(tmp_path: Path, run: int, store: dict[str, str]) -> None:
    """The same."""
    port = int(store["AWS_ENDPOINT_URL"].rpartition(":")[2])
    made = world(tmp_path, 400)
    name = f"{BUCKET}/storm{run}"
    with relayed(port) as relay:
        url = f"s3://{name}?endpoint_override=127.0.0.1:{relay.port}&scheme=http&region=us-east-1"
        file = made.file(f'kind = "file"\nurl = "{url}"')
        read = lambda: file_system(port).open_input_stream(f"{name}/dest.csv").read()  # noqa: E731 as short as it is
        stormy(Stormy(made, file, relay, read), run)
