"""The same features by pandas: `python -m benchmarks.tables.by_pandas EVENTS OUT`."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from benchmarks.tables.by_sql import PLURAL, RATES
from benchmarks.tables.world import CUTOFF, KINDS, WINDOWS

DAY = 86_400_000_000  # microseconds


def aged(path: str) -> pd.DataFrame:
    """Events before the cutoff, the latest first, with age, day and gap to the next one of the type."""
    events: pd.DataFrame = pd.read_parquet(path)
    cutoff = pd.Timestamp(CUTOFF.replace(tzinfo=None))
    events = events[events["ts"] < cutoff]
    events = events.assign(
        type=pd.Categorical(events["type"], KINDS),
        age=(cutoff - events["ts"]).to_numpy().astype("timedelta64[us]").astype(np.int64),
        day=events["ts"].to_numpy().astype("datetime64[D]").astype(np.int32),
    ).drop(columns="ts")
    events = events.sort_values(["customer_id", "age"], kind="stable")
    anyone = events.groupby("customer_id", sort=False)
    alike = events.groupby(["customer_id", "type"], sort=False, observed=True)
    return events.assign(
        gap=(events["age"] - alike["age"].shift()) // 1_000_000,
        new_day=alike["day"].shift() != events["day"],
        any_new_day=anyone["day"].shift() != events["day"],
    )


def table(events: pd.DataFrame) -> pd.DataFrame:
    """One row a customer."""
    anyone = events.groupby("customer_id")
    made = pd.DataFrame({"tenure_days": anyone["age"].max() / DAY})
    year = events[events["age"] <= 365 * DAY]
    made["active_days_365d"] = year.groupby("customer_id")["any_new_day"].sum()
    made["active_days_365d"] = made["active_days_365d"].fillna(0).astype(np.int64)
    made["freshness"] = 365 / (365 + anyone["age"].min() / DAY)
    for kind in KINDS:
        of_kind(made, events[events["type"] == kind], kind)
    for days in WINDOWS:
        spent = events[events["age"] <= days * DAY].groupby("customer_id")["amount"].sum()
        made[f"monetary_{days}d"] = spent.reindex(made.index).fillna(0.0)
    made["monetary_total"] = anyone["amount"].sum()
    bought = events[events["type"] == "purchase"].groupby("customer_id")["amount"]
    made["average_basket"] = bought.mean().reindex(made.index)
    for name, part, whole in RATES:
        for days in WINDOWS:
            made[f"{name}_{days}d"] = made[f"{PLURAL[part]}_{days}d"] / made[f"{PLURAL[whole]}_{days}d"].replace(
                0, np.nan
            )
    made["completeness"] = (bought.count() / bought.size()).reindex(made.index).fillna(1.0)
    return made


def of_kind(made: pd.DataFrame, mine: pd.DataFrame, kind: str) -> None:
    """Adds what is counted of one type of event."""
    many, ages, all_gaps = PLURAL[kind], mine.groupby("customer_id")["age"], mine.groupby("customer_id")["gap"]
    made[f"days_since_{kind}"] = (ages.min() / DAY).reindex(made.index)
    inside = {days: mine[mine["age"] <= days * DAY].groupby("customer_id") for days in WINDOWS}
    for days in WINDOWS:
        made[f"{many}_{days}d"] = inside[days].size().reindex(made.index, fill_value=0)
    made[f"{many}_total"] = ages.size().reindex(made.index, fill_value=0)
    for days in WINDOWS:
        made[f"{kind}_days_{days}d"] = inside[days]["new_day"].sum().reindex(made.index, fill_value=0)
    made[f"{kind}_gap_mean_days"] = (ages.max() - ages.min()) / (ages.size() - 1).replace(0, np.nan) / DAY
    made[f"{kind}_gap_sd_days"] = all_gaps.std() / 86_400
    made[f"{kind}_recency_over_gap"] = made[f"days_since_{kind}"] / made[f"{kind}_gap_mean_days"].replace(0, np.nan)
    made[f"{many}_30d_share"] = made[f"{many}_30d"] / made[f"{many}_365d"].replace(0, np.nan)


def main(events: str, out: str) -> None:
    """Makes the table and writes it as Parquet."""
    made = table(aged(events)).reset_index()
    made["customer_id"] = made["customer_id"].astype(str)
    made.assign(eligible=True).sort_values("customer_id").to_parquet(out, compression="zstd", index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
