"""Counts that a use case declares are what they say, held against plain Python on one event at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.build.log_table import scoring_table
from features.config.use_case import LogUseCase
from features.errors import DataError, UseCaseError
from features.leakage.perturbation import sees_the_future
from features.point_in_time.compiled_sql import raw_events
from features.point_in_time.declared_counts import DeclaredCount, empty_counts
from features.point_in_time.labels import naive
from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from features.spec.feature import CUSTOMER_ID, normalise
from features.spec.raw_events import RawEvents
from features.tables.learning_table import ID
from tests.features.point_in_time.test_compiled_sql import answered, posted
from tests.support.worlds import load_log, purchases, toml, utc, write_use_case

CUTOFF = utc(200)
SALES = [["2024-03-01..2024-03-14", "2024-06-20..2024-07-02"], ["2024-05-01"]]
COUNTS: list[dict[str, Any]] = [
    {"name": "fashion_in_june", "event": "Achat", "where": {"Rayon": "Mode & Été"}, "months": [6]},
    {"name": "plus_or_minus", "event": "Achat", "where": {"Rayon": ["A+", "A-"]}},
    {"name": "minus", "event": "Achat", "where": {"Rayon": "a-", "size": 12}, "window": "400d"},
    {"name": "abandoned_carts", "event": "Panier validé", "unless": "Achat", "within": "24h"},
    {"name": "abandoned_minus", "event": "Panier validé", "where": {"Rayon": "A-"}, "unless": "Achat", "within": "7d"},
    {"name": "unpaid", "event": "Achat", "unless": "Panier validé", "within": "2h", "window": "30d"},
    {"name": "in_sales", "event": "Achat", "calendar": "sales"},
    {"name": "near_any", "event": "Panier validé", "calendar": ["sales", "fair"], "days_around": 3, "window": "150d"},
]
LEVELS = ["Mode & Été", "mode  & été", " MODE & ÉTÉ ", "A+", "A-", "a- ", "", "  ", None, "+++", "Mode", "Été"]


def odd_log(*, seed: int = 5, customers: int = 90) -> pl.DataFrame:
    """Two types of events with accents, at equal moments or whole hours apart, with refunds and blank properties."""
    random = np.random.default_rng(seed)
    buys = purchases(customers, rate=0.08, seed=seed).with_columns(kind=pl.lit("Achat"))
    before = random.choice([0, 2, 23, 24, 25, 168, -1], len(buys))
    earlier = pl.col("ts") - pl.duration(hours=pl.col("before"))
    carts = buys.with_columns(before=pl.Series(before)).with_columns(ts=earlier, kind=pl.lit("Panier validé"))
    whole = pl.concat([buys, carts.drop("before").sample(fraction=0.7, seed=seed)])
    return whole.with_columns(
        Rayon=pl.Series([LEVELS[at] for at in random.integers(0, len(LEVELS), len(whole))]),
        size=pl.Series([(12.0, 13.5, None)[at] for at in random.integers(0, 3, len(whole))]),
        back=pl.Series(["non" if at else "oui" for at in random.integers(0, 12, len(whole))]),
    ).sort("ts", "customer_id", "kind")


def declared(counts: Sequence[Mapping[str, Any]]) -> str:
    """Counts as a use-case file has them."""
    keys = [[f"{key} = {toml(value)}" for key, value in count.items()] for count in counts]
    return "\n".join(line for each in keys for line in ("", "[[counts]]", *each))


def odd_case(
    folder: Path,
    log: pl.DataFrame,
    counts: Sequence[Mapping[str, Any]] = COUNTS,
    *,
    label: str = "Achat",
    **events: str,
) -> LogUseCase:
    """A use case on such a log."""
    log.write_parquet(folder / "events.parquet")
    section = {
        "path": "events.parquet",
        "customer_id": "customer_id",
        "timestamp": "ts",
        "type": {"column": "kind"},
        "amount": "amount",
        "refund": {"column": "back", "equals": "oui"},
        "properties": ["Rayon", "size"],
    }
    sections: dict[str, Any] = {
        "events": {**section, **events},
        "window": {"observation": "100d", "prediction": "30d", "train_cutoffs": 2, "test_cutoff": "2024-07-19"},
        "label": {"event": label, "outcome": "present"},
        "calendar": {"sales": SALES[0], "fair": SALES[1]},
    }
    file = write_use_case(folder, sections)
    file.write_text(file.read_text(encoding="utf-8") + declared(counts), encoding="utf-8")
    return load_log(file)


def by_hand(own: list[dict[str, Any]], count: Mapping[str, Any], end: datetime) -> int:
    """A count of one customer's events, by its definition and nothing else."""
    past = [event for event in own if event["ts"] < end and event["back"] != "oui" and (event["amount"] or 0) >= 0]
    found = 0
    for event in past:
        at: datetime = event["ts"]
        fits = event["kind"] == count["event"] and at >= end - timedelta(days=int(count.get("window", "100d")[:-1]))
        for name, wanted in count.get("where", {}).items():
            values = wanted if isinstance(wanted, list) else [wanted]
            fits = fits and any(_same(event[name], value) for value in values)
        fits = fits and at.month in count.get("months", range(1, 13))
        if "calendar" in count:
            fits = fits and _in_calendar(at.date(), count)
        if "unless" in count:
            hours = int(count["within"][:-1]) * {"h": 1, "d": 24}[count["within"][-1]]
            over = at + timedelta(hours=hours)
            followed = any(other["kind"] == count["unless"] and at <= other["ts"] < over for other in past)
            fits = fits and over <= end and not followed
        found += fits
    return found


def _same(cell: Any, value: Any) -> bool:
    """Whether a cell says a value, its case and blanks aside; of two texts with one slug the first is meant by it."""
    if cell is None or isinstance(value, int):
        return bool(cell == value)
    return " ".join(str(cell).split()).casefold() == " ".join(str(value).split()).casefold()


def _in_calendar(day: date, count: Mapping[str, Any]) -> bool:
    names = count["calendar"] if isinstance(count["calendar"], list) else [count["calendar"]]
    reach = timedelta(days=count.get("days_around", 0))
    for period in (text for name in names for text in SALES[("sales", "fair").index(name)]):
        first, _, last = period.partition("..")
        if date.fromisoformat(first) - reach <= day <= date.fromisoformat(last or first) + reach:
            return True
    return False


@pytest.mark.parametrize("at", [200, 152, 100], ids=lambda day: f"day {day}")
def test_every_count_is_what_it_says(tmp_path: Path, at: int) -> None:
    """Of each customer, by hand; no count is always 0."""
    log = odd_log()

    table = scoring_table(odd_case(tmp_path, log), utc(at))

    rows = {row["customer_id"]: row for row in table.iter_rows(named=True)}
    for count in COUNTS:
        expected = {
            str(customer): by_hand(own.to_dicts(), count, naive(utc(at)))
            for (customer,), own in log.filter(pl.col("ts") < naive(utc(at))).group_by("customer_id")
        }
        assert {name: row[count["name"]] for name, row in rows.items()} == expected, count["name"]
        assert at < 200 or sum(expected.values()) > 0, count["name"]


def test_the_future_changes_no_count(tmp_path: Path) -> None:
    """With every event after the cutoff rewritten, and the types and levels settled anew."""
    with engine() as backend:
        context = open_log_context(backend, odd_case(tmp_path, odd_log()), None)
        cutoff = context.cutoffs.train[-1]
        rows = context.features_at(cutoff).rename({CUSTOMER_ID: ID})

        found = sees_the_future(backend, context, cutoff, rows)

    assert set(rows.columns) >= {str(count["name"]) for count in COUNTS}
    assert found == []


def test_raw_lines_of_orders_give_the_counts_of_the_table(tmp_path: Path) -> None:
    """Orders of several customers, types and departments."""
    log = odd_log().with_columns(order=(pl.int_range(pl.len()) // 3).cast(pl.String))
    use_case = odd_case(tmp_path, log, order="order")
    with engine() as backend:
        raw = raw_events(use_case, open_log_context(backend, use_case, CUTOFF).plan)

    found = answered(raw, {"events": as_posted(log, raw)})

    assert found.equals(scoring_table(use_case, CUTOFF).drop("eligible"))


def as_posted(log: pl.DataFrame, raw: RawEvents) -> pl.DataFrame:
    """The log as a server reads what is posted of it: whole numbers without a point, slugs kept apart."""
    apart = next(column.get("apart", {}) for column in raw["events"] if column["key"] == "Rayon")
    read = [None if text is None else apart.get(normalise(text), text) for text in log["Rayon"]]
    sizes = [None if size is None else f"{size:g}" for size in log["size"]]
    texts = log.with_columns(Rayon=pl.Series(read, dtype=pl.String), size=pl.Series(sizes, dtype=pl.String))
    return posted(texts, CUTOFF, type=pl.col("kind"), refund=pl.col("back") == "oui")


def cart_case(folder: Path, *events: tuple[str, str, datetime]) -> LogUseCase:
    """A log with a few events of certain customers, and a count of carts that were left."""
    extra = pl.DataFrame(
        events, schema={"customer_id": pl.String, "kind": pl.String, "ts": pl.Datetime("us")}, orient="row"
    )
    count = {"name": "abandoned_carts", "event": "Panier validé", "unless": "Achat", "within": "24h"}
    return odd_case(folder, pl.concat([odd_log(), extra], how="diagonal"), [count])


def test_a_cart_is_abandoned_once_its_time_is_over(tmp_path: Path) -> None:
    """At the cutoff that ends its 24 hours, not a microsecond before; a purchase at the last moment saves it.

    It is counted as long as the window holds it, to the microsecond.
    """
    end, day, instant = naive(CUTOFF), timedelta(days=1), timedelta(microseconds=1)
    carts = {"over": end - day, "not yet": end - day + instant, "two hours": end - timedelta(hours=2)}
    carts |= {"first": end - 100 * day, "older": end - 100 * day - instant}
    saved = {"at once": timedelta(), "late": day - instant, "too late": day, "before": -instant}
    events = [(name, "Panier validé", at) for name, at in carts.items()]
    for name, after in saved.items():
        events += [(name, "Panier validé", end - 3 * day), (name, "Achat", end - 3 * day + after)]

    rows = scoring_table(cart_case(tmp_path, *events), CUTOFF).rows_by_key("customer_id", named=True, unique=True)

    found = {name: rows[name]["abandoned_carts"] for name in (*carts, *saved)}
    counted = {name for name, count in found.items() if count}
    assert counted == {"over", "first", "too late", "before"}


def test_a_refund_saves_no_cart_and_is_not_counted(tmp_path: Path) -> None:
    """It is no event of its type, as in every other count."""
    end = naive(CUTOFF) - timedelta(days=5)
    use_case = cart_case(tmp_path, ("c", "Panier validé", end), ("c", "Achat", end))
    log = pl.read_parquet(tmp_path / "events.parquet")
    back = pl.when(pl.col("customer_id") == "c").then(pl.lit("oui")).otherwise(pl.col("back"))

    for refunded in ("Achat", "Panier validé"):
        of_kind = pl.when(pl.col("kind") == refunded).then(back).otherwise(pl.col("back"))
        log.with_columns(back=of_kind).write_parquet(tmp_path / "events.parquet")
        rows = scoring_table(use_case, CUTOFF).rows_by_key("customer_id", named=True, unique=True)
        assert rows["c"]["abandoned_carts"] == (refunded == "Achat")


def test_an_order_fits_where_any_of_its_lines_does(tmp_path: Path) -> None:
    """And is one event, though its lines are of two departments."""
    at = naive(CUTOFF) - timedelta(days=5)
    lines = pl.DataFrame(
        {
            "customer_id": ["c"] * 3,
            "kind": ["Achat"] * 3,
            "ts": [at] * 3,
            "number": ["o"] * 3,
            "Rayon": ["A+", "Mode & Été", "A+"],
        },
        schema_overrides={"ts": pl.Datetime("us")},
    )
    counts = [
        {"name": f"of_{name}", "event": "Achat", "where": {"Rayon": level}}
        for name, level in (("plus", "A+"), ("minus", "A-"))
    ]
    use_case = odd_case(tmp_path, pl.concat([odd_log(), lines], how="diagonal"), counts, order="number")

    rows = scoring_table(use_case, CUTOFF).rows_by_key("customer_id", named=True, unique=True)

    assert (rows["c"]["of_plus"], rows["c"]["of_minus"], rows["c"]["achats_total"]) == (1, 0, 1)


def test_months_and_days_are_those_of_the_moment_in_utc(tmp_path: Path) -> None:
    """Texts with a zone, around a change of the clock: the same instant is in the same month however it is written."""
    spelled = {
        "in": "2024-03-31T23:59:59.5Z",
        "out": "2024-04-01T00:00:00Z",
        "paris": "2024-04-01T01:30:00+02:00",  # still March in UTC, in the night after the clocks changed
        "winter": "2024-03-01T00:30:00+01:00",  # still February
        "new york": "2024-02-29T19:30:00-05:00",  # March
    }
    log = odd_log().with_columns(ts=pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ"))
    extra = pl.DataFrame({"customer_id": list(spelled), "ts": list(spelled.values()), "kind": "Achat"})
    counts: list[dict[str, Any]] = [
        {"name": "in_march", "event": "Achat", "months": [3], "window": "365d"},
        {"name": "in_days", "event": "Achat", "calendar": "march", "window": "365d"},
    ]
    file = odd_case(tmp_path, pl.concat([log, extra], how="diagonal"), counts[:1]).file
    text = file.read_text(encoding="utf-8").replace("[calendar]", '[calendar]\nmarch = "2024-03-01..2024-03-31"')
    file.write_text(text + declared(counts[1:]), encoding="utf-8")

    rows = scoring_table(load_log(file), CUTOFF).rows_by_key("customer_id", named=True, unique=True)

    found = {name: rows[name]["in_march"] for name in spelled}
    assert found == {"in": 1, "out": 0, "paris": 1, "winter": 0, "new york": 1}
    assert all(row["in_march"] == row["in_days"] for row in rows.values())


def test_events_that_the_log_does_not_have_are_named(tmp_path: Path) -> None:
    """All at once, with the types that it has."""
    counts: list[dict[str, Any]] = [
        {"name": "a", "event": "Purchase"},
        {"name": "b", "event": "Achat", "unless": "Retour", "within": "1d"},
    ]

    with pytest.raises(DataError) as failure:
        scoring_table(odd_case(tmp_path, odd_log(), counts), CUTOFF)

    first, second = failure.value.broken
    assert first.startswith("counts.0.event: must be a type of events of the log (achat, panier_valide), got 'Pu")
    assert "counts.1.unless" in second


def test_a_name_that_the_log_gives_a_feature_is_refused(tmp_path: Path) -> None:
    """Those of built-in features, of bookkeeping, and those that traits have inside."""
    names = ["achats_total", "customer_id", "eligible", "completeness", "t0", "newest"]
    counts = [{"name": name, "event": "Achat"} for name in names]
    counts[5] |= {"unless": "ACHAT", "within": "1d"}  # another text, the same event

    with pytest.raises(UseCaseError) as failure:
        scoring_table(odd_case(tmp_path, odd_log(), counts), CUTOFF)

    wrong = [line.split(":")[0] for line in failure.value.broken]
    assert wrong == [*(f"counts.{at}.name" for at in range(5)), "counts.5.unless"]


def test_types_that_differ_in_signs_only_are_counted_apart(tmp_path: Path) -> None:
    """As levels are: each by the text that the log has."""
    log = odd_log().with_columns(kind=pl.col("kind").replace({"Achat": "Achat +", "Panier validé": "Achat -"}))
    counts: list[dict[str, Any]] = [
        {"name": "plus", "event": "achat +"},
        {"name": "minus", "event": "Achat -"},
        {"name": "alone", "event": "Achat -", "unless": "Achat +", "within": "2d"},
    ]
    use_case = odd_case(tmp_path, log, counts, label="Achat +")

    table = scoring_table(use_case, CUTOFF)

    rows = {row["customer_id"]: row for row in table.iter_rows(named=True)}
    past = log.filter(pl.col("ts") < naive(CUTOFF)).with_columns(kind=pl.col("kind").str.replace("Achat", "achat"))
    for (customer,), own in past.group_by("customer_id"):
        for count in counts:
            spelled = count | {key: str(count[key]).lower() for key in ("event", "unless") if key in count}
            assert rows[str(customer)][count["name"]] == by_hand(own.to_dicts(), spelled, naive(CUTOFF))


def test_a_count_of_nothing_is_a_finding() -> None:
    """A value that no event has is not refused, for a department may be new or gone; it is named."""
    counts = [DeclaredCount(name, "achat", 100) for name in ("some", "none")]

    found = list(empty_counts(counts, pl.DataFrame({"some": [0, 2], "none": [0, 0]})))

    assert [(finding.rule, finding.feature, finding.severity) for finding in found] == [
        ("counts_nothing", "none", "warn")
    ]
