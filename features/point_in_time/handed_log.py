"""A log in another engine: numbers for customers and texts go there, features come back, and get their texts here.

What a text means was settled when the log was read and encoded. What is left of texts are the lists and categories of
profiles: each distinct list is counted here, each distinct category numbered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir

from features.history.dictionary import CELL, TEXT, TextDictionary, build_dictionary, distinct_cells
from features.history.encoded_log import EncodedLog
from features.history.orders import ORDER_ID
from features.point_in_time.definitions import columns_of_list, list_counts, numbered_table
from features.point_in_time.feature_plan import FeaturePlan, Trait
from features.point_in_time.traits import as_of
from features.sources.engines.engine_port import FeatureEngine
from features.spec.feature import CUSTOMER_ID

_EVENTS, _PROFILES, _FEATURES = "penchant_given_events", "penchant_given_profiles", "penchant_features"


@dataclass(frozen=True, slots=True)
class HandedLog:
    """Events and profiles that an engine was given, and what their numbers stand for."""

    engine: FeatureEngine
    codes: Mapping[str, int]  # of types
    plan: FeaturePlan
    events: ir.Table
    profiles: ir.Table | None
    texts: Mapping[str, TextDictionary]  # by the feature that is a category, or the column of free texts

    def features_at(self, cutoff: datetime) -> ir.Table:
        """The feature table at a cutoff (UTC, without zone), stored by DuckDB, with customers as numbers, in any order.

        Its columns and their types are those that DuckDB itself would give. The engine knows a feature by its position
        alone: names are longer than some engines allow, and may be words of the log.
        """
        moment = ibis.literal(cutoff, "timestamp(6)")
        traits = None if self.profiles is None else as_of(self.profiles, moment)
        asked = numbered_table(self.events, self.codes, moment, self.plan, traits)
        names = {f"f{at}": name for at, name in enumerate(asked.columns)}
        found = self.engine.compute(_FEATURES, asked.select(**{inside: asked[name] for inside, name in names.items()}))
        columns = {name: found[inside].cast(asked[name].type()) for inside, name in names.items()}
        table = found.select(**columns)
        for name, texts in self.texts.items():
            table = texts.decode(table, name)
        return table


def hand_over(engine: FeatureEngine, log: EncodedLog, plan: FeaturePlan, profiles: ir.Table | None) -> HandedLog:
    """The events of a log, and its profiles, given to an engine.

    `profiles` are those of `Traits`. No id goes over, no text of a profile, and no profile of somebody without events.
    """
    events = engine.give(_EVENTS, _with_numbered_orders(log.events))
    if profiles is None or not plan.traits:
        return HandedLog(engine, log.codes, plan, events, None, {})
    needed = (CUSTOMER_ID, "valid_from", "position", *(trait.inside for trait in plan.traits))
    rows = log.customers.encode_texts(profiles.select(*needed), CUSTOMER_ID)
    texts = {}
    for trait in plan.traits:
        if trait.kind == "list":
            rows = _with_counts(rows, trait)
        elif rows[trait.inside].type().is_string():
            known = _dictionary(rows, trait.inside)
            rows = known.encode(rows, trait.inside, trait.inside)
            texts[trait.features[0].name if trait.features else trait.column] = known
        elif trait.kind == "date":
            rows = rows.mutate(**{trait.inside: rows[trait.inside].cast("timestamp(6)")})
    return HandedLog(engine, log.codes, plan, events, engine.give(_PROFILES, rows), texts)


def _with_numbered_orders(events: ir.Table) -> ir.Table:
    """Events with numbers for the texts of their orders, where there are such."""
    if ORDER_ID not in events.columns:
        return events
    return _dictionary(events, ORDER_ID).encode(events, ORDER_ID, ORDER_ID)


def _dictionary(table: ir.Table, column: str) -> TextDictionary:
    """The texts of a column as they are, numbered."""
    cells = distinct_cells(table[column])
    meant = cells.mutate(**{TEXT: cells[CELL]})
    return build_dictionary(table.get_backend(), f"penchant_given_{column}", meant, "int32")


def _with_counts(rows: ir.Table, trait: Trait) -> ir.Table:
    """Profiles with what is counted of a list in its place, for each distinct list once."""
    cells, names = distinct_cells(rows[trait.inside]), columns_of_list(trait)
    counts = {f"__n{at}": count for at, count in enumerate(list_counts(cells[CELL], trait))}
    known = cells.select(CELL, **counts)
    joined = rows.left_join(known, rows[trait.inside] == known[CELL])
    kept = {name: joined[name] for name in rows.columns if name != trait.inside}
    return joined.select(**kept, **{name: joined[counted] for name, counted in zip(names, counts, strict=True)})
