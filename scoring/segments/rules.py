"""Rules in SQL's boolean form: parsed through a whitelist, never run as code, with SQL's three-valued logic.

A rule is a tree of tuples that JSON can hold:
("and" | "or", left, right), ("not", rule), ("compare", sign, side, side), ("in", column, [literals]),
("null", column), ("is", column, True | False), ("true", column), ("constant", True | False);
a side is ("column", name) or ("literal", value). Names are features, or `use_case.field` of an answer.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "text", "boolean", "date"]  # a date is known by name and stands in no rule
Mask = NDArray[np.bool_]
Rule = tuple[Any, ...]

FIELDS: Mapping[str, Kind] = {
    "score": "number",
    "probability": "number",
    "percentile": "number",
    "band": "text",
    "status": "text",
    "lowest_band": "boolean",
    "highest_band": "boolean",
}
DISCOVERED, MARGIN = "discovered", "_margin"  # `discovered.habits` is a cluster, `discovered.habits_margin` a number
SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class RuleError(ValueError):
    """A rule that cannot be understood, or that names or compares what it must not."""


@dataclass(frozen=True, slots=True)
class NullableColumn:
    """One name's values over some customers, and where they are known (not null)."""

    values: NDArray[Any]
    known: Mask

    @classmethod
    def of(cls, values: list[Any], kind: Kind) -> NullableColumn:
        """From plain values, None where null."""
        known = np.asarray([value is not None for value in values], dtype=np.bool_)
        if kind == "text":
            filled = np.asarray([value if value is not None else "" for value in values], dtype=object)
        else:
            filled = np.asarray([value if value is not None else 0 for value in values], dtype=np.float64)
        return cls(filled, known)


def names(rule: Rule) -> Iterator[str]:
    """Every column a rule reads."""
    for part in rule[1:]:
        if isinstance(part, tuple):
            if part[0] == "column":
                yield part[1]
            else:
                yield from names(part)


def evaluate(rule: Rule, columns: Mapping[str, NullableColumn], count: int) -> Mask:
    """Where a rule is true; where it is false or unknown it does not hold, as in SQL's WHERE."""
    return _truth(rule, columns, count)[0]


def _truth(rule: Rule, columns: Mapping[str, NullableColumn], count: int) -> tuple[Mask, Mask]:
    """Where a rule is true and where it is false; neither is unknown (Kleene's logic)."""
    head = rule[0]
    if head in ("and", "or"):
        (left_true, left_false), (right_true, right_false) = (_truth(part, columns, count) for part in rule[1:])
        if head == "and":
            return left_true & right_true, left_false | right_false
        return left_true | right_true, left_false & right_false
    if head == "not":
        true, false = _truth(rule[1], columns, count)
        return false, true
    if head == "constant":
        return np.full(count, rule[1]), np.full(count, not rule[1])
    return _leaf(rule, columns, count)


def holds_for_one(rule: Rule, values: Mapping[str, Any]) -> bool:
    """Whether `evaluate` says that a rule is true of one customer, without an array for each of its parts.

    Args:
        rule: As `evaluate` takes it.
        values: The customer's `plain_value` of each name the rule reads.
    """
    return _truth_of_one(rule, values) is True


def plain_value(value: Any, kind: Kind) -> Any:
    """A value as `holds_for_one` compares it: text as it is, a number or a truth as a float, None where null."""
    return value if value is None or kind == "text" else float(value)


def _truth_of_one(rule: Rule, values: Mapping[str, Any]) -> bool | None:
    """True, false, or None where unknown (Kleene's logic)."""
    head = rule[0]
    if head in ("and", "or"):
        decides = head == "or"  # what one side alone settles
        left, right = (_truth_of_one(part, values) for part in rule[1:])
        if left is decides or right is decides:
            return decides
        return None if left is None or right is None else not decides
    if head == "not":
        truth = _truth_of_one(rule[1], values)
        return None if truth is None else not truth
    return rule[1] if head == "constant" else _leaf_of_one(rule, values)


def _leaf_of_one(rule: Rule, values: Mapping[str, Any]) -> bool | None:
    head = rule[0]
    if head == "compare":
        left, right = (values[side[1]] if side[0] == "column" else side[1] for side in rule[2:])
        return None if left is None or right is None else bool(SIGNS[rule[1]](left, right))
    value = values[rule[1][1]]
    if head == "null":
        return value is None
    if head == "is":
        return value is not None and bool(value) == rule[2]
    if value is None:
        return None
    return value in rule[2] if head == "in" else bool(value)


def _leaf(rule: Rule, columns: Mapping[str, NullableColumn], count: int) -> tuple[Mask, Mask]:
    head = rule[0]
    if head == "compare":
        left, right = (_side(side, columns, count) for side in rule[2:])
        holds = np.asarray(SIGNS[rule[1]](left.values, right.values), dtype=np.bool_)
        known = left.known & right.known
        return holds & known, ~holds & known
    column = columns[rule[1][1]]
    if head == "null":
        return ~column.known, column.known
    if head == "in":
        holds = np.asarray([value in rule[2] for value in column.values.tolist()], dtype=np.bool_)
        return holds & column.known, ~holds & column.known
    holds = column.values.astype(np.bool_)
    if head == "is":
        agrees = (holds == rule[2]) & column.known
        return agrees, ~agrees
    return holds & column.known, ~holds & column.known


def _side(side: Rule, columns: Mapping[str, NullableColumn], count: int) -> NullableColumn:
    if side[0] == "column":
        return columns[side[1]]
    filled = np.full(count, side[1], dtype=object if isinstance(side[1], str) else np.float64)
    return NullableColumn(filled, np.ones(count, dtype=np.bool_))


def to_sql(rule: Rule, column: Callable[[str], str]) -> str:
    """The rule as SQL that DuckDB and most warehouses read; `column` gives the SQL of a name."""
    head = rule[0]
    if head in ("and", "or"):
        return f"({to_sql(rule[1], column)} {head.upper()} {to_sql(rule[2], column)})"
    if head == "not":
        return f"(NOT {to_sql(rule[1], column)})"
    if head == "constant":
        return str(rule[1]).upper()
    if head == "compare":
        return f"({_sql_side(rule[2], column)} {rule[1]} {_sql_side(rule[3], column)})"
    asked = _sql_side(rule[1], column)
    if head == "in":
        return f"({asked} IN ({', '.join(sql_literal(value) for value in rule[2])}))"
    endings = {"null": " IS NULL", "true": ""}
    return f"({asked}{endings[head]})" if head in endings else f"({asked} IS {str(rule[2]).upper()})"


def _sql_side(side: Rule, column: Callable[[str], str]) -> str:
    return column(side[1]) if side[0] == "column" else sql_literal(side[1])


def sql_name(name: str) -> str:
    """A column's name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def sql_literal(value: Any) -> str:
    """A constant as SQL writes it."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).upper() if isinstance(value, bool) else repr(value)


def from_json(stored: Any) -> Rule:
    """The rule that a policy's JSON holds; each part is read by its head's grammar, so that a value is never a part."""
    head, *parts = stored
    if head in ("and", "or", "not"):
        return head, *(from_json(part) for part in parts)
    if head == "compare":
        return head, parts[0], tuple(parts[1]), tuple(parts[2])
    if head == "constant":
        return head, parts[0]
    return head, tuple(parts[0]), *parts[1:]
