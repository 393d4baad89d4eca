"""The customers of the day in service with the very rows that were scored: of one use case, or of all together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID, Feature
from features.spec.languages import LANGUAGES
from scoring.batch.table_answers import covered_column
from scoring.bundle.bundle import Bundle
from scoring.encoding.encoder import Encoder
from scoring.population.daily_file import check_age, is_too_old
from scoring.population.days import Day, PopulationError, latest_day
from scoring.population.read_days import scored_parts
from scoring.releases.store import load_release
from training.lookalike.customer_table import CustomerTable


@dataclass(frozen=True)
class DayCustomers:
    """A day's customers, and what a file may call the column of their ids."""

    table: CustomerTable
    id_columns: tuple[str, ...]


def day_customers(home: Path, use_case: str | None = None, *, fresh: bool = False) -> DayCustomers:
    """The customers of a home's latest day, those of one use case or all; `fresh` where they must be addressable.

    Raises:
        PopulationError: There is no day, it keeps no features any more, lacks the use case, or is too old where it
            must be fresh.
        BundleError: What scored the day is gone.
        SuppressionError: The suppression list cannot be read.
    """
    day = _day(home)
    if fresh:
        check_age(home, day.manifest.as_of)
    names = _names(day, use_case)
    bundles = {name: load_release(home, name, version=names[name], threads=1).bundle for name in names}
    columns = _columns(bundles)
    features = {name: [one.name for one in bundle.features] for name, bundle in bundles.items()}
    shown, found = 0, []
    for stood, rows in scored_parts(home, day, features):
        shown += len(stood.rows)
        found.append(_encoded(rows, bundles, columns, only=use_case))
    customers = pa.concat_arrays([ids for ids, _ in found])
    order = pc.sort_indices(customers).to_numpy()
    written = sum(pq.read_metadata(path).num_rows for path in day.parts)
    table = CustomerTable(
        customers=customers.take(pa.array(order)).to_pylist(),
        features=tuple(column.feature for column in columns),
        encoder={column.feature.name: column.levels for column in columns if column.levels},
        matrix=np.concatenate([matrix for _, matrix in found])[order],
        families=_families(bundles),
        forbid=frozenset(name for bundle in bundles.values() for name in bundle.forbidden),
        labels={
            language: {one.feature.name: one.bundle.manifest.labels_of(one.feature.name, language) for one in columns}
            for language in LANGUAGES
        },
        objected=written - shown,
        as_of=day.manifest.as_of,
        use_cases=tuple(names),
        models=names,
        policy=day.manifest.policy,
        stale=is_too_old(home, day.manifest.as_of),
    )
    return DayCustomers(table, tuple(one for bundle in bundles.values() if (one := bundle.manifest.customer_id)))


def _day(home: Path) -> Day:
    day = latest_day(home)
    if day is None:
        rule = "A home must have a population to look for look-alikes: run `penchant run`, or name a USE_CASE.toml"
        raise PopulationError(f"{rule}; it has none.")
    if day.manifest.thin:
        raise PopulationError(
            f"The day must keep its features: run `penchant run`, those of {day.folder.name} are gone."
        )
    return day


def _names(day: Day, use_case: str | None) -> dict[str, str]:
    """The versions of the use cases whose features are read."""
    models = day.manifest.models
    if use_case is None:
        return dict(models)
    if use_case not in models:
        raise PopulationError(
            f"--use-case must be one that the day was scored with ({', '.join(models)}), got another."
        )
    return {use_case: models[use_case]}


@dataclass(frozen=True)
class _ReadFeature:
    """A feature, and the bundle whose encoder reads it."""

    feature: Feature
    use_case: str
    bundle: Bundle
    at: int  # in the bundle's rows

    @property
    def levels(self) -> list[str]:
        return self.bundle.manifest.encoder.get(self.feature.name, [])


def _columns(bundles: Mapping[str, Bundle]) -> list[_ReadFeature]:
    """The features of all bundles, each once: use cases of one log have the same."""
    found: dict[str, _ReadFeature] = {}
    for name, bundle in bundles.items():
        for at, feature in enumerate(bundle.features):
            found.setdefault(feature.name, _ReadFeature(feature, name, bundle, at))
    return list(found.values())


def _encoded(
    rows: pa.Table, bundles: Mapping[str, Bundle], columns: Sequence[_ReadFeature], *, only: str | None
) -> tuple[pa.Array, NDArray[np.float64]]:
    """The ids and the encoded features of some rows, those of one use case or all."""
    if only is not None:
        rows = rows.filter(rows.column(covered_column(only)))
    matrices = {
        name: Encoder(bundle.features, bundle.manifest.encoder).table(rows).matrix for name, bundle in bundles.items()
    }
    matrix = np.empty((len(rows), len(columns)))
    for place, column in enumerate(columns):
        matrix[:, place] = matrices[column.use_case][:, column.at]
    return rows.column(CUSTOMER_ID).combine_chunks().cast(pa.string()), matrix


def _families(bundles: Mapping[str, Bundle]) -> dict[str, tuple[str, ...]]:
    """The families of all bundles; a feature is in one of them."""
    taken: set[str] = set()
    found: dict[str, tuple[str, ...]] = {}
    for family, members in _declared(bundles):
        own = tuple(one for one in members if one not in taken)
        taken.update(own)
        found[family] = tuple(sorted({*found.get(family, ()), *own}))
    return {family: members for family, members in found.items() if len(members) > 1}


def _declared(bundles: Mapping[str, Bundle]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for bundle in bundles.values():
        yield from (bundle.manifest.families or {}).items()
