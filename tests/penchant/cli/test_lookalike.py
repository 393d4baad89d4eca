"""`penchant lookalike`: a seed in, a list out, with how well it can be known."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from penchant.cli.lookalike import main
from tests.training.lookalike.conftest import frequent, home, shop_day

Capture = pytest.CaptureFixture[str]
__all__ = ["home", "shop_day"]


def seed_file(home: Path, ids: list[str]) -> str:
    """Under a name of its own, with a semicolon, a blank and somebody whom the home does not know."""
    file = home / "seed.csv"
    file.write_text("\ufeffKundennr;\n" + "\n".join(f"{one};" for one in [*ids, "stranger", "", ids[0]]), "utf-8")
    return str(file)


def test_a_list_comes_with_its_evidence(home: Path, capsys: Capture) -> None:
    """One document: list, figures of members kept aside with intervals, who was left out; unknown ids are counted."""
    asked = ["--seed", seed_file(home, frequent()), "--size", "25", "--home", str(home), "--json"]

    assert main([*asked, "--use-case", "propensity"]) == 0

    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert len(document["list"]) == document["written"] == 25
    assert {"roc_auc", "lift_at_10", "intervals"} <= document["held_out"].keys()
    assert document["left_out"]["seed"] == 40
    assert (document["seed"]["unknown"], document["seed"]["repeated"]) == (1, 1)
    assert "stranger" not in printed.out + printed.err


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_holds_the_list_and_says_that_it_addresses_nobody(home: Path, ending: str, capsys: Capture) -> None:
    """Rank, score and reasons in the language asked for; the mark lies beside it."""
    file = home / f"list.{ending}"
    asked = ["--seed", seed_file(home, frequent()), "--size", "25", "--home", str(home), "--output", str(file)]

    assert main([*asked, "--language", "fr"]) == 0

    rows = pl.read_csv(file) if ending == "csv" else pl.read_parquet(file)
    assert capsys.readouterr().out.strip() == str(file)
    assert rows.columns[:3] == ["customer_id", "rank", "score"]
    assert rows["rank"].to_list() == list(range(1, 26))
    assert "achats" in rows["reason_1_text"][0]
    assert json.loads((home / f"list.{ending}.internal.json").read_text())["internal"] is True


@pytest.mark.parametrize(
    ("count", "more", "code", "message"),
    [
        (12, [], 3, "at least 30 customers of whom something is known, got 12 of 13 different ids, 1 unknown"),
        (40, ["--size", "0"], 2, "--size must lie in 1..100000, got 0"),
        (40, ["--holdout", "0.2"], 2, "--holdout needs a --salt"),
        (40, ["--use-case", "nothing"], 3, "--use-case must be one that the day was scored with"),
        (40, ["--output", "l.csv", "--format", "brevo"], 2, "needs contacts"),
        (40, ["--column", "id"], 3, "--column must name a column of the seed file"),
        (40, ["--as-of", "2026-01-01"], 2, "--as-of goes with a USE_CASE.toml"),
    ],
)
def test_what_cannot_be_is_refused(
    home: Path, count: int, more: list[str], code: int, message: str, capsys: Capture
) -> None:
    """The rule, then what arrived; nothing is printed as a result, nothing leaves."""
    asked = ["--seed", seed_file(home, frequent(count)), "--size", "5", "--home", str(home), *more]

    assert main(asked) == code

    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert not (home / "segments" / "exports.jsonl").exists()


def test_a_use_case_that_was_never_trained_has_look_alikes_too(tmp_path: Path, capsys: Capture) -> None:
    """A ready table under its own name of the ids; features that set the seed apart are the reasons."""
    rows = {
        "client": [f"k{at}" for at in range(400)],
        "left": [str(at % 2) for at in range(400)],
        "visits": [(at * 37) % 100 for at in range(400)],
        "city": ["Oslo" if at % 3 else "Rome" for at in range(400)],
    }
    pl.DataFrame(rows).write_csv(tmp_path / "rows.csv")
    table = '[table]\npath = "rows.csv"\nlabel = "left"\npositive = 1\ncustomer_id = "client"\n'
    (tmp_path / "t.toml").write_text(f'name = "t"\npolarity = "positive"\n{table}')
    best = [f"k{at}" for at in range(400) if (at * 37) % 100 >= 80]
    pl.DataFrame({"ville": ["x"] * 40, "client": best[:40]}).write_csv(tmp_path / "seed.csv", separator=";")
    asked = ["--seed", str(tmp_path / "seed.csv"), "--size", "30", "--home", str(tmp_path / "home"), "--json"]

    assert main([str(tmp_path / "t.toml"), *asked]) == 0

    document = json.loads(capsys.readouterr().out)
    assert {one["customer_id"] for one in document["list"]} <= set(best[40:])
    assert document["list"][0]["reasons"][0]["feature"] == "visits"
    assert document["as_of"] is None
