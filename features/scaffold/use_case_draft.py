"""A first use case from a file: its columns' likely roles, written with comments and tried at once."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import ibis

from features.build.log_table import learning_table
from features.columns.expressions import as_id, as_moment
from features.config.use_case import Quality, load_use_case
from features.errors import DataError, UseCaseError
from features.quality.render import as_text as report_text
from features.scaffold.column_profile import ColumnProfile, profile_columns
from features.scaffold.role_inference import BAD, RoleGuess, columns_after_outcome, event_of, guess_roles, positive_of
from features.sources.engine import engine, frame
from features.sources.source import open_source, reading

_rungs = {7: 60, 14: 90, 30: 180, 60: 365, 90: 365, 180: 365, 365: 730, 730: 1460}  # prediction to observation, days
_fill_in = "FILL IN: none of the columns below seems to say it"
_labels = (
    "",
    "# [labels.COLUMN]  # what people read for the values of a column, a line for each",
    '# VALUE = { fr = "...", en = "..." }',
)
_shown = 60  # columns that are listed where one must be chosen


@dataclass(frozen=True, slots=True)
class _Pace:
    """How long a log runs and how far apart the events of one customer lie, in days."""

    days: float
    between: float | None


def init(file: Path, out: Path | None, *, force: bool) -> str:
    """Writes a commented use case for a data file and gives the report of what it would learn from.

    Raises:
        UseCaseError: the file to write is there already, and `force` is not given.
        DataError: the data file cannot be read, or no label, customer or date can be seen in it.
    """
    target = out or Path(re.sub(r"(\.(csv|tsv|txt|parquet|pq|duckdb|db|gz))+$", "", file.name, flags=re.I) + ".toml")
    if target.exists() and not force:
        raise UseCaseError(target, ["is there already; --force overwrites it"])
    guessed = guess_roles(profile_columns(file))
    if sum(len(each.cells) > 0 for each in guessed.columns) < 2:
        raise DataError(file, ["must have a column of two values to predict, or a customer id and a date"])
    lines = _log(file, target, guessed) if guessed.is_log else _table(file, target, guessed)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "\n".join([str(target), *_alternatives(guessed), _first_report(target)])


def _alternatives(guessed: RoleGuess) -> list[str]:
    """What reads oddly, what was chosen among several or left out, what rows share: lines that are printed."""
    lines = []
    if 2 * sum(each.named_by_a_value for each in guessed.columns) > len(guessed.columns):
        lines += ["note: the first line reads like a row; where it is no line of names, put one above it"]
    if guessed.label and guessed.label_too:
        lines += [f"note: the label may as well be {guessed.label_too.name!r}; {guessed.label.name!r} is written"]
    if excluded := columns_after_outcome(guessed):
        names = ", ".join(map(repr, excluded))
        lines += [f"note: excluded, for their names speak of the outcome: {names}"]
    if guessed.moment and guessed.moment_too:
        lines += [f"note: the moment may as well be {guessed.moment_too.name!r}; {guessed.moment.name!r} is written"]
    if guessed.is_log and guessed.order:
        lines += [f"note: rows share order and moment: those with one {guessed.order.name!r} are lines of one purchase"]
    return lines


def _or(column: ColumnProfile | None) -> str:
    return "" if column is None else f"  # or {_quoted(column.name)}: both would do"


def _header(target: Path, polarity: str) -> list[str]:
    return [
        "# Written by `python -m features init`: read every line, it is a guess.",
        f"name = {_quoted(_use_case_name(target.stem))}",
        f'polarity = "{polarity}"  # "positive": a high score is good news; "negative": bad news',
        "seed = 7",
        '# title = { fr = "...", en = "..." }  # what people read in place of the name',
        '# outcome = { fr = "...", en = "..." }  # what a high score says of a customer: "buys within 90 days"',
        "",
    ]


def _use_case_name(stem: str) -> str:
    """A file's name as that of a use case: accents folded, signs as dashes."""
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", plain).strip("-._")[:64] or "model"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _relative_path(file: Path, target: Path) -> str:
    try:
        return _quoted(str(file.resolve().relative_to(target.resolve().parent)))
    except ValueError:
        return _quoted(str(file.resolve()))


def _named(key: str, column: ColumnProfile | None) -> str:
    return f'{key} = ""  # {_fill_in}' if column is None else f"{key} = {_quoted(column.name)}"


def _table(file: Path, target: Path, guessed: RoleGuess) -> list[str]:
    label = guessed.label
    lines = [
        "[table]  # one row per customer",
        f"path = {_relative_path(file, target)}",
        _named("label", label) + _or(guessed.label_too),
    ]
    if label is None:
        lines += ['positive = ""  # the value to predict; all others are negative']
    else:
        positive = positive_of(label)
        others = ", ".join(_quoted(level) for level in label.levels if level != positive)
        lines += [f"positive = {_quoted(positive)}  # the value to predict; all others are negative: {others}"]
    named = columns_after_outcome(guessed)
    why = "their names speak of the outcome" if named else "columns only known after the outcome: the usual leak"
    lines += [f"exclude = [{', '.join(map(_quoted, named))}]  # {why}"]
    if guessed.customer is not None:
        lines.append(f"customer_id = {_quoted(guessed.customer.name)}")
    if guessed.moment is not None:
        lines.append(f"# order_by = {_quoted(guessed.moment.name)}  # split in time on it")
        lines += [f"# order_by_{line.removeprefix('timestamp_')}" for line in _not_iso(guessed.moment)]
    bad = label is not None and BAD.search(f"{label.words} {positive_of(label).lower()}")
    return [
        *_header(target, "negative" if bad else "positive"),
        *lines,
        *_labels,
        *([] if label else _listed(guessed)),
    ]


def _log(file: Path, target: Path, guessed: RoleGuess) -> list[str]:
    event, kind = "purchase", '"purchase"  # or { column = "..." }'
    if guessed.kind:
        event, kind = event_of(guessed.kind), f"{{ column = {_quoted(guessed.kind.name)} }}"
    pace = _pace(file, guessed)
    prediction, observation = _windows(pace)
    number = guessed.number.name if guessed.number else "..."
    return [
        *_header(target, "positive"),
        "[events]  # one row per event",
        f"path = {_relative_path(file, target)}",
        _named("customer_id", guessed.customer),
        _named("timestamp", guessed.moment) + _or(guessed.moment_too),
        *_not_iso(guessed.moment),
        f"type = {kind}",
        f"amount = {_quoted(guessed.amount.name)}" if guessed.amount else '# amount = "..."',
        *_order(guessed),
        f"# id = {_quoted(number)}  # rows with the same id and content are duplicates",
        "",
        "[window]",
        f'observation = "{observation}d"',
        'gap = "0d"  # time needed to act',
        f'prediction = "{prediction}d"{_why(pace)}',
        "",
        "[label]",
        f"event = {_quoted(event)}",
        'outcome = "present"  # "absent" for churn, with polarity "negative" and',
        f'#                       [eligible] active_within = "{prediction}d"',
        "",
        "# [[counts]]  # a feature of your own: these events, counted; docs/guide/your-own-data.md has all keys",
        '# name = "in_december"',
        f"# event = {_quoted(event)}",
        "# months = [12]",
        *_blanks(guessed),
        *_labels,
        *([] if guessed.moment and guessed.customer else _listed(guessed)),
    ]


def _order(guessed: RoleGuess) -> list[str]:
    order = guessed.order
    return [] if order is None else [f"order = {_quoted(order.name)}  # its rows are lines of one purchase"]


def _not_iso(moment: ColumnProfile | None) -> list[str]:
    if moment is None or moment.written is None:
        return []
    other = "  # or %m and %d the other way round: both would do" if moment.day_month_ambiguous else ""
    return [f"timestamp_format = {_quoted(moment.written)}{other}"]


def _blanks(guessed: RoleGuess) -> list[str]:
    """The share of bad rows to tolerate, where more than the default say no customer."""
    customer = guessed.customer
    share = 0.0 if customer is None else 1 - len(customer.cells) / customer.rows
    if share <= Quality().bad_rows:
        return []
    line = f"bad_rows = {math.ceil(share * 10) / 10 + 0.1:.1f}  # {share:.0%} of the first rows say no customer"
    return ["", "[quality]", line]


def _listed(guessed: RoleGuess) -> list[str]:
    """The columns to choose from, as comments."""
    kinds = {"moment": "dates", "number": "numbers", "text": "texts"}
    lines = [f"#   {_quoted(each.name)}: {each.distinct:,} different {kinds[each.kind]}" for each in guessed.columns]
    return ["", "# The columns, by the first rows:", *lines[:_shown], *(["#   ..."] if len(lines) > _shown else [])]


def _pace(file: Path, guessed: RoleGuess) -> _Pace | None:
    """Of a log whose moments can be read; days with several events of a customer count once."""
    if guessed.customer is None or guessed.moment is None:
        return None
    with engine() as backend:
        source, written = open_source(backend, file), guessed.moment.written
        cells = source.column(guessed.moment.name)
        moment = as_moment(cells, written)
        if moment is None:
            return None
        with reading(file):
            rows = source.table.select(customer=as_id(source.column(guessed.customer.name)), day=moment.date())
            each = rows.filter(rows.customer.notnull() & rows.day.notnull()).group_by("customer")
            spans = each.aggregate(n=ibis._.day.nunique(), first=ibis._.day.min(), last=ibis._.day.max())
            days = frame(spans.select("n", "first", "last"))
    if days.is_empty():
        return None
    gaps = int((days["n"] - 1).sum())
    within = int((days["last"] - days["first"]).dt.total_days().sum())
    first, last = (float(days[name].to_physical().quantile(q) or 0) for name, q in (("first", 0.01), ("last", 0.99)))
    return _Pace(last - first, within / gaps if gaps else None)


def _windows(pace: _Pace | None) -> tuple[int, int]:
    """Prediction and observation window: twice the usual time between events, as far as the log is long enough."""
    if pace is None:
        return 90, _rungs[90]
    room = [rung for rung in _rungs if 4 * rung <= pace.days] or [min(_rungs)]
    wanted = 90 if pace.between is None else next((rung for rung in _rungs if rung >= 2 * pace.between), max(_rungs))
    prediction = min(wanted, room[-1])
    return prediction, _rungs[prediction]


def _why(pace: _Pace | None) -> str:
    if pace is None or pace.between is None:
        return ""
    return f"  # a customer's events lie {pace.between:.0f} days apart on average"


def _first_report(target: Path) -> str:
    """The data report of what was written and the leaks found, or why nothing can be learned from it yet."""
    try:
        table = learning_table(load_use_case(target))
    except (DataError, UseCaseError) as failure:
        return "Not yet a use case that trains: " + "; ".join(failure.broken)
    found = [f"{each.severity}: {each.rule}: {each.detail}" for each in table.findings if each.severity == "block"]
    return "\n".join([*found, report_text(table.report)])
