"""A first use case from a file: what its columns seem to be, written with comments and tried at once."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.cells import slug
from features.engine import engine, frame
from features.errors import DataError, UseCaseError
from features.inference import read_column
from features.page import as_text
from features.sources import Source, open_source, reading
from features.table import learning_table
from features.usecase import load_use_case

_sample = 20_000
_ids = re.compile(
    r"(^|_)(customer|client|user|member|kunde|contact|account|person|household|donor)(_?(id|no|nr|number|ref|key|code))?$|^id$|^cid$"
)
_amounts = re.compile(r"(^|_)(amount|price|total|value|revenue|sales|montant|prix|betrag|spend|paid|donation)(_|$)")
_labels = re.compile(
    r"(^|_)(y|label|target|class|churn|churned|exited|attrition|converted|conversion|response|responded|subscribed|"
    r"bought|purchased|outcome|default|left|clicked)(_|$)"
)
_types = re.compile(r"(^|_)(event|event_type|type|action|kind)$")
_good = ("yes", "true", "1", "1.0", "y", "oui")
_bad = re.compile(r"churn|exit|attrition|left|default|cancel")


@dataclass(frozen=True, slots=True)
class Guess:
    """The roles that columns seem to have."""

    customer_id: str | None
    timestamp: str | None
    amount: str | None
    kind: str | None
    label: str | None


def init(file: Path, out: Path | None, *, force: bool) -> str:
    """Writes a commented use case for a data file and says what it would learn from.

    Raises:
        UseCaseError: the file to write is there already, and `force` is not given.
        DataError: the data file cannot be read, or no label and no log can be seen in it.
    """
    target = out or Path(re.sub(r"(\.(csv|tsv|txt|parquet|pq|duckdb|db|gz))+$", "", file.name, flags=re.I) + ".toml")
    if target.exists() and not force:
        raise UseCaseError(target, ["is there already; --force overwrites it"])
    columns, sample = _look(file)
    guess = _guess(columns, sample)
    text = _table_text(file, target, guess, sample) if guess.label else _log_text(file, target, guess, sample)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return f"{target}\n" + _tried(target)


def _look(file: Path) -> tuple[Source, pl.DataFrame]:
    with engine() as backend:
        source = open_source(backend, file)
        names = {f"c{index}": name for index, name in enumerate(source.columns)}
        with reading(file):
            return source, frame(source.table.limit(_sample)).select(*names).rename(names)


def _guess(source: Source, sample: pl.DataFrame) -> Guess:
    names = list(source.columns)
    reads = {name: read_column(sample[name]) for name in names}
    dates = [name for name in names if (feature := reads[name].feature) and feature.type == "date"]
    label = next((name for name in reversed(names) if _labels.search(slug(name)) and _two(sample[name])), None)
    customer = next((name for name in names if _ids.search(slug(name))), None)
    if label is None and not dates:
        label = next((name for name in reversed(names) if _two(sample[name])), None)
    numeric = [n for n in names if (f := reads[n].feature) and f.type in ("number", "integer") and n != customer]
    amount = next((name for name in numeric if _amounts.search(slug(name))), None)
    kind = next((name for name in names if _types.search(slug(name)) and 1 < sample[name].n_unique() <= 50), None)
    if label is None and (customer is None or not dates):
        raise DataError(source.path, ["must have a column of two values to predict, or a customer id and a date"])
    return Guess(customer, dates[0] if dates else None, amount, kind, label)


def _two(cells: pl.Series) -> bool:
    filled = cells.cast(pl.String, strict=False).str.strip_chars().replace("", None).drop_nulls()
    return filled.n_unique() == 2


def _header(target: Path, polarity: str) -> list[str]:
    return [
        "# Written by `python -m features init`: read every line, it is a guess.",
        f"name = {_quoted(re.sub(r'[^A-Za-z0-9_.-]+', '-', target.stem).strip('-.') or 'model')}",
        f'polarity = "{polarity}"  # "positive": a high score is good news; "negative": bad news',
        "seed = 7",
        "",
    ]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _place(file: Path, target: Path) -> str:
    try:
        return _quoted(str(file.resolve().relative_to(target.resolve().parent)))
    except ValueError:
        return _quoted(str(file.resolve()))


def _table_text(file: Path, target: Path, guess: Guess, sample: pl.DataFrame) -> str:
    label = str(guess.label)
    values = sample[label].cast(pl.String).str.strip_chars().replace("", None).drop_nulls().value_counts(sort=True)
    levels: Sequence[str] = values[label].to_list()
    positive = next((level for level in levels if level.lower() in _good), levels[-1])
    lines = [
        *_header(target, "negative" if _bad.search(slug(label)) else "positive"),
        "[table]",
        f"path = {_place(file, target)}",
        f"label = {_quoted(label)}",
        f"positive = {_quoted(positive)}  # the value to predict; all others are negative",
        "exclude = []  # columns only known after the outcome: the usual leak",
    ]
    if guess.customer_id and sample[guess.customer_id].n_unique() > len(sample) / 2:
        lines.append(f"customer_id = {_quoted(guess.customer_id)}")
    if guess.timestamp:
        lines.append(f"# order_by = {_quoted(guess.timestamp)}  # split in time on it")
    return "\n".join(lines) + "\n"


def _log_text(file: Path, target: Path, guess: Guess, sample: pl.DataFrame) -> str:
    event, kind = "purchase", '"purchase"  # or { column = "..." }'
    if guess.kind:
        top = sample[guess.kind].cast(pl.String).drop_nulls().value_counts(sort=True)[guess.kind].to_list()
        event = next((level for level in top if re.search("purchase|order|buy|achat|quote", level, re.I)), top[0])
        kind = f"{{ column = {_quoted(guess.kind)} }}"
    lines = [
        *_header(target, "positive"),
        "[events]  # one row per event",
        f"path = {_place(file, target)}",
        f"customer_id = {_quoted(str(guess.customer_id))}",
        f"timestamp = {_quoted(str(guess.timestamp))}",
        f"type = {kind}",
        f"amount = {_quoted(guess.amount)}" if guess.amount else '# amount = "..."',
        '# id = "..."  # rows with the same id and content are duplicates',
        "",
        "[window]",
        'observation = "365d"',
        'gap = "0d"  # time needed to act',
        'prediction = "90d"',
        "",
        "[label]",
        f"event = {_quoted(event)}",
        'outcome = "present"  # "absent" for churn, with polarity "negative" and [eligible] active_within = "90d"',
    ]
    return "\n".join(lines) + "\n"


def _tried(target: Path) -> str:
    """The data report of what was written, or why nothing can be learned from it yet."""
    try:
        return as_text(learning_table(load_use_case(target)).report)
    except (DataError, UseCaseError) as failure:
        return "Not yet a use case that trains: " + "; ".join(failure.broken)
