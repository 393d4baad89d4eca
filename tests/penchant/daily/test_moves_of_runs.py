"""Moves between two days that runs left of a log of purchases: they add up for everybody who has two scores."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from penchant import population
from penchant.cli.run import main
from scoring.answers.served_release import Live
from scoring.population.moves import AskedMove, customer_move
from scoring.releases.store import load_release
from scoring.segments.assignment import install_policy
from scoring.segments.policy_file import read_policy

POLICY = """
use_cases = ["case"]
[[segment]]
code = "recent"
label = { fr = "Récents", en = "Recent" }
rule = "days_since_purchase <= 20"
[[segment]]
code = "rest"
label = { fr = "Autres", en = "Others" }
rule = "TRUE"
"""


def test_moves_of_all_customers_add_up_and_name_the_rule(world: Path) -> None:
    """The change of log-odds to 1e-9; the rule that flipped, by the recency of each day."""
    home = world / "home"
    live = Live(load_release(home, "case"))
    install_policy(home, read_policy(POLICY, {"case": live.release.bundle.features}), POLICY)
    for day in ("2024-09-01", "2024-10-01"):
        assert main(["--home", str(home), "--as-of", day]) == 0
    first, last = ({row["customer_id"]: row for row in population(home=home, as_of=day).to_dicts()}
                   for day in ("2024-09-01", "2024-10-01"))  # fmt: skip
    both = [who for who in first.keys() & last.keys() if first[who]["case_score"] and last[who]["case_score"]]

    assert len(both) > 50
    for who in both:
        move = customer_move(home, AskedMove("case", who, "2024-09-01", "2024-10-01"), {"case": live})
        odds = [math.log(row[who]["case_probability"] / (1 - row[who]["case_probability"])) for row in (first, last)]
        assert math.fsum(move["contributions"].values()) == pytest.approx(odds[1] - odds[0], abs=1e-9)
        recent = [row[who]["segment"] == "recent" for row in (first, last)]
        flipped = [{"code": "recent", "before": recent[0], "after": recent[1]}] if recent[0] != recent[1] else []
        assert move["rules"] == flipped
