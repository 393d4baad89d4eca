"""Several logs as one: each opened by itself, then their events under one numbering of customers and types.

What only some logs have is null in the events of the others, as in a log that somebody merged by hand. An id is one
customer in every log; where logs number their customers differently, accepted links say who is who.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import ibis
import ibis.expr.types as ir

from features.columns.expressions import AMOUNT
from features.config.several_logs import how_to_part
from features.config.use_case import Events, LogUseCase
from features.errors import DataError
from features.history.dictionary import CELL, TEXT, TextDictionary, build_dictionary
from features.history.encoded_log import TYPE, EncodedLog, encode_events
from features.history.orders import ORDER_ID
from features.spec.feature import CUSTOMER_ID


def joined_events(backend: Any, use_case: LogUseCase, logs: Sequence[EncodedLog], rows: int) -> EncodedLog:
    """The events of all logs in one, in the columns of the use case's properties and measures.

    Raises:
        DataError: two logs have a type of events in common.
    """
    _check_types(use_case, logs)
    customers = _joined_dictionaries(backend, "penchant_all_customers", [log.customers for log in logs], "int32")
    types = _joined_dictionaries(backend, "penchant_all_types", [log.types for log in logs], "int16")
    parts = [
        known_type.encode(known.encode(_in_common(log.events, section, use_case), CUSTOMER_ID, CUSTOMER_ID), TYPE, TYPE)
        for log, section, known, known_type in zip(logs, use_case.logs, customers, types, strict=True)
    ]
    return encode_events(backend, "penchant_all", _union(parts), customers[0], types[0], {}, rows)


def _check_types(use_case: LogUseCase, logs: Sequence[EncodedLog]) -> None:
    met: dict[str, Events] = {}
    broken = []
    for section, log in zip(use_case.logs, logs, strict=True):
        for kind in log.codes:
            if other := met.get(kind):
                rule = f"type {kind!r} must be of one log, it is of {other.path.name} and {section.path.name}"
                broken.append(f"{rule}: {how_to_part(kind)}")
            met.setdefault(kind, section)
    if broken:
        raise DataError(use_case.file, broken)


def _joined_dictionaries(
    backend: Any, name: str, each: Sequence[TextDictionary], kind: Literal["int16", "int32"]
) -> tuple[TextDictionary, ...]:
    """For each dictionary one with its numbers as cells, and the texts of all of them under new numbers."""
    texts = _union([known.texts.select(TEXT) for known in each]).distinct()
    whole = build_dictionary(backend, name, texts.select(TEXT, **{CELL: texts[TEXT]}), kind)
    return tuple(TextDictionary(whole.texts, _renumbered(known, whole)) for known in each)


def _renumbered(known: TextDictionary, whole: TextDictionary) -> ir.Table:
    """The numbers that one dictionary gives, as cells of another."""
    number = next(name for name in known.texts.columns if name != TEXT)
    old = known.texts.select(__text_of=known.texts[TEXT], **{CELL: known.texts[number]})
    joined = old.inner_join(whole.texts, old["__text_of"] == whole.texts[TEXT])
    return joined.select(CELL, TEXT, number)


def _in_common(events: ir.Table, section: Events, use_case: LogUseCase) -> ir.Table:
    """One log's events in the columns that all have."""
    columns: dict[str, ir.Value] = {name: events[name] for name in (CUSTOMER_ID, "ts", TYPE, "amount", "refund")}
    for at, name in enumerate(use_case.properties):
        columns[f"p{at}"] = _own(events, "p", section.properties, name, ibis.null("string"))
    for at, name in enumerate(use_case.measures):
        columns[f"m{at}"] = _own(events, "m", section.shown_measures, name, ibis.null(AMOUNT))
    if any(log.order is not None for log in use_case.logs):
        columns[ORDER_ID] = events[ORDER_ID] if section.order is not None else ibis.null("string")
    return events.select(**columns)


def _union(tables: Sequence[ir.Table]) -> ir.Table:
    first, *others = tables
    return first.union(*others) if others else first


def _own(events: ir.Table, letter: str, names: Sequence[str], name: str, absent: ir.Value) -> ir.Value:
    return events[f"{letter}{names.index(name)}"] if name in names else absent
