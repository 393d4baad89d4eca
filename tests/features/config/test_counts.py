"""Counts and calendars of a use-case file: what they may say, and every broken rule of theirs at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from features.config.use_case import LogUseCase, load_use_case
from features.errors import UseCaseError
from features.tables.digests import config_digest, features_digest
from tests.features.config.test_use_case import LOG, TABLE, written

TYPED = LOG.replace('type = "purchase"', 'type = { column = "kind" }\nproperties = ["category", "shop"]')
CALENDAR = """
[calendar]
sales = ["2026-01-07..2026-02-03", 2026-11-27]
fair = "2026-05-01"
"""
COUNT = """
[[counts]]
name = "sales_carts"
event = "cart"
"""


def broken(folder: Path, text: str) -> list[str]:
    """The rules that a file breaks."""
    with pytest.raises(UseCaseError) as failure:
        load_use_case(written(folder, text))
    return list(failure.value.broken)


def test_a_count_says_what_it_counts(tmp_path: Path) -> None:
    """Values alone or in lists, durations in hours, days and weeks, days in both ways of TOML."""
    keys = 'where = { category = "mode", shop = [12, true] }\nmonths = [6]\ncalendar = "sales"\ndays_around = 2\n'
    more = 'unless = "purchase"\nwithin = "24h"\nwindow = "2w"\ntitle = { fr = "Paniers", en = "Carts" }\n'

    use_case = load_use_case(written(tmp_path, TYPED + CALENDAR + COUNT + keys + more))

    assert isinstance(use_case, LogUseCase)
    (count,) = use_case.counts
    assert count.where == {"category": ("mode",), "shop": (12, True)}
    assert (count.months, count.within, count.window) == ((6,), 24, 14)
    assert use_case.periods_of(count) == [
        (date(2026, 1, 5), date(2026, 2, 5)),
        (date(2026, 11, 25), date(2026, 11, 29)),
    ]


def test_a_file_without_counts_has_the_digest_it_had(tmp_path: Path) -> None:
    """So that nothing is trained anew for keys that nobody gives; with a count it is another."""
    without, calendar, count = (
        config_digest(load_use_case(written(tmp_path, TYPED + more))) for more in ("", CALENDAR, CALENDAR + COUNT)
    )

    assert without == config_digest(load_use_case(written(tmp_path, TYPED + "\n[calendar]\n")))
    assert len({without, calendar, count}) == 3


@pytest.mark.parametrize(
    ("keys", "part"),
    [
        ('where = { colour = "red" }', "counts.0.where.colour: must be one of events.properties ('category', 'shop')"),
        ('where = { category = "+++" }', "hold a letter or a digit"),
        ("where = { category = [] }", "at least one"),
        ("months = [0]", "counts.0.months.0: input should be greater than or equal to 1, got 0"),
        ("months = [13]", "less than or equal to 12"),
        ("months = [6, 6]", "each month once"),
        ("months = []", "at least one"),
        ('unless = "purchase"', "unless and within go together"),
        ('within = "24h"', "unless and within go together"),
        ('unless = "cart"\nwithin = "24h"', "unless must be another event than event"),
        ('unless = "purchase"\nwithin = "soon"', 'whole hours, days or weeks such as "24h" or "7d", got \'soon\''),
        ('unless = "purchase"\nwithin = "0h"', "greater than or equal to 1"),
        ('window = "24h"', 'whole days or weeks such as "90d"'),
        ('calendar = "promo"', "must be of [calendar] (sales, fair), got 'promo'"),
        ("days_around = 3", "days_around goes with calendar"),
        ('title = { fr = "Paniers" }', "counts.0.title.en: is required"),
        ('colour = "red"', "counts.0.colour: unknown key"),
        ('\n[[counts]]\nname = "sales_carts"\nevent = "cart"', "counts.1.name: must be another than that of a count"),
        ('\n[[counts]]\nname = "Carts"\nevent = "cart"', "counts.1.name: string should match pattern"),
        ('\n[[counts]]\nname = "carts"\nevent = ""', "counts.1.event"),
    ],
)
def test_a_broken_count_is_named(tmp_path: Path, keys: str, part: str) -> None:
    """With its rule and what arrived."""
    (line,) = broken(tmp_path, TYPED + CALENDAR + COUNT + keys + "\n")

    assert part in line


@pytest.mark.parametrize(
    "period",
    ["2026-02-03..2026-01-07", "2026-13-01", "Noel", "..2026-01-07", "1026-01-07..2026-01-07", "2026-01-07T10:00:00"],
)
def test_a_calendar_holds_days(tmp_path: Path, period: str) -> None:
    """In ISO form, the first before the last, within a few lifetimes."""
    (line,) = broken(tmp_path, TYPED + f'\n[calendar]\nsales = ["2026-01-07", "{period}"]\n')

    assert line.startswith("calendar.sales.1: must")


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """Of several counts, of the calendar, and of the rest of the file."""
    more = 'where = { colour = "red" }\nmonths = [13]\ncalendar = "promo"\n'

    lines = broken(tmp_path, TYPED.replace('"30d"', '"a month"') + CALENDAR.replace("05-01", "05-32") + COUNT + more)

    for part in ("window.prediction", "calendar.fair.0", "counts.0.where.colour", "counts.0.months.0", "'promo'"):
        assert any(part in line for line in lines), part


def test_a_log_of_one_type_has_no_other_events(tmp_path: Path) -> None:
    """Neither to count nor to follow."""
    lines = broken(tmp_path, LOG + COUNT + 'unless = "visit"\nwithin = "1d"\n')

    assert [line.split(",")[0] for line in lines] == [
        "counts.0.event: must be the log's only event type 'purchase'",
        "counts.0.unless: must be the log's only event type 'purchase'",
    ]


@pytest.mark.parametrize("section", [CALENDAR, COUNT], ids=["calendar", "counts"])
def test_a_ready_table_counts_no_events(tmp_path: Path, section: str) -> None:
    """Its columns are what is known."""
    table = 'name = "n"\npolarity = "positive"\n[table]\npath = "a.csv"\nlabel = "y"\npositive = "yes"\n'

    assert any("does not go with [table]" in line for line in broken(tmp_path, table + section))


REACTIVITY = """
[reactivity]
send = "sent"
answer = ["opened", "clicked"]
within = "48h"
"""


def test_reactivity_says_what_answers_what(tmp_path: Path) -> None:
    """One answer or several; a file without it has the digests it had."""
    stated = load_use_case(written(tmp_path, TYPED + REACTIVITY))
    one = load_use_case(written(tmp_path, TYPED + REACTIVITY.replace('["opened", "clicked"]', '"opened"')))
    plain = load_use_case(written(tmp_path, TYPED))

    assert isinstance(stated, LogUseCase)
    assert isinstance(one, LogUseCase)
    assert isinstance(plain, LogUseCase)
    assert stated.reactivity is not None
    assert one.reactivity is not None
    assert (stated.reactivity.answer, stated.reactivity.within) == (("opened", "clicked"), 48)
    assert one.reactivity.answer == ("opened",)
    assert len({digest(case) for digest in (config_digest, features_digest) for case in (stated, one, plain)}) == 6
    assert "reactivity" not in plain.model_dump(exclude_none=True)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('send = "sent"', "", "reactivity.send: is required"),
        ('"sent"', '"Opened"', "answer must be of other events than send, got 'Opened' in both"),
        ('"clicked"', '"OPENED"', "answer must name an event once, got 'OPENED', 'opened'"),
        ('["opened", "clicked"]', "[]", "reactivity.answer: value should have at least 1 item"),
        ('"48h"', '"soon"', 'whole hours, days or weeks such as "24h" or "7d", got \'soon\''),
        ('"48h"', '"53w"', "reactivity.within must be shorter than window.observation (365 days), got 8904 hours"),
        ('within = "48h"', 'within = "48h"\ncolour = "red"', "reactivity.colour: unknown key"),
    ],
)
def test_a_broken_reactivity_is_named(tmp_path: Path, old: str, new: str, part: str) -> None:
    """With its rule and what arrived."""
    (line,) = broken(tmp_path, TYPED + REACTIVITY.replace(old, new))

    assert part in line


def test_reactivity_is_of_events_that_the_logs_may_have(tmp_path: Path) -> None:
    """Each that a log of one type cannot is named; a ready table has none."""
    lines = broken(tmp_path, LOG + REACTIVITY)

    assert [line.partition(":")[0] for line in lines] == ["reactivity.send", *["reactivity.answer"] * 2]
    assert broken(tmp_path, TABLE + REACTIVITY) == ["[reactivity] does not go with [table]"]
