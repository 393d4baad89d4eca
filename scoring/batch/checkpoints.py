"""The scored batches of one run, kept beside the target until all are there: a killed run goes on from them."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from scoring.storage.atomic import draft_of
from scoring.storage.table_files import BatchError

_RUN, _LOCK = "run.json", "lock"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """A folder with one Arrow file a batch, each renamed to its place when it is whole.

    The batches of a source are numbered as they are read, so a part stands for the same rows in every run that read
    the same source with the same models; any other run begins anew.
    """

    folder: Path

    def rows(self, number: int) -> int | None:
        """How many rows a part holds; None where there is none, or one that cannot be read."""
        try:
            with pa.ipc.open_file(self._path(number)) as file:
                return int(sum(file.get_batch(at).num_rows for at in range(file.num_record_batches)))
        except (OSError, pa.ArrowInvalid):
            return None

    def write(self, number: int, table: pa.Table) -> None:
        """Puts a part in its place."""
        with (
            draft_of(self._path(number)) as draft,
            pa.OSFile(str(draft), "wb") as sink,
            pa.ipc.new_file(sink, table.schema) as writer,
        ):
            writer.write_table(table)

    def read(self, count: int) -> Iterator[pa.Table]:
        """The first `count` parts in order."""
        for number in range(count):
            with pa.OSFile(str(self._path(number))) as source, pa.ipc.open_file(source) as file:
                yield file.read_all()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06}.arrow"


@contextmanager
def checkpoints_of(target: Path, run: Mapping[str, Any]) -> Iterator[Checkpoints]:
    """The parts of a run that is under way, or new ones; removed when the run is done or its source is refused.

    Args:
        target: What the parts will become.
        run: All that the parts depend on, as JSON.

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
