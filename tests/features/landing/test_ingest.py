"""Sources landed from a real PostgreSQL, a real S3, Delta and Iceberg: what is new read is as if all were read."""

# ruff: noqa: S608  the SQL is of our own tables
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from features.config.origins.addresses import current_number, landed_rows
from features.config.use_case import load_use_case
from features.errors import DataError
from features.landing.ingest import Landed, ingest
from features.landing.manifest import read_manifest
from features.landing.ports import SourceFile, SourceUnavailableError
from features.landing.readers.s3_files import S3Files
from features.landing.registered import register
from features.spec.source_register import read_sources
from scoring.privacy.suppression import mark_erased
from tests.support.object_store import BUCKET, file_system, object_store
from tests.support.postgres import Cluster, cluster

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REST = """
customer_id = "customer"
timestamp = "at"
type = "purchase"
amount = "amount"
{keys}
[window]
prediction = "90d"
[label]
event = "purchase"
outcome = "present"
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL."""
    with cluster() as found:
        yield found


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pafs.S3FileSystem]:
    """An S3, named by the environment."""
    with object_store(tmp_path_factory.mktemp("s3")) as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield file_system(int(variables["AWS_ENDPOINT_URL"].rpartition(":")[2]))


def use_case(folder: Path, path: str, keys: str = "", more: str = "", name: str = "shop") -> Path:
    """A use case on a log at an address."""
    file = folder / f"{name}.toml"
    head = f'name = "{name}"\npolarity = "positive"\n[events]\npath = "{path}"\n{more}'
    file.write_text(head + REST.format(keys=keys))
    return file


def land(file: Path, home: Path, *, full: bool = False, now: datetime = NOW) -> Landed:
    """The one source of a use case, landed."""
    [found] = ingest(load_use_case(file, home), home, now, full=full)
    return found


def landed(file: Path, home: Path) -> dict[str, bytes]:
    """The bytes of each part that landed."""
    rows = load_use_case(file, home).events.path  # type: ignore[union-attr]
    return {path.name: path.read_bytes() for path in sorted(rows.iterdir())}


def ids(file: Path, home: Path) -> list[int]:
    """The ids that landed."""
    rows = load_use_case(file, home).events.path  # type: ignore[union-attr]
    return sorted(pq.read_table(rows).column("id").to_pylist())


def orders(postgres: Cluster, table: str) -> None:
    """A table of a thousand orders, each with the transaction that wrote it."""
    postgres.run(
        f"CREATE TABLE {table} (id bigint PRIMARY KEY, customer int, at timestamptz, amount numeric(12,2), "
        "free numeric, note text, token uuid, written xid8 DEFAULT pg_current_xact_id())",
        f"INSERT INTO {table} SELECT g, g % 50, '2026-01-01'::timestamptz + g * interval '1 hour', g / 8.0, "
        f"g / 7.0, nullif('n' || g % 9, 'n0'), md5(g::text)::uuid FROM generate_series(1, 1000) g",
    )


BY_TRANSACTION = '[events.ingest]\ncursor = "written"\nkey = ["id"]\nfull_every = "7d"'
BY_TIME = '[events.ingest]\ncursor = "at"\nlag = "1h"\nkey = ["id"]'
NO_KEY = '[events.ingest]\ncursor = "at"\nlag = "30d"'


@pytest.mark.parametrize("keys", [BY_TRANSACTION, BY_TIME, NO_KEY], ids=["xid", "time", "no-key"])
def test_what_is_new_read_is_byte_for_byte_as_if_all_were_read(postgres: Cluster, tmp_path: Path, keys: str) -> None:
    """Rows added, and one changed whose cursor says so."""
    table = f"orders_{abs(hash(keys)) % 10**6}"
    orders(postgres, table)
    file = use_case(tmp_path, postgres.address, keys, f'table = "{table}"')
    first = land(file, tmp_path / "a")
    postgres.run(f"INSERT INTO {table} VALUES (1001, 7, '2026-02-20', 3.5, 0.1)")
    if "key" in keys:
        postgres.run(f"UPDATE {table} SET amount = 99, at = '2026-02-21', written = pg_current_xact_id() WHERE id = 5")

    found, whole = land(file, tmp_path / "a"), land(file, tmp_path / "b")

    assert (first.read, found.read, whole.read) == ("full", "incremental", "full")
    assert found.manifest.rows == 1001
    assert landed(file, tmp_path / "a") == landed(file, tmp_path / "b")
    assert found.manifest.digest == whole.manifest.digest


def test_a_row_that_is_committed_late_comes(postgres: Cluster, tmp_path: Path) -> None:
    """It was written before the last reading, which could not see it; by a moment it comes within the lag."""
    from adbc_driver_postgresql import dbapi

    orders(postgres, "late")
    exact = use_case(tmp_path, postgres.address, BY_TRANSACTION, 'table = "late"', "exact")
    lagged = use_case(
        tmp_path, postgres.address, '[events.ingest]\ncursor = "at"\nlag = "30d"', 'table = "late"', "lagged"
    )
    with dbapi.connect(postgres.address) as slow, slow.cursor() as cursor:
        cursor.execute("INSERT INTO late VALUES (2000, 1, '2026-01-30', 1)")
        postgres.run("INSERT INTO late VALUES (2001, 1, '2026-02-12', 1)")
        for file in (exact, lagged):
            land(file, tmp_path / file.stem)
            assert 2001 in ids(file, tmp_path / file.stem)
            assert 2000 not in ids(file, tmp_path / file.stem)
        slow.commit()

    for file in (exact, lagged):
        assert land(file, tmp_path / file.stem).read == "incremental"
        assert ids(file, tmp_path / file.stem) == [*range(1, 1001), 2000, 2001]


def test_deleted_and_changed_rows_are_found_when_all_is_compared(postgres: Cluster, tmp_path: Path) -> None:
    """No cursor shows them; on the schedule they go."""
    orders(postgres, "gone")
    file, home = use_case(tmp_path, postgres.address, BY_TRANSACTION, 'table = "gone"'), tmp_path / "home"
    land(file, home)
    postgres.run("DELETE FROM gone WHERE customer = 3", "UPDATE gone SET note = 'changed' WHERE id = 8")

    blind = land(file, home, now=NOW + timedelta(days=1))
    found = land(file, home, now=NOW + timedelta(days=8))

    assert (blind.read, blind.manifest.rows) == ("incremental", 1000)
    assert (found.read, found.added, found.removed, found.manifest.rows) == ("full", 1, 21, 980)
    copies = [pq.read_table(path)["customer"].to_pylist() for path in (home / "landed").rglob("*.parquet")]
    assert all(3 not in customers for customers in copies)


def test_amounts_of_postgresql_land_exactly(postgres: Cluster, tmp_path: Path) -> None:
    """With a scale as decimals, without one as the digits they are; what Arrow lacks is text."""
    orders(postgres, "exact")
    postgres.run("INSERT INTO exact VALUES (1001, 1, now(), 'NaN', 12345678901234567890.123456789012345678901)")
    file = use_case(tmp_path, postgres.address, "", 'query = "SELECT * FROM exact WHERE id >= 1000;"')

    land(file, tmp_path / "home")

    rows = pq.read_table(load_use_case(file, tmp_path / "home").events.path)  # type: ignore[union-attr]
    assert rows.schema.field("amount").type == pa.decimal128(12, 2)
    assert [str(one) for one in rows["amount"].to_pylist()] == ["125.00", "None"]
    assert rows["free"].to_pylist()[1] == "12345678901234567890.123456789012345678901"
    assert rows["token"].to_pylist()[0] == "a9b7ba70-783b-617e-9998-dc4dd82eb3c5"


def test_columns_that_drift_are_refused_by_name_and_rule(postgres: Cluster, tmp_path: Path) -> None:
    """Gone, new and of another type; what landed stays, in a full reading too."""
    orders(postgres, "drift")
    file, home = use_case(tmp_path, postgres.address, BY_TRANSACTION, 'table = "drift"'), tmp_path / "home"
    land(file, home)
    before = landed(file, home)
    postgres.run(
        "ALTER TABLE drift DROP COLUMN note",
        "ALTER TABLE drift ADD COLUMN extra int",
        "ALTER TABLE drift ALTER COLUMN amount TYPE text",
    )

    with pytest.raises(DataError) as caught:
        land(file, home, full=True)

    lines = "\n".join(caught.value.broken)
    assert "column 'note' must be there, it is gone" in lines
    assert "column 'extra' must have landed before, it is new (int32)" in lines
    assert "column 'amount' must be decimal128(12, 2) as it landed before, got string" in lines
    assert "shop@" not in str(caught.value)
    assert landed(file, home) == before


def test_a_key_that_is_none_is_refused(postgres: Cluster, tmp_path: Path) -> None:
    """Two rows share it; no value is shown."""
    orders(postgres, "twins")
    keys = '[events.ingest]\ncursor = "at"\nkey = ["customer"]'
    file = use_case(tmp_path, postgres.address, keys, 'table = "twins"')

    with pytest.raises(DataError, match="key 'customer' must be of one row each"):
        land(file, tmp_path / "home")

    assert not list((tmp_path / "home").rglob("part-*.parquet"))


def test_a_source_that_does_not_answer_leaves_the_former_copy(tmp_path: Path) -> None:
    """Nobody listens; neither the user nor the query of the address is shown."""
    address = "postgres://ann@127.0.0.1:9/shop?application_name=hidden"
    file = use_case(tmp_path, address, "", 'table = "t"')

    with pytest.raises(SourceUnavailableError) as caught:
        land(file, tmp_path / "home")

    assert str(caught.value).startswith("postgres://127.0.0.1:9/shop: must answer")
    assert "ann" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def lake(first: int, last: int, **more: list[object]) -> pa.Table:
    """Some orders."""
    numbers = range(first, last)
    start = datetime(2026, 1, 1)
    return pa.table(
        {
            "id": list(numbers),
            "customer": [n % 50 for n in numbers],
            "at": [start + timedelta(hours=n) for n in numbers],
            "amount": [n / 8 for n in numbers],
            **more,
        }
    )


def _dying_at(name: str) -> Callable[[S3Files, SourceFile, Path, pa.Schema], int]:
    """Lands files, and ends the process at one."""
    read = S3Files.land

    def land_or_die(own: S3Files, one: SourceFile, target: Path, schema: pa.Schema) -> int:
        if one.name.endswith(name):
            os._exit(9)
        return read(own, one, target, schema)

    return land_or_die


def put(s3: pafs.S3FileSystem, name: str, table: pa.Table) -> None:
    """A Parquet file in the bucket."""
    pq.write_table(table, f"{BUCKET}/{name}", filesystem=s3)


def test_files_of_s3_are_compared_whole(s3: pafs.S3FileSystem, tmp_path: Path) -> None:
    """One more, one changed, one deleted: what is new is read, and the copy is as of a full reading."""
    for day in (1, 2, 3):
        put(s3, f"log/day={day}/a.parquet", lake(day * 100, day * 100 + 100))
    file = use_case(tmp_path, f"s3://{BUCKET}/log")
    first, again = land(file, tmp_path / "a"), land(file, tmp_path / "a")
    put(s3, "log/day=2/a.parquet", lake(200, 250))
    put(s3, "log/day=4/a.parquet", lake(400, 500))
    s3.delete_file(f"{BUCKET}/log/day=1/a.parquet")

    found, whole = land(file, tmp_path / "a"), land(file, tmp_path / "b")

    assert (first.read, again.read, found.read, whole.read) == ("full", "unchanged", "incremental", "full")
    assert (found.manifest.rows, found.added, found.removed) == (250, 150, 200)
    assert landed(file, tmp_path / "a") == landed(file, tmp_path / "b")
    assert found.manifest.fresh_to == "2026-01-21T19:00:00"


def test_csv_of_s3_lands_as_it_is_written(s3: pafs.S3FileSystem, tmp_path: Path) -> None:
    """As text, by the reader of files here: a decimal comma stays one."""
    with s3.open_output_stream(f"{BUCKET}/till/a.csv") as out:
        out.write(b'id;customer;at;amount\n1;007;2026-01-01;"1 234,50"\n2;8;2026-01-02;3,00\n')

    land(use_case(tmp_path, f"s3://{BUCKET}/till"), tmp_path / "home")

    rows = pq.read_table(next((tmp_path / "home/landed").rglob("part-*.parquet")))
    assert rows.to_pylist()[0] == {"id": "1", "customer": "007", "at": "2026-01-01", "amount": "1 234,50"}


def test_a_killed_ingest_leaves_the_former_copy_and_goes_on(
    s3: pafs.S3FileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies in the middle; of the files that it had read none is read again."""
    put(s3, "killed/a.parquet", lake(0, 100))
    file, home = use_case(tmp_path, f"s3://{BUCKET}/killed"), tmp_path / "home"
    land(file, home)
    before = landed(file, home)
    for name in "bcd":
        put(s3, f"killed/{name}.parquet", lake(100, 200))
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(S3Files, "land", _dying_at("d.parquet"))
        land(file, home)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert landed(file, home) == before
    asked = []

    def noted(own: S3Files, one: SourceFile, target: Path, schema: pa.Schema) -> int:
        asked.append(one.name)
        return read(own, one, target, schema)

    read = S3Files.land
    monkeypatch.setattr(S3Files, "land", noted)

    found = land(file, home)

    assert found.manifest.rows == 400
    assert [name.rpartition("/")[2] for name in asked] == ["d.parquet"]


@pytest.mark.parametrize("where", ["delta", "delta+s3"])
def test_a_version_of_delta_is_read_again_as_it_was(s3: pafs.S3FileSystem, tmp_path: Path, where: str) -> None:
    """Pinned it stays whatever is deleted later; not pinned what is new of the table comes."""
    from deltalake import DeltaTable, write_deltalake

    root = tmp_path / "delta" if where == "delta" else f"s3://{BUCKET}/delta"
    options = None if where == "delta" else {"AWS_ALLOW_HTTP": "true"}
    write_deltalake(root, lake(0, 100, kind=["a", "b"] * 50), partition_by=["kind"], storage_options=options)
    address = "delta://delta" if where == "delta" else f"delta+s3://{BUCKET}/delta"
    latest = use_case(tmp_path, address, name="latest")
    pinned = use_case(tmp_path, address, "[events.ingest]\nsnapshot = 0", name="pinned")
    first, home = land(latest, tmp_path / "home"), tmp_path / "home"
    land(pinned, home)
    before = landed(pinned, home)
    write_deltalake(root, lake(100, 150, kind=["a"] * 50), mode="append", storage_options=options)
    DeltaTable(root, storage_options=options).delete("customer = 3")

    found, whole, again = land(latest, home), land(latest, tmp_path / "b"), land(pinned, home, full=True)

    assert (first.manifest.snapshot, found.manifest.snapshot, again.manifest.snapshot) == ("0", "2", "0")
    assert (found.read, found.manifest.rows) == ("incremental", 147)
    assert landed(latest, home) == landed(latest, tmp_path / "b")
    assert whole.manifest.digest == found.manifest.digest
    assert landed(pinned, home) == before
    assert sum(pq.read_metadata(pa.BufferReader(one)).num_rows for one in before.values()) == 100


def test_a_snapshot_of_iceberg_is_read_again_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a catalogue of pyiceberg's own configuration; a deletion is honoured, and the pinned snapshot has it not."""
    from pyiceberg.catalog import load_catalog
    from pyiceberg.utils.config import Config

    (tmp_path / "warehouse").mkdir()
    monkeypatch.setenv("PYICEBERG_CATALOG__SHOP__TYPE", "sql")
    monkeypatch.setenv("PYICEBERG_CATALOG__SHOP__URI", f"sqlite:///{tmp_path}/catalog.db")
    monkeypatch.setenv("PYICEBERG_CATALOG__SHOP__WAREHOUSE", f"file://{tmp_path}/warehouse")
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())  # it read the environment when it was imported
    catalog = load_catalog("shop")
    catalog.create_namespace("crm")
    table = catalog.create_table("crm.orders", lake(0, 1).schema)
    table.append(lake(0, 100))
    at = table.current_snapshot().snapshot_id  # type: ignore[union-attr]
    address = "iceberg://shop/crm.orders"
    latest = use_case(tmp_path, address, name="latest")
    pinned = use_case(tmp_path, address, f"[events.ingest]\nsnapshot = {at}", name="pinned")
    home = tmp_path / "home"
    land(latest, home)
    land(pinned, home)
    before = landed(pinned, home)
    table.append(lake(100, 150))
    table.delete("customer == 3")

    found, whole, again = land(latest, home), land(latest, tmp_path / "b"), land(pinned, home, full=True)

    assert (found.read, found.manifest.rows, again.manifest.snapshot) == ("incremental", 147, str(at))
    assert landed(latest, home) == landed(latest, tmp_path / "b")
    assert whole.manifest.digest == found.manifest.digest
    assert landed(pinned, home) == before


def test_whoever_was_erased_leaves_the_landed_copy_and_stays_away(s3: pafs.S3FileSystem, tmp_path: Path) -> None:
    """Though the source still has them."""
    put(s3, "erased/a.parquet", lake(0, 100))
    file, home = use_case(tmp_path, f"s3://{BUCKET}/erased"), tmp_path / "home"
    land(file, home)
    mark_erased(home, ["7"], at=NOW.timestamp())
    put(s3, "erased/b.parquet", lake(100, 200))

    land(file, home)
    land(file, home, full=True)

    copies = [pq.read_table(path)["customer"].to_pylist() for path in (home / "landed").rglob("*.parquet")]
    assert sum(map(len, copies)) == 196
    assert all(7 not in customers for customers in copies)


def test_the_register_names_who_uses_a_source(s3: pafs.S3FileSystem, tmp_path: Path) -> None:
    """Two use cases share a copy; once nobody reads it, it goes."""
    put(s3, "shared/a.parquet", lake(0, 100))
    home = tmp_path / "home"
    files = [
        use_case(tmp_path, f"s3://{BUCKET}/shared", "[freshness]\nat_most = '2d'", name=name) for name in ("one", "two")
    ]
    for file in files:
        found = load_use_case(file, home)
        entries = register(home, found, ingest(found, home, NOW), NOW)
    [(source, entry)] = entries.items()

    assert entry.used_by == ("one", "two")
    assert (entry.address, entry.rows, entry.fresh_to) == (f"s3://{BUCKET}/shared", 100, "2026-01-05T03:00:00")
    assert entry.is_too_old(NOW)
    assert current_number(home, source)
    for name in ("one", "two"):
        local = use_case(tmp_path, "orders.parquet", name=name)
        pq.write_table(lake(0, 30), tmp_path / "orders.parquet")
        register(home, load_use_case(local, home), [], NOW)
    assert [(one.rows, one.used_by) for one in read_sources(home).values()] == [(30, ("one", "two"))]
    assert read_manifest(home, source) is None
    assert not landed_rows(home, source).exists()
