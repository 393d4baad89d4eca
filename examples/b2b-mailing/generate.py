"""Writes a synthetic mailing log: invented companies, invented people, and a truth that is known.

Every Tuesday a newsletter goes out. While a person pays attention some are opened, some opens are clicked, some
people visit the site, and some ask for a quote. Two things that no file shows drive all of it: *attention*, which
fades for eight weeks before a person lapses for good, and *interest*, which rises for six weeks at a time. Quotes are
a Poisson process whose rate is known, so the probability of a quote within 30 days is known too; it goes to
`truth.parquet`, for tests only.

    python examples/b2b-mailing/generate.py --customers 4000 --seed 7 --out examples/b2b-mailing/data
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

START, DAYS = datetime(2025, 1, 1), 546  # to 1 July 2026, the last day excluded
FADE, EPISODE, HORIZON = 56, 42, 30  # days
DAY = 86_400  # seconds
TUESDAY = 1

# Levels, and what each adds to the log of a person's rate of quotes.
SECTORS = {"industry": 0.5, "construction": 0.3, "logistics": 0.2, "retail": 0.0, "services": 0.0, "health": -0.2}
SIZES = {"1-9": -0.6, "10-49": -0.1, "50-249": 0.3, "250-999": 0.4, "1000+": 0.1}
FUNCTIONS = {"purchasing": 0.7, "operations": 0.2, "management": 0.2, "it": 0.0, "marketing": -0.4}
SENIORITIES = {"assistant": -0.5, "specialist": 0.0, "manager": 0.3, "director": 0.3}
REGIONS = {"north": 0.0, "east": 0.0, "south": 0.0, "west": 0.0, "abroad": -0.3}
DEVICES = {"desktop": 0.1, "mobile": -0.1, "tablet": -0.1}
INTERESTS = ("automation", "energy", "packaging", "safety", "training", "transport")
TRAITS = {
    "sector": SECTORS,
    "company_size": SIZES,
    "function": FUNCTIONS,
    "seniority": SENIORITIES,
    "device": DEVICES,
    "region": REGIONS,
}


@dataclass(frozen=True, slots=True)
class People:
    """What is true of each person: shapes [customers], and [customers, days] for what changes."""

    traits: dict[str, list[str]]
    interests: list[list[str]]
    signed_up: Integers  # day, negative before the log starts
    opening: Floats  # probability that a full attention opens a mailing
    clicking: Floats  # probability that an open is clicked, outside an episode of interest
    attention: Floats  # 0..1
    interest: Floats  # 1, or 6 inside an episode
    quotes: Floats  # expected quote requests a day

    @property
    def ids(self) -> list[str]:
        """Customer ids, in the order of every array here."""
        return [f"P{number:05d}" for number in range(1, len(self.signed_up) + 1)]


def draw_people(rng: np.random.Generator, customers: int) -> People:
    """People with traits, a sign-up day, perhaps a day on which they lapse, and their rates."""
    traits = {name: rng.choice(list(levels), customers).tolist() for name, levels in TRAITS.items()}
    interests = [sorted(rng.choice(INTERESTS, size, replace=False).tolist()) for size in rng.integers(0, 4, customers)]
    effect = sum((np.array([TRAITS[name][level] for level in drawn]) for name, drawn in traits.items()), 0.0)
    effect = effect + 0.5 * np.array(["automation" in liked for liked in interests]) + rng.normal(0, 0.5, customers)
    signed_up = rng.integers(-360, DAYS - 60, customers)
    attention = _attention(rng, signed_up, staying=np.exp(6.2 + 0.5 * effect))
    interest = 1.0 + 5.0 * _episodes(rng, customers)
    return People(
        traits=traits,
        interests=interests,
        signed_up=signed_up,
        opening=rng.beta(3, 6, customers),
        clicking=rng.beta(2, 9, customers),
        attention=attention,
        interest=interest,
        quotes=np.exp(effect - 7.2)[:, None] * attention * interest,
    )


def _attention(rng: np.random.Generator, signed_up: Integers, *, staying: Floats) -> Floats:
    """1 from sign-up on, falling to 0 over the `FADE` days before a lapse drawn with mean `staying` days."""
    lapse = np.maximum(signed_up, 0) + FADE + rng.exponential(staying)
    day = np.arange(DAYS)
    left = np.clip((lapse[:, None] - day) / FADE, 0, 1)
    return np.where(day >= signed_up[:, None], left, 0.0)


def _episodes(rng: np.random.Generator, customers: int) -> npt.NDArray[np.bool_]:
    """True on days inside an episode of interest: each begins by chance, once in 200 days, and lasts `EPISODE`."""
    begins = rng.random((customers, DAYS)) < 1 / 200
    passed = np.cumsum(begins, axis=1)
    before = np.pad(passed, ((0, 0), (EPISODE, 0)))[:, :DAYS]
    return passed > before


def draw_events(rng: np.random.Generator, people: People) -> pl.DataFrame:
    """The log, one row per event in order of time; the device and region are those the person signed up with."""
    sends = _sends(rng, people)
    opened = sends[rng.random(len(sends)) < _at(people.opening[:, None] * people.attention, sends)]
    opens = _later(rng, opened, hours=6)
    lively = np.minimum(people.clicking[:, None] * np.sqrt(people.interest), 0.9)
    clicks = _later(rng, opens[rng.random(len(opens)) < _at(lively, opens)], hours=0.05)
    visits = np.concatenate([_poisson(rng, 0.01 * people.attention * people.interest), _later(rng, clicks, hours=0.02)])
    drawn = {
        "send": sends,
        "open": opens,
        "click": clicks,
        "visit": visits,
        "quote_request": _poisson(rng, people.quotes),
    }
    log = pl.concat(_rows(rng, people, kind, moments) for kind, moments in drawn.items())
    return log.filter(pl.col("timestamp") < START + timedelta(days=DAYS)).sort("timestamp", "customer_id", "event_type")


def _sends(rng: np.random.Generator, people: People) -> Integers:
    """One mailing each Tuesday at 9, to everyone signed up; 3 in 100 do not arrive. Rows of (person, second)."""
    tuesdays = np.array([day for day in range(DAYS) if (START + timedelta(days=day)).weekday() == TUESDAY])
    sent = (people.signed_up[:, None] < tuesdays) & (rng.random((len(people.signed_up), len(tuesdays))) > 0.03)
    person, week = np.nonzero(sent)
    return np.column_stack([person, tuesdays[week] * DAY + 9 * 3600 + rng.integers(0, 900, len(person))])


def _poisson(rng: np.random.Generator, rate: Floats) -> Integers:
    """Events at a daily rate, shape [customers, days], between 8 and 18 o'clock. Rows of (person, second)."""
    count = rng.poisson(rate)
    person, day = np.nonzero(count)
    person, day = (np.repeat(index, count[count > 0]) for index in (person, day))
    return np.column_stack([person, day * DAY + rng.integers(8 * 3600, 18 * 3600, len(person))])


def _at(daily: Floats, moments: Integers) -> Floats:
    """The value of each moment's person on its day; after the last day, that of the last day."""
    return daily[moments[:, 0], np.minimum(moments[:, 1] // DAY, DAYS - 1)]


def _later(rng: np.random.Generator, moments: Integers, *, hours: float) -> Integers:
    delay = 1 + rng.exponential(hours * 3600, len(moments)).astype(np.int64)
    return np.column_stack([moments[:, 0], moments[:, 1] + delay])


def _rows(rng: np.random.Generator, people: People, kind: str, moments: Integers) -> pl.DataFrame:
    person, size = moments[:, 0], len(moments)
    channels = {"visit": ["search", "direct", "social", "mailing"], "quote_request": ["form", "phone"]}
    seconds = np.round(rng.lognormal(3.8, 0.9, size), 1) if kind == "visit" else [None] * size
    return pl.DataFrame(
        {
            "customer_id": np.array(people.ids)[person],
            "timestamp": np.datetime64(START, "us") + moments[:, 1].astype("timedelta64[s]"),
            "event_type": [kind] * size,
            "channel": rng.choice(channels.get(kind, ["mailing"]), size),
            "device": np.array(people.traits["device"])[person],
            "region": np.array(people.traits["region"])[person],
            "time_on_page": pl.Series(seconds, dtype=pl.Float64),  # seconds, visits only
        }
    )


def profiles(rng: np.random.Generator, people: People) -> pl.DataFrame:
    """Traits by person, valid from sign-up; one in five was promoted since and has a second row from that day on."""
    signed_up = pl.Series(np.datetime64(START.date(), "D") + people.signed_up)
    first = pl.DataFrame(
        {
            "customer_id": people.ids,
            "valid_from": signed_up,
            **people.traits,
            "interests": people.interests,
            "signed_up": signed_up,
        }
    )
    promoted = rng.random(len(first)) < 0.2
    since = rng.integers(np.maximum(people.signed_up, 0), DAYS)
    second = first.with_columns(
        pl.Series("valid_from", np.datetime64(START.date(), "D") + since),
        pl.col("seniority").replace({"assistant": "specialist", "specialist": "manager", "manager": "director"}),
    ).filter(pl.Series(promoted) & (pl.col("seniority") != first["seniority"]))
    return pl.concat([first, second]).sort("customer_id", "valid_from")


def truth(people: People) -> pl.DataFrame:
    """What no model may see: on the first of each month, the probability of a quote within `HORIZON` days."""
    months = [datetime(2025 + month // 12, month % 12 + 1, 1) for month in range(1, 17)]
    return pl.concat(_truth_on(people, month) for month in months)


def _truth_on(people: People, month: datetime) -> pl.DataFrame:
    day = (month - START).days
    return pl.DataFrame(
        {
            "customer_id": people.ids,
            "cutoff": [month] * len(people.ids),
            "quote_probability": 1 - np.exp(-people.quotes[:, day : day + HORIZON].sum(axis=1)),
            "attention": people.attention[:, day],
        }
    )


def write_example(folder: Path, *, customers: int, seed: int) -> None:
    """Writes `events.parquet`, `profiles.parquet` and `truth.parquet`; the same seed gives the same rows."""
    rng = np.random.default_rng(seed)
    people = draw_people(rng, customers)
    folder.mkdir(parents=True, exist_ok=True)
    draw_events(rng, people).write_parquet(folder / "events.parquet")
    profiles(rng, people).write_parquet(folder / "profiles.parquet")
    truth(people).write_parquet(folder / "truth.parquet")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Writes the synthetic mailing example.")
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "data")
    given = parser.parse_args()
    write_example(given.out, customers=given.customers, seed=given.seed)


if __name__ == "__main__":
    main()
