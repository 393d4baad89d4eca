"""The history of a stream: each log's clean events, made by a process of its own and loaded before any message."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from features.config.use_case import LogUseCase, UseCase
from features.spec.feature import Json
from penchant.daily.run_file import load_run_file
from scoring.audiences.pressure.pressure_rules import RUN_FILE
from serving.streams.heartbeat import BEAT_SECONDS
from serving.streams.intake import load_history
from serving.streams.worker import StreamWorker

_LOADED = "loaded"  # in the notes of a state, with the contract


class HistoryError(ValueError):
    """The history of a log could not be made; stderr says why."""


def load_missing_history(home: Path, worker: StreamWorker) -> None:
    """Loads the log of each way to read events whose log was not loaded yet, whole or not at all.

    Raises:
        UseCaseError: run.toml, or a use case that it names, has a broken key.
        HistoryError: A log could not be read, or joins ids of customers, which a stream does not.
    """
    if not (home / RUN_FILE).exists():
        return
    with worker.state.alone("history"):
        _load_missing(home, worker)


def _load_missing(home: Path, worker: StreamWorker) -> None:
    _, use_cases = load_run_file(home)
    _refuse_links(use_cases[name] for name in worker.scorer.live if name in use_cases)
    for digest, contract in worker.scorer.contracts.items():
        use_case = use_cases.get(worker.scorer.use_case_of(digest))
        if worker.state.noted(f"{_LOADED} {digest}") or not isinstance(use_case, LogUseCase):
            continue
        with tempfile.TemporaryDirectory(dir=home, prefix=".", suffix=".tmp") as folder:
            _export(use_case.file, worker, Path(folder), home)
            with worker.state.transaction(None):
                events, traits = (_rows(Path(folder) / name) for name in ("events.parquet", "traits.parquet"))
                load_history(worker.state, contract, events, traits)
                worker.state.note(f"{_LOADED} {digest}", worker.rules.clock().isoformat())


def _refuse_links(scored: Iterable[UseCase]) -> None:
    """An event under a joined id would count for a customer whom the daily run does not have."""
    joined = [one.name for one in scored if isinstance(one, LogUseCase) and any(log.links for log in one.logs)]
    if joined:
        raise HistoryError(
            f"A stream does not join ids by `links`, as {', '.join(joined)} does: "
            "`use_cases` of [source] must name only others, which learned from a log without."
        )


def _export(file: Path, worker: StreamWorker, folder: Path, home: Path) -> None:
    """Runs the process; the worker gives its signs meanwhile, as a long log takes minutes."""
    as_of = worker.rules.clock().isoformat()
    command = [sys.executable, "-m", "features", "history", str(file), "--as-of", as_of]
    command += ["--out", str(folder), "--home", str(home), "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=BEAT_SECONDS)
                break
            worker.write_status()
    if process.returncode:
        raise HistoryError(f"The history of {file.name} could not be made.")


def _rows(path: Path) -> Iterator[Mapping[str, Json | datetime]]:
    if path.exists():
        for batch in pq.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
