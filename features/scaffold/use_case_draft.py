"""A first use case from a file: its columns' likely roles, written with comments and tried at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from features.build.log_table import learning_table
from features.columns.expressions import slug
from features.config.use_case import load_use_case
from features.errors import DataError, UseCaseError
from features.quality.log_coverage import OF_LOGS
from features.quality.render import as_text as report_text
from features.scaffold.column_profile import profile_columns
from features.scaffold.log_draft import FoundLog, columns_to_choose, log_sections, only_type, profile_section
from features.scaffold.role_inference import BAD, RoleGuess, columns_after_outcome, guess_roles, positive_of
from features.scaffold.toml_lines import listed, named, not_iso, or_too, quoted, relative_path

_labels = (
    "",
    "# [labels.COLUMN]  # what people read for the values of a column, a line for each",
    '# VALUE = { fr = "...", en = "..." }',
)


def init(file: Path, out: Path | None, *, force: bool, others: Sequence[Path] = ()) -> str:
    """Writes a commented use case for a data file and gives the report of what it would learn from.

    With `others` it is one use case on all files: each that holds events is a log, one with a row per customer the
    profiles.

    Raises:
        UseCaseError: the file to write is there already, and `force` is not given.
        DataError: a data file cannot be read, or no label, customer or date can be seen in it.
    """
    target = out or Path(re.sub(r"(\.(csv|tsv|txt|parquet|pq|duckdb|db|gz))+$", "", file.name, flags=re.I) + ".toml")
    if target.exists() and not force:
        raise UseCaseError(target, ["is there already; --force overwrites it"])
    found = [_looked_at(each) for each in dict.fromkeys((file, *others))]
    lines, notes = _drafted(found, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "\n".join([str(target), *notes, _first_report(target)])


def _looked_at(file: Path) -> tuple[Path, RoleGuess]:
    guessed = guess_roles(profile_columns(file))
    if sum(len(each.cells) > 0 for each in guessed.columns) < 2:
        raise DataError(file, ["must have a column of two values to predict, or a customer id and a date"])
    return file, guessed


def _drafted(found: Sequence[tuple[Path, RoleGuess]], target: Path) -> tuple[list[str], list[str]]:
    """The lines of the use case, and what there is to say of them."""
    if len(found) > 1:
        return _of_several(found, target)
    [(file, guessed)] = found
    if not guessed.is_log:
        return _table(file, target, guessed), _alternatives(guessed)
    log = FoundLog(file, guessed, only_type(file, guessed, alone=True))
    return _of_logs([log], target), _alternatives(guessed)


def _of_several(found: Sequence[tuple[Path, RoleGuess]], target: Path) -> tuple[list[str], list[str]]:
    people = [(file, guessed) for file, guessed in found if _has_a_row_each(guessed)]
    events = [(file, guessed) for file, guessed in found if not _has_a_row_each(guessed)]
    if not events:
        rule = "one of the files must be a log, in which customers come back; each seems to have a row per customer"
        raise DataError(found[0][0], [rule])
    logs = _apart([FoundLog(file, guessed, only_type(file, guessed, alone=False)) for file, guessed in events])
    logs.sort(key=lambda log: log.guessed.amount is None)  # what is bought is asked about, where anything is
    profiles = [line for file, guessed in people[:1] for line in profile_section(file, target, guessed)]
    notes = [
        f"note: {file.name}: {line.removeprefix('note: ')}" for file, each in found for line in _alternatives(each)
    ]
    notes += [f"note: {file.name} is left out: profiles are of one file, {people[0][0].name}" for file, _ in people[1:]]
    return _of_logs(logs, target, profiles), notes


def _of_logs(logs: Sequence[FoundLog], target: Path, profiles: Sequence[str] = ()) -> list[str]:
    sections = log_sections(logs, target, profiles)
    return [*_header(target, "positive"), *sections, *_labels, *columns_to_choose(logs)]


def _has_a_row_each(guessed: RoleGuess) -> bool:
    """Whether a file has one row per customer."""
    return guessed.customer is not None and not guessed.customer.has_repeats


def _apart(logs: Sequence[FoundLog]) -> list[FoundLog]:
    """The logs, each with a name where two would have a type of events in common."""
    types = [kind for log in logs for kind in log.types]
    if len(set(types)) == len(types):
        return list(logs)
    stems = [slug(log.file.name.partition(".")[0]).lstrip("0123456789_")[:28] or "log" for log in logs]
    own = [stem if stems.count(stem) == 1 else f"{stem}_{at + 1}" for at, stem in enumerate(stems)]
    return [replace(log, name=name) for log, name in zip(logs, own, strict=True)]


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


def _header(target: Path, polarity: str) -> list[str]:
    return [
        "# Written by `python -m features init`: read every line, it is a guess.",
        f"name = {quoted(_use_case_name(target.stem))}",
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


def _table(file: Path, target: Path, guessed: RoleGuess) -> list[str]:
    label = guessed.label
    lines = [
        "[table]  # one row per customer",
        f"path = {relative_path(file, target)}",
        named("label", label) + or_too(guessed.label_too),
    ]
    if label is None:
        lines += ['positive = ""  # the value to predict; all others are negative']
    else:
        positive = positive_of(label)
        others = ", ".join(quoted(level) for level in label.levels if level != positive)
        lines += [f"positive = {quoted(positive)}  # the value to predict; all others are negative: {others}"]
    after = columns_after_outcome(guessed)
    why = "their names speak of the outcome" if after else "columns only known after the outcome: the usual leak"
    lines += [f"exclude = [{', '.join(map(quoted, after))}]  # {why}"]
    if guessed.customer is not None:
        lines.append(f"customer_id = {quoted(guessed.customer.name)}")
    if guessed.moment is not None:
        lines.append(f"# order_by = {quoted(guessed.moment.name)}  # split in time on it")
        lines += [f"# order_by_{line.removeprefix('timestamp_')}" for line in not_iso(guessed.moment)]
    bad = label is not None and BAD.search(f"{label.words} {positive_of(label).lower()}")
    return [
        *_header(target, "negative" if bad else "positive"),
        *lines,
        *_labels,
        *([] if label else listed(guessed)),
    ]


def _first_report(target: Path) -> str:
    """The data report of what was written and the leaks found, or why nothing can be learned from it yet."""
    try:
        table = learning_table(load_use_case(target))
    except (DataError, UseCaseError) as failure:
        return "Not yet a use case that trains: " + "; ".join(failure.broken)
    found = [
        f"{each.severity}: {each.rule}: {each.detail}"
        for each in table.findings
        if each.severity == "block" or each.rule in OF_LOGS
    ]
    return "\n".join([*found, report_text(table.report)])
