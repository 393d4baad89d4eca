"""The candidates for a customer's value, from the simplest on: past spend, BG/NBD times gamma-gamma, boosted trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import xgboost
from numpy.typing import NDArray

from features.spec.feature import Feature
from scoring.bundle.bundle import canonical_json
from scoring.bundle.value_part import ValueKind
from scoring.models.purchases import PurchaseRates
from scoring.models.value_model import FORMULA_FILE, FORMULAS, TREES_FILE, PastSpend, RepeatPurchases
from training.fitting.candidates import OURS, PATIENCE, ROUNDS
from training.value.purchase_fit import CORRELATED, Purchases, fit_purchases, fit_spend, spend_correlation

POWER = 1.5  # of the Tweedie variance, between Poisson's 1 and gamma's 2: many spend nothing, some much
DRAWN = (7.0, 30.0, 90.0, 180.0, 365.0)  # days of the pace of all by which past spend may be drawn to it
FEWEST_BUYERS = 50  # customers who bought twice, below which no rates are fitted

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ValueLesson:
    """Encoded rows to learn from, those at which boosting stops, and what was spent after each; net, it may be below 0.

    `latest` marks the learning rows of the latest cutoff: of every customer one.
    """

    features: tuple[Feature, ...]
    fit: Floats
    spent: Floats
    latest: NDArray[np.bool_]
    stop: Floats
    stop_spent: Floats
    days: int  # of the outcome
    event: str  # the type of event that spends, as a slug
    seed: int

    def named(self, family: str, *, event: bool = True, days: int | None = None, part: str = "") -> str | None:
        """The feature of a family, of the event that spends or of all, over so many days or the whole log."""
        wanted = self.event if event else None
        return next(
            (
                feature.name
                for feature in self.features
                if (feature.family, feature.event, feature.window_days) == (family, wanted, days)
                and part in feature.name
            ),
            None,
        )

    def column(self, name: str) -> Floats:
        """A feature of the learning rows."""
        return self.fit[:, [feature.name for feature in self.features].index(name)]


@dataclass(frozen=True, slots=True)
class FittedValue:
    """A value model as a bundle has it."""

    kind: ValueKind
    file: str
    stored: bytes


@dataclass(frozen=True, slots=True)
class Candidates:
    """Those that compete, the simplest first, why another does not, and how spend goes on after the tested horizon."""

    fitted: Mapping[ValueKind, FittedValue]
    notes: tuple[str, ...]
    rates: PurchaseRates | None


def fit_candidates(lesson: ValueLesson) -> Candidates:
    """Every candidate that the features allow, fitted."""
    found: dict[ValueKind, FittedValue] = {}
    notes: list[str] = []
    past = past_spend(lesson)
    if past is not None:
        found["past_spend"] = _stored("past_spend", past)
    inputs = purchase_inputs(lesson)
    rates = None
    if inputs is None:
        notes.append("no_repeat_purchases")
    else:
        rates = fit_purchases(inputs.purchases)[0]
        if abs(inputs.correlation) >= CORRELATED:
            notes.append("spend_depends_on_frequency")
        else:
            found["bgnbd"] = _stored("bgnbd", inputs.formula(lesson, rates))
            leaving = fit_purchases(inputs.purchases, one_timers_leave=True)[0]
            found["mbgnbd"] = _stored("mbgnbd", inputs.formula(lesson, leaving))
    found["tweedie"] = boosted(lesson)
    return Candidates(found, tuple(notes), rates)


def past_spend(lesson: ValueLesson) -> PastSpend | None:
    """Spend at the pace of the observation window; None without a feature of it.

    How far it is drawn to the pace of all is what would have been best on the learning rows, their total given.
    """
    windows = sorted({feature.window_days for feature in lesson.features if feature.window_days})
    spent = lesson.named("monetary", days=windows[-1]) or lesson.named("monetary", event=False, days=windows[-1])
    age = lesson.named("tenure", event=False)
    if spent is None or age is None:
        return None
    amounts, known = np.maximum(lesson.column(spent), 0.0), np.minimum(lesson.column(age), windows[-1])
    pace = float(np.nansum(amounts) / max(np.nansum(known), 1.0))
    formulas = [
        PastSpend(
            {"spent": spent, "age": age},
            {"spent": float(np.nanmedian(amounts)), "age": float(np.nanmedian(lesson.column(age)))},
            float(windows[-1]),
            drawn,
            pace,
            float(lesson.days),
        )
        for drawn in DRAWN
    ]
    inputs = {"spent": lesson.column(spent), "age": lesson.column(age)}

    def loss(formula: PastSpend) -> float:
        expected = np.exp(formula.log_spend_of(inputs))
        total = max(float(lesson.spent.sum()), 1e-9)
        return float(deviance(lesson.spent, expected * total / float(expected.sum())).mean())

    return min(formulas, key=loss) if pace > 0 else None


@dataclass(frozen=True, slots=True)
class PurchaseInputs:
    """What BG/NBD and gamma-gamma are fitted on: the customers of the latest cutoff who bought."""

    names: dict[str, str]
    purchases: Purchases
    count: Floats  # of those who bought for money
    basket: Floats
    typical: dict[str, float]
    never: float

    @property
    def correlation(self) -> float:
        """Of how often and how much."""
        return spend_correlation(self.count, self.basket)

    def formula(self, lesson: ValueLesson, rates: PurchaseRates) -> RepeatPurchases:
        """Purchases by these rates, times the spend of one."""
        spend = fit_spend(self.count, self.basket)
        return RepeatPurchases(self.names, self.typical, rates, spend, self.never, float(lesson.days))


def purchase_inputs(lesson: ValueLesson) -> PurchaseInputs | None:
    """The inputs, read off the features that serving has too; None where one is not there, or hardly anybody came back.

    The last purchase lies so many mean gaps after the first.
    """
    found = {
        "count": lesson.named("frequency"),
        "recency": lesson.named("recency"),
        "gap": lesson.named("regularity", part="gap_mean"),
        "basket": lesson.named("basket"),
    }
    names = {role: name for role, name in found.items() if name is not None}
    if len(names) < len(found):
        return None
    columns = {role: lesson.column(name) for role, name in names.items()}
    bought = lesson.latest & (columns["count"] > 0) & ~np.isnan(columns["recency"])
    count, recency, gap, basket = (np.nan_to_num(columns[role][bought]) for role in found)
    paid = basket > 0
    if (paid & (count > 1)).sum() < FEWEST_BUYERS:
        return None
    last = gap * (count - 1)
    typical = {role: float(np.nanmedian(column[bought])) for role, column in columns.items()}
    others = lesson.spent[columns["count"] == 0]
    never = max(float(others.mean()) if len(others) else 0.0, 1e-3 * max(float(lesson.spent.mean()), 1e-9))
    return PurchaseInputs(names, Purchases(count - 1, last, last + recency), count[paid], basket[paid], typical, never)


def boosted(lesson: ValueLesson) -> FittedValue:
    """Trees that a Tweedie loss boosts, stopped where the stopping rows no longer gain."""
    params = {
        **msgspec.to_builtins(OURS),
        "objective": "reg:tweedie",
        "tweedie_variance_power": POWER,
        "eval_metric": f"tweedie-nloglik@{POWER}",
        "base_score": max(float(np.maximum(lesson.spent, 0.0).mean()), 1e-6),
        "tree_method": "hist",
        "seed": lesson.seed,
        "nthread": 1 if lesson.fit.size <= 2_000_000 else 0,
    }
    fitting, stopping = (
        xgboost.DMatrix(rows.astype(np.float32), label=np.maximum(spent, 0.0).astype(np.float32), nthread=1)
        for rows, spent in ((lesson.fit, lesson.spent), (lesson.stop, lesson.stop_spent))
    )
    booster = xgboost.train(
        params,
        fitting,
        num_boost_round=ROUNDS,
        evals=[(stopping, "stop")],
        callbacks=[xgboost.callback.EarlyStopping(rounds=PATIENCE, save_best=True)],
        verbose_eval=False,
    )
    return FittedValue("tweedie", TREES_FILE, bytes(booster.save_raw("ubj")))


def deviance(spent: Floats, expected: Floats, power: float = POWER) -> Floats:
    """The Tweedie deviance of each row (Jorgensen 1987), lower is better; what is paid back counts as nothing spent."""
    actual, mean = np.maximum(spent, 0.0), np.maximum(expected, 1e-9)
    best = actual ** (2 - power) / ((1 - power) * (2 - power))
    return np.asarray(2 * (best - actual * mean ** (1 - power) / (1 - power) + mean ** (2 - power) / (2 - power)))


def _stored(kind: ValueKind, formula: FORMULAS) -> FittedValue:
    return FittedValue(kind, FORMULA_FILE, canonical_json(msgspec.to_builtins(formula)))
