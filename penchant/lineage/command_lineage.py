"""Lineage of the commands that an orchestrator calls: features build, train, score, activate sync."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq

from features.config.use_case import load_use_case
from features.spec.options import command_first, default_home
from penchant.lineage.dataset import LineageDataset, file_dataset, sources_of
from penchant.lineage.lineage_file import is_asked_for, lineage_section
from penchant.lineage.tracker import LineageTracker, lineage
from scoring.population.days import latest_day
from scoring.releases.current_pointer import current_version

Found = tuple[list[LineageDataset], list[LineageDataset]]


@contextmanager
def followed(command: str, commands: Sequence[str], words: Sequence[str]) -> Iterator[LineageTracker]:
    """Follows a command to its end, where it is one of those and somebody wants to know."""
    given = command_first(words, commands)
    sub = given[0] if given and given[0] in commands else ""
    read = _READERS.get(f"{command} {sub}".strip())
    home = _options(given).home
    if read is None or not is_asked_for(section := lineage_section(home)):
        yield LineageTracker(None, "")
        return
    known = _options(given[1:] if sub else given)
    name = ".".join(["penchant", command, *([sub] if sub else [])])
    with lineage(home, section) as jobs, jobs.job(name, lambda: read(home, known)) as job:
        yield job


def _features(home: Path, options: argparse.Namespace) -> Found:
    use_case = load_use_case(Path(options.files[0]), home)
    version = options.cutoff
    table = _written(options.out) if options.out.suffix else LineageDataset(str(options.out.resolve()), "file")
    return sources_of(home, use_case), [table, LineageDataset(f"features/{use_case.name}", version=version)]


def _train(home: Path, options: argparse.Namespace) -> Found:
    use_cases = [load_use_case(Path(file), home) for file in options.files]
    sources = [one for use_case in use_cases for one in sources_of(home, use_case)]
    models = [LineageDataset(f"models/{one.name}", version=current_version(home, one.name)) for one in use_cases]
    return sources, models


def _score(home: Path, options: argparse.Namespace) -> Found:
    names = options.use_case or []
    models = [LineageDataset(f"models/{name}", version=current_version(home, name)) for name in names]
    return [file_dataset(options.input), *models], [_written(options.output)]


def _sync(home: Path, options: argparse.Namespace) -> Found:
    day = latest_day(home)
    population = LineageDataset("population", version=day.folder.name if day else None)
    segments = LineageDataset("segments", version=day.manifest.policy if day else None)
    return [population, segments], [LineageDataset(f"deliveries/{Path(options.files[0]).stem}")]


def _written(path: Path) -> LineageDataset:
    """A file with its columns and rows, where it is there and says them."""
    found = file_dataset(path)
    if path.suffix != ".parquet" or not path.is_file():
        return found
    with pq.ParquetFile(path) as file:
        columns = tuple((field.name, str(field.type)) for field in file.schema_arrow)
        return LineageDataset(found.name, found.namespace, columns, file.metadata.num_rows)


def _options(words: Sequence[str]) -> argparse.Namespace:
    """The options that name files; all others are left to the command."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--home", type=Path, default=default_home())
    parser.add_argument("--use-case", action="append")
    for name in ("--input", "--output", "--out"):
        parser.add_argument(name, type=Path)
    for name in (
        "--cutoff",
        "--promote",
        "--reasons",
        "--language",
        "--allow-shrink",
        "--engine",
        "--master",
        "--url-env",
    ):
        parser.add_argument(name)
    try:
        return parser.parse_known_args(words)[0]
    except (argparse.ArgumentError, SystemExit):
        return argparse.Namespace(home=default_home(), files=[], use_case=None, input=None, output=None, out=None)


_READERS: Mapping[str, Callable[[Path, argparse.Namespace], Found]] = {
    "features build": _features,
    "train": _train,
    "score": _score,
    "activate sync": _sync,
}
