"""Every row of a log with its cells typed, and the rule it broke, if any."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from features.columns.expressions import AMOUNT, as_amount, as_moment, as_text, filled, says_nothing
from features.config.use_case import CurrencyColumn, Events, RefundRule, Scalar
from features.errors import DataError
from features.history.distinct_slugs import apart
from features.history.log_forms import LogForms
from features.history.orders import ORDER_ID
from features.sources.rejected_rows import BROKEN, GUEST
from features.sources.source import FILE, ROW, Source
from features.spec.booleans import NO, YES
from features.spec.numbers import POINT

COPY = "__copy"  # 0 for the first of equal rows with an id
CUSTOMER, KIND = "__customer", "__kind"  # the codes of customers and types, as further columns of the source
_or_a_form = "or events.timestamp_format must say how it is written"


def typed_rows(source: Source, section: Events, forms: LogForms) -> ir.Table:
    """Every row of a source with numbers typed, with the rule it broke, if any, in `__broken`."""
    customer = source.table[CUSTOMER]
    moment = moment_of(source, section)
    kind = source.table[KIND]
    columns: dict[str, ir.Value] = {"customer_id": customer, "ts": moment, "type": kind}
    rules = [
        (GUEST, customer.isnull() & filled(source.column(section.customer_id))),
        ("missing_customer_id", customer.isnull()),
        ("missing_timestamp", ~filled(source.column(section.timestamp))),
        ("unreadable_timestamp", moment.isnull()),
        ("missing_type", kind.isnull()),
    ]
    columns["amount"] = ibis.null(AMOUNT)
    if section.amount is not None:
        amount = _number(source, section.amount, rules, forms)
        columns["amount"] = _in_one_currency(source, section, amount, rules)
    columns["refund"] = _is_refund(source, section.refund)
    for index, name in enumerate(section.properties):
        columns[f"p{index}"] = apart(as_text(source.column(name)), forms.numbered[name])
    for index, name in enumerate(section.measures):
        columns[f"m{index}"] = _number(source, name, rules, forms)
    if section.order is not None:
        order = as_text(source.column(section.order))
        columns[ORDER_ID] = ibis.ifelse(filled(source.column(section.order)), order.strip(), ibis.null("string"))
    columns[BROKEN] = ibis.cases(*[(broken, rule) for rule, broken in rules], else_=ibis.null("string"))
    if section.id is not None:
        columns[COPY] = _copies(source, section.id)
    return source.table.select(**columns, **{FILE: source.table[FILE], ROW: source.table[ROW]})


def moment_of(source: Source, section: Events) -> ir.Column:
    """The moment of every row, null where it cannot be read.

    Raises:
        DataError: the column can hold none.
    """
    cells = source.column(section.timestamp)
    if section.timestamp_format is None:
        return _needed(source, section.timestamp, as_moment(cells), f"a date or a datetime, {_or_a_form}")
    if not (cells.type().is_string() or cells.type().is_numeric()):
        rule = f"column {section.timestamp!r} must hold text or numbers with timestamp_format, got {cells.type()}"
        raise DataError(source.path, [rule])
    return _needed(
        source, section.timestamp, as_moment(cells, section.timestamp_format), "moments as they are declared"
    )


def _copies(source: Source, identity: str) -> ir.Value:
    """0 for the first of the rows with the same id and content, 1 and on for its copies; without an id none is one."""
    cells = [source.table[f"c{index}"] for index in range(len(source.columns))]
    window = ibis.window(group_by=cells, order_by=[source.table[FILE], source.table[ROW]])
    return ibis.ifelse(filled(source.column(identity)), ibis.row_number().over(window), 0)


def _needed(source: Source, name: str, cells: ir.Column | None, what: str) -> ir.Column:
    if cells is None:
        raise DataError(source.path, [f"column {name!r} must hold {what}, got {source.column(name).type()}"])
    return cells


def _number(source: Source, name: str, rules: list[tuple[str, ir.Column]], forms: LogForms) -> ir.Column:
    """A column as DECIMAL(18,4), and the rule that what is filled in must be a number or a word for nothing."""
    cells = source.column(name)
    number = _needed(source, name, as_amount(cells, forms.written.get(name, POINT)), "numbers")
    rules.append((f"unreadable_number in {name!r}", filled(cells) & ~says_nothing(cells) & number.isnull()))
    return number


def _in_one_currency(
    source: Source, section: Events, amount: ir.Column, rules: list[tuple[str, ir.Column]]
) -> ir.Column:
    currency = section.currency
    if currency is None or isinstance(currency, str):
        return amount
    code = as_text(source.column(currency.column)).strip().upper()
    rates = rates_of(currency)
    rate = ibis.cases(*[(code == name, ibis.literal(value, "float64")) for name, value in rates.items()])
    rules.append(("unknown_currency", amount.notnull() & rate.isnull()))
    return ibis.ifelse(rate == 1.0, amount, (amount.cast("float64") * rate).try_cast(AMOUNT))


def rates_of(currency: CurrencyColumn) -> dict[str, float]:
    """By code in capitals, what one unit is worth in the currency of the use case."""
    return {name.strip().upper(): rate for name, rate in currency.rates.items()} | {currency.to.upper(): 1.0}


def _is_refund(source: Source, rule: RefundRule | None) -> ir.Value:
    if rule is None:
        return ibis.literal(False)
    cells = as_text(source.column(rule.column)).strip().lower()
    return cells.isin(spellings(rule.equals)).fill_null(False)


def spellings(value: Scalar) -> list[str]:
    """How a value may stand in a column, as lower-case text."""
    if isinstance(value, bool):
        return sorted(YES if value else NO)
    if isinstance(value, int | float):
        return [str(int(value)) if value == int(value) else str(value)]
    return [str(value).strip().lower()]
