"""Files at s3://: Parquet as it is, CSV as text; the endpoint and the keys are those of the usual variables."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from features.config.origins.addresses import Address
from features.errors import DataError
from features.landing.ports import FileListing, SourceFile, SourceUnavailableError, one_schema
from features.sources.duckdb_sql import keep_order
from features.sources.engine import engine
from features.sources.source import open_source
from features.spec.csv_dialect import dialect
from features.spec.data_files import is_data_file

_CHUNK = 1 << 22
_parquet = (".parquet", ".pq")


def s3_endpoint() -> str | None:
    """Where an S3 other than Amazon's answers; None: Amazon's."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def _file_system() -> pafs.S3FileSystem:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    endpoint = s3_endpoint()
    if endpoint is None:
        return pafs.S3FileSystem(region=region) if region else pafs.S3FileSystem()
    parts = urlsplit(endpoint)
    return pafs.S3FileSystem(
        endpoint_override=parts.netloc, scheme=parts.scheme or "https", region=region or "us-east-1"
    )


class S3Files:
    """The data files of a folder in a bucket, or one of them."""

    def __init__(self, origin: Address) -> None:
        self._origin = origin
        self._root = (origin.parts.netloc + origin.parts.path).rstrip("/")
        with self._errors():
            self._files = _file_system()

    def listing(self) -> FileListing:
        """The files in order of their names; hidden ones ignored; raises as every `FileSource`."""
        with self._errors():
            found = self._files.get_file_info([self._root])
            if found[0].type != pafs.FileType.File:
                found = self._files.get_file_info(pafs.FileSelector(self._root, recursive=True, allow_not_found=True))
        ordered = sorted((one for one in found if self._is_data(one)), key=lambda one: str(one.path))
        if not ordered:
            raise DataError(self._origin.redacted, ["must hold a data file (.parquet, .csv, .csv.gz), it holds none"])
        if len({_is_parquet(one.path) for one in ordered}) > 1:
            raise DataError(self._origin.redacted, ["must hold Parquet files only or CSV files only, got both"])
        files = [SourceFile(one.path, f"{one.path}|{one.size}|{one.mtime_ns}") for one in ordered]
        return FileListing(files, None, datetime.fromtimestamp(max(one.mtime_ns for one in ordered) / 1e9, UTC))

    def _is_data(self, one: pafs.FileInfo) -> bool:
        inside = str(one.path).removeprefix(self._root)
        hidden = any(part.startswith((".", "_")) for part in inside.split("/"))
        return one.type == pafs.FileType.File and one.size > 0 and not hidden and is_data_file(one.path)

    def schema(self, files: Sequence[SourceFile]) -> pa.Schema:
        """The columns of some files; all are text in CSV; raises as every `FileSource`."""
        return one_schema(self._origin.redacted, [(Path(one.name).name, self._schema(one.name)) for one in files])

    def _schema(self, name: str) -> pa.Schema:
        with self._errors():
            if not _is_parquet(name):
                with self._files.open_input_stream(name, compression=None) as stream:
                    return self._csv_schema(name, stream.read(_CHUNK))
            with self._files.open_input_file(name) as stream:
                found: pa.Schema = pq.read_schema(stream).remove_metadata()
                return found

    def _csv_schema(self, name: str, head: bytes) -> pa.Schema:
        with tempfile.TemporaryDirectory(prefix="penchant-") as folder:
            beginning = Path(folder) / Path(name).name
            beginning.write_bytes(head)
            return pa.schema([(column, pa.string()) for column in dialect(beginning).columns])

    def land(self, file: SourceFile, target: Path, schema: pa.Schema) -> int:
        """Writes a file's rows as Parquet; raises as every `FileSource`."""
        copy = target.with_name(f"{target.stem}-{Path(file.name).name}")
        try:
            with (
                self._errors(),
                self._files.open_input_stream(file.name, compression=None) as stream,
                copy.open("wb") as out,
            ):
                shutil.copyfileobj(stream, out, _CHUNK)
            if not _is_parquet(file.name):
                return _text_to_parquet(copy, target, schema)
            if pq.read_schema(copy).remove_metadata().equals(schema):
                copy.rename(target)
            else:
                _cast(copy, target, schema)
            return 0
        except pa.ArrowException as failure:
            raise DataError(self._origin.redacted, [f"a file cannot be read: {type(failure).__name__}"]) from None
        finally:
            copy.unlink(missing_ok=True)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Without the library's own message, which may hold a request with its signature."""
        try:
            yield
        except pa.ArrowException as failure:
            rule = f"a file must be one that can be read, got {type(failure).__name__}"
            raise DataError(self._origin.redacted, [rule]) from None
        except OSError as failure:
            rule = f"must answer and let us read, got {type(failure).__name__}"
            raise SourceUnavailableError(self._origin.redacted, rule) from None


def _is_parquet(name: str) -> bool:
    return name.lower().endswith(_parquet)


def _cast(source: Path, target: Path, schema: pa.Schema) -> None:
    """The same rows with the types of a schema."""
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, schema) as writer:
        for batch in file.iter_batches():
            writer.write_table(pa.Table.from_batches([batch]).select(schema.names).cast(schema))


def _text_to_parquet(source: Path, target: Path, schema: pa.Schema) -> int:
    """The rows of a CSV file as text, by the reader of all commands; how many cannot be read."""
    with engine() as backend:
        opened = open_source(backend, source)
        keep_order(backend)
        rows = opened.table.select(**{name: opened.column(name) for name in schema.names})
        reader = backend.to_pyarrow_batches(rows, chunk_size=65_536)
        with pq.ParquetWriter(target, schema) as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))
        return len(opened.ragged)
