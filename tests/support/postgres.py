"""A PostgreSQL of this machine for tests: a cluster of its own in a folder, on loopback, gone with the block."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port


@dataclass(frozen=True)
class Cluster:
    """A running one, with a database and a user of its own."""

    port: int

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"postgres://shop@127.0.0.1:{self.port}/postgres"

    def run(self, *statements: str) -> None:
        """Runs statements, each in a transaction of its own."""
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.address, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def binaries() -> Path:
    """The newest PostgreSQL of Debian."""
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running cluster; its server refuses root, so root starts it as Debian's user postgres."""
    with tempfile.TemporaryDirectory(prefix="penchant-pg-") as folder:
        yield from _running(Path(folder))


def _running(folder: Path) -> Iterator[Cluster]:
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    bin_, data, port = binaries(), folder / "data", free_port()
    _run([str(bin_ / "initdb"), "-D", str(data), "-A", "trust", "-U", "shop", "-N", "-E", "UTF8", "--locale=C"], user)
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=20"
    control = [str(bin_ / "pg_ctl"), "-D", str(data), "-w"]
    _run([*control, "-o", options, "-l", str(folder / "log"), "start"], user)
    try:
        yield Cluster(port)
    finally:
        _run([*control, "-m", "immediate", "stop"], user)


def _run(command: Sequence[str], user: str | None) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", user=user, env={"PATH": "/usr/bin:/bin"})
