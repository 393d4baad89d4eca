"""What days hold no more: reasons and features after a while, whole days after their outcome, and the erased."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.spec.atomic import draft_of, new_draft
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import objectors_of
from scoring.population.day_index import INDEX, UseCaseCodes, rewrite_index, write_index
from scoring.population.days import POPULATION, WORK, Day, days_of, digest_of, only_writer, outcome_files
from scoring.population.partitioned import part_name, part_of
from scoring.population.read_days import without
from scoring.population.write_day import replace_day, seal_day
from scoring.storage.table_files import parquet_writer

Change = Callable[[pa.Table], pa.Table]
CLUSTER_REASON = "_cluster_reason_"  # within the columns of why a customer is in a learned cluster
INDEXED = 2  # days that have an index: the one in service, and the one before, through which somebody may still page


def forget_customers(home: Path, customers: Collection[str]) -> None:
    """Rewrites the parts of all days, and of what became of them, that hold these customers.

    Raises:
        PopulationBusyError: A run is under way.
        PopulationError: One of the days is not what a run writes.
    """
    outcomes = outcome_files(home)
    if not days_of(home) and not outcomes and not (home / POPULATION / WORK).exists():
        return
    numbers, gone = {part_of(customer) for customer in customers}, pa.array(sorted(customers), pa.string())
    with only_writer(home):
        for file in outcomes:
            if _holds(file, gone):
                _forget_outcomes(file, gone)
        shutil.rmtree(home / POPULATION / WORK, ignore_errors=True)  # of a run that was killed, or of single steps
        for day in days_of(home):
            endings = tuple(part_name("", number) for number in numbers)
            files = [path for path in day.folder.glob("*.parquet") if path.name.endswith(endings)]
            touched = {path.name for path in files if _holds(path, gone)}
            if touched:
                _rewrite(day, touched, lambda rows: rows.filter(pc.invert(pc.is_in(rows.column(CUSTOMER_ID), gone))))


def _forget_outcomes(file: Path, customers: pa.Array) -> None:
    """A file of outcomes without some customers; one that cannot be read may hold anybody, so it goes."""
    try:
        rows = pq.read_table(file)
    except (OSError, pa.ArrowInvalid):
        file.unlink(missing_ok=True)
        return
    with draft_of(file, mode=0o600) as draft, parquet_writer(draft, rows.schema) as writer:
        writer.write_table(rows.filter(pc.invert(pc.is_in(rows.column(CUSTOMER_ID), customers))))


def _holds(path: Path, customers: pa.Array) -> bool:
    """Whether a file holds one of some customers, or nobody can tell."""
    try:
        ids = pq.read_table(path, columns=[CUSTOMER_ID]).column(0)
    except (OSError, pa.ArrowInvalid):
        return True
    return bool(pc.any(pc.is_in(ids, customers)).as_py())


def forget_objectors(home: Path, day: Day) -> None:
    """Rewrites the parts of a day that hold somebody who objected or was erased; for a run that is under way.

    Raises:
        SuppressionError: The suppression list cannot be read.
    """
    objectors = objectors_of(home)
    if objectors is None:
        return
    touched = {
        path.name
        for path in day.folder.glob("*.parquet")
        if objectors.among(pq.read_table(path, columns=[CUSTOMER_ID]).column(0).to_pylist())
    }
    if touched:
        _rewrite(day, touched, lambda rows: without(rows, objectors))


def forget_old(home: Path, today: date, *, keep: timedelta, matured: timedelta, months: int) -> int:
    """Thins out and removes old days; returns how many changed.

    Args:
        home: Whose days they are.
        today: From which ages count.
        keep: How long reasons and features are kept.
        matured: How long the longest outcome takes to be known: whole days stay until then.
        months: For how many months the last day of each stays, without reasons and features.
    """
    days, changed = days_of(home), 0
    last_of_month = {day.manifest.as_of.strftime("%Y-%m"): day.folder for day in days}
    for day in days:
        age = today - day.manifest.as_of.date()
        is_month_end = last_of_month[day.manifest.as_of.strftime("%Y-%m")] == day.folder
        if age > max(keep, matured) and not (
            is_month_end and _months_between(day.manifest.as_of.date(), today) <= months
        ):
            shutil.rmtree(day.folder)
            changed += 1
        elif age > keep and not day.manifest.thin:
            _thin(day)
            changed += 1
    return changed


def _months_between(first: date, second: date) -> int:
    return (second.year - first.year) * 12 + second.month - first.month


def _thin(day: Day) -> None:
    """A day without reasons and features."""
    kinds = ("reason_", "log_odds_difference_reason_", "value_reason_")
    reasons = [f"{name}_{kind}" for name in day.manifest.models for kind in kinds]

    def thinned(rows: pa.Table) -> pa.Table:
        return rows.select([name for name in rows.column_names if not _is_reason(name, reasons)])

    parts = {name for name in day.manifest.files if name.startswith("part-")}
    _rewrite(day, parts, thinned, dropped="features-*.parquet", thin=True)


def _is_reason(column: str, reasons: Sequence[str]) -> bool:
    """Whether a day's column is of a reason: of a score, an effect, a value or a learned cluster."""
    return CLUSTER_REASON in column or any(map(column.startswith, reasons))


def settle_indexes(home: Path, use_cases: Mapping[str, UseCaseCodes]) -> None:
    """Leaves an index with the day in service and the one before, and with no other; for a run that is under way.

    Args:
        home: Whose days they are.
        use_cases: The codes of those in service.
    """
    days = days_of(home)
    for day in days[:-INDEXED]:
        if INDEX in day.manifest.files:
            _rewrite(day, dropped=INDEX)
    for day in days[-INDEXED:]:
        if INDEX not in day.manifest.files:
            codes = {name: use_cases.get(name, UseCaseCodes((), ())) for name in day.manifest.models}
            _rewrite(day, add=partial(write_index, home, use_cases=codes))


def _unchanged(rows: pa.Table) -> pa.Table:
    return rows


def _rewrite(
    day: Day,
    touched: Collection[str] = (),
    change: Change = _unchanged,
    *,
    dropped: str = "",
    thin: bool = False,
    add: Callable[[Path], None] | None = None,
) -> None:
    """A day with some files changed, the index with them, some dropped and some added, in the place of the old one."""
    gone = {path.name for path in day.folder.glob(dropped)} if dropped else set()
    changed = {name for name in (*touched, *((INDEX,) if touched else ())) if name in day.manifest.files}
    damaged = {name for name in changed if not _is_sound(day, name)}  # they may hold anybody, so they go
    with new_draft(day.folder, folder=True) as (draft, _):
        for name in day.manifest.files.keys() - gone - damaged:
            if name not in changed:
                (draft / name).hardlink_to(day.folder / name)
            elif name == INDEX:
                rewrite_index(day.folder / name, draft / name, change)
            else:
                _copy(day.folder / name, draft / name, change)
        if add:
            add(draft)
        # what stays keeps its digest, and what went by damage too: neither is made good by a rewriting
        kept = {name: day.manifest.files[name] for name in day.manifest.files.keys() - gone - changed}
        lost = {name: day.manifest.files[name] for name in damaged - {INDEX}}  # the index is made anew by a run
        made = {path.name: digest_of(path) for path in draft.iterdir() if path.name not in kept}
        manifest = msgspec.structs.replace(
            day.manifest,
            files=dict(sorted({**kept, **lost, **made}.items())),
            customers=day.manifest.customers - _fewer(day, draft, changed - damaged),
            thin=thin or day.manifest.thin,
        )
        seal_day(draft, manifest)
        replace_day(draft, day.folder)


def _is_sound(day: Day, name: str) -> bool:
    """Whether a file holds the bytes that the manifest names."""
    path = day.folder / name
    return path.exists() and digest_of(path) == day.manifest.files[name]


def _fewer(day: Day, draft: Path, names: Collection[str]) -> int:
    """How many customers rewritten parts hold no more."""
    parts = [name for name in names if name.startswith("part-")]
    before, after = (sum(pq.read_metadata(folder / name).num_rows for name in parts) for folder in (day.folder, draft))
    return before - after


def _copy(source: Path, target: Path, change: Change) -> None:
    rows = change(pq.read_table(source))
    with parquet_writer(target, rows.schema) as writer:
        writer.write_table(rows)
