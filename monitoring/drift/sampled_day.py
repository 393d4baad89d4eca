"""Some of a day's customers, the same ones from day to day, with their features, scores and segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.spec.feature import MISSING
from scoring.answers.served_release import Live, release_of_version
from scoring.batch.batch_answers import BatchAnswers
from scoring.batch.table_answers import answer_table
from scoring.encoding.encoder import Encoder
from scoring.errors import BundleError
from scoring.population.days import PARTS, Day
from scoring.population.read_days import scored_parts
from scoring.segments.assignment import assign_all, cluster_column, discovered_of, field_of, policy_of_version
from scoring.segments.policy import Policy

SAMPLE = 100_000
SEED = 0

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SampledDay:
    """A sample of a day, encoded and scored by the releases that scored it."""

    day: Day
    live: Mapping[str, Live]
    policy: Policy | None  # None where it is gone, or asks a use case that is
    table: pa.Table
    answers: BatchAnswers

    def matrix(self, name: str) -> Floats:
        """A use case's rows as encoded."""
        return self.answers.parts[name].matrix

    def scored(self, name: str) -> Rows:
        """The rows that the use case scored."""
        return np.flatnonzero(np.asarray(self.answers.parts[name].columns["status"]) == "scored")

    def probability(self, name: str) -> Floats:
        """The probability of each of them."""
        return np.asarray(self.answers.parts[name].columns["probability"].drop_null())

    def segments(self, rows: Rows, changed: Mapping[str, Mapping[str, list[Any]]] | None = None) -> list[str | None]:
        """Where some rows stand, by the rules alone; `changed` has other fields and features, by use case."""
        if self.policy is None:
            return [None] * len(rows)
        reader = _SampleReader(self, rows, changed or {})
        statuses = {name: reader.read(f"{name}.status") for name in self.policy.use_cases}
        placed = assign_all(self.policy, statuses, reader.read)
        return [one.path[-1].code if one.path else None for one in placed]


def sample_day(home: Path, day: Day) -> SampledDay | None:
    """A seeded sample of about 100,000 customers: whole parts, which are by the checksum of an id.

    None where the day's features are gone.

    Raises:
        BundleError: A release that scored the day is gone.
        PopulationError: The day is not what its run wrote.
        SuppressionError: The suppression list cannot be read.
    """
    if day.manifest.thin:
        return None
    live = {name: _live(home, name, version) for name, version in day.manifest.models.items()}
    features = {name: [one.name for one in served.release.bundle.features] for name, served in live.items()}
    share = min(1.0, SAMPLE / max(day.manifest.customers, 1))
    numbers = sorted(np.random.default_rng(SEED).permutation(PARTS)[: max(1, round(share * PARTS))].tolist())
    tables = [table for _, table in scored_parts(home, day, features, parts=numbers)]
    if not tables:
        return None
    table = pa.concat_tables(tables, promote_options="default")
    policy = policy_of_version(home, day.manifest.policy, day.manifest.models)
    if policy is not None and not set(policy.use_cases) <= live.keys():
        policy = None
    return SampledDay(day, live, policy, table, answer_table(live, table))


def _live(home: Path, name: str, version: str) -> Live:
    served = release_of_version(home, name, version)
    if served is None:
        raise BundleError(f"What scored the day must be kept, version {version} of {name} is not.")
    return served


@dataclass(frozen=True, slots=True)
class _SampleReader:
    """Gives what the rules of segments read, of some rows of a sample."""

    day: SampledDay
    rows: Rows
    changed: Mapping[str, Mapping[str, list[Any]]]

    def read(self, name: str) -> list[Any]:
        """The values of a field, as `churn.band`, or of a feature."""
        if parsed := field_of(name):
            use_case, field = parsed
            other = self.changed.get(use_case, {}).get(field)
            return other if other is not None else self._field(use_case, field)
        if asked := discovered_of(name):
            column = self.day.answers.discovered.get(cluster_column(asked))
            return [None] * len(self.rows) if column is None else column.take(pa.array(self.rows)).to_pylist()
        for use_case, served in self.day.live.items():
            if name in served.scorer.encoder.names:
                other = self.changed.get(use_case, {}).get(name)
                return (
                    other
                    if other is not None
                    else feature_values(served.scorer.encoder, name, self.day.matrix(use_case)[self.rows])
                )
        return [None] * len(self.rows)

    def _field(self, use_case: str, field: str) -> list[Any]:
        codes = self.day.live[use_case].release.bundle.ladder.codes
        ends = {"lowest_band": codes[0], "highest_band": codes[-1]}
        columns = self.day.answers.parts[use_case].columns
        values = columns["band" if field in ends else field].take(pa.array(self.rows)).to_pylist()
        return [None if value is None else value == ends[field] for value in values] if field in ends else values


def feature_values(encoder: Encoder, name: str, matrix: Floats) -> list[Any]:
    """A feature of encoded rows as rules read it: a category's level, else a number; None where it is missing."""
    position = [feature.name for feature in encoder.features].index(name)
    column = matrix[:, position]
    if encoder.features[position].type == "category":
        levels = [None if code == MISSING else code for code in encoder.levels[name]]
        return [levels[int(code)] for code in column.tolist()]
    return [None if np.isnan(value) else value for value in column.tolist()]
