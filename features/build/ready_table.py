"""A ready table, any ready table, as something to learn from; what was done to each column is reported."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

from features.columns.column_report import column_report
from features.columns.expressions import as_id, filled, md5_lower, slug
from features.columns.personal_columns import personal_column
from features.columns.type_inference import InferredColumn, read_column
from features.config.sensitive import AcceptedSensitive, SensitiveColumn, sensitive_column
from features.config.use_case import Table, TableColumns, TableUseCase
from features.errors import DataError, UseCaseError
from features.history.identities import barred_among
from features.leakage.detectors import identifiers
from features.point_in_time.labels import LABEL
from features.sources.duckdb_sql import keep_order
from features.sources.engine import engine, frame
from features.sources.rejected_rows import GUEST, BadRows, bad_rows_of, reject_too_many
from features.sources.source import FILE, ROW, Source, digest, missing_column, open_source, reading
from features.spec.data_report import ColumnReport, DataReport
from features.spec.feature import DataNote, Finding
from features.spec.ids import zero_names_guests
from features.spec.suppression_list import Objectors
from features.tables.learning_table import (
    BOOKKEEPING,
    CUTOFF,
    GROUP,
    ID,
    ORDER,
    TREATED,
    LearningTable,
    as_stated,
    check_names,
    class_shortage,
    digest_without,
    objection_notes,
)
from features.tables.repeated_rows import customer_column, duplicates, grouped_by, repeated_notes
from features.tables.schema import check_table
from features.tables.target import further_labels, labels_of, order_of
from features.tables.value_labels import label_findings

_number, _guest = "__number", "__guest"
_copies, _copied = 10, 0.01  # rows, and share of all, up to which equal rows are taken for copies of one
_nearly_all = 0.9  # share of distinct values from which a column that is no feature is looked at as an identifier
_classes = 10  # different labels up to which they are classes, of which none tells one person from another
_identifier = re.compile(
    r"(^|_)(id|uuid|guid|identifier|identifiant|key|ref|reference|number|numero|no|nr|num|code)$|^(id|identifiant)_|"
    r"^(customer|client|user|account|member|contact|row|record)(id|key|ref|no|nr|num|number|code)$"
)


def read_ready_table(
    use_case: TableUseCase, objectors: Objectors | None = None, *, unlabelled: bool = False
) -> LearningTable:
    """The ready table of a use case without `objectors`, its columns read as what they are.

    Rows without a label are left out, unless they are asked for: then no label need be there either.

    Raises:
        DataError: a column that is needed is not there, too many rows are bad, or a class is too small.
        UseCaseError: a column to exclude is not there.
    """
    section = use_case.table
    with engine() as backend:
        source = open_source(backend, section.path, table=section.table)
        _check_columns(use_case, section, source)
        keep_order(backend)
        cells = fetch_cells(source, section)
    barred = barred_among(cells[ID].drop_nulls().to_list(), objectors, {}) if section.customer_id else frozenset[str]()
    fetched = len(cells)
    cells = cells.filter(~pl.col(ID).is_in(list(barred)).fill_null(False)) if barred else cells
    left_out = objection_notes(len(barred), fetched - len(cells))
    copies = duplicates(cells, [source.inside(name) for name in source.columns])
    seeming = None if section.customer_id else _seeming_customer(cells, source, section)
    if seeming:
        cells = grouped_by(cells, source.inside(seeming))
    elif copies and section.customer_id is None:
        cells = _ungroup_frequent(cells)
    cells = cells.with_columns(
        labels_of(cells[source.inside(section.label)], section.positive).alias(LABEL), order_of(cells, source, section)
    )
    bad = _bad_rows(cells, source, section)
    about = {"missing_customer_id": section.customer_id, "unreadable_order": section.order_by}
    reject_too_many(source, bad, use_case.quality.bad_rows, about)
    sound = cells.select(_sound(section) & (pl.lit(unlabelled) | pl.col(LABEL).is_not_null())).to_series()
    kept = cells if sound.all() else cells.filter(sound)
    if unlabelled and kept.is_empty():
        raise DataError(section.path, ["must hold at least one row with an id, it holds none"])
    if not unlabelled and (broken := _unlearnable(cells, kept, section, source.inside(section.label))):
        raise DataError(section.path, broken)
    rows_read, null_labels = len(cells), int(cells[LABEL].null_count())
    kinds = {name: kept[source.inside(name)].dtype for name in source.columns}
    further = further_labels(kept[source.inside(section.label)], section.positive)
    del cells
    treated = _treated(kept, source, use_case)
    roles = {*_roles(use_case), *section.exclude, *_texts(use_case)}
    reads, sensitive = read_columns(kept, source, roles, section.formats, use_case.accepted_sensitive)
    features = as_stated((read.feature for read in reads.values() if read.feature is not None), use_case)
    if not features:
        raise DataError(section.path, ["must have a column that can tell customers apart, it has none"])
    cutoff = pl.lit(None, pl.Datetime("us", "UTC")).alias(CUTOFF)
    texts = [kept[source.inside(name)].cast(pl.String).alias(name) for name in _texts(use_case)]
    rows = kept.select(ID, cutoff, ORDER, *(read.cells for read in used_columns(reads)), LABEL, GROUP, *treated, *texts)
    check_table(rows, features, section.path)
    report: DataReport = {
        "source": "table",
        "rows": rows_read,
        "rows_used": len(kept),
        "base_rate": float(kept[LABEL].cast(pl.Float64).sum()) / len(kept),
        "null_labels_dropped": null_labels,
        "duplicate_rows": copies,
        "bad_rows": bad.to_json(),
        "notes": [
            note.to_json()
            for note in (*left_out, *_label_notes(section, further), *_notes(section, kept, copies, seeming))
        ],
        "columns": _columns(kept, source, use_case, reads, kinds),
    }
    unread = [kept[source.inside(name)].alias(name) for name, read in reads.items() if read.dropped]
    found = identifiers(kept, [each for each in unread if each.n_unique() > _nearly_all * len(each)])
    telling = tuple(one.finding() for one in sensitive)
    if telling:
        report["sensitive"] = [one.to_json() for one in telling]
    findings = (*found, *telling, *_unread(reads), *label_findings(use_case, features))
    made_from = digest_without(digest(section.path), objectors, barred)
    return LearningTable(rows, features, None, None, report, made_from, findings, bad={"table": bad})


def _unlearnable(cells: pl.DataFrame, kept: pl.DataFrame, section: Table, label: str) -> list[str]:
    """What keeps anything from being learned: no row, no label, one class, one moment."""
    about = f"column {section.label!r}"
    if cells.is_empty():
        return ["must hold at least one row, it holds none"]
    if not cells[LABEL].count():
        return [f"{about}: the label must be filled in, it is empty in all {len(cells)} rows"]
    broken = class_shortage(kept[LABEL], "table", about, "with a label")
    if kept[LABEL].sum() == 0:
        met = kept[label].cast(pl.String).str.strip_chars().unique().sort().to_list()
        values = f"got {', '.join(map(repr, met))}" if len(met) <= _classes else f"got {len(met):,} others"
        broken.append(f"{about}: must be table.positive ({section.positive!r}) in some row, {values}")
    if section.order_by is not None and kept[ORDER].n_unique() < 2:
        broken.append(f"column {section.order_by!r}: must hold at least two moments to order by, got one")
    return broken


def used_columns(reads: dict[str, InferredColumn]) -> Iterable[InferredColumn]:
    """Those that are features."""
    return (read for read in reads.values() if read.feature is not None)


def _check_columns(use_case: TableUseCase, section: Table, source: Source) -> None:
    treatment = use_case.treatment.column if use_case.treatment else None
    needed = [name for name in (section.label, section.customer_id, section.order_by, treatment) if name is not None]
    lacking = [missing_column(name, source.columns) for name in needed if name not in source.columns]
    if lacking:
        raise DataError(source.path, lacking)
    nested = [(name, kind) for name in needed if (kind := source.column(name).type()).is_nested()]
    if nested:
        raise DataError(
            source.path, [f"column {name!r} must hold one value a row, got {kind}" for name, kind in nested]
        )
    named = {"table.exclude": section.exclude, "table.formats": section.formats, "texts.columns": _texts(use_case)}
    unknown = [(key, name) for key, names in named.items() for name in names if name not in source.columns]
    broken = [f"{key}: must name columns of the table, {name!r} is none" for key, name in unknown]
    taken = {*_roles(use_case), *section.exclude, *section.formats}
    broken += [
        f"texts.columns: must be columns without another role, {one!r} has one"
        for one in _texts(use_case)
        if one in taken
    ]
    if broken:
        raise UseCaseError(use_case.file, broken)
    check_names(use_case, source.columns, source.columns, source.columns)


def fetch_cells(source: Source, section: TableColumns) -> pl.DataFrame:
    """All cells in the order of the source, with customer id, group and row number."""
    table = source.table
    whole = [table[f"c{index}"].cast("string").fill_null("\x1e") for index in range(len(source.columns))]
    identity: ir.Value = ibis.null("string")
    guest: ir.Value = ibis.literal(False)
    if section.customer_id:
        identity = as_id(source.column(section.customer_id))
        guest = identity.isnull() & filled(source.column(section.customer_id))
    content: ir.Value = ibis.literal("\x1f").join(whole)
    table = table.mutate(
        **{
            _guest: guest,
            ID: identity,
            GROUP: md5_lower(content if section.customer_id is None else identity.fill_null("")),
        }
    )
    with reading(source.path):
        cells = _in_order(_copied_apart(frame(table))).with_row_index(_number, 1)
    if section.customer_id is None:
        cells = cells.with_columns(pl.col(_number).cast(pl.String).alias(ID))
    elif _zero_names_guests(cells[ID]):
        zero = (pl.col(ID) == "0").fill_null(False)
        cells = cells.with_columns(zero.or_(_guest).alias(_guest), pl.when(~zero).then(ID).alias(ID))
    return cells.with_columns(pl.col(GROUP).cast(pl.UInt64))


def _zero_names_guests(customers: pl.Series) -> bool:
    """Whether the customer 0 is all guests together."""
    rows = int((customers == "0").sum())
    if not rows:
        return False
    others = customers.filter(customers != "0").value_counts(name="rows")["rows"].max()
    return zero_names_guests(rows, int(others or 0), numbered="1" in customers)  # type: ignore[arg-type]  # a count


def _copied_apart(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with every column in memory of its own, one after another; a column that goes then frees it.

    As the engine hands them over, all columns stay in memory as long as any does; texts would go on pointing there.
    """
    for index, column in enumerate(rows.iter_columns()):
        rows.replace_column(index, column.str.pad_end(0) if column.dtype == pl.String else column.rechunk())
    return rows


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows as they stand in the source: as they are where they come so, since sorting copies all."""
    file, row = pl.col(FILE), pl.col(ROW)
    rises = (file > file.shift()) | ((file == file.shift()) & (row > row.shift()))
    return rows if rows.select(rises.all()).item() else rows.sort(FILE, ROW)


def _ungroup_frequent(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells, rows that very many others repeat each a group of its own: of so few values, many customers are alike.

    As one group they could not be dealt into parts; a copied row comes twice or a few times.
    """
    most = max(_copies, _copied * len(cells))
    return cells.with_columns(
        pl.when(pl.len().over(GROUP) > most).then(pl.col(_number).cast(pl.UInt64)).otherwise(GROUP).alias(GROUP)
    )


def _sound(section: Table) -> pl.Expr:
    return pl.col(ID).is_not_null() & (pl.lit(True) if section.order_by is None else pl.col(ORDER).is_not_null())


def _bad_rows(cells: pl.DataFrame, source: Source, section: Table) -> BadRows:
    """Rows without customer id or without a readable moment, and rows the file itself broke."""
    nobody = pl.when(_guest).then(pl.lit(GUEST)).otherwise(pl.lit("missing_customer_id"))
    rule = pl.when(pl.col(ID).is_null()).then(nobody).otherwise(pl.lit("unreadable_order"))
    broken = pl.when(_sound(section)).then(None).otherwise(rule).alias("__broken")
    return bad_rows_of(source, cells.with_columns(broken))


def _treated(kept: pl.DataFrame, source: Source, use_case: TableUseCase) -> list[pl.Series]:
    """Who was treated, 1 or 0, where the use case asks for it.

    Raises:
        DataError: It is not said of every row, or an arm is empty.
    """
    treatment = use_case.treatment
    if treatment is None or treatment.column is None or treatment.treated is None:
        return []
    found = labels_of(kept[source.inside(treatment.column)], treatment.treated).alias(TREATED)
    about, broken = f"column {treatment.column!r}", []
    if unknown := found.null_count():
        broken.append(f"{about}: the treatment must be known of every row, it is not of {unknown}")
    if (count := int(found.sum())) in (0, len(found) - unknown):
        broken.append(f"{about}: must tell a treated and a control arm apart, got {count} rows treated")
    if broken:
        raise DataError(source.path, broken)
    return [found]


def _roles(use_case: TableUseCase) -> dict[str | None, str]:
    """The columns that are no features, and what each is."""
    section = use_case.table
    roles: dict[str | None, str] = {
        section.label: "label",
        section.customer_id: "customer_id",
        section.order_by: "order_by",
    }
    return roles if use_case.treatment is None else {**roles, use_case.treatment.column: "treatment"}


def _texts(use_case: TableUseCase) -> tuple[str, ...]:
    """The columns of free texts."""
    return use_case.texts.columns if use_case.texts else ()


def read_columns(
    kept: pl.DataFrame,
    source: Source,
    roles: Collection[str | None],
    formats: Mapping[str, str],
    accepted: Mapping[str, AcceptedSensitive],
) -> tuple[dict[str, InferredColumn], list[SensitiveColumn]]:
    """Every column that has no role of its own, read; of two with the same content the first is kept.

    Beside them those that may tell something sensitive, which are left out unless accepted.

    What has become a feature leaves `kept`, so that no column is in memory twice.
    """
    sensitive = list[SensitiveColumn]()
    reads: dict[str, InferredColumn] = {}
    first: dict[tuple[Any, ...], str] = {}
    for index, name in enumerate(source.columns):
        if name in roles:
            continue
        read = read_column(kept[f"c{index}"].alias(name), formats.get(name))
        if name in BOOKKEEPING:
            read = InferredColumn(read.cells, None, read.done, "its name is kept for bookkeeping")
        if not name.strip():
            read = InferredColumn(read.cells, None, read.done, "it has no name")
        if read.feature is not None and (why := personal_column(name, read.cells)):
            read = InferredColumn(read.cells, None, read.done, why)
        if read.feature is not None and _is_identifier(read):
            read = InferredColumn(read.cells, None, read.done, "it is an identifier by its name, another in every row")
        if read.feature is not None and (telling := sensitive_column(name, read.feature.levels, accepted)):
            sensitive.append(telling)
            if telling.accepted is None:
                read = InferredColumn(read.cells, None, read.done, telling.why_dropped)
        if read.feature is not None:
            mark = (read.cells.dtype, read.cells.null_count(), read.cells.hash().sum())
            twin = first.setdefault(mark, name)
            if twin != name and read.cells.equals(reads[twin].cells):
                read = InferredColumn(read.cells, None, read.done, f"it has the same content as {twin!r}")
        reads[name] = read
        if read.feature is not None:
            kept.drop_in_place(f"c{index}")
    return reads, sensitive


def _is_identifier(read: InferredColumn) -> bool:
    """Whether whole numbers that differ in every row are called a number, a key or an id."""
    cells = read.cells
    words = slug(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cells.name))
    if not (cells.dtype.is_numeric() and _identifier.search(words)) or cells.null_count():
        return False
    return bool((cells == cells.floor()).all() and cells.is_unique().all())


def _unread(reads: dict[str, InferredColumn]) -> list[Finding]:
    """The columns that were left out because nobody can say how they are written."""
    return [
        Finding("unread_column", name, "warn", f"Column {name!r} is left out: {read.dropped}.")
        for name, read in reads.items()
        if read.unread
    ]


def _columns(
    kept: pl.DataFrame,
    source: Source,
    use_case: TableUseCase,
    reads: dict[str, InferredColumn],
    kinds: dict[str, pl.DataType],
) -> list[ColumnReport]:
    """The report of each column; `kinds` are the types they came with."""
    reports = []
    for name, kind in kinds.items():
        read = reads[name] if name in reads else InferredColumn(kept[source.inside(name)], None)
        reports.append(column_report(name, _role(name, use_case, read), kind, read))
    return reports


def _role(name: str, use_case: TableUseCase, read: InferredColumn) -> str:
    roles = _roles(use_case)
    if name in roles:
        return roles[name]
    if name in _texts(use_case):
        return "text"
    return "excluded" if name in use_case.table.exclude else "dropped" if read.feature is None else "feature"


def _seeming_customer(cells: pl.DataFrame, source: Source, section: Table) -> str | None:
    """The column that seems to name customers, though the use case names none; one with a role of its own does not."""
    names = {source.inside(name): name for name in source.columns if name not in (section.label, section.order_by)}
    column = customer_column(cells, names)
    return names[column] if column else None


def _label_notes(section: Table, further: Mapping[str, int]) -> list[DataNote]:
    if not further:
        return []
    rows = sum(further.values())
    shown = ", ".join(list(further)[:_classes]) + (", ..." if len(further) > _classes else "")
    detail = (
        f"{rows:,} rows have a label that is neither positive nor its opposite: {shown}; they count as the opposite"
    )
    return [DataNote("further_labels", detail, {"rows": rows, "values": shown, "column": section.label})]


def _notes(section: Table, kept: pl.DataFrame, copies: int, seeming: str | None) -> list[DataNote]:
    notes = []
    if section.order_by is not None:
        detail = f"column {section.order_by!r} orders the rows in time and is no feature"
        notes.append(DataNote("ordered", detail, {"column": section.order_by}))
    return [*notes, *repeated_notes(kept, copies, section.customer_id, seeming)]
