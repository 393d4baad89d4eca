"""A home with one campaign, and outcomes of it as files or in a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import numpy as np

from features.config.use_case import LogUseCase, load_use_case
from scoring.audiences.campaign import (
    CAMPAIGN,
    CAMPAIGNS,
    Campaign,
    CampaignList,
    CampaignPlan,
    CampaignVersions,
    record_campaign,
)

USE_CASE = """
name = "shop"
polarity = "positive"
[events]
path = "log.csv"
customer_id = "who"
timestamp = "at"
type = { column = "kind" }
amount = "spent"
[window]
observation = "90d"
prediction = "30d"
test_cutoff = "2025-10-01"
[label]
event = "purchase"
outcome = "present"
"""
MADE = datetime(2026, 3, 2, tzinfo=UTC)
LOOK = date(2026, 6, 1)
AFTER = datetime(2026, 6, 2, tzinfo=UTC)


def planned(
    home: Path,
    *,
    treated: int = 900,
    held_out: int = 300,
    window: str | None = "90d",
    salt: str = "spring",
    look: date | None = LOOK,
    metric: str = "purchase",
) -> Campaign:
    """A campaign of customers `t0`.. and `h0`.., made on 2 March 2026, to be looked at on 1 June."""
    plan = CampaignPlan(
        salt=salt,
        holdout=held_out / (treated + held_out),
        list=CampaignList(use_case="churn", snapshot="2026-03-01T00:00:00Z", top=treated + held_out),
        versions=CampaignVersions({"churn": "1"}, "default"),
        window=window,
        metric=metric,
        planned_look=look if window else None,
    )
    made = record_campaign(home, plan, treated=ids("t", treated), holdout_ids=ids("h", held_out))
    return dated(home, made, MADE)


def dated(home: Path, campaign: Campaign, made: datetime) -> Campaign:
    """The campaign as if its list had left at another moment."""
    found = msgspec.structs.replace(campaign, made=made)
    (home / CAMPAIGNS / campaign.id / CAMPAIGN).write_bytes(msgspec.json.encode(found))
    return found


def ids(letter: str, count: int) -> list[str]:
    """The customers of an arm."""
    return [f"{letter}{number}" for number in range(count)]


def answers(
    file: Path,
    customers: Sequence[str],
    rate: Callable[[str], float],
    *,
    worth: float = 40.0,
    seed: int = 3,
    unsubscribed: Callable[[str], float] | None = None,
) -> Path:
    """A CSV of who answered by a rate of each customer's, and of what it was worth."""
    drawn = np.random.default_rng(seed)
    lines = ["customer_id,contacted,answered,value" + (",unsubscribed" if unsubscribed else "")]
    for customer in customers:
        yes = drawn.random() < rate(customer)
        line = f"{customer},{int(customer[0] == 't')},{int(yes)},{worth * drawn.gamma(2) / 2 if yes else ''}"
        lines.append(line + (f",{int(drawn.random() < unsubscribed(customer))}" if unsubscribed else ""))
    file.write_text("\n".join(lines) + "\n")
    return file


def shop(folder: Path, *lines: str) -> LogUseCase:
    """A use case on a log of these lines, and of enough others to be a log."""
    others = [f"o{n},2025-{month:02}-05 10:00:00,visit," for n in range(20) for month in range(1, 13)]
    (folder / "log.csv").write_text("\n".join(["who,at,kind,spent", *others, *lines]) + "\n")
    (folder / "shop.toml").write_text(USE_CASE)
    found = load_use_case(folder / "shop.toml")
    assert isinstance(found, LogUseCase)
    return found
