"""What each step of a day reads and writes, for lineage: by names that stay the same, with what is known by now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from features.config.use_case import UseCase
from penchant.daily.day_steps import DayContext
from penchant.daily.run_state import RunStep
from penchant.lineage.dataset import LineageDataset, sources_of
from scoring.answers.served_release import Live
from scoring.population.days import day_name
from scoring.releases.current_pointer import current_version

Datasets = tuple[list[LineageDataset], list[LineageDataset]]


def step_datasets(context: DayContext, name: str, step: RunStep) -> Datasets:
    """Inputs and outputs of a step; those that it writes have the rows and the digest that it noted by now."""
    inputs, outputs = _STEPS[name](context) if name in _STEPS else ([], [])
    if len(outputs) == 1 or name == "population":
        outputs = [replace(one, rows=step.rows, digest=step.digest) for one in outputs[:1]] + outputs[1:]
    return inputs, outputs


def day_datasets(context: DayContext) -> Datasets:
    """Those of a whole day: its sources and models, and the population and lists that come of them."""
    sent = _activate(context)[1]
    return [*_sources(context), *_models(context)], [_population(context), _segments(context), *sent]


def landed_datasets(home: Path, use_cases: Mapping[str, UseCase]) -> Datasets:
    """What a day's first step reads at addresses, and its copies in the home."""
    found = [one for use_case in use_cases.values() for one in sources_of(home, use_case) if one.namespace != "file"]
    return found, [LineageDataset(f"landed/{one.name}", rows=one.rows, version=one.version) for one in found]


def _sources(context: DayContext) -> list[LineageDataset]:
    return [one for _, use_case in context.entries.values() for one in sources_of(context.home, use_case)]


def _features(context: DayContext) -> list[LineageDataset]:
    return [
        LineageDataset(f"features/{name}", columns=_columns(served), version=day_name(context.as_of))
        for name, served in context.live.items()
    ]


def _columns(served: Live) -> tuple[tuple[str, str], ...]:
    return tuple((one.name, one.type) for one in served.release.bundle.features)


def _models(context: DayContext) -> list[LineageDataset]:
    return [
        LineageDataset(
            f"models/{name}",
            columns=_columns(served),
            digest=served.release.facts.manifest_sha256,
            version=served.release.version,
        )
        for name, served in context.live.items()
    ]


def _trained(context: DayContext) -> list[LineageDataset]:
    return [LineageDataset(f"models/{name}", version=current_version(context.home, name)) for name in context.entries]


def _population(context: DayContext) -> LineageDataset:
    """The day of a moment, with its columns where it is there."""
    parts = sorted((context.home / "population" / day_name(context.as_of)).glob("part-*.parquet"))
    fields = pq.read_schema(parts[0]) if parts else ()
    columns = tuple((field.name, str(field.type)) for field in fields)
    return LineageDataset("population", columns=columns, version=day_name(context.as_of))


def _segments(context: DayContext) -> LineageDataset:
    """The segments by their codes and the policy's version."""
    codes = tuple((one.code, "segment") for one in context.policy.segments)
    return LineageDataset("segments", columns=codes, version=context.policy.version)


def _made_of_population(outputs: Callable[[DayContext], Iterable[LineageDataset]]) -> Callable[[DayContext], Datasets]:
    return lambda context: ([_population(context)], list(outputs(context)))


def _outcomes(context: DayContext) -> list[LineageDataset]:
    return [LineageDataset(f"outcomes/{name}", version=day_name(context.as_of)) for name in context.entries]


def _activate(context: DayContext) -> Datasets:
    sent = [LineageDataset(f"deliveries/{one.stem}") for one in context.run_file.deliver.destinations]
    return [_population(context), _segments(context)], sent


def _one(name: str) -> Callable[[DayContext], list[LineageDataset]]:
    return lambda context: [LineageDataset(name, version=day_name(context.as_of))]


_STEPS: Mapping[str, Callable[[DayContext], Datasets]] = {
    "features": lambda day: (_sources(day), _features(day)),
    "population": lambda day: ([*_features(day), *_models(day)], [_population(day), _segments(day)]),
    "store": _made_of_population(_one("store")),
    "flows": _made_of_population(_one("flows")),
    "outcomes": lambda day: ([_population(day), *_sources(day)], _outcomes(day)),
    "monitor": lambda day: ([_population(day), *_outcomes(day), *_models(day)], _one("health")(day)),
    "campaigns": lambda day: ([_population(day), *_sources(day)], _one("campaigns")(day)),
    "activate": _activate,
    "retention": _made_of_population(lambda day: [_population(day)]),
    "retrain": lambda day: (_sources(day), _trained(day)),
}
