"""Cells of a source read as what they mean: text, moments, amounts, slugs (Ibis expressions, run in the engine)."""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from features.spec import ids
from features.spec.feature import slug as slug  # what `slugs` is for one name
from features.spec.missing import WORDS
from features.spec.moments import CANONICAL, EPOCHS, FIRST, LAST, ZONED, counted, plain_shape
from features.spec.numbers import PLAIN, POINT, amounts

AMOUNT = dt.Decimal(18, 4)
_farthest = 10**18  # microseconds from 1970, more than 30,000 years
_first, _last = FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)
_limit = 10**14  # beyond it an amount does not fit DECIMAL(18,4)


@ibis.udf.scalar.builtin(signature=(("string",), "string"))
def strip_accents(text: ir.Value) -> ir.Value:
    """DuckDB's own."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="nfc_normalize", signature=(("string",), "string"))
def _nfc_normalize(text: ir.Value) -> ir.Column:
    """DuckDB's own."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="trim", signature=(("string", "string"), "string"))
def _trim(text: ir.Value, signs: str) -> ir.Column:
    """DuckDB's own: without any of the signs at either end."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="floor", signature=(("float64",), "float64"))
def _floor(number: ir.Value) -> ir.Column:
    """DuckDB's own; Ibis would make an int64 of it, which large numbers do not fit."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="try_strptime", signature=(("string", "string"), "timestamp(6)"))
def _try_strptime(text: ir.Value, written: str) -> ir.Column:
    """DuckDB's own."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="make_timestamp", signature=(("int64",), "timestamp(6)"))
def _make_timestamp(microseconds: ir.Value) -> ir.Column:
    """DuckDB's own, of microseconds since 1970."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="penchant_moment", signature=(("string", "string"), "string"))
def _moment(text: ir.Value, written: str) -> ir.Column:
    """Ours, as `features.sources.grammar` gives it to the engine."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="penchant_number", signature=(("string", "string"), "string"))
def _number(text: ir.Value, written: str) -> ir.Column:
    """Ours, as `features.sources.grammar` gives it to the engine."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="md5_number_lower", signature=(("string",), "uint64"))
def md5_lower(text: ir.Value) -> ir.Value:
    """DuckDB's own: the lower 64 bits of the MD5, the same in every version."""
    raise NotImplementedError


def as_text(cells: ir.Column) -> ir.Column:
    """Cells as text: whole numbers without a point (12.0 is "12"), blanks and NaN as null."""
    kind = cells.type()
    if kind.is_string():
        return ibis.ifelse(cells.strip() == "", None, cells)
    if kind.is_floating() or kind.is_decimal():
        number = cells.cast("float64")
        whole = (_floor(number) == number) & (number.abs() < 2**53)
        text = ibis.ifelse(whole, number.try_cast("int64").cast("string"), cells.cast("string"))
        return ibis.ifelse(number.isnan(), None, text)
    return cells.cast("string")


def as_id(cells: ir.Column) -> ir.Column:
    """Cells as customers' ids, null where they name nobody: what `features.spec.ids.read_id` makes of each."""
    kind = cells.type()
    if kind.is_boolean():
        return ibis.null("string")
    if kind.is_integer():
        return cells.cast("string")
    if kind.is_floating():
        return _float_id(cells.cast("float64"))
    text = _nfc_normalize(_trim(cells.cast("string"), ids.EDGES))
    exponent = ibis.ifelse(text.re_search(ids.EXPONENT), text.try_cast("float64"), None)
    whole = ibis.ifelse(text.re_search(ids.POINT_ZERO), text.re_replace(r"\.0*$", ""), text)
    nobody = text.lower().isin(sorted(ids.NOBODY))
    return ibis.ifelse(nobody, None, ibis.coalesce(_float_id(exponent), whole))


def _float_id(number: ir.Column) -> ir.Column:
    """The digits of whole numbers, the shortest text of others, null beyond what can be an id."""
    digits = number.try_cast(dt.Decimal(38, 0)).cast("string")
    inside = (number.abs() < ids.MOST) & ~number.isnan()
    return ibis.ifelse(inside, ibis.ifelse(_floor(number) == number, digits, number.cast("string")), None)


def as_moment(cells: ir.Column, written: str | None = None) -> ir.Column | None:
    """Cells as a UTC timestamp without zone, null where they cannot be read; None for a type that is no time at all.

    Text, and numbers where the form is one of digits, are read as `features.spec.moments` reads them.
    """
    kind = cells.type()
    if kind.is_date() or kind.is_timestamp():
        moment: ir.Value = cells.cast("timestamp(6)")
    elif kind.is_string() or (kind.is_numeric() and counted(written)):
        moment = _read_moment(as_text(cells).strip(), written)
    else:
        return None
    return ibis.ifelse(moment.between(_first, _last), moment, None)


def _read_moment(text: ir.Column, written: str | None) -> ir.Value:
    """What is plain to see is read by the engine, all else by the grammar, once a row.

    No text without a zone is cast to a time with one: the engine would give it the zone of a text before it.
    """
    grammar = _moment(text, written or "").nullif("").try_cast("timestamp(6)")
    if written is None:
        zoned = text.try_cast("timestamp('UTC')").cast("timestamp(6)")
        branches = [(_is(text, CANONICAL), text.try_cast("timestamp(6)")), (_is(text, ZONED), zoned)]
    elif written in EPOCHS:
        decimals = len(str(10**6 // EPOCHS[written])) - 1  # of a count of whole microseconds
        since = text.try_cast(dt.Decimal(30, 6)) * (10**6 // EPOCHS[written])
        plain = r"[+-]?[0-9]{1,17}" + (rf"(\.[0-9]{{1,{decimals}}})?" if decimals else "")
        inside = since.abs() < _farthest
        branches = [(_is(text, plain), _make_timestamp(ibis.ifelse(inside, since.try_cast("int64"), None)))]
    elif shape := plain_shape(written):
        branches = [(_is(text, shape), _try_strptime(text, written))]
    else:
        return grammar
    return ibis.cases(*branches, else_=grammar)


def _is(text: ir.Column, pattern: str) -> ir.Column:
    return text.re_search(f"^({pattern})$")


def as_amount(cells: ir.Column, written: str = POINT) -> ir.Column | None:
    """Cells as DECIMAL(18,4), null where they are no number or too large; None for a type that is no number.

    Text is read as `features.spec.numbers` reads it.
    """
    kind = cells.type()
    if kind.is_string():
        text = cells.strip()
        grammar = _number(text, written).nullif("")
        number = grammar if amounts(written) != amounts(POINT) else ibis.ifelse(_is(text, PLAIN), text, grammar)
        finite = number.try_cast("float64").abs() < _limit
        return ibis.ifelse(finite, number.try_cast(AMOUNT), None)
    if not kind.is_numeric():
        return None
    finite = cells.cast("float64").abs() < _limit
    return ibis.ifelse(finite, cells.try_cast(AMOUNT), None)


def plain_number(text: ir.Column) -> ir.Column:
    """True where a text is a number as machines write it."""
    return _is(text, PLAIN)


def says_nothing(cells: ir.Column) -> ir.Column:
    """True where a text is a word for nothing, as `features.spec.missing` knows them."""
    if not cells.type().is_string():
        return ibis.literal(False)
    return cells.strip().lower().isin(sorted(WORDS)).fill_null(False)


def filled(cells: ir.Column) -> ir.Column:
    """True where a cell holds something: not null, not blank, not NaN."""
    kind = cells.type()
    if kind.is_string():
        return cells.fill_null("").strip() != ""
    return cells.notnull() & ~cells.isnan() if kind.is_floating() else cells.notnull()


def slugs(texts: ir.Column) -> ir.Column:
    """Texts as lower-case words of letters and digits joined by `_`, null when nothing is left."""
    words = strip_accents(texts.lower()).re_replace(r"[^\p{L}\p{N}]+", "_").re_replace(r"^_+|_+$", "")
    return ibis.ifelse(words == "", None, words)


def plural(word: str) -> str:
    """The plural of an English slug.

    >>> [plural(word) for word in ("purchase", "reply", "day", "sms", "visits", "search")]
    ['purchases', 'replies', 'days', 'sms', 'visits', 'searches']
    """
    if word.endswith("s"):
        return word
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("x", "ch", "sh", "z")) else "s")
