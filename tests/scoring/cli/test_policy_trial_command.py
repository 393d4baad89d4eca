"""`segments FILE --try`: what a policy would do is what the next day does with it, and nothing is installed."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scoring.answers.served_release import Live
from scoring.audiences.membership import SnapshotCounts
from scoring.audiences.snapshot import SnapshotInputs, open_snapshot
from scoring.cli.main import main
from scoring.population.days import Day, day_folder, open_day
from scoring.population.write_day import DayInputs, write_day
from scoring.privacy import suppression
from scoring.segments.assignment import current_policy
from tests.scoring.segments.test_assignment import GOOD
from tests.support.days import ABSENT, DAY, made, write_customers

KEPT = """use_cases = ["churn", "propensity"]

[[segment]]
code = "hot"
label = { fr = "Chauds", en = "Hot" }
rule = "propensity.score > 40 AND purchases_90d >= 2"

[[segment]]
code = "at_risk"
label = { fr = "À risque", en = "At risk" }
rule = "churn.score > 90"
stay = "churn.score > 30"

[[segment]]
code = "rest"
label = { fr = "Autres", en = "Others" }
rule = "TRUE"

[[segment]]
code = "buyers"
label = { fr = "Acheteurs", en = "Buyers" }
rule = "purchases_90d >= 6"
exclusive = false
"""


@pytest.fixture
def shop(home: Path, live: dict[str, Live], tmp_path: Path) -> tuple[Path, Day]:
    """A home of one's own with both releases, and a day placed by its default policy."""
    shutil.copytree(home, tmp_path / "home")
    write_customers(tmp_path / "customers.parquet")
    return tmp_path, written(tmp_path, live)[0]


def written(folder: Path, live: dict[str, Live], previous: Day | None = None) -> tuple[Day, SnapshotCounts]:
    """A day as a run writes it with the policy in service, and what it counted."""
    was = open_snapshot(previous.folder) if previous else None
    policy, source = current_policy(folder / "home"), folder / "customers.parquet"
    inputs = SnapshotInputs(live, policy, source, DAY.date(), was)
    tally = write_day(folder / "home", DayInputs("run", DAY, inputs), check=lambda _: None)
    return open_day(day_folder(folder / "home", DAY)), tally


def tried(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What a trial says of a policy."""
    (folder / "tried.toml").write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert main(["segments", "--home", str(folder / "home"), str(folder / "tried.toml"), "--try", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_trial_is_what_the_next_run_makes_of_the_same_customers(
    shop: tuple[Path, Day], live: dict[str, Live], capsys: pytest.CaptureFixture[str]
) -> None:
    """Sizes and moves, with stay rules and overlapping segments; what is in service stays as it was."""
    folder, day = shop
    before = current_policy(folder / "home")

    found = tried(folder, KEPT, capsys)

    assert current_policy(folder / "home").version == before.version == found["against"]
    assert main(["segments", "--home", str(folder / "home"), str(folder / "tried.toml")]) == 0
    was = open_snapshot(day.folder)
    after, tally = written(folder, live, day)
    placed = open_snapshot(after.folder)
    sizes = {size["code"]: size["after"] for size in found["segments"] if size["after"] is not None}
    assert sizes == {code: tally.sizes[code] for code in ("hot", "at_risk", "rest", "buyers")}
    assert tally.sizes["at_risk"] > 0
    assert found["unplaced"]["after"] == tally.unplaced == len(ABSENT)
    earlier = dict(zip(was.column("customer_id"), was.column("segment"), strict=True))
    flows = Counter(
        (earlier[customer], segment)
        for customer, segment in zip(placed.column("customer_id"), placed.column("segment"), strict=True)
    )
    assert {(flow["from"], flow["to"]): flow["customers"] for flow in found["flows"]} == flows
    assert found["moved"] == sum(count for (old, new), count in flows.items() if old != new) > 0


def test_the_policy_in_service_moves_nobody(shop: tuple[Path, Day], capsys: pytest.CaptureFixture[str]) -> None:
    """Though the day was placed by another one, before it was installed."""
    folder, _ = shop
    (folder / "good.toml").write_text(KEPT, encoding="utf-8")
    assert main(["segments", "--home", str(folder / "home"), str(folder / "good.toml")]) == 0

    found = tried(folder, KEPT, capsys)

    assert found["moved"] == 0
    assert all(size["before"] == size["after"] for size in found["segments"])
    assert all(one["from"] == one["to"] for one in found["examples"])
    assert main(["segments", str(folder / "tried.toml"), "--try", "--home", str(folder / "home")]) == 0
    assert capsys.readouterr().out.endswith("\nNobody would move.\n")


def test_twenty_examples_show_every_move_and_nobody_who_objected(
    shop: tuple[Path, Day], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the scores that the day has; on a terminal too, where segments that would go are named."""
    folder, day = shop
    rows = {row["customer_id"]: row for row in open_snapshot(day.folder).rows.to_pylist()}
    everybody = tried(folder, GOOD, capsys)
    gone = everybody["examples"][0]["customer_id"]
    suppression.add(folder / "home", [gone])

    found = tried(folder, GOOD, capsys)

    assert (found["customers"], everybody["customers"]) == (len(rows) - 1, len(rows))
    assert len(found["examples"]) == 20
    assert gone not in {one["customer_id"] for one in found["examples"]}
    moves = {(flow["from"], flow["to"]) for flow in found["flows"] if flow["from"] != flow["to"]}
    assert {(one["from"], one["to"]) for one in found["examples"]} == moves
    for one in found["examples"]:
        row = rows[one["customer_id"]]
        assert one["scores"] == {name: row[f"{name}_score"] for name in ("churn", "propensity")}
    capsys.readouterr()
    assert main(["segments", str(folder / "tried.toml"), "--try", "--home", str(folder / "home")]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["loyal", str(_before(found, "loyal")), "-"] for line in shown)
    assert sum(line.startswith("  c") and " -> " in line for line in shown) == 20


def _before(found: dict[str, Any], code: str) -> int:
    return next(int(size["before"]) for size in found["segments"] if size["code"] == code)


def test_without_a_day_there_is_nobody_to_try_on(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, and what to do."""
    (tmp_path / "good.toml").write_text(GOOD, encoding="utf-8")

    code = main(["segments", str(tmp_path / "good.toml"), "--try", "--home", str(home)])

    assert code == 1
    assert "run `penchant run`" in capsys.readouterr().err


def test_a_day_that_has_not_scored_what_the_policy_reads_says_so(
    home: Path, live: dict[str, Live], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a use case that came into service since."""
    shutil.copytree(home, tmp_path / "home")
    made(tmp_path / "home", {"propensity": live["propensity"]}, write_customers(tmp_path / "customers.parquet"))
    (tmp_path / "good.toml").write_text(GOOD, encoding="utf-8")

    code = main(["segments", str(tmp_path / "good.toml"), "--try", "--home", str(tmp_path / "home")])

    assert code == 1
    assert "it has not scored churn" in capsys.readouterr().err
