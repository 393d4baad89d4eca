"""PostgreSQL takes rows, answers, and keeps nothing; what fails is said without the server's words."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from features.sources.engine import engine
from features.sources.engines.engine_port import EngineError
from features.sources.engines.postgres_engine import postgres_engine
from tests.support.engines import ADDRESS
from tests.support.ports import free_port
from tests.support.postgres import Cluster, cluster

ROWS = pa.table({"n": pa.array([1, 2, None], pa.int16()), "x": [0.1, -0.0, None], "s": ["é", "", None]})
TABLES = "SELECT count(*) FROM pg_class WHERE relname LIKE 'penchant%'"


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    """A database of this machine, whose address is in the environment."""
    with cluster() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv(ADDRESS, running.address)
        yield running


def count(database: Cluster, query: str) -> int:
    """What another session counts."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(database.address) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        [found] = cursor.fetchone() or (0,)
        return int(found or 0)


def test_rows_go_there_and_answers_come_back(database: Cluster) -> None:
    """To the bit, a second giving in the place of the first; nothing stays when the job ends."""
    with engine() as backend, postgres_engine(backend, ADDRESS) as other:
        table = backend.create_table("rows", ROWS, temp=True)
        other.give("penchant_rows", table.limit(1))
        given = other.give("penchant_rows", table)

        found = other.compute("answer", given.mutate(twice=given.n * 2)).order_by("n").to_pyarrow().to_pylist()

        inside = count(database, TABLES)
    assert [str(row["x"]) for row in found] == ["0.1", "-0.0", "None"]
    assert [(row["s"], row["twice"]) for row in found] == [("é", 2), ("", 4), (None, None)]
    assert (inside, count(database, TABLES)) == (0, 0)


def test_what_fails_there_is_said_without_its_words(database: Cluster) -> None:
    """By the class of the failure: a server's message quotes what it was given."""
    assert database.port
    with engine() as backend, postgres_engine(backend, ADDRESS) as other:
        given = other.give("penchant_rows", backend.create_table("rows", ROWS, temp=True))

        with pytest.raises(EngineError) as caught:
            other.compute("answer", given.mutate(n=given.s.cast("int64")))

    assert str(caught.value) == "engine postgres: must answer the query of the features, got InvalidInputException"


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        (None, f"{ADDRESS} must hold an address that begins with postgresql://"),
        ("mysql://me:secret@host/shop", f"{ADDRESS} must hold an address that begins with postgresql://"),
        ("postgresql://me:secret@127.0.0.1:{port}/shop", f"the database at {ADDRESS} must answer, got "),
    ],
    ids=["unset", "another kind", "nobody answers"],
)
def test_a_database_that_cannot_be_reached_is_said(
    monkeypatch: pytest.MonkeyPatch, address: str | None, rule: str
) -> None:
    """By its variable, never its address."""
    monkeypatch.delenv(ADDRESS, raising=False)
    if address is not None:
        monkeypatch.setenv(ADDRESS, address.format(port=free_port()))

    with engine() as backend, pytest.raises(EngineError) as caught, postgres_engine(backend, ADDRESS):
        pass

    assert str(caught.value).startswith(f"engine postgres: {rule}")
    assert "secret" not in str(caught.value)
