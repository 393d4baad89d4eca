"""`python -m benchmarks.seasons`: a year of a shop with its Christmas, looked at each week, and what was alerted.

A model is trained once, on what Online Retail II holds until the year begins. Then each week all customers are scored,
what is known by then of earlier weeks is filled in, health is judged and alerts are settled, by the functions of a
daily run. Nothing is broken in that year: each of its alerts is taken for a false one, but for that the model is old,
which it is. Beside it the year goes on from its fourteenth week with something that broke then.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from benchmarks.tasks import Missing
from features.build.log_table import scoring_table
from features.config.use_case import LogUseCase, load_use_case
from monitoring.cli.alert_commands import alert_about
from monitoring.realised.matured import take_in
from monitoring.state.judge import Limits
from monitoring.state.look import look
from scoring.answers.served_release import Live
from scoring.audiences.snapshot import SnapshotInputs, open_snapshot
from scoring.health.alert_file import read_alerts
from scoring.health.health_file import HealthAlert, UseCaseHealth
from scoring.health.matured_windows import read_windows
from scoring.population.days import day_folder, latest_day, open_day
from scoring.population.write_day import DayInputs, write_day
from scoring.releases.store import load_release
from scoring.segments.assignment import DEFAULT
from scoring.text.health_reasons import health_action, health_text
from training.registry.mlflow_registry import Registry
from training.train import train

NAME, LOG = "buys", "online_retail_ii_invoices.parquet"
FIRST, WEEK, WEEKS = datetime(2010, 12, 6, tzinfo=UTC), timedelta(days=7), 52
BREAKS_AT = 13  # weeks after the first
MOST_FALSE = 4
TRUE_ANYWAY = {"old_model"}
STALE = timedelta(days=7)  # within which a source that stopped shows, away from feasts
USE_CASE = """
name = "buys"
polarity = "positive"
seed = 7
[events]
path = "events.parquet"
customer_id = "customer_id"
timestamp = "ts"
amount = "amount"
type = "purchase"
id = "invoice"
refund = {{ column = "is_cancel", equals = true }}
[window]
observation = "180d"
prediction = "{prediction}d"
test_cutoff = "{test_cutoff}"
train_cutoffs = 2
[label]
event = "purchase"
outcome = "present"
"""


@dataclass
class Shop:
    """A folder with the log and its use case, a home beside it, and what happens to features on their way to scores."""

    folder: Path
    on_the_way: Callable[[pl.DataFrame], pl.DataFrame] = lambda rows: rows

    @property
    def home(self) -> Path:
        """Where releases, days and health stand."""
        return self.folder / "home"

    @property
    def log(self) -> Path:
        """All events that the shop knows of."""
        return self.folder / "events.parquet"

    @property
    def use_case(self) -> LogUseCase:
        """Who buys."""
        found = load_use_case(self.folder / f"{NAME}.toml")
        assert isinstance(found, LogUseCase)
        return found


@dataclass(frozen=True)
class Look:
    """What a week's look found, and the alerts that it opened."""

    as_of: datetime
    health: UseCaseHealth
    opened: list[HealthAlert]


@dataclass(frozen=True)
class Plant:
    """Something that breaks, and how soon it has to be alerted about: at the first look after that time."""

    name: str
    breaks: Callable[[Shop, datetime], None]
    codes: frozenset[str]  # of alerts that are about it
    shows_after: timedelta


def main() -> int:
    """Prints the year, its alerts, and when each planted failure was found; 1 where it is not as asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seasons", description=__doc__)
    parser.add_argument("--prediction", type=int, default=90, help="days (default: 90)")
    parser.add_argument("--weeks", type=int, default=WEEKS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        shop = trained(Path(scratch) / "shop", asked.prediction)
        plants = _plants(timedelta(days=asked.prediction))
        copies = {plant.name: Shop(Path(scratch) / name) for name, plant in plants.items()}
        false = _year(shop, asked.weeks, list(copies.values()))
        late = [plant.name for plant in plants.values() if not _is_found(copies[plant.name], plant)]
    print(
        f"\n{false} false alerts in {asked.weeks} weeks, at most {MOST_FALSE} are asked; found late: {late or 'none'}"
    )
    return int(false > MOST_FALSE or bool(late))


def trained(folder: Path, prediction: int) -> Shop:
    """The shop with a model that knows nothing of the year."""
    source = Path(os.environ.get("PENCHANT_DATA", "")) / LOG
    if not source.is_file():
        raise Missing(NAME)
    folder.mkdir(parents=True)
    shop = Shop(folder)
    shutil.copy(source, shop.log)
    test_cutoff = (FIRST - timedelta(days=prediction)).date().isoformat()
    text = USE_CASE.format(prediction=prediction, test_cutoff=test_cutoff)
    (folder / f"{NAME}.toml").write_text(text, encoding="utf-8")
    train(shop.use_case, home=shop.home, registry=Registry(shop.home), mode="always")
    return shop


def looked(shop: Shop, as_of: datetime) -> Look:
    """One week: scored, earlier weeks filled in, judged, alerted."""
    home, use_case, features = shop.home, shop.use_case, shop.folder / "features.parquet"
    shop.on_the_way(scoring_table(use_case, as_of)).write_parquet(features)
    live, before = {NAME: Live(load_release(home, NAME, threads=1))}, latest_day(home)
    previous = open_snapshot(before.folder) if before else None
    inputs = SnapshotInputs(live, DEFAULT, features, as_of.date(), previous)
    write_day(home, DayInputs(f"{as_of:%Y%m%d}", as_of, inputs), check=lambda _parts: None)
    day, known = open_day(day_folder(home, as_of)), {alert.id for alert in read_alerts(home)}
    take_in(home, use_case, [day], as_of)
    document, _ = look(home, [use_case], day, Limits())
    alert_about(home, document, as_of + timedelta(hours=6))
    opened = [alert for alert in read_alerts(home) if alert.id not in known]
    return Look(as_of, document.use_cases[NAME], opened)


def mixed_up(shop: Shop, _at: datetime) -> None:
    """From now on customers get each other's features: no column looks otherwise."""
    shop.on_the_way = _shuffled


def _shuffled(rows: pl.DataFrame) -> pl.DataFrame:
    ids = rows.select("customer_id")
    return pl.concat([ids, rows.drop("customer_id").sample(fraction=1.0, shuffle=True, seed=7)], how="horizontal")


def stopped(shop: Shop, at: datetime) -> None:
    """From now on the log gets no more events."""
    events = pl.read_parquet(shop.log)
    events.filter(pl.col("ts") < at.replace(tzinfo=None)).write_parquet(shop.log)


def _plants(outcome: timedelta) -> Mapping[str, Plant]:
    found = ("customers get each other's features", mixed_up, frozenset({"auc_fell"}), outcome)
    silent = ("the source of events stops", stopped, frozenset({"stale_source"}), STALE)
    return {one[1].__name__: Plant(*one) for one in (found, silent)}


def _year(shop: Shop, weeks: int, copies: list[Shop]) -> int:
    """Prints each week and its alerts; returns how many were false. The shop is copied before something breaks."""
    print("| week | state | opened |\n|---|---|---|")
    found = []
    for number in range(weeks):
        for copy in copies if number == BREAKS_AT else ():
            shutil.copytree(shop.folder, copy.folder)
        one = looked(shop, FIRST + number * WEEK)
        found += one.opened
        codes = ", ".join(alert.what.code for alert in one.opened)
        print(f"| {one.as_of:%Y-%m-%d} | {one.health.state} | {codes} |", flush=True)
    print("\n" + "\n".join(_windows(shop)))
    print("\n" + "\n".join(_alerts(shop)))
    return sum(alert.what.code not in TRUE_ANYWAY for alert in found)


def _windows(shop: Shop) -> Iterator[str]:
    """What was estimated, realised and predicted of each week that matured."""
    yield "| week | estimated AUC | realised AUC | held | predicted | realised | gain over RFM |\n" + "|---" * 7 + "|"
    for one in read_windows(shop.home, NAME):
        estimate, auc = one.estimate, one.measured.roc_auc
        expected = f"{estimate.roc_auc:.3f} ({estimate.low:.3f} to {estimate.high:.3f})" if estimate else ""
        proven = " proven" if estimate and estimate.proven else ""
        gain = f"{one.baseline.gain:+.4f} {one.baseline.method}" if one.baseline else ""
        rates = f"{one.predicted:.3f} | {one.realised:.3f}"
        print_auc = f"{auc:.3f}" if auc else ""
        yield f"| {one.as_of[:10]} | {expected}{proven} | {print_auc} | {one.estimate_true} | {rates} | {gain} |"


def _alerts(shop: Shop) -> Iterator[str]:
    """Each alert of the year with what it says last, and the one thing to do."""
    for alert in read_alerts(shop.home):
        code, values = alert.what.code, alert.what.values
        yield f"{alert.since} to {(alert.ended or 'now')[:10]}: {health_text(code, values, 'en')}"
        yield f"  -> {health_action(code, NAME, values, 'en')}"


def _is_found(shop: Shop, plant: Plant) -> bool:
    """Whether what breaks is alerted about at the first look at which it can be known, and not before it broke."""
    broke = FIRST + BREAKS_AT * WEEK
    plant.breaks(shop, broke)
    number = BREAKS_AT
    while (as_of := FIRST + number * WEEK) < broke + plant.shows_after + WEEK:
        one = looked(shop, as_of)
        about = [alert for alert in one.opened if alert.what.code in plant.codes]
        if about:
            print(f"\n{plant.name} from {broke:%Y-%m-%d} on: found {as_of:%Y-%m-%d}\n  {_said(about[0])}")
            return True
        number += 1
    print(f"\n{plant.name} from {broke:%Y-%m-%d} on: not found by {as_of:%Y-%m-%d}")
    return False


def _said(alert: HealthAlert) -> str:
    return health_text(alert.what.code, alert.what.values, "en")


if __name__ == "__main__":
    raise SystemExit(main())
