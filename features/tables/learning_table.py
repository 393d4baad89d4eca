"""What a model learns from, whichever source it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from features.config.use_case import UseCase
from features.errors import UseCaseError
from features.point_in_time.feature_plan import FeaturePlan
from features.point_in_time.labels import LABEL, Cutoffs
from features.sources.rejected_rows import BadRows
from features.spec.data_report import DataReport
from features.spec.feature import DataNote, Feature, Finding, Predicate
from features.spec.suppression_list import Objectors

ID, CUTOFF, ORDER, GROUP = "__customer_id", "__cutoff", "__order", "__group"
BOOKKEEPING = (ID, CUTOFF, ORDER, LABEL, GROUP)
TREATED = "__treated"  # 1 or 0, only in a table whose use case says who was treated
_least_of_a_class = 20


@dataclass(frozen=True, slots=True)
class LearningTable:
    """Eligible customers at each cutoff, or the rows of a ready table, with their label.

    `rows`: `__customer_id` (text), `__cutoff` (UTC, null for a ready table), `__order` (the `order_by` value or null),
    the features in order, `__label` (0 or 1), `__group` (what must stay on one side of a split), and where a
    campaign is learned from `__treated` (0 or 1). A row of a ready
    table without `customer_id` has its number in the source as id, from 1.
    """

    rows: pl.DataFrame
    features: tuple[Feature, ...]
    eligible: Predicate | None
    cutoffs: Cutoffs | None
    report: DataReport
    digest: str  # sha256 of the sources' bytes, and of who was left out of them
    findings: tuple[Finding, ...] = ()
    feature_plan: FeaturePlan | None = None  # what the features of a log are made of; None for a ready table
    bad: Mapping[str, BadRows] = field(default_factory=dict)  # rejected rows, by source: events, profiles, table


def objection_notes(customers: int, rows: int) -> list[DataNote]:
    """What there is to say of customers who were left out of a source because they objected or were erased."""
    if not customers:
        return []
    detail = f"{customers:,} customers who objected or were erased are left out, with {rows:,} rows"
    return [DataNote("opted_out", detail, {"customers": customers, "rows": rows})]


def digest_without(digest: str, objectors: Objectors | None, barred: Collection[str]) -> str:
    """The digest of a source without some customers: that of its bytes where nobody is left out."""
    if objectors is None or not barred:
        return digest
    return hashlib.sha256(f"{digest} {objectors.digest(barred)}".encode()).hexdigest()


def class_shortage(labels: pl.Series, part: str, what: str, who: str) -> list[str]:
    """What is lacking where a part has fewer than 20 rows of either class; `who` could be in it at all."""
    if labels.is_empty():
        return [f"the {part} must have eligible customers, it has none: {who}"]
    ones = int(labels.sum())
    return [
        f"the {part} must have at least {_least_of_a_class} customers with label {label} ({what}), got {count}"
        for label, count in ((1, ones), (0, len(labels) - ones))
        if count < _least_of_a_class
    ]


def as_stated(features: Iterable[Feature], use_case: UseCase) -> tuple[Feature, ...]:
    """The features with the names, the units and the directions that the use case gives them.

    Raises:
        UseCaseError: A direction is of no feature and no family, or of categories, which have no order.
    """
    stated, way = [], use_case.monotone
    for feature in features:
        name, directed = use_case.names.get(feature.name), way.get(feature.name, way.get(feature.family))
        named = feature if name is None else replace(feature, names=name.by_language(), unit=name.unit or feature.unit)
        stated.append(replace(named, monotone=directed))
    met = {key: feature for feature in stated for key in (feature.family, feature.name)}
    broken = [f"monotone.{key}: must be of a feature or a family, {key!r} is none" for key in way if key not in met]
    broken += [
        f"monotone.{feature.name}: must be of numbers, dates or booleans, {feature.name!r} is a category"
        for feature in stated
        if feature.type == "category" and feature.monotone
    ]
    if broken:
        raise UseCaseError(use_case.file, broken)
    return tuple(stated)


def check_names(use_case: UseCase, known: Sequence[str], columns: Collection[str], acceptable: Collection[str]) -> None:
    """Checks that the features and the columns which optional sections name are there.

    Args:
        use_case: What names them.
        known: What may be forbidden, varied or put into a family.
        columns: What may have labels, whether or not it is a feature.
        acceptable: What may be accepted though it tells something sensitive.

    Raises:
        UseCaseError: a column that is forbidden, varied, labelled, accepted or of a family is not there.
    """
    named = {"reasons.forbid": use_case.reasons.forbid, "what_if": tuple(use_case.what_if)}
    named |= {f"families.{family}": names for family, names in use_case.families.items()}
    broken = [
        f"{key}: must name features, {name!r} is none"
        for key, names in named.items()
        for name in names
        if name not in known
    ]
    stated = {
        "labels": (list(use_case.labels), columns),
        "accepted_sensitive": (list(use_case.accepted_sensitive), acceptable),
    }
    broken += [
        f"{key}.{column}: must be of a column of the data, {column!r} is none"
        for key, (names, there) in stated.items()
        for column in names
        if column not in there
    ]
    if broken:
        raise UseCaseError(use_case.file, broken)
