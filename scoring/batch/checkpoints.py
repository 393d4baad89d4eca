"""The scored batches of one run, kept beside the target until all are there: a killed run goes on from them."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa

from features.spec.atomic import draft_of
from scoring.storage.table_files import BatchError

_RUN, _LOCK = "run.json", "lock"
_INPUT = b"input"  # in a part's metadata: what it was made of


def input_digest(table: pa.Table, first: int) -> str:
    """What tells a batch of a source from any other: its content, and how many rows stand before it."""
    sink = _Hashed()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema) as writer:
        writer.write_table(table)
    return sink.digest.hexdigest() + f"+{first}"


class _Hashed(io.RawIOBase):
    """A file that keeps of what is written only its sha256: Arrow hands its buffers over without a copy."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.digest.update(data)
        return memoryview(data).nbytes


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """A folder with one Arrow file a batch, each renamed to its place when it is whole.

    The batches of a source are numbered as they are read, and a part says of what content it was made: a source that
    was replaced meanwhile, at whatever size and time, gets new parts where it differs. A run with other models or
    arguments begins anew.
    """

    folder: Path

    def holds(self, number: int, digest: str) -> bool:
        """Whether there is a part that can be read and was made of the input with this digest."""
        try:
            with pa.ipc.open_file(self._path(number)) as file:
                for at in range(file.num_record_batches):
                    file.get_batch(at)
                return bool((file.schema.metadata or {}).get(_INPUT) == digest.encode())
        except (OSError, pa.ArrowInvalid):
            return False

    def write(self, number: int, table: pa.Table, digest: str) -> None:
        """Puts a part in its place, made of the input with this digest."""
        schema = table.schema.with_metadata({_INPUT: digest})
        with (
            draft_of(self._path(number)) as draft,
            pa.OSFile(str(draft), "wb") as sink,
            pa.ipc.new_file(sink, schema) as writer,
        ):
            writer.write_table(table.cast(schema))

    def read(self, count: int) -> Iterator[pa.Table]:
        """The first `count` parts in order."""
        for number in range(count):
            with pa.OSFile(str(self._path(number))) as source, pa.ipc.open_file(source) as file:
                yield file.read_all().replace_schema_metadata()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06}.arrow"


class BatchState(TypedDict):
    """What a part's bytes depend on beside its input: the models, the arguments, and who computes."""

    source: list[str]
    models: dict[str, str]  # the sha256 of each manifest
    model_versions: list[str]
    rows: int  # of a part
    versions: list[str]  # of libraries
    arguments: list[int | str]
    suppressed: str | None  # the digest of the suppression list


@contextmanager
def checkpoints_of(target: Path, run: BatchState) -> Iterator[Checkpoints]:
    """The parts of a run that is under way, or new ones; removed when the run is done or its source is refused.

    Args:
        target: What the parts will become.
        run: All that the parts depend on.

    Raises:
        BatchError: Another process is writing the same target.
    """
    folder = target.with_name(f".{target.name}.parts")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BatchError(f"One run at a time may write {target.name}, another is under way.") from None
        _begin(folder, json.dumps(run, sort_keys=True))
        try:
            yield Checkpoints(folder)
        except BatchError:
            shutil.rmtree(folder)
            raise
        shutil.rmtree(folder)


def _begin(folder: Path, run: str) -> None:
    """Removes what another run left."""
    known = folder / _RUN
    if not known.exists() or known.read_text() != run:
        for path in folder.iterdir():
            if path.name != _LOCK:
                path.unlink()
        known.write_text(run)
