"""From a rule to its tree, by sqlglot and a whitelist; needed when a policy is installed, never when it is used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import sqlglot
from sqlglot import expressions as sql
from sqlglot.errors import SqlglotError

from scoring.segments.cut_points import Cuts
from scoring.segments.rules import Kind, Rule, RuleError

_SIGNS: Mapping[type[Any], str] = {sql.EQ: "=", sql.NEQ: "<>", sql.LT: "<", sql.LTE: "<=", sql.GT: ">", sql.GTE: ">="}
_ALLOWED = (
    "AND, OR, NOT, comparisons, BETWEEN, IN, IS NULL, IS TRUE, numbers, 'texts', TRUE, FALSE and quantile(feature, 0.9)"
)
_DEEP = 100  # nested parts


def parse_rule(text: str, kinds: Mapping[str, Kind], cuts: Cuts | None = None) -> Rule:
    """The tree of a rule over columns of known kinds; `quantile(feature, 0.8)` becomes the cut-point that was fitted.

    Raises:
        RuleError: It is not one boolean expression of the whitelist, or a name or a comparison does not fit.
    """
    try:
        parsed = [part and _with_cuts(part, cuts or {}) for part in sqlglot.parse(text, read="duckdb")]
    except RuleError:
        raise
    except (SqlglotError, RecursionError, AttributeError, LookupError, TypeError, ValueError) as error:
        # sqlglot stumbles over a few texts, as over {:} or [1e], instead of refusing them
        where = getattr(error, "errors", None)
        at = f" at column {where[0]['col']}" if where else ""
        raise RuleError(f"A rule must be SQL of a boolean kind, got text that does not parse{at}.") from error
    if len(parsed) != 1 or parsed[0] is None:
        raise RuleError(f"A rule must be one expression, got {len([part for part in parsed if part])}.")
    return _boolean(parsed[0], kinds, 0)


def _with_cuts(parsed: Any, cuts: Cuts) -> Any:
    """The expression with each `quantile(feature, share)` replaced by its number."""
    return parsed.transform(lambda node: _cut(node, cuts) if isinstance(node, sql.Quantile) else node)


def _cut(node: Any, cuts: Cuts) -> Any:
    column, share = node.this, node.args.get("quantile")
    if not isinstance(column, sql.Column) or not isinstance(share, sql.Literal) or share.is_string:
        raise RuleError("A quantile is written quantile(feature, 0.8), got something else.")
    asked = _number(str(share.this))
    tenth = round(asked * 10)
    if not 1 <= tenth <= 9 or abs(tenth / 10 - asked) > 1e-9:
        raise RuleError(f"A quantile is one of the tenths 0.1 to 0.9, got {share.this}.")
    if column.name not in cuts or column.table:
        raise RuleError(f"A quantile is of a number met in training, got {column.name}.")
    value = cuts[column.name][tenth - 1]
    literal = sql.Literal.number(repr(abs(value)))
    return sql.Neg(this=literal) if value < 0 else literal


def _boolean(node: Any, kinds: Mapping[str, Kind], depth: int) -> Rule:
    if depth > _DEEP:
        raise RuleError(f"A rule nests at most {_DEEP} deep, got more.")
    if isinstance(node, sql.Paren):
        return _boolean(node.this, kinds, depth + 1)
    if isinstance(node, sql.And | sql.Or):
        head = "and" if isinstance(node, sql.And) else "or"
        return head, _boolean(node.left, kinds, depth + 1), _boolean(node.right, kinds, depth + 1)
    if isinstance(node, sql.Not):
        return "not", _boolean(node.this, kinds, depth + 1)
    if isinstance(node, sql.Boolean):
        return "constant", bool(node.this)
    if isinstance(node, sql.Column):
        return "true", _column(node, kinds, "boolean")
    return _comparison(node, kinds)


def _comparison(node: Any, kinds: Mapping[str, Kind]) -> Rule:
    if type(node) in _SIGNS:
        return _compare(_SIGNS[type(node)], node.left, node.right, kinds)
    if isinstance(node, sql.Between) and not node.args.get("symmetric"):
        low = _compare(">=", node.this, node.args["low"], kinds)
        return "and", low, _compare("<=", node.this, node.args["high"], kinds)
    if isinstance(node, sql.In) and node.expressions and not node.args.get("query"):
        column = _column(node.this, kinds)
        values = [_literal(item) for item in node.expressions]
        _same_kind(_kind(column, kinds), *(_kind(("literal", value), kinds) for value in values))
        return "in", column, values
    if isinstance(node, sql.Is):
        if isinstance(node.expression, sql.Null):
            return "null", _column(node.this, kinds)
        if isinstance(node.expression, sql.Boolean):
            return "is", _column(node.this, kinds, "boolean"), bool(node.expression.this)
    raise RuleError(f"A rule is made of {_ALLOWED}, got {type(node).__name__.upper()}.")


def _compare(sign: str, left: Any, right: Any, kinds: Mapping[str, Kind]) -> Rule:
    sides = tuple(
        _column(side, kinds) if isinstance(side, sql.Column) else ("literal", _literal(side)) for side in (left, right)
    )
    if all(side[0] == "literal" for side in sides):
        raise RuleError("A comparison must name at least one feature or score, got two constants.")
    kind = _same_kind(*(_kind(side, kinds) for side in sides))
    if kind != "number" and sign not in ("=", "<>"):
        raise RuleError(f"Only numbers are ordered, got {sign} between values of kind {kind}.")
    return "compare", sign, *sides


def _column(node: Any, kinds: Mapping[str, Kind], expected: Kind | None = None) -> Rule:
    if not isinstance(node, sql.Column) or node.args.get("db"):
        raise RuleError(f"A rule is made of {_ALLOWED}, got {type(node).__name__.upper()} where a name must stand.")
    name = f"{node.table}.{node.name}" if node.table else node.name
    if name not in kinds:
        raise RuleError(f"A name must be a feature or a `use_case.field`, got {name}.")
    if kinds[name] == "date":
        raise RuleError(f"Dates cannot stand in a rule, got {name}: a number of days or a boolean of it can.")
    if expected and kinds[name] != expected:
        raise RuleError(
            f"{name} must be compared with something: alone it would have to be a {expected}, it is {kinds[name]}."
        )
    return "column", name


def _literal(node: Any) -> Any:
    if isinstance(node, sql.Paren):
        return _literal(node.this)
    if isinstance(node, sql.Neg):
        value = _literal(node.this)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return -value
    if isinstance(node, sql.Boolean):
        return bool(node.this)
    if isinstance(node, sql.Literal):
        return str(node.this) if node.is_string else _number(str(node.this))
    raise RuleError(f"A rule is made of {_ALLOWED}, got {type(node).__name__.upper()} where a constant must stand.")


def _number(text: str) -> int | float:
    try:
        value = float(text)
    except ValueError:  # sqlglot takes 1e for a number
        raise RuleError("A number must be written as 2, 0.5 or 1e6, got something else.") from None
    if not math.isfinite(value):
        raise RuleError("A number must be finite, got one too large.")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _kind(side: Rule, kinds: Mapping[str, Kind]) -> Kind:
    value = side[1]
    if side[0] == "column":
        return kinds[value]
    return "text" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"


def _same_kind(*found: Kind) -> Kind:
    if len(set(found)) != 1:
        raise RuleError(f"Both sides of a comparison must be of one kind, got {' and '.join(found)}.")
    return found[0]
