"""Traits of customers: read as what they are, joined as of the cutoff, free identifiers rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

from features.columns.column_report import column_report
from features.columns.expressions import as_id, as_moment, filled, slug
from features.columns.personal_columns import personal_trait
from features.columns.type_inference import InferredColumn, read_column
from features.config.sensitive import AcceptedSensitive, SensitiveColumn, sensitive_column, sensitive_level
from features.config.use_case import LogUseCase, Profiles
from features.errors import DataError, UseCaseError
from features.history.identities import accepted_links, barred_among
from features.point_in_time.derived_traits import derivations, read_derived, with_derived
from features.point_in_time.feature_plan import Trait
from features.point_in_time.outside_tables import EnrichmentFacts, WidenedProfiles, enriched
from features.sources.engine import frame
from features.sources.rejected_rows import GUEST, BadRows, bad_rows_of, reject_too_many
from features.sources.source import FILE, ROW, Source, missing_column, open_source, reading
from features.spec.data_report import ColumnReport
from features.spec.derive.derivation import Derivation, sources_of
from features.spec.feature import CUSTOMER_ID, ELIGIBLE, Feature, Finding
from features.spec.suppression_list import Objectors

_id, _from, _broken = "__customer_id", "__valid_from", "__broken"
_most_levels, _least_rows = 12, 20
_separators, _most_entries = (";", "|", ","), 100


@dataclass(frozen=True, slots=True)
class Traits:
    """The profiles of a use case, stored by the engine.

    `rows`: customer_id, valid_from (null where the source has none), position (the row's number), t0.. (the traits).
    """

    rows: ir.Table
    traits: tuple[Trait, ...]
    bad: BadRows
    columns: tuple[ColumnReport, ...]  # for the data report
    findings: tuple[Finding, ...]
    dated: bool
    source: Source
    enrichments: tuple[EnrichmentFacts, ...] = ()
    sensitive: tuple[SensitiveColumn, ...] = ()  # columns and entries that may tell something, left out unless accepted


def open_profiles(
    backend: Any, use_case: LogUseCase, before: datetime, taken: Sequence[str], objectors: Objectors | None = None
) -> Traits | None:
    """The profiles of a use case but for `objectors`; what a trait is, is settled by rows valid before a moment (UTC).

    Raises:
        DataError: a column is not there, or too many rows are bad.
    """
    section = use_case.profiles
    if section is None:
        return None
    source = open_source(backend, section.path, table=section.table)
    _check_columns(use_case, section, source, taken)
    cells = _fetch(source, section)
    links = accepted_links(backend, *(log.links for log in use_case.logs))
    barred = barred_among(cells[_id].drop_nulls().to_list(), objectors, links)
    cells = cells.filter(~pl.col(_id).is_in(list(barred)).fill_null(False)) if barred else cells
    cells = _merged(cells, links, section)
    bad = bad_rows_of(source, cells)
    about = dict.fromkeys(("missing_customer_id", "repeated_customer_id"), section.customer_id)
    dated = dict.fromkeys(("missing_valid_from", "unreadable_valid_from"), section.valid_from)
    reject_too_many(source, bad, use_case.quality.bad_rows, {**about, **dated})
    widened, derived, facts = _widened(backend, use_case, cells.filter(pl.col(_broken).is_null()), source.columns)
    kept = widened.cells
    known = kept if section.valid_from is None else kept.filter(pl.col(_from) < before)
    traits, columns, report, sensitive = _read(kept, known, widened.columns, derived, use_case, taken)
    named = {"customer_id": kept[_id], "valid_from": kept[_from], "position": kept["__position"]}
    rows = backend.create_table("penchant_profiles", pl.DataFrame({**named, **columns}).to_arrow(), temp=True)
    findings = () if section.valid_from else tuple(_undated(trait) for trait in traits)
    dated_rows = section.valid_from is not None
    return Traits(rows, tuple(traits), bad, tuple(report), findings, dated_rows, source, facts, tuple(sensitive))


def as_of(profiles: ir.Table, cutoff: ir.Value) -> ir.Table:
    """Each customer's latest profile from before the cutoff; one without date is always known."""
    known = profiles.filter(profiles.valid_from.isnull() | (profiles.valid_from < cutoff))
    latest = ibis.window(group_by=known.customer_id, order_by=[known.valid_from.desc(), known.position.desc()])
    numbered = known.mutate(rank=ibis.row_number().over(latest))
    return numbered.filter(numbered["rank"] == 0).drop("rank", "position", "valid_from")


def _check_columns(use_case: LogUseCase, section: Profiles, source: Source, taken: Sequence[str]) -> None:
    needed = [name for name in (section.customer_id, section.valid_from, *section.exclude) if name is not None]
    needed += section.formats
    lacking = [missing_column(name, source.columns) for name in needed if name not in source.columns]
    if lacking:
        raise DataError(source.path, lacking)
    texts = use_case.texts.columns if use_case.texts else ()
    broken = [
        f"texts.columns: must name columns of the profiles, {name!r} is none"
        for name in texts
        if name not in source.columns
    ]
    derived = {name for one in section.derive for name in one.of}
    roles = {section.customer_id, section.valid_from, *section.exclude, *section.formats, *section.groups, *derived}
    names = {name.casefold() for name in (*taken, CUSTOMER_ID, ELIGIBLE)}
    broken += [
        f"texts.columns: must be columns without another role, {name!r} has one"
        for name in texts
        if name in roles or name.casefold() in names or name.startswith("__")
    ]
    if broken:
        raise UseCaseError(use_case.file, broken)


def _fetch(source: Source, section: Profiles) -> pl.DataFrame:
    """Every row with customer id, date, and the rule it broke."""
    identity = as_id(source.column(section.customer_id))
    nobody = identity.isnull()
    rules = [(GUEST, nobody & filled(source.column(section.customer_id))), ("missing_customer_id", nobody)]
    moment: ir.Value = ibis.null("timestamp(6)")
    if section.valid_from is not None:
        cells = source.column(section.valid_from)
        read = as_moment(cells, section.valid_from_format)
        if read is None:
            raise DataError(source.path, [f"column {section.valid_from!r} must hold dates, got {cells.type()}"])
        moment = read
        rules += [("missing_valid_from", ~filled(cells)), ("unreadable_valid_from", moment.isnull())]
    broken = ibis.cases(*[(rule, name) for name, rule in rules], else_=ibis.null("string"))
    table = source.table.mutate(**{_id: identity, _from: moment, _broken: broken})
    with reading(source.path):
        rows = frame(table).sort(FILE, ROW).with_row_index("__position").cast({"__position": pl.Int64})
    if section.valid_from is not None:
        return rows
    again = pl.col(_id).is_not_null() & ~pl.col(_id).is_first_distinct()
    repeated = pl.when(again).then(pl.lit("repeated_customer_id")).otherwise(pl.col(_broken))
    return rows.with_columns(repeated.alias(_broken))


def _merged(cells: pl.DataFrame, links: Mapping[str, str], section: Profiles) -> pl.DataFrame:
    """The rows with merged customers' ids replaced; without dates the first profile of those merged stays."""
    if not links:
        return cells
    merged = cells.with_columns(pl.col(_id).replace(links))
    if section.valid_from is not None:
        return merged
    sound = pl.col(_broken).is_null()
    return merged.filter(~sound | pl.struct(_id, sound.alias("sound")).is_first_distinct())


def _widened(
    backend: Any, use_case: LogUseCase, kept: pl.DataFrame, columns: Sequence[str]
) -> tuple[WidenedProfiles, dict[str, Derivation], tuple[EnrichmentFacts, ...]]:
    """Rows of profiles with what outside tables add and what is derived; the derivations, and how the tables fit.

    What is derived from the profiles alone may be joined by; what needs a table's columns comes after it.
    """
    sections = () if use_case.profiles is None else use_case.profiles.derive
    rows, facts = WidenedProfiles(kept, tuple(columns)), list[EnrichmentFacts]()
    own = {one.name for one in sections if set(one.of) <= set(columns)}
    first: dict[str, Derivation] = {}
    later: dict[str, Derivation] = {}
    for one in sections:
        (first if one.name in own else later).update(derivations(backend, one))
    rows = with_derived(use_case, first, rows)
    for section in use_case.enrich:
        rows, found = enriched(backend, use_case, section, rows)
        facts.append(found)
    return with_derived(use_case, later, rows), {**first, **later}, tuple(facts)


def _read(
    kept: pl.DataFrame,
    known: pl.DataFrame,
    names_of: Sequence[str],
    derived: Mapping[str, Derivation],
    use_case: LogUseCase,
    taken: Sequence[str],
) -> tuple[list[Trait], dict[str, pl.Series], list[ColumnReport], list[SensitiveColumn]]:
    """Each column as a trait: its definition, its cells under the name inside, its line of the report.

    And what may tell something sensitive.
    """
    section = use_case.profiles
    if section is None:
        return [], {}, [], []
    sensitive: list[SensitiveColumn] = []
    names = {name.casefold() for name in (*taken, CUSTOMER_ID, ELIGIBLE)}
    traits: list[Trait] = []
    cells: dict[str, pl.Series] = {}
    report = []
    used, formats = sources_of(derived.values()), _formats(use_case)
    texts = use_case.texts.columns if use_case.texts else ()
    for index, name in enumerate(names_of):
        if name in (section.customer_id, section.valid_from):
            continue
        raw, inside = kept[f"c{index}"].alias(name), f"t{len(traits)}"
        if name in texts:
            traits.append(Trait(name, inside, "text", ()))
            cells[inside] = raw.cast(pl.String).alias(inside)
            names.add(name.casefold())
            report.append(column_report(name, "text", raw.dtype, InferredColumn(raw, None)))
            continue
        if name in used and name not in section.exclude:
            read, trait = InferredColumn(raw, None, dropped="others are derived from it"), None
        elif name in derived:
            read, trait = _derived_trait(raw, known[f"c{index}"].alias(name), inside, section, names, derived[name])
        else:
            read, trait = _trait(raw, known[f"c{index}"].alias(name), inside, section, formats, names)
        if trait is not None:
            read, trait, telling = _not_telling(read, trait, use_case.accepted_sensitive)
            sensitive += telling
        role = "excluded" if name in section.exclude else "dropped" if trait is None else "feature"
        report.append(column_report(name, role, raw.dtype, read))
        if trait is not None:
            traits.append(trait)
            cells[trait.inside] = read.cells.alias(trait.inside)
            names.update(feature.name.casefold() for feature in trait.features)
    return traits, cells, report, sensitive


def _not_telling(
    read: InferredColumn, trait: Trait, accepted: Mapping[str, AcceptedSensitive]
) -> tuple[InferredColumn, Trait | None, list[SensitiveColumn]]:
    """A trait without what may tell something sensitive and nobody has accepted, and all that may.

    Of a list the entries that may are left out, of any other column all of it.
    """
    named = sensitive_column(trait.column, () if trait.kind == "list" else trait.features[0].levels, accepted)
    if named is not None:
        dropped = replace(read, feature=None, dropped=named.why_dropped) if named.accepted is None else read
        return dropped, None if named.accepted is None else trait, [named]
    own = accepted.get(trait.column)
    found = {level: word for level in trait.levels if (word := sensitive_level(level))}
    telling = [SensitiveColumn(f"{trait.column}: {level}", word, "level", own) for level, word in found.items()]
    if own is not None or not found:
        return read, trait, telling
    kept = [(level, each) for level, each in zip(trait.levels, trait.features[1:], strict=True) if level not in found]
    features = (trait.features[0], *(each for _, each in kept))
    return read, replace(trait, features=features, levels=tuple(level for level, _ in kept)), telling


def _formats(use_case: LogUseCase) -> dict[str, str]:
    """How columns are written, of outside tables under the names that they have among the traits."""
    own = {} if use_case.profiles is None else use_case.profiles.formats
    more = {table.shown(name): form for table in use_case.enrich for name, form in table.formats.items()}
    return {**own, **more}


def _derived_trait(
    raw: pl.Series, known: pl.Series, inside: str, section: Profiles, taken: set[str], derivation: Derivation
) -> tuple[InferredColumn, Trait | None]:
    read = read_derived(raw, known)
    if read.feature is None:
        return read, None
    shown = f"trait_{raw.name}" if raw.name.casefold() in taken else raw.name
    feature = replace(read.feature, name=shown, family=section.groups.get(raw.name, "trait"), subject=raw.name)
    return replace(read, feature=feature), Trait(raw.name, inside, "plain", (feature,), derived=derivation)


def _trait(
    raw: pl.Series, known: pl.Series, inside: str, section: Profiles, formats: Mapping[str, str], taken: set[str]
) -> tuple[InferredColumn, Trait | None]:
    name = raw.name
    if name in section.exclude:
        return InferredColumn(raw, None), None
    if why := personal_trait(name, known):
        return InferredColumn(raw, None, dropped=why), None
    family = section.groups.get(name, "trait")
    shown = f"trait_{name}" if name.casefold() in taken else name
    if isinstance(raw.dtype, pl.List):
        return _listed(raw, known, inside, shown, family)
    written = formats.get(name)
    settled = read_column(known, written)
    if (separator := separator_of(known, settled)) is not None:
        return _listed(raw, known, inside, shown, family, separator)
    read = read_column(raw, written or (None if settled.feature is None else settled.feature.written))
    kinds = {(each.feature.type, each.feature.written) for each in (settled, read) if each.feature is not None}
    if settled.feature is None or read.feature is None or len(kinds) > 1:
        why = settled.dropped or read.dropped or "it changes its type in time"
        return InferredColumn(raw, None, read.done, why), None
    feature = replace(settled.feature, name=shown, family=family, subject=name)
    done = replace(read, feature=feature)
    if feature.type != "date":
        return done, Trait(name, inside, "plain", (feature,), written=feature.written)
    age = Feature(f"{slug(shown) or 'date'}_age_days", "number", family, "days", subject=name)
    return done, Trait(name, inside, "date", (age,), written=feature.written)


def separator_of(cells: pl.Series, read: InferredColumn) -> str | None:
    """The sign that parts the entries of lists kept as text; None where texts are no lists.

    Lists are put together from the same few entries, so that there are fewer of these than different texts, and some
    hold more entries than others. Numbers and dates are none.
    """
    if cells.dtype not in (pl.String, pl.Categorical, pl.Enum) or (read.feature and read.feature.type != "category"):
        return None
    texts = cells.cast(pl.String).str.strip_chars().replace("", None).drop_nulls().unique().to_list()
    for sign in _separators:
        lists = [[word for entry in text.split(sign) if (word := slug(entry))] for text in texts]
        entries = {entry for words in lists for entry in words}
        if len({len(words) for words in lists} - {0}) > 1 and len(entries) < min(len(texts), _most_entries):
            return sign
    return None


def _listed(
    raw: pl.Series, known: pl.Series, inside: str, shown: str, family: str, separator: str | None = None
) -> tuple[InferredColumn, Trait | None]:
    """A list: how long it is, and how often it holds each of its frequent entries."""
    if separator is None:
        texts, lists, done = raw.cast(pl.List(pl.String)), known.cast(pl.List(pl.String)), "a list, counted"
    else:
        texts = raw.cast(pl.String).str.strip_chars().replace("", None)
        lists, done = known.cast(pl.String).str.split(separator), f"a list parted by {separator!r}, counted"
    counts = Counter(slug(entry) for entries in lists.drop_nulls() for entry in entries if entry)
    if not counts:
        return InferredColumn(texts, None, dropped="it is empty"), None
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    levels = [level for level, n in ranked if level and n >= _least_rows][:_most_levels]
    base = slug(shown) or "list"
    length = Feature(f"{base}_count", "integer", family, lower=0.0, subject=raw.name)
    each = [
        Feature(f"{base}_{level}", "integer", family, lower=0.0, subject=f"{raw.name}: {level}") for level in levels
    ]
    trait = Trait(raw.name, inside, "list", (length, *each), tuple(levels), separator)
    return InferredColumn(texts, length, (done,)), trait


def _undated(trait: Trait) -> Finding:
    detail = f"Trait {trait.column!r} has no valid_from: today's value may not have been known at the cutoff."
    name = trait.features[0].name if trait.features else trait.column
    return Finding("trait_without_valid_from", name, "warn", detail, {"trait": trait.column})
