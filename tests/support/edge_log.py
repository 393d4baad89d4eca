"""A log whose cells lie at the edges of what engines agree on: each odd customer's id says what is odd about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from features.config.use_case import LogUseCase
from tests.support.worlds import START, load_log, purchases, toml, write_use_case

CUTOFF = START + timedelta(days=200)
MOST = 99_999_999_999_999.0  # an amount of DECIMAL(18,4)
LEVELS = [
    *("Mode & Été", "mode  & été", "A+", "A-", "", "  ", None, "+++", "İstanbul", "straße", "Œuvre", "漢字", "🦄"),
    *("a\x00b", "NULL", "nan", "'; DROP TABLE x; --", "x" * 300, "e\u0301te\u0301"),
]
SECTORS = [
    "Santé",
    "sante",
    "",
    None,
    "NULL",
    "a\x00b",
    "🦄🦄",
    'O\'Brien "x"',
    "back\\slash",
    "line\nbreak",
    " Santé ",
]
LISTS = ["rouge;bleu", "Rouge;;BLEU é;rouge", ";", "", None, "rouge", "bleu é;vert", "vert;vert;vert", "🦄;rouge"]
WEIGHTS = [0.0, -0.0, 1e300, -1e-300, 0.1, 1 / 3, None, float("nan"), 2.0**53 + 2, 5e-324]
_micro = timedelta(microseconds=1)
_columns: dict[str, pl.DataType | type[pl.DataType]] = {
    "customer_id": pl.String,
    "ts": pl.Datetime("us", "UTC"),
    "kind": pl.String,
    "amount": pl.Float64,
    "Rayon": pl.String,
    "back": pl.String,
    "order": pl.String,
    "minutes": pl.Float64,
}
Row = tuple[str, datetime, str, float | None, str | None, str, str | None, float | None]


def _row(
    who: str,
    at: datetime,
    amount: float | None = 10.0,
    *,
    kind: str = "Achat é",
    level: str | None = "A+",
    back: str = "non",
    order: str | None = None,
    minutes: float | None = 1.5,
) -> Row:
    return who, at.replace(tzinfo=UTC), kind, amount, level, back, order, minutes


def _odd_rows() -> Iterator[Row]:
    """Events of customers who are odd in one way each."""
    day, before = timedelta(days=1), CUTOFF - timedelta(days=40)
    for who, amount in (("most", MOST), ("least", -MOST), ("tiny", 0.0001), ("zero", 0.0), ("none", None)):
        yield from (_row(f"{who} amount", before + n * day, amount, minutes=amount) for n in range(4))
    yield _row("at the cutoff", CUTOFF)
    yield from (_row("around the cutoff", CUTOFF + n * _micro) for n in (-1, 0, 1))
    for days in (7, 30, 90, 100):  # the first is inside the window, the second is not
        yield from (_row(f"at the edge of {days} days", CUTOFF - days * day - n * _micro) for n in (0, 1))
    yield from (_row("at one moment", before) for _ in range(5))
    yield from (_row("a microsecond apart", before + n * _micro) for n in range(5))
    yield from (_row("no whole second apart", before + n * timedelta(seconds=1) - _micro * n) for n in range(5))
    leap = datetime(2024, 2, 29)
    yield from (_row("leap day", at) for at in (leap - _micro, leap, leap + day - _micro, leap + day))
    paris = datetime(2024, 3, 31, 1)  # clocks go from 2 to 3 in the morning there
    yield from (_row("clock change", paris + n * timedelta(minutes=30)) for n in range(-3, 4))
    yield from (
        _row("long ago", at) for at in (datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(1901, 3, 1), before)
    )
    yield from (_row("only refunds", before + n * day, 5.0, back="oui") for n in range(3))
    yield from (_row("refunds and buys", before + n * day, 5.0, back="oui" if n % 2 else "non") for n in range(6))
    yield from (_row("lines of orders", before, 5.0, order="no 1" if n % 2 else " é\x00 ") for n in range(6))
    yield from (_row("every level", before + n * day, level=level) for n, level in enumerate(LEVELS))
    yield from (_row("other types", before + n * day, kind=kind) for n, kind in enumerate(("ACHAT E", "Panier", "🦄")))
    for who in (
        "é à ç 漢字 🦄",
        'O\'Brien "x"; --',
        "x" * 300,
        "back\\slash",
        "0123",
        "1e5",
        "e\u0301te\u0301",
        "NUL \x00 id",
    ):
        yield from (_row(who, before + n * day, 0.1 * n) for n in range(3))


def edge_log() -> pl.DataFrame:
    """Plain purchases and odd ones, with levels, orders and carts."""
    plain = purchases(60, 250, rate=0.06)
    rows = [
        _row(who, at, amount, level=LEVELS[n % len(LEVELS)], minutes=None if n % 3 else amount / 7, order=_order(n))
        for n, (who, at, amount) in enumerate(plain.iter_rows())
    ]
    carts = [_row(who, at - timedelta(hours=n % 49), None, kind="Panier") for n, (who, at, *_) in enumerate(rows)]
    return pl.DataFrame([*rows, *carts, *_odd_rows()], schema=_columns, orient="row")


def _order(number: int) -> str | None:
    return f"o{number // 3}" if number % 5 else None


def edge_profiles(ids: list[str]) -> pl.DataFrame:
    """Two dated rows for each customer, some at one moment, some at the cutoff."""
    rows = []
    for n, who in enumerate(ids * 2):
        known = CUTOFF - timedelta(days=n % 90) if n % 7 else CUTOFF
        since = datetime(2000, 2, 29) + timedelta(days=n * 31, microseconds=n)
        tags = (LISTS[n % 4] or "").split(";") if n % 3 else None
        whole = None if n % 5 == 0 else 2**53 + n
        rows.append((who, known, SECTORS[n % 11], LISTS[n % 9], tags, since, n % 3 == 0, WEIGHTS[n % 10], whole))
    kinds: list[pl.DataType | type[pl.DataType]] = [
        pl.String,
        pl.Datetime("us"),
        pl.String,
        pl.String,
        pl.List(pl.String),
        pl.Datetime("us"),
        pl.Boolean,
    ]
    names = ["customer_id", "valid_from", "sector", "colours", "tags", "since", "vip", "weight", "points"]
    return pl.DataFrame(rows, schema=dict(zip(names, [*kinds, pl.Float64, pl.Int64], strict=True)), orient="row")


def edge_case(folder: Path) -> LogUseCase:
    """A use case on that log with all that a log can have: counts, reactivity, orders, measures, outliers, profiles."""
    log = edge_log()
    log.write_parquet(folder / "events.parquet")
    edge_profiles(log["customer_id"].unique(maintain_order=True).to_list()).write_parquet(folder / "profiles.parquet")
    events = {"path": "events.parquet", "customer_id": "customer_id", "timestamp": "ts", "type": {"column": "kind"}}
    refund = {"column": "back", "equals": "oui"}
    events |= {"amount": "amount", "refund": refund, "order": "order", "properties": ["Rayon"], "measures": ["minutes"]}
    counts: list[dict[str, Any]] = [
        {"name": "plus_in_leap_month", "event": "Achat é", "where": {"Rayon": ["A+", "Été"]}, "months": [2, 3]},
        {"name": "left_carts", "event": "Panier", "unless": "Achat é", "within": "24h"},
        {"name": "in_sales", "event": "Achat é", "calendar": "sales"},
    ]
    sections: dict[str, dict[str, Any]] = {
        "events": events,
        "profiles": {"path": "profiles.parquet", "customer_id": "customer_id", "valid_from": "valid_from"},
        "window": {"observation": "100d", "prediction": "30d", "train_cutoffs": 2, "test_cutoff": f"{CUTOFF:%Y-%m-%d}"},
        "label": {"event": "Achat é", "outcome": "present"},
        "calendar": {"sales": ["2024-02-28..2024-02-29", "2024-06-20..2024-07-02"]},
        "reactivity": {"send": "Panier", "answer": ["Achat é"], "within": "48h"},
        "engagement": {"Achat é": 3, "Panier": 0.1},
        "quality": {"outliers": True, "bad_rows": 0.5},
    }
    file = write_use_case(folder, sections)
    stated = [[f"{key} = {toml(value)}" for key, value in count.items()] for count in counts]
    file.write_text(
        "\n".join([file.read_text(encoding="utf-8"), *(f"[[counts]]\n{chr(10).join(one)}" for one in stated)])
    )
    return load_log(file)
