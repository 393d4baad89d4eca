"""`python -m serving load FEATURES`: puts a feature table into the online store of a home."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.spec.feature import CUSTOMER_ID, Feature
from features.spec.numbers import PLAIN
from features.spec.options import add_shared_options, program
from features.spec.texts.text_marks import text_columns
from scoring.encoding.file_values import as_json, file_reader
from scoring.encoding.text_columns import with_marks
from scoring.privacy.audit_trail import command_actor, record
from scoring.privacy.suppression import Suppression, open_suppression
from scoring.releases.current_pointer import released_use_cases
from scoring.releases.store import load_release
from scoring.storage.csv_rows import BROKEN
from scoring.storage.id_columns import id_column
from scoring.storage.leftovers import remove_leftovers
from scoring.storage.table_files import BatchError, read_batches
from serving.cli.exit_codes import DONE, ended
from serving.customers.feature_store import put
from serving.customers.housekeeping import finish_erasures
from serving.customers.id_migration import settle_ids

Row = tuple[str, Sequence[Any]]
Reader = Callable[[Any], Any]  # of a feature's cells


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    options = _parser().parse_args(arguments)
    remove_leftovers(options.home)
    return ended(lambda: _load(options), options.file)


def _load(options: argparse.Namespace) -> int:
    features = {name: load_release(options.home, name).bundle.features for name in released_use_cases(options.home)}
    erased = None if options.with_erased else open_suppression(options.home)
    passed: Counter[str] = Counter()
    texts = text_columns(chain.from_iterable(features.values()))
    columns, rows = read_rows(options.file, readers_of(features.values()), erased, passed, texts)
    finish_erasures(options.home, at_once=True)  # else what is loaded would go with what was erased
    settle_ids(options.home)
    listed = open_suppression(options.home) if options.with_erased else None
    if listed:
        rows = _noted(options.home, rows, listed)
    count = put(options.home, columns, rows, as_of=options.as_of.timestamp())
    fitting = [name for name, own in features.items() if {feature.name for feature in own} <= set(columns)]
    says = f"enough for {', '.join(fitting)}" if fitting else "not enough for any use case that is released here"
    if passed["broken"]:
        print(f"{passed['broken']:,} rows of the file could not be read and are passed over.", file=sys.stderr)
    if not options.json:
        print(f"{count:,} customers as of {options.as_of.isoformat()}, {says}.", file=sys.stderr)
    if passed["erased"]:
        print(f"{passed['erased']:,} were erased and are passed over; --with-erased takes them in.", file=sys.stderr)
    if options.json:
        loaded = {"customers": count, "as_of": options.as_of.isoformat(), "erased": passed["erased"]}
        print(json.dumps({**loaded, "use_cases": fitting}))
    return DONE


def _noted(home: Path, rows: Iterable[Row], listed: Suppression) -> Iterator[Row]:
    """The rows, once those of customers who were erased are noted as taken in again."""
    known = list(rows)
    if again := listed.erased([customer for customer, _ in known]):
        record(home, "readmission", command_actor(), customers=again)
    return iter(known)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program('serving')} load", description="Puts customers' features into the online store."
    )
    parser.add_argument("file", type=Path, metavar="FEATURES", help="as `python -m features build` writes it")
    parser.add_argument(
        "--as-of", type=moment, default=datetime.now(UTC), metavar="D", help="what it speaks of, UTC (default: now)"
    )
    parser.add_argument("--with-erased", action="store_true", help="take in customers who were erased, too")
    add_shared_options(parser)
    return parser


def moment(text: str) -> datetime:
    """A date or a time in ISO form; without a zone it is UTC."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date or a datetime in ISO form, got another text") from None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def readers_of(features: Iterable[Sequence[Feature]]) -> dict[str, Reader]:
    """How the column of each feature is read; of use cases that share a feature the first says it."""
    readers: dict[str, Reader] = {}
    for feature in (feature for own in features for feature in own):
        readers.setdefault(feature.name, _reader(feature))
    return readers


def _reader(feature: Feature) -> Reader:
    read = file_reader(feature)

    def cell(value: Any) -> Any:
        known = as_json(read(value)[0])
        return int(known) if feature.type == "integer" and known is not None and known == int(known) else known

    return cell


def read_rows(
    file: Path,
    readers: Mapping[str, Reader],
    erased: Suppression | None,
    passed: Counter[str],
    texts: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[list[str], Iterator[Row]]:
    """The columns of a table beside the id, and its rows, to be read once; who was erased is passed over and counted.

    Of columns of `texts` the marks are kept, and no text.

    Raises:
        BatchError: At once where the file is none, has no id or no other column; while reading where an id is missing
            or stands twice, or a cell cannot be kept.
    """
    batches = (with_marks(table, texts or {}) for table in read_batches(file, mark_broken=True))
    first = next(batches, None)
    names = [] if first is None else [name for name in first.column_names if name != BROKEN]
    columns = [name for name in names if name != CUSTOMER_ID]
    if first is None or names.count(CUSTOMER_ID) != 1 or not columns or len(set(names)) != len(names):
        raise BatchError(f"A table to load needs `{CUSTOMER_ID}`, features and rows, and each column once.")

    def every() -> Iterator[pa.Table]:
        yield first
        yield from batches

    return columns, _rows(every(), columns, readers, erased, passed)


def _rows(
    batches: Iterator[pa.Table],
    columns: list[str],
    readers: Mapping[str, Reader],
    erased: Suppression | None,
    passed: Counter[str],
) -> Iterator[Row]:
    seen: set[str] = set()
    count = 0
    for batch in batches:
        table = _readable(batch, passed)
        ids = id_column(table.column(CUSTOMER_ID)).to_pylist()
        gone = erased.erased(customer for customer in ids if customer) if erased else {}
        cells = [_cells(name, table.column(name), readers.get(name)) for name in columns]
        for customer, *row in zip(ids, *cells, strict=True):
            count += 1
            if not customer or customer in seen:
                rule = "stand in the table once" if customer else "have an id"
                raise BatchError(f"Every customer must {rule}, the one in row {count} does not.")
            seen.add(customer)
            if customer in gone:
                passed["erased"] += 1
            else:
                yield customer, row


def _readable(table: pa.Table, passed: Counter[str]) -> pa.Table:
    """The table without the rows that could not be read, which are counted."""
    if BROKEN not in table.column_names:
        return table
    broken = table.column(BROKEN)
    passed["broken"] += len(broken) - broken.null_count
    return table.filter(pc.is_null(broken))


def _cells(name: str, column: pa.ChunkedArray, read: Reader | None) -> list[Any]:
    """A column's values as they would be posted: a feature's as training reads them, dates in ISO form.

    What no use case reads yet is kept as it came; texts that all are numbers as machines write them as numbers.
    """
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if read is not None:
        known = {value: read(value) for value in column.unique().to_pylist()}
        return [known[value] for value in column.to_pylist()]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return _as_numbers(column.cast(pa.string()))
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return column.to_pylist()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = column.cast(pa.float64())
        if pc.any(pc.is_inf(numbers)).as_py():
            raise BatchError(f"Column {name} must be finite, got infinity.")
        return [None if number is None or number != number else number for number in numbers.to_pylist()]
    if pa.types.is_date(kind):
        return [value and value.isoformat() for value in column.to_pylist()]
    if pa.types.is_timestamp(kind):
        moments = column.cast(pa.timestamp("us", kind.tz), safe=False).to_pylist()
        return [value and value.isoformat() for value in moments]
    raise BatchError(f"Column {name} must hold numbers, text, booleans or dates, got {kind}.")


def _as_numbers(texts: pa.ChunkedArray) -> list[Any]:
    """Texts as numbers, where all are as machines write them and none is a code that begins with a zero."""
    filled = texts.drop_null()
    plain = pc.match_substring_regex(filled, rf"^\s*({PLAIN})\s*$")
    if not len(filled) or not pc.all(plain).as_py() or pc.any(pc.match_substring_regex(filled, "^0[0-9]")).as_py():
        return texts.to_pylist()
    return pc.cast(pc.utf8_trim_whitespace(texts), pa.float64()).to_pylist()
