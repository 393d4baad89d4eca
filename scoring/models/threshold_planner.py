"""Where to cut: every threshold of four decimals in today's population, and which of them an ask means."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import NotRequired, Protocol, TypedDict

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from scoring.errors import PlanError
from scoring.models.calibration import sigmoid

TICKS = 10_000  # a threshold is a whole number of these parts of 1
DRAWS = 400
LEVEL = 0.9
NEIGHBOURS = (-2, -1, 1, 2)  # steps of a tenth of the plan's rows
STEP = 0.1
RANGES: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "capacity": (lambda value: value >= 1, "at least 1"),
    "precision": (lambda value: 0 < value <= 1, "above 0 and at most 1"),
    "lift": (lambda value: 0 < value < inf, "above 0"),
    "cost": (lambda value: 0 <= value < inf, "at least 0"),
    "value": (lambda value: 0 < value < inf, "above 0"),
    "save_rate": (lambda value: 0 < value <= 1, "above 0 and at most 1"),
}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a cut is to satisfy; whichever words are given bind it together."""

    capacity: int | None = None  # most customers that can be contacted
    precision: float | None = None  # least share of hits among those contacted
    lift: float | None = None  # least precision over the population's rate
    cost: float | None = None  # of one contact
    value: float | None = None  # of one hit that the contact wins
    save_rate: float = 1.0  # share of hits that a contact wins
    own_value: bool = False  # whether a hit is worth what that customer will bring, in the place of one value

    def words(self) -> dict[str, float]:
        """What was asked, by name."""
        asked = {name: getattr(self, name) for name in ("capacity", "precision", "lift", "cost", "value")}
        given = {name: value for name, value in asked.items() if value is not None}
        if self.own_value:
            given["own_value"] = 1
        return {**given, "save_rate": self.save_rate} if self.valued else given

    @property
    def valued(self) -> bool:
        """Whether a hit has a value."""
        return self.value is not None or self.own_value


class Cut(Struct, frozen=True, omit_defaults=True):
    """All customers at or above a threshold, and what contacting them brings; hits with a 90% interval."""

    hits: float
    hits_high: float
    hits_low: float
    lift: float
    precision: float
    rows: int
    share: float  # of the population
    threshold: float
    profit: float | None = None  # where cost and value are given
    worth: float | None = None  # of all hits, where it is known what each customer will bring
    profit_high: float | None = None
    profit_low: float | None = None


class Plannable(Protocol):
    """Customers by what they are ranked by, and what contacting those at or above every cut brings."""

    @property
    def rows(self) -> Floats:
        """Customers within each tick."""

    @property
    def cuts(self) -> dict[str, Floats]:
        """The columns of a `Cut`, the highest threshold first."""


class Plan(Struct, frozen=True):
    """The cut that an ask means, among its neighbours."""

    asked: dict[str, int | float]  # by name
    cut: Cut
    neighbours: tuple[Cut, ...]
    population: int
    rate: float  # of hits in the population


class StoredMarket(TypedDict):
    """`population.json`; older bundles have no interval of the hits and no design effect."""

    ticks: list[int]
    rows: list[int]
    mean: list[float]
    slope: float
    offset: float
    spread: list[list[float]]
    seed: int
    design_effect: NotRequired[float]
    hits_low: NotRequired[list[float]]
    hits_high: NotRequired[list[float]]


@dataclass(frozen=True)
class Market:
    """Today's population by probability, and how far the test rows let its probabilities be trusted.

    `ticks` are probabilities in ten-thousandths, falling; `rows` and `mean` are counted and averaged within each.
    `slope`, `offset` and `spread` (their covariance) recalibrate log-odds to what the test rows showed. `interval` is
    of the hits at or above every tick, low and high; None where it has still to be drawn.
    """

    ticks: NDArray[np.int64]
    rows: Floats
    mean: Floats
    slope: float
    offset: float
    spread: Floats  # 2 x 2
    seed: int = 0
    design_effect: float = 1.0  # how many rows say as much as one customer's
    interval: tuple[Floats, Floats] | None = None
    worth: Floats | None = None  # what a customer within each tick will bring on average, where that is known

    def to_json(self) -> StoredMarket:
        """As it stands in a bundle: `population.json`, the interval drawn, so that nobody waits for it later."""
        return {
            "ticks": self.ticks.tolist(),
            "rows": self.rows.astype(int).tolist(),
            "mean": self.mean.tolist(),
            "slope": self.slope,
            "offset": self.offset,
            "spread": self.spread.tolist(),
            "seed": self.seed,
            "design_effect": self.design_effect,
            "hits_low": self.cuts["hits_low"].tolist(),
            "hits_high": self.cuts["hits_high"].tolist(),
        }

    @classmethod
    def from_json(cls, stored: StoredMarket) -> Market:
        """The market that `to_json` wrote, or an older one without the interval."""
        interval = None
        if "hits_low" in stored and "hits_high" in stored:
            interval = np.asarray(stored["hits_low"], np.float64), np.asarray(stored["hits_high"], np.float64)
        return cls(
            ticks=np.asarray(stored["ticks"], dtype=np.int64),
            rows=np.asarray(stored["rows"], dtype=np.float64),
            mean=np.asarray(stored["mean"], dtype=np.float64),
            spread=np.asarray(stored["spread"], dtype=np.float64),
            slope=stored["slope"],
            offset=stored["offset"],
            seed=stored["seed"],
            design_effect=stored.get("design_effect", 1.0),
            interval=interval,
        )

    def among(self, population: Floats, worth: Floats | None = None) -> Market:
        """Other customers by their probabilities, each within (0, 1), which are trusted as far.

        `worth` is what each will bring, where that is known.
        """
        ticks, rows, mean = by_tick(population)
        if worth is not None:
            tick = np.floor(population * TICKS + 1e-9).astype(np.int64)
            at = np.searchsorted(-ticks, -tick)  # ticks fall
            worth = np.bincount(at, weights=worth, minlength=len(ticks)) / rows
        return dataclasses.replace(self, ticks=ticks, rows=rows, mean=mean, interval=None, worth=worth)

    @cached_property
    def cuts(self) -> dict[str, Floats]:
        """Every cut, the highest threshold first: who is at or above it, and expected hits with a 90% interval."""
        rows = self.rows.cumsum()
        low, high = self.interval or self._drawn_interval()
        own = self.rows * self._chance(self.slope, self.offset)
        hits = own.cumsum()
        worth = {} if self.worth is None else {"worth": (own * self.worth).cumsum()}
        return {
            **worth,
            "threshold": np.clip(self.ticks, 1, TICKS - 1) / TICKS,
            "rows": rows,
            "hits": hits,
            "hits_low": np.clip(low, 0, rows),
            "hits_high": np.clip(high, 0, rows),
            "precision": hits / rows,
            "lift": hits / rows / (hits[-1] / rows[-1]),
        }

    @cached_property
    def _odds(self) -> Floats:
        return np.asarray(np.log(self.mean) - np.log1p(-self.mean))

    def _chance(self, slope: float | Floats, offset: float | Floats) -> Floats:
        return sigmoid(slope * self._odds + offset)

    def _drawn_interval(self) -> tuple[Floats, Floats]:
        low, high = np.quantile(self._drawn_hits(), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        return low, high

    def _drawn_hits(self) -> Floats:
        """Hits at or above every cut in drawn worlds: another calibration, then chance itself; (draws, cuts)."""
        random = np.random.default_rng(self.seed)
        points = random.multivariate_normal([self.slope, self.offset], self.spread, DRAWS, method="eigh")
        noise = random.standard_normal((DRAWS, len(self.ticks)))
        drawn = np.empty((DRAWS, len(self.ticks)))
        for draw, (slope, offset) in enumerate(points):
            chance = self._chance(slope, offset)
            variation = noise[draw] * np.sqrt(self.design_effect * self.rows * chance * (1 - chance))
            drawn[draw] = (self.rows * chance + variation).cumsum()
        return drawn


def by_tick(population: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Probabilities in ten-thousandths, falling, and how many there are within each and their mean."""
    tick = np.floor(population * TICKS + 1e-9).astype(np.int64)
    ticks, where = np.unique(-tick, return_inverse=True)
    rows = np.bincount(where).astype(np.float64)
    return -ticks, rows, np.bincount(where, weights=population) / rows


def plan(market: Plannable, ask: Ask) -> Plan:
    """The cut that an ask means, its neighbours, and why.

    Among the cuts that keep capacity, precision and lift: the one of most profit where cost and value are given, else
    the one that reaches most customers.

    Raises:
        PlanError: Nothing was asked, or no cut keeps it all; the message says how far the population goes.
    """
    words = ask.words()
    if not words or (ask.cost is None) == ask.valued:
        got = _said(words) if words else "none"
        raise PlanError(f"A plan needs a capacity, a precision, a lift, or a cost and a value, got {got}.")
    if ask.own_value and "worth" not in market.cuts:
        raise PlanError("A plan by each customer's own value needs to know what they will bring, it does not.")
    if broken := list(_broken(ask)):
        raise PlanError("; ".join(broken) + ".")
    allowed = _allowed(market, ask)
    profit = profits(market, ask)
    goal = market.cuts["rows"] if profit is None else profit
    chosen = int(np.flatnonzero(allowed)[np.argmax(goal[allowed])])
    return Plan(
        asked=words,
        cut=_cut(market, chosen, ask),
        neighbours=tuple(_cut(market, near, ask) for near in _near(market, chosen)),
        population=int(market.rows.sum()),
        rate=float(market.cuts["precision"][-1]),
    )


def profits(market: Plannable, ask: Ask) -> Floats | None:
    """What every cut earns: won hits times value less contacts times cost; None without cost and value."""
    if ask.cost is None or not ask.valued:
        return None
    won = market.cuts["worth"] if ask.own_value else market.cuts["hits"] * (ask.value or 0.0)
    return np.asarray(won * ask.save_rate - market.cuts["rows"] * ask.cost)


def _cut(market: Plannable, place: int, ask: Ask) -> Cut:
    """One cut in figures."""
    at = {name: float(values[place]) for name, values in market.cuts.items()}
    rows = int(at.pop("rows"))
    cut = Cut(**at, rows=rows, share=rows / float(market.rows.sum()))
    if ask.cost is None or not ask.valued:
        return cut
    each = (cut.worth or 0.0) / cut.hits if ask.own_value and cut.hits else ask.value or 0.0  # a hit, on average
    cost = rows * ask.cost
    profit, low, high = (hits * ask.save_rate * each - cost for hits in (cut.hits, cut.hits_low, cut.hits_high))
    return replace(cut, profit=profit, profit_low=low, profit_high=high)


def _broken(ask: Ask) -> Iterator[str]:
    """What is asked outside of its range."""
    for name, (within, rule) in RANGES.items():
        value = getattr(ask, name)
        if value is not None and not within(value):
            yield f"{name.replace('_', ' ')} must be {rule}, got {value:g}"


def _said(words: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in words.items())


def _allowed(market: Plannable, ask: Ask) -> NDArray[np.bool_]:
    cuts = market.cuts
    allowed = np.ones(len(cuts["rows"]), dtype=np.bool_)
    for name, column, limit, least in (
        ("capacity", "rows", ask.capacity, False),
        ("precision", "precision", ask.precision, True),
        ("lift", "lift", ask.lift, True),
    ):
        if limit is None:
            continue
        kept = cuts[column] >= limit if least else cuts[column] <= limit
        if not kept.any():
            if not least:  # many customers may share the highest score, and no cut parts them
                rule = f"A plan must contact all who share the highest score, {cuts[column].min():,.0f} customers"
                raise PlanError(f"{rule}, got a capacity of {limit:,}.")
            best = int(np.argmax(cuts[column]))
            reach = f"the highest to be had is {cuts[column][best]:.4g}, of {cuts['rows'][best]:,.0f} customers"
            raise PlanError(f"A plan must be within reach, got a {name} of at least {limit:g}: {reach}.")
        allowed &= kept
    if not allowed.any():
        raise PlanError(f"A plan must keep all that is asked at once, no cut keeps {_said(ask.words())}.")
    return allowed


def _near(market: Plannable, chosen: int) -> list[int]:
    """Cuts with a tenth and two tenths fewer and more customers than the chosen one, each once."""
    rows = market.cuts["rows"]
    wanted = [rows[chosen] * (1 + step * STEP) for step in NEIGHBOURS]
    places = [int(np.clip(np.searchsorted(rows, count), 0, len(rows) - 1)) for count in wanted]
    return sorted(set(places) - {chosen})
