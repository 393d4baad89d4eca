"""The customers in whom groups are looked for: their features at a moment, and at two later ones with what came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from features.build.log_table import learning_table, rows_at_cutoffs
from features.build.ready_table import fetch_cells, read_columns, used_columns
from features.config.discovery_file import Discovery, UnlabelledTable
from features.config.use_case import LogUseCase, TableUseCase
from features.errors import DataError, UseCaseError
from features.history.event_log import open_log
from features.history.identities import barred_among
from features.point_in_time.labels import log_end
from features.sources.duckdb_sql import keep_order
from features.sources.engine import engine
from features.sources.quarantine import write_quarantine
from features.sources.rejected_rows import bad_rows_of, reject_too_many
from features.sources.source import digest, missing_column, open_source
from features.spec.feature import Feature
from features.spec.suppression_list import Objectors
from features.tables.digests import config_digest
from features.tables.learning_table import GROUP, ID, ORDER, digest_without
from features.tables.schema import check_table
from features.tables.value_labels import value_labels

_RFM = ("recency", "frequency", "monetary")  # families of a log's features that groups are made of by default
_WINDOWS = 4  # that a log must hold: before the moment groups are made at, up to each later one, and after
_MOST_DAYS = 90
_MOMENTS = 3  # the one groups are made at, and two later ones
_broken = "__broken"


@dataclass(frozen=True, slots=True)
class DiscoveryRows:
    """Customers with features; `later` are the same features afterwards, each with `__label`, whether the outcome came.

    The one of a ready table are its later rows where the use case orders them, else halves of all of them.
    """

    rows: pl.DataFrame  # __customer_id and the features
    features: tuple[Feature, ...]
    later: tuple[pl.DataFrame, ...]
    moments: tuple[datetime | None, ...]  # of the rows, then of each later part; None of a ready table
    in_time: bool  # whether `later` is later
    data_digest: str
    config_digest: str
    every: tuple[Feature, ...] = ()  # the features that were not chosen too
    outcome_event: str | None = None  # of a log, which event is awaited
    outcome_days: int | None = None  # and for how long
    texts: tuple[str, ...] = ()  # columns of `rows` that hold free texts, as text
    labels: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)  # by language, feature, value


def discovery_rows(
    asked: Discovery, objectors: Objectors | None = None, *, quarantine: Path | None = None
) -> DiscoveryRows:
    """The rows that a discovery asks for, with the features it names.

    Raises:
        DataError: the data broke its contract.
        UseCaseError: a feature is named that is none.
    """
    source = asked.source
    if isinstance(source, UnlabelledTable):
        found = _unlabelled(source, objectors, quarantine)
    elif isinstance(source, TableUseCase):
        found = _labelled(asked, source, objectors, quarantine)
    else:
        found = _of_log(asked, source, objectors)
    known = [feature.name for feature in found.features]
    strangers = [name for name in asked.section.features if name not in known]
    if strangers:
        broken = [f"discover.features: must name features, {name!r} is none" for name in strangers]
        raise UseCaseError(source.file, broken)
    names = asked.section.features or (
        tuple(_widest(found.features)) if isinstance(source, LogUseCase) else tuple(known)
    )
    chosen = tuple(feature for feature in found.features if feature.name in names)
    given = {} if isinstance(source, UnlabelledTable) else value_labels(source, found.features)
    labels = {str(language): texts for language, texts in given.items()}
    return replace(found, features=chosen, every=found.features, labels=labels)


def _widest(features: Iterable[Feature]) -> Iterable[str]:
    """Recency, frequency and money of each event, each over the longest time; nothing of one level of a property."""
    best: dict[tuple[str, str | None], Feature] = {}
    for feature in features:
        if feature.family in _RFM and feature.subject is None:
            key = feature.family, feature.event
            if key not in best or _days(feature) > _days(best[key]):
                best[key] = feature
    return (feature.name for feature in best.values())


def _days(feature: Feature) -> float:
    return float("inf") if feature.window_days is None else feature.window_days


def _of_log(asked: Discovery, use_case: LogUseCase, objectors: Objectors | None) -> DiscoveryRows:
    use_case = _with_question(asked, use_case, objectors)
    features, parts, made_from = rows_at_cutoffs(use_case, objectors)
    moments = tuple(parts)[-_MOMENTS:]
    if parts[moments[0]].is_empty():
        raise DataError(use_case.events.path, ["there must be customers to find groups in, there is none"])
    return DiscoveryRows(
        rows=parts[moments[0]],
        features=features,
        later=tuple(parts[moment] for moment in moments[1:]),
        moments=moments,
        in_time=True,
        data_digest=made_from,
        config_digest=_digest_of(asked, config_digest(use_case)),
        texts=use_case.texts.columns if use_case.texts else (),
        outcome_event=use_case.label.event,
        outcome_days=use_case.window.prediction,
    )


def _with_question(asked: Discovery, use_case: LogUseCase, objectors: Objectors | None) -> LogUseCase:
    """The use case with what the file leaves open read from the log: the most frequent event, a window that fits."""
    if not (asked.any_event or asked.any_window):
        return use_case
    with engine() as backend:
        if asked.any_event:
            use_case = _asking_for(use_case, _most_frequent(backend, use_case))
        log = open_log(backend, use_case, objectors=objectors)
        span = (log_end(log).replace(tzinfo=None) - log.first) // timedelta(days=1)
    if not asked.any_window:
        return use_case
    days = max(1, min(_MOST_DAYS, span // _WINDOWS))
    return use_case.model_copy(update={"window": use_case.window.model_copy(update={"prediction": days})})


def _asking_for(use_case: LogUseCase, event: str) -> LogUseCase:
    return use_case.model_copy(update={"label": use_case.label.model_copy(update={"event": event})})


def _most_frequent(backend: object, use_case: LogUseCase) -> str:
    section = use_case.events
    source = open_source(backend, section.path, table=section.table)
    column = section.type if isinstance(section.type, str) else section.type.column
    if column not in source.columns:
        raise DataError(source.path, [missing_column(column, source.columns)])
    types = source.column(column).cast("string").name("type")
    counted = source.table.select(types).filter(types.notnull()).group_by("type").aggregate(rows=lambda t: t.count())
    rows = counted.order_by([counted.rows.desc(), counted.type]).limit(1).execute()
    if not len(rows):
        raise DataError(source.path, [f"column {column!r}: must hold event types, it is empty"])
    found = str(rows["type"].iloc[0])
    return f"{section.name}_{found}" if section.name else found


def _labelled(
    asked: Discovery, use_case: TableUseCase, objectors: Objectors | None, quarantine: Path | None
) -> DiscoveryRows:
    """A table with an outcome: the first half by its order and two later quarters, or all rows and two halves."""
    table = learning_table(use_case, quarantine=quarantine, objectors=objectors)
    rows, ordered = table.rows, table.rows[ORDER].null_count() < table.rows.height
    if ordered:
        rows = rows.sort(ORDER, maintain_order=True)
        middle, last = rows.height // 2, rows.height * 3 // 4
        first, later = rows[:middle], (rows[middle:last], rows[last:])
    else:
        even = rows[GROUP] % 2 == 0
        first, later = rows, (rows.filter(even), rows.filter(~even))
    return DiscoveryRows(
        first,
        table.features,
        later,
        (None,) * _MOMENTS,
        ordered,
        table.digest,
        _digest_of(asked, f"{config_digest(use_case)} themes" if use_case.texts else config_digest(use_case)),
        texts=use_case.texts.columns if use_case.texts else (),
    )


def _digest_of(asked: Discovery, digest_of_rest: str) -> str:
    return hashlib.sha256(f"{digest_of_rest} {asked.section.model_dump_json()}".encode()).hexdigest()


def _unlabelled(stated: UnlabelledTable, objectors: Objectors | None, quarantine: Path | None) -> DiscoveryRows:
    """The rows of a table without an outcome."""
    section = stated.table
    with engine() as backend:
        source = open_source(backend, section.path, table=section.table)
        _check_columns(stated, source.columns)
        keep_order(backend)
        cells = fetch_cells(source, section)
    barred = barred_among(cells[ID].drop_nulls().to_list(), objectors, {}) if section.customer_id else frozenset[str]()
    cells = cells.filter(~pl.col(ID).is_in(list(barred)).fill_null(False)) if barred else cells
    nobody = pl.when(pl.col(ID).is_null()).then(pl.lit("missing_customer_id")).alias(_broken)
    bad = bad_rows_of(source, cells.with_columns(nobody))
    reject_too_many(source, bad, stated.quality.bad_rows, {"missing_customer_id": section.customer_id})
    if quarantine is not None:
        write_quarantine(quarantine, stated.name, {"table": bad})
    kept = cells.filter(pl.col(ID).is_not_null()) if cells[ID].null_count() else cells
    del cells
    if kept.is_empty():
        raise DataError(section.path, ["must hold at least one row, it holds none"])
    texts = stated.texts.columns if stated.texts else ()
    roles = {section.customer_id, *section.exclude, *texts}
    written = [kept[source.inside(name)].cast(pl.String).alias(name) for name in texts]
    reads, _ = read_columns(kept, source, roles, section.formats, stated.accepted_sensitive)
    features = tuple(_named(read.feature, stated) for read in used_columns(reads) if read.feature is not None)
    if not features:
        raise DataError(section.path, ["must have a column that can tell customers apart, it has none"])
    rows = kept.select(ID, *(read.cells for read in used_columns(reads)))
    check_table(rows, features, section.path)
    return DiscoveryRows(
        rows.with_columns(written),
        features,
        (),
        (None,),
        False,
        digest_without(digest(section.path), objectors, barred),
        _settings(stated),
        texts=texts,
    )


def _settings(stated: UnlabelledTable) -> str:
    """The sha256 of what a file states; without texts as before there were any."""
    without: dict[str, set[str] | bool] = {"table": {"path"}}
    if stated.texts is None:
        without["texts"] = True
    return hashlib.sha256(stated.model_dump_json(exclude=without).encode()).hexdigest()


def _named(feature: Feature, stated: UnlabelledTable) -> Feature:
    name = stated.names.get(feature.name)
    return feature if name is None else replace(feature, names=name.by_language(), unit=name.unit or feature.unit)


def _check_columns(stated: UnlabelledTable, columns: Iterable[str]) -> None:
    """Rejects columns that are named and not there."""
    there, section = list(columns), stated.table
    if section.customer_id is not None and section.customer_id not in there:
        raise DataError(section.path, [missing_column(section.customer_id, there)])
    named = {"table.exclude": section.exclude, "table.formats": tuple(section.formats)}
    named |= {"reasons.forbid": stated.reasons.forbid, "names": tuple(stated.names)}
    texts = stated.texts.columns if stated.texts else ()
    named |= {"accepted_sensitive": tuple(stated.accepted_sensitive), "texts.columns": texts}
    broken = [
        f"{key}: must name columns of the table, {name!r} is none"
        for key, names in named.items()
        for name in names
        if name not in there
    ]
    taken = {section.customer_id, *section.exclude, *section.formats}
    broken += [f"texts.columns: must be columns without another role, {one!r} has one" for one in texts if one in taken]
    if broken:
        raise UseCaseError(stated.file, broken)
