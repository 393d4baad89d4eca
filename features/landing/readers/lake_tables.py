"""Tables of Delta and Iceberg, file by file as of one snapshot: what is pinned is read again as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from features.config.origins.addresses import Address
from features.errors import DataError, UseCaseError
from features.landing.ports import FileListing, SourceFile, SourceUnavailableError
from features.landing.readers.s3_files import s3_endpoint

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyiceberg.table import DataScan, FileScanTask, Table


class DeltaFiles:
    """The files of a Delta table at a version: of the version pinned, else of the latest."""

    def __init__(self, origin: Address, version: int | None) -> None:
        self._origin, self._version = origin, version

    def listing(self) -> FileListing:
        """The files in order of their names; raises as every `FileSource`."""
        with self._errors():
            files = [SourceFile(name, name) for name in sorted(self._fragments)]  # a file of Delta never changes
            written = self._table.history(1)[0].get("timestamp") if self._version is None else None
        modified = datetime.fromtimestamp(written / 1000, UTC) if isinstance(written, int) else None
        return FileListing(files, str(self._table.version()), modified)

    def schema(self, files: Sequence[SourceFile]) -> pa.Schema:  # noqa: ARG002 one for all files
        """The columns of the table; raises as every `FileSource`."""
        with self._errors():
            found: pa.Schema = self._rows.schema.remove_metadata()
        return found

    def land(self, file: SourceFile, target: Path, schema: pa.Schema) -> int:
        """Writes a file's rows as Parquet, with the columns it is partitioned by; raises as every `FileSource`."""
        with self._errors():
            _write(self._fragments[file.name].to_batches(schema=self._rows.schema), target, schema)
        return 0

    @cached_property
    def _table(self) -> DeltaTable:
        try:
            from deltalake import DeltaTable
        except ImportError:
            raise UseCaseError(
                self._origin.redacted, ["needs the extra delta: pip install 'penchant[delta]'"]
            ) from None
        where = self._origin.text.removeprefix("delta+").removeprefix("delta://")
        return DeltaTable(where, version=self._version, storage_options=_storage_options())

    @cached_property
    def _rows(self) -> pads.Dataset:
        return self._table.to_pyarrow_dataset()

    @cached_property
    def _fragments(self) -> dict[str, pads.Fragment]:
        return {str(one.path): one for one in self._rows.get_fragments()}

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            from deltalake.exceptions import DeltaError, TableNotFoundError
        except ImportError:
            raise UseCaseError(
                self._origin.redacted, ["needs the extra delta: pip install 'penchant[delta]'"]
            ) from None
        try:
            yield
        except TableNotFoundError:
            raise DataError(self._origin.redacted, ["must be a Delta table, none is there"]) from None
        except (DeltaError, pa.ArrowException, ValueError) as failure:
            at = "" if self._version is None else f" at version {self._version}"
            raise DataError(self._origin.redacted, [f"cannot be read{at}: {type(failure).__name__}"]) from None
        except OSError as failure:
            raise SourceUnavailableError(self._origin.redacted, f"must answer, got {type(failure).__name__}") from None


class IcebergFiles:
    """The files of an Iceberg table at a snapshot: of the one pinned, else of the current one.

    The catalogue is one of pyiceberg's own configuration: `PYICEBERG_CATALOG__NAME__URI` and its others.
    """

    def __init__(self, origin: Address, snapshot: int | None) -> None:
        self._origin, self._snapshot = origin, snapshot

    def listing(self) -> FileListing:
        """The files in order of their names, each with its deletions; raises as every `FileSource`."""
        with self._errors():
            files = [SourceFile(name, _identity(task)) for name, task in sorted(self._tasks.items())]
            pinned = self._snapshot
            found = self._table.current_snapshot() if pinned is None else self._table.snapshot_by_id(pinned)
        modified = datetime.fromtimestamp(found.timestamp_ms / 1000, UTC) if found else None
        return FileListing(files, str(found.snapshot_id) if found else None, modified)

    def schema(self, files: Sequence[SourceFile]) -> pa.Schema:  # noqa: ARG002 one for all files
        """The columns of the table; raises as every `FileSource`."""
        with self._errors():
            found = self._scan.projection().as_arrow()
        return pa.schema([(field.name, _usual(field.type)) for field in found])

    def land(self, file: SourceFile, target: Path, schema: pa.Schema) -> int:
        """Writes a file's rows, without those deleted, as Parquet; raises as every `FileSource`."""
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import ArrowScan

        with self._errors():
            scan = ArrowScan(self._table.metadata, self._table.io, self._scan.projection(), AlwaysTrue())
            _write(scan.to_record_batches([self._tasks[file.name]]), target, schema)
        return 0

    @cached_property
    def _table(self) -> Table:
        from pyiceberg.catalog import load_catalog

        name = self._origin.parts.path.strip("/")
        return load_catalog(self._origin.parts.netloc).load_table(name.replace("/", "."))

    @cached_property
    def _scan(self) -> DataScan:
        return self._table.scan(snapshot_id=self._snapshot)

    @cached_property
    def _tasks(self) -> dict[str, FileScanTask]:
        return {task.file.file_path: task for task in self._scan.plan_files()}

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Without pyiceberg's own message, which may hold an address."""
        try:
            from pyiceberg import exceptions
        except ImportError:
            raise UseCaseError(
                self._origin.redacted, ["needs the extra iceberg: pip install 'penchant[iceberg]'"]
            ) from None
        try:
            yield
        except (exceptions.NoSuchTableError, exceptions.NoSuchNamespaceError):
            raise DataError(self._origin.redacted, ["must be an Iceberg table, none is there"]) from None
        except (exceptions.RESTError, exceptions.OAuthError, OSError) as failure:
            raise SourceUnavailableError(self._origin.redacted, f"must answer, got {type(failure).__name__}") from None
        except (ValueError, pa.ArrowException, exceptions.ValidationError, exceptions.NotInstalledError) as failure:
            at = "" if self._snapshot is None else f" at snapshot {self._snapshot}"
            raise DataError(self._origin.redacted, [f"cannot be read{at}: {type(failure).__name__}"]) from None


def _write(batches: Iterator[pa.RecordBatch], target: Path, schema: pa.Schema) -> None:
    with pq.ParquetWriter(target, schema) as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_batches([batch]).select(schema.names).cast(schema))


def _identity(task: FileScanTask) -> str:
    """Another for other rows: a file never changes, but what is deleted of it may."""
    return "|".join([task.file.file_path, *sorted(one.file_path for one in task.delete_files)])


def _usual(kind: pa.DataType) -> pa.DataType:
    """The usual type in the place of one for very long columns."""
    return pa.string() if pa.types.is_large_string(kind) else pa.binary() if pa.types.is_large_binary(kind) else kind


def _storage_options() -> dict[str, str]:
    """What delta-rs does not find in the environment by itself."""
    endpoint = s3_endpoint()
    if endpoint is None:
        return {}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    http = {"AWS_ALLOW_HTTP": "true"} if urlsplit(endpoint).scheme == "http" else {}
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": region, **http}
