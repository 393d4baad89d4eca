"""Which features a log gives: fixed once, from events before the latest training cutoff, the same ever after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

import ibis
import ibis.expr.types as ir
import polars as pl

from features.columns.expressions import slug
from features.config.sensitive import SensitiveColumn, sensitive_level
from features.config.use_case import LogUseCase, TypeColumn
from features.errors import DataError
from features.history.event_log import Log
from features.history.log_forms import LogForms
from features.history.orders import merge_orders
from features.point_in_time.declared_counts import DeclaredCount, declared_counts
from features.point_in_time.fitted_engagement import fitted_weights
from features.point_in_time.reactivity import DeclaredReactivity, declared_reactivity
from features.sources.engine import frame
from features.spec.derive.derivation import Derivation
from features.spec.feature import Feature

WINDOWS = (7, 30, 90, 180, 365)  # days
_most_types, _most_levels, _least_share = 20, 6, 0.01
_reach = 1.5  # interquartile ranges
_mailing = {
    "send": ("send", "sent", "email_send", "email_sent", "mail_send", "mail_sent", "delivery", "delivered"),
    "open": ("open", "opened", "email_open", "email_opened", "mail_open", "mail_opened"),
    "click": ("click", "clicked", "email_click", "email_clicked", "mail_click", "mail_clicked"),
}


@dataclass(frozen=True, slots=True)
class Trait:
    """A column of the profiles and the features made of it."""

    column: str  # as the profiles name it
    inside: str  # t0, t1, ...
    kind: Literal["plain", "date", "list", "text"]
    features: tuple[Feature, ...]  # of a list: its length, then one for each of `levels`; of a text none, as yet
    levels: tuple[str, ...] = ()
    separator: str | None = None  # of a list kept as text
    written: str | None = None  # how amounts or dates are written, as `features.spec.numbers` and `moments` have it
    derived: Derivation | None = None  # of other columns of the profiles


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """What a feature table of a log is made of."""

    label: str  # the label event's slug, always the first of `types`
    types: tuple[str, ...]
    windows: tuple[int, ...]  # days, rising; the last is the observation window
    amounts: tuple[str, ...]  # the types that carry amounts
    refunds: bool
    levels: tuple[tuple[str, str, str], ...]  # (type, property as named in the use case, level's slug)
    properties: tuple[str, ...]
    measures: tuple[str, ...]
    engagement: tuple[tuple[str, float], ...]  # (type, weight)
    currency: str | None
    traits: tuple[Trait, ...] = ()
    usual: tuple[Decimal, Decimal] | None = None  # between which amounts are not outliers; None: none are counted
    forms: tuple[LogForms, ...] = ()  # of each log
    prefixes: tuple[str, ...] = ()  # of logs that have a name: what stands before their types
    log_types: tuple[tuple[str, ...], ...] = ()  # of each log those of `types` that are its own
    counts: tuple[DeclaredCount, ...] = ()
    reactivity: DeclaredReactivity | None = None
    sensitive: tuple[SensitiveColumn, ...] = ()  # types and levels that may tell something, left out unless accepted
    left_out_traits: tuple[str, ...] = ()  # columns of the profiles that may, and are

    @property
    def observation(self) -> int:
        """The longest window, in days."""
        return self.windows[-1]

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of a table that hold free texts of the profiles, beside the features."""
        return tuple(trait.column for trait in self.traits if trait.kind == "text")

    def with_texts(self, columns: Collection[str]) -> FeaturePlan:
        """The same with these columns of texts alone; of the others a table has nothing."""
        out = tuple(name for name in self.texts if name not in columns)
        kept = tuple(trait for trait in self.traits if trait.column not in out)
        return replace(self, traits=kept, left_out_traits=(*self.left_out_traits, *out))

    def mailing(self) -> dict[str, str]:
        """The types that stand for a mailing's send, open and click, where there are such."""
        each = [self._mailing_of(prefix) for prefix in ("", *self.prefixes)]
        return max(each, key=len)

    def _mailing_of(self, prefix: str) -> dict[str, str]:
        """The same by types after a log's name."""
        named = {step: {prefix + kind for kind in kinds} for step, kinds in _mailing.items()}
        found = {step: [kind for kind in self.types if kind in kinds] for step, kinds in named.items()}
        return {step: kinds[0] for step, kinds in found.items() if kinds}


def windows_of(observation: int) -> tuple[int, ...]:
    """The windows not longer than the observation window, and that itself.

    >>> windows_of(100)
    (7, 30, 90, 100)
    """
    return (*(days for days in WINDOWS if days < observation), observation)


def currency_of(use_case: LogUseCase) -> str | None:
    """The currency that amounts are in."""
    return next((found for log in use_case.logs if (found := log.target_currency)), None)


def plan_features(use_case: LogUseCase, log: Log, before: datetime) -> FeaturePlan:
    """The plan that the events before a moment (UTC, without zone) ask for.

    Raises:
        DataError: the label event never occurs before it.
    """
    window, label = use_case.window, use_case.label
    events = log.encoded.events
    known = merge_orders(events.filter(events.ts < before))
    kinds = {code: kind for kind, code in log.encoded.codes.items()}
    counts = _counts(known, kinds)
    target = slug(label.event)
    happened = counts.filter(~pl.col("refund"))["type"].to_list()
    if target not in happened:
        raise DataError(log.source.path, [_no_label(log, target, before)])
    weights = {slug(kind): weight for kind, weight in use_case.engagement.items()}
    met = [kind for kind in dict.fromkeys([*happened, *weights]) if kind != target]
    others, sensitive = _kept_types(use_case, log, met)
    types = (target, *others)
    reactivity = declared_reactivity(use_case, log, known, ibis.literal(before, "timestamp(6)"), log.encoded.codes)
    if reactivity is not None:
        private = _telling_types(use_case, log, reactivity.types)
        sensitive = list(dict.fromkeys([*sensitive, *private]))
        reactivity = None if any(one.accepted is None for one in private) else reactivity
    levels, telling = _kept_levels(use_case, _levels(known, kinds, types, use_case.properties))
    paid = counts.filter(pl.col("paid") > 0)["type"].to_list()
    return FeaturePlan(
        label=target,
        types=types,
        windows=windows_of(window.observation),
        amounts=tuple(kind for kind in types if kind in paid),
        refunds=any(each.refund is not None for each in use_case.logs) or bool(counts["refund"].any()),
        levels=tuple(levels),
        properties=use_case.properties,
        measures=use_case.measures,
        engagement=fitted_weights(use_case, log, known, before, types)
        if use_case.fit_engagement
        else tuple((kind, weights[kind]) for kind in types if kind in weights),
        currency=currency_of(use_case),
        usual=_usual(known) if use_case.quality.outliers else None,
        forms=tuple(each.forms for each in log.logs),
        prefixes=tuple(each.prefix for each in use_case.logs if each.prefix),
        log_types=tuple(tuple(kind for kind in types if kind in each.encoded.codes) for each in log.logs),
        counts=declared_counts(use_case, log),
        reactivity=reactivity,
        sensitive=(*sensitive, *telling),
    )


def _no_label(log: Log, target: str, before: datetime) -> str:
    """Why nothing can be learned of a label event that never occurs."""
    if log.each and target not in log.encoded.codes:
        shown = ", ".join(sorted(log.encoded.codes)[:_most_types])
        return f"label event {target!r} must be of one of the logs, whose types are {shown}"
    kind = log.section.type
    column = kind.column if isinstance(kind, TypeColumn) else log.section.timestamp
    return f"column {column!r}: label event {target!r} must occur before {before:%Y-%m-%d}, it does not"


def _type_column(log: Log, kind: str) -> str:
    """The column that has a type of events, or the type that its log has for all."""
    stated = log.of(kind).section.type
    return stated.column if isinstance(stated, TypeColumn) else stated


def _kept_types(use_case: LogUseCase, log: Log, types: Sequence[str]) -> tuple[list[str], list[SensitiveColumn]]:
    """The most frequent types but for those that may tell something and that nobody has accepted, and all that may.

    Those only that would have been kept, each as `column: type`: a type that is rarer may be the words of one customer.
    """
    kept, found = list[str](), list[SensitiveColumn]()
    for kind in types:
        if len(kept) == _most_types - 1:
            break
        column = _type_column(log, kind)
        accepted = use_case.accepted_sensitive.get(column)
        if telling := sensitive_level(kind):
            found.append(SensitiveColumn(f"{column}: {kind}", telling, "level", accepted))
        if telling is None or accepted is not None:
            kept.append(kind)
    return kept, found


def _telling_types(use_case: LogUseCase, log: Log, types: Sequence[str]) -> list[SensitiveColumn]:
    """The types that may tell something sensitive, of some that the use case names."""
    found = []
    for kind in types:
        if telling := sensitive_level(kind):
            column = _type_column(log, kind)
            found.append(
                SensitiveColumn(f"{column}: {kind}", telling, "level", use_case.accepted_sensitive.get(column))
            )
    return found


def _kept_levels(
    use_case: LogUseCase, levels: Sequence[tuple[str, str, str]]
) -> tuple[list[tuple[str, str, str]], list[SensitiveColumn]]:
    """The levels but for those that may tell something and that nobody has accepted, and all that may."""
    kept, found = [], dict[str, SensitiveColumn]()
    for kind, name, level in levels:
        telling = sensitive_level(level)
        accepted = use_case.accepted_sensitive.get(name)
        if telling is not None:
            found.setdefault(f"{name}: {level}", SensitiveColumn(f"{name}: {level}", telling, "level", accepted))
        if telling is None or accepted is not None:
            kept.append((kind, name, level))
    return kept, list(found.values())


def _usual(events: ir.Table) -> tuple[Decimal, Decimal] | None:
    """1.5 interquartile ranges beyond the quartiles of all amounts but refunds (Tukey 1977), to four decimals.

    None where half of the amounts are equal: there is no range to speak of.
    """
    paid = events.filter(events.amount >= 0, ~events.refund).amount.cast("float64")
    low, high = frame(paid.as_table().aggregate(low=paid.quantile(0.25), high=paid.quantile(0.75))).row(0)
    if low is None or low == high:
        return None
    reach = _reach * (high - low)
    fences = [Decimal(edge).quantize(Decimal("0.0001")) for edge in (low - reach, high + reach)]
    return fences[0], fences[1]


def _counts(events: ir.Table, kinds: Mapping[int, str]) -> pl.DataFrame:
    """Events by type, refunds apart, most frequent first: type (text), refund, n, paid."""
    refund = events.refund | (events.amount < 0).fill_null(False)
    grouped = events.group_by("type", refund=refund).aggregate(n=events.count(), paid=events.amount.count())
    return _named(grouped, kinds).sort(["n", "type", "refund"], descending=[True, False, False])


def _levels(
    events: ir.Table, kinds: Mapping[int, str], types: Sequence[str], properties: Sequence[str]
) -> list[tuple[str, str, str]]:
    """The levels of each type and property that are frequent enough to be counted on their own."""
    found: list[tuple[str, str, str]] = []
    for index, name in enumerate(properties):
        grouped = events.group_by("type", level=events[f"p{index}"]).aggregate(n=events.count())
        counts = _named(grouped, kinds).sort(["n", "level"], descending=[True, False])
        for kind in types:
            own = counts.filter(pl.col("type") == kind)
            least = _least_share * float(own["n"].sum())
            levels = own.filter((pl.col("n") >= least) & pl.col("level").is_not_null())["level"].to_list()
            found += [(kind, name, level) for level in levels[:_most_levels]]
    return found


def _named(grouped: ir.Table, kinds: Mapping[int, str]) -> pl.DataFrame:
    """The rows with the texts of their types in place of the numbers."""
    return frame(grouped).with_columns(pl.col("type").replace_strict(kinds, return_dtype=pl.String))
