"""Figures of every room that makes some, on small seeded inputs: what tests/system/figures.json keeps.

`python -m tests.support.figures` writes the figures of rooms whose version was raised, and new ones, and no other.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.build.log_table import learning_table
from features.columns.text_parsing import parse_moments
from features.columns.type_inference import read_column
from features.history.log_span import find_log_span
from features.leakage.univariate import explained_together, group, univariate_evidence
from features.sources.engine import engine, frame
from features.sources.source import open_source
from features.spec.feature import Feature, normalise
from features.spec.moments import read_moment
from features.spec.numbers import amounts, read_each
from features.tables.target import labels_of
from scoring.bundle.bundle import Bundle, load_bundle
from scoring.bundle.scorer import Scorer
from scoring.encoding.encoder import Encoder
from scoring.models.bands import percentile, percentile_boundaries, published_score
from scoring.models.calibration import Calibration
from scoring.models.threshold_planner import TICKS
from tests.support.models import LEVELS, SHOP, shop_rows, write_shop_bundle
from tests.support.worlds import log_case, purchases
from training.bundling.curves import curves
from training.bundling.golden_rows import synthetic_rows
from training.bundling.market import market_of
from training.bundling.thresholds import around, at_percentiles
from training.data.calendar_drift import share_outside
from training.data.clusters import Clusters
from training.data.encode import encode, fit_encoder
from training.data.split import SHARES, Parts, learning_parts, share_out
from training.diagnostics.findings import outgrown
from training.diagnostics.outliers import flags_of
from training.evaluation.metrics import ece_by_chance, intervals, measure, wilson
from training.evaluation.paired_gain import gain_over_rate, paired_gain
from training.fitting.calibrate import fit_calibration
from training.fitting.candidates import candidates
from training.fitting.fit import contend, teach
from training.fitting.imputation import learn_imputation
from training.fitting.lesson import Lesson
from training.fitting.level_rates import on_rates
from training.promotion.gate import against, minimum
from training.promotion.guards import calibration, psi, psi_by_chance
from training.provenance import ADDED_VERSIONS, FIGURE_VERSIONS
from training.selection.cross_validation import choose
from training.uplift.policies import Trial, figures_of
from training.value.purchase_fit import Purchases, fit_purchases, fit_spend
from training.value.value_candidates import deviance
from training.value.value_figures import concentration, value_bands

FILE = Path(__file__).parents[1] / "system/figures.json"
COLUMNS = (
    Feature("age", "number", lower=0),
    Feature("spent", "number", lower=0),
    Feature("visits", "integer", lower=0),
    Feature("channel", "category"),
)
Figures = dict[str, float]


@cache
def rows(count: int = 900, *, seed: int = 5) -> pl.DataFrame:
    """Learning rows of a ready table with missing values, levels and an outcome that the columns explain in part."""
    random = np.random.default_rng(seed)
    age, spent = random.uniform(18, 90, count), random.lognormal(3, 1, count)
    visits, channel = random.poisson(3, count), random.choice(["web", "store", "phone"], count, p=[0.6, 0.3, 0.1])
    odds = -3.4 + 0.03 * age + 0.5 * np.log1p(spent) + 0.8 * (channel == "store")
    missing = random.random((2, count)) < 0.1
    return pl.DataFrame(
        {
            "age": age,
            "spent": pl.Series([None if gone else value for gone, value in zip(missing[0], spent, strict=True)]),
            "visits": visits,
            "channel": pl.Series([None if gone else text for gone, text in zip(missing[1], channel, strict=True)]),
            "__label": (random.random(count) < 1 / (1 + np.exp(-odds))).astype(np.int8),
            "__group": random.integers(0, 2**63, count, dtype=np.uint64),
            "__cutoff": pl.Series([None] * count, dtype=pl.Datetime("us", "UTC")),
        }
    )


@cache
def outcome_and_probability() -> tuple[Any, Any, Any]:
    """Labels, the probabilities they were drawn from, and worse ones."""
    random = np.random.default_rng(11)
    odds = random.normal(-1, 1.2, 1500)
    probability = 1 / (1 + np.exp(-odds))
    label = (random.random(1500) < probability).astype(np.float64)
    return label, probability, 1 / (1 + np.exp(-(0.7 * odds + random.normal(0, 0.6, 1500))))


@cache
def parts() -> Parts:
    """The rows in four sets; the last 200 judge."""
    return Parts(*learning_parts(rows().head(700), None, seed=3), rows().tail(200))


@cache
def shop() -> Bundle:
    """A small served model."""
    with tempfile.TemporaryDirectory() as folder:
        write_shop_bundle(Path(folder) / "bundle", "shop")
        return load_bundle(Path(folder) / "bundle")


@cache
def log() -> Any:
    """The learning table of a small log."""
    with tempfile.TemporaryDirectory() as folder:
        return learning_table(log_case(Path(folder), purchases(), window={"observation": "100d"}))


def of_spec() -> Figures:
    """What texts stand for."""
    texts = ("1 234,56 €", "2.345,10 €", "-12,5 €")
    moment = read_moment("03/04/2024 10:11", "%d/%m/%Y %H:%M")
    return {
        "amounts": sum(amounts("1 234,56 €").read(text) for text in texts),
        "numbers": sum(read_each(text) for text in ("1.5", " 2e3 ", "-7")),
        "moment": moment.timestamp() if moment else 0.0,
        "normalised": float(len(normalise("  Été   à PARIS "))),
    }


def of_sources() -> Figures:
    """Rows read of a CSV file, and one that is not."""
    with tempfile.TemporaryDirectory() as folder, engine() as backend:
        file = Path(folder) / "a.csv"
        file.write_text('who;paid\n1;"2,5"\n2;3\n3;\n4;1e3\nbroken;1;2;3\n', encoding="utf-8")
        source = open_source(backend, file)
        table = frame(source.table)
    return {"rows": float(table.height), "ragged": float(len(source.ragged)), "filled": float(table["c1"].count())}


def of_columns() -> Figures:
    """Texts read as numbers, moments and levels."""
    texts = pl.Series("x", ["1.5", "2", "n/a", None, "40", "1e3"] * 20)
    read, moments = read_column(texts), parse_moments(pl.Series(["2024-01-02", "2024-01-02T03:04:05+02:00", "no"]))
    return {
        "sum": float(read.cells.sum()),
        "missing": float(read.cells.null_count()),
        "moments": float(moments.dt.epoch("s").sum()),
        "distinct": float(read_column(pl.Series("c", ["a", "b", "A "] * 20)).cells.n_unique()),
    }


def of_history() -> Figures:
    """Where a log begins and ends, a far event apart."""
    days = pl.DataFrame({"ts": purchases()["ts"].dt.date()}).group_by(day="ts").agg(n=pl.len())
    far = pl.DataFrame({"day": [date(2090, 1, 1)], "n": [2]})
    counts = pl.concat([days, far.cast(days.schema)])
    span = find_log_span(counts, observation=100, awaited=30, known_to=None)
    return {"start": span.start.timestamp(), "end": span.end.timestamp(), "late": float(span.late)}


def of_point_in_time() -> Figures:
    """The sums of all features of a log."""
    table = log().rows
    numeric = [each.name for each in log().features if table[each.name].dtype.is_numeric()]
    sums = {name: float(table[name].cast(pl.Float64).sum()) for name in numeric}
    return {**sums, **{f"{name}: missing": float(table[name].null_count()) for name in numeric}}


def of_tables() -> Figures:
    """Labels from texts."""
    labels = labels_of(pl.Series(["1.0", "no", " ", None, "yes", "1"]), 1)
    return {"positive": float(labels.sum()), "missing": float(labels.null_count())}


def of_build() -> Figures:
    """Rows and cutoffs of a log."""
    table = log()
    return {
        "rows": float(table.rows.height),
        "positive": float(table.rows["__label"].sum()),
        "test": table.cutoffs.test.timestamp(),
        "train": sum(moment.timestamp() for moment in table.cutoffs.train),
    }


def of_leakage() -> Figures:
    """What each column alone explains."""
    label = rows()["__label"].cast(pl.Float64).to_numpy()
    half = np.arange(len(label)) % 2
    seen = [univariate_evidence(group(rows()[each.name]).codes, label, half) for each in COLUMNS]
    together = explained_together([rows()["age"].to_numpy(), rows()["visits"].cast(pl.Float64).to_numpy()], label)
    return {**{each.name: one.auc for each, one in zip(COLUMNS, seen, strict=True)}, "together": together}


def of_encoding() -> Figures:
    """Sums of encoded columns."""
    encoder = Encoder(SHOP, LEVELS)
    matrix = np.asarray([encoder.row(row)[0] for row in shop_rows(50, seed=2)])
    return {feature.name: float(np.nansum(matrix[:, at])) for at, feature in enumerate(SHOP)}


def of_models() -> Figures:
    """Margins, contributions, scores and percentiles."""
    _, probability, _ = outcome_and_probability()
    boundaries, served = percentile_boundaries(probability), Calibration(0.9, -0.1)
    matrix = _shop_matrix().astype(np.float32)
    return {
        "margin": float(shop().model.margin(matrix).astype(np.float64).sum()),
        "contributions": float(np.abs(shop().model.contributions(matrix)).sum()),
        "calibrated": float(served.probability(np.array([-2, 0, 3], dtype=np.float32)).sum()),
        "scores": float(published_score(probability).sum()),
        "percentiles": float(percentile(probability, boundaries).sum()),
    }


def of_bundle() -> Figures:
    """What a scorer serves."""
    scorer, matrix = Scorer(shop()), _shop_matrix()
    scored = scorer.score(matrix)
    explained = scorer.explain(matrix, scored.margin)
    return {
        "probability": float(scored.probability.sum()),
        "rungs": float(scored.rung.sum()),
        "contributions": float(np.abs(explained.contributions).sum()),
    }


def _shop_matrix() -> Any:
    return np.asarray([Encoder(SHOP, LEVELS).row(row)[0] for row in shop_rows(60, seed=4)])


def of_data() -> Figures:
    """Encoded learning rows and how they are dealt."""
    features, codes = fit_encoder(COLUMNS, rows())
    matrix, part = encode(Encoder(features, codes), rows()), share_out(rows(), SHARES, seed=1)
    return {
        **{each.name: float(np.nansum(matrix[:, at])) for at, each in enumerate(features)},
        "dealt": float((part * np.arange(len(part))).sum()),
        "outside": share_outside(features[0], rows()["age"].head(50), rows()["age"]),
        "ranges": sum(sum(each.seen) for each in features if each.seen),
        "order of levels": _order_of_levels(),
    }


def _order_of_levels() -> float:
    """Of many levels, met by few rows each, whose order hangs on how their rates are smoothed."""
    random = np.random.default_rng(8)
    count = random.integers(5, 60, 150)
    level = np.repeat(np.arange(150), count)
    outcome = random.random(len(level)) < np.repeat(random.beta(2, 6, 150), count)
    frame = pl.DataFrame({"level": level.astype(str), "__label": outcome.astype(np.int8)})
    codes = fit_encoder([Feature("level", "category")], frame)[1]["level"]
    return float(sum(at * int(name) for at, name in enumerate(codes) if name.isdigit()))


def of_evaluation() -> Figures:
    """Metrics, intervals and gains."""
    label, probability, worse = outcome_and_probability()
    apart = Clusters.apart(len(label))
    found = intervals(label, worse, apart, seed=1)
    edges = {f"{name}: {at}": edge for name, both in found.items() for at, edge in enumerate(both)}
    gain = paired_gain(label, probability, worse, apart, seed=1)
    return {
        **measure(label, worse),
        **{f"tied: {name}": value for name, value in measure(label, worse.round(1).clip(0.1, 0.9)).items()},
        **edges,
        "gain: mean": gain["log_loss_gain"]["mean"],
        "gain: low": gain["log_loss_gain"]["low"],
        "gain: high": gain["log_loss_gain"]["high"],
        "auc gain": gain["roc_auc_gain"]["mean"],
        "by chance": ece_by_chance(label, probability, apart, seed=1),
        "wilson": wilson(30, 200)["low"],
    }


def of_fitting() -> Figures:
    """What each candidate serves, and what fills missing values."""
    taught = teach(COLUMNS, parts().fit, parts().stop, parts().calibrate, label_event=None)
    matrix = taught.matrix(parts().test)
    fits = candidates(COLUMNS, None)
    served = {kind: float(contend(taught, fit, seed=1).probability(matrix).sum()) for kind, fit in fits.items()}
    label, probability, _ = outcome_and_probability()
    platt = fit_calibration(2 * probability, label)
    numbers = np.random.default_rng(3).normal(size=(80, 3))
    numbers[::7, 1] = np.nan
    guessed = [learn_imputation(kind, numbers, seed=1) for kind in ("median", "regression")]
    rated = float((_rates() * np.arange(400)).sum())
    return {**served, "slope": platt.a, "offset": platt.b, "imputed": _sum_of(guessed), "rated": rated}


def _rates() -> Any:
    """The rates of 30 levels that fitting rows meet, each out of its fold."""
    random = np.random.default_rng(9)
    level = Feature("level", "category")
    codes, label = random.integers(0, 30, (400, 1)).astype(np.float32), (random.random(400) < 0.3).astype(np.float64)
    lesson = Lesson((level,), {"level": [str(code) for code in range(30)]}, codes, label, codes[:0], label[:0])
    return on_rates(lesson, 1)[0].fit[:, 0]


def of_selection() -> Figures:
    """The losses by which candidates are chosen."""
    fits = {kind: fit for kind, fit in candidates(COLUMNS, None).items() if kind != "forest"}
    choice = choose(rows().head(600), COLUMNS, fits, label_event=None, seed=2)
    return {f"{kind}: {name}": value for kind, losses in choice.losses.items() for name, value in losses.items()}


def of_promotion() -> Figures:
    """The figures of a decision."""
    label, probability, worse = outcome_and_probability()
    apart = Clusters.apart(len(label))
    guard = calibration(label, worse, None, apart, seed=1)
    over_rate = gain_over_rate(label, probability, np.zeros(len(label), dtype=np.int64), apart, seed=1)
    decision = against(paired_gain(label, probability, worse, apart, seed=1), [guard])
    return {
        **decision.numbers(),
        **{f"minimum: {name}": value for name, value in minimum(over_rate).numbers().items()},
        "psi": psi(probability, worse),
        "psi by chance": psi_by_chance(500, 200),
    }


def of_diagnostics() -> Figures:
    """Unusual rows, and features outside their range."""
    numbers = rows().select("age", "visits").cast(pl.Float64).to_numpy()
    moved = Parts(parts().fit, parts().stop, parts().calibrate, parts().test.with_columns(pl.col("age") * 1.4))
    flags = {name: float(flag.sum()) for name, flag in flags_of(numbers, seed=1).items()}
    shares = {str(each.feature): each.figures["share"] for each in outgrown(moved, COLUMNS)}
    return {**flags, **{feature: float(share) for feature, share in shares.items() if isinstance(share, float)}}


def of_bundling() -> Figures:
    """Curves, thresholds, today's market and synthetic rows."""
    label, probability, worse = outcome_and_probability()
    market = market_of(probability, worse, label, Clusters.apart(len(label)))
    whole = market_of(np.arange(1, TICKS) / TICKS, worse, label, Clusters.apart(len(label)))
    beside = curves(label, {"a": worse, "b": probability})["candidates"]
    features, _ = fit_encoder(COLUMNS, rows())
    drawn = [row["age"] for row in synthetic_rows(features, rows(), seed=1, count=20)]
    return {
        "curve": _sum_of(curves(label, {"a": worse})["candidates"]),
        **{f"cuts: {name}": float(len(curve["at"])) for name, curve in beside.items()},
        "curve beside": _sum_of(beside["b"]),
        "thresholds": sum(at_percentiles(probability, (60, 90))),
        "thresholds around": sum(around(at_percentiles(probability, (60, 90)), float(label.mean()))),
        "slope": float(market.slope),
        "offset": float(market.offset),
        "ticks": float((market.ticks * market.rows).sum()),
        "whole ticks": float((whole.ticks * whole.rows).sum()),
        "drawn": _sum_of(drawn),
    }


def of_uplift() -> Figures:
    """A trial with an effect on half of its customers: areas, the worth of policies, and their ends."""
    random = np.random.default_rng(11)
    x, treated = random.random(600), random.random(600) < 0.4
    good = (random.random(600) < 0.2 + 0.3 * treated * (x > 0.5)).astype(np.float64)
    trial = Trial(treated, good, 0.4, Clusters.apart(600), np.arange(600) % 3)
    effects = trial.effects(np.full(600, 0.4), np.full(600, 0.2))
    policies = {"uplift": trial.picked(x, 0.3), "response": trial.picked(-x, 0.3)}
    found = figures_of(trial, effects, policies, trial.ranks(x), price=0.01, level=0.025, seed=4)
    gains = {"beats": found.beats["response"], "effect": found.effect, "qini": found.qini, "auuc": found.auuc}
    return {f"{name}_{end}": getattr(gain, end) for name, gain in gains.items() for end in ("mean", "low", "high")}


def of_value() -> Figures:
    """The rates of drawn customers, what they are expected to spend, and how sure that is."""
    random = np.random.default_rng(12)
    repeats, age = random.poisson(1.5, 400).astype(np.float64), random.uniform(50, 300, 400)
    customers = Purchases(repeats, np.where(repeats > 0, age * random.random(400), 0.0), age)
    rates, likelihood = fit_purchases(customers, one_timers_leave=True)
    spend = fit_spend(repeats + 1, random.gamma(4, 10, 400))
    expected = rates.expected(repeats, customers.last, age, 90.0) * spend.expected(repeats + 1, np.full(400, 30.0))
    spent = np.where(random.random(400) < 0.3, random.gamma(4, 20, 400), 0.0)
    bands = value_bands(expected, spent, Clusters.apart(400), seed=3)
    return {
        "likelihood": likelihood,
        "expected": float(expected.sum()),
        "deviance": float(deviance(spent, expected).mean()),
        "ranking": concentration(expected, spent) or 0.0,
        "ends": sum(band.low + band.high for band in bands),
    }


def _sum_of(document: Any) -> float:
    """The sum of the magnitudes of all numbers in a document."""
    if isinstance(document, dict):
        return sum(_sum_of(each) for each in document.values())
    if isinstance(document, list | tuple | np.ndarray):
        return sum(_sum_of(each) for each in document)
    return abs(float(document)) if isinstance(document, int | float | np.number) else 0.0


EVERY_VERSION = {**FIGURE_VERSIONS, **ADDED_VERSIONS}
ROOMS: dict[str, Callable[[], Figures]] = {name: globals()[f"of_{name.partition('.')[2]}"] for name in EVERY_VERSION}


def main() -> None:
    """Writes the figures that are new, and those of rooms whose version was raised."""
    kept = json.loads(FILE.read_text()) if FILE.is_file() else {}
    for room, version in EVERY_VERSION.items():
        before = kept[room]["figures"] if kept.get(room, {}).get("version") == version else {}
        kept[room] = {"version": version, "figures": {**ROOMS[room](), **before}}
    FILE.write_text(json.dumps({room: kept[room] for room in EVERY_VERSION}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
