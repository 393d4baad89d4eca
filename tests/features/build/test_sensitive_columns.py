"""What may tell something sensitive is left out of every table until its owner accepts it, and reported either way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.__main__ import main
from features.build.log_table import learning_table, scoring_table
from features.config.use_case import LogUseCase, load_use_case
from features.errors import UseCaseError
from features.point_in_time.compiled_sql import raw_events
from features.quality.render import as_page, as_text
from tests.support.worlds import log_case, purchases, table_case, utc, write_use_case

ACCEPTED = {"reason": "An allergen shop: asked for in the contract.", "owner": "Data protection officer"}
INTERESTS = ("golf", "ski", "golf;ski", "golf;ramadan", "ski;ramadan", "ramadan", "golf;ski;ramadan")


@pytest.fixture(scope="module")
def log() -> pl.DataFrame:
    """Purchases with a category of which some levels tell, a property and a measure whose names do."""
    rows = purchases()
    random = np.random.default_rng(3)
    levels = np.array(["bread", "Halal", "sans gluten", "wine"])
    return rows.with_columns(
        category=pl.Series(levels[random.integers(0, 4, len(rows))]),
        allergie=pl.Series(np.array(["nuts", "none"])[random.integers(0, 2, len(rows))]),
        blood_pressure=pl.Series(random.normal(120, 9, len(rows)).round(1)),
    )


def case(folder: Path, log: pl.DataFrame, *accepted: str) -> LogUseCase:
    """A use case on the log and its profiles, in which some columns are accepted."""
    people = log.select("customer_id").unique().sort("customer_id").with_row_index()
    profiles = people.select(
        "customer_id",
        pl.when(pl.col("index") % 3 == 0).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("Syndiqué"),
        pl.when(pl.col("index") % 2 == 0).then(pl.lit("kosher meal")).otherwise(pl.lit("any")).alias("meal"),
        (pl.col("index") % len(INTERESTS)).replace_strict(dict(enumerate(INTERESTS))).alias("interests"),
    )
    profiles.write_parquet(folder / "profiles.parquet")
    return log_case(
        folder,
        log,
        events={"properties": ["category", "allergie"], "measures": ["blood_pressure"]},
        window={"observation": "30d"},
        profiles={"path": "profiles.parquet", "customer_id": "customer_id"},
        accepted_sensitive=dict.fromkeys(accepted, ACCEPTED),
    )


TELLING = {"category", "allergie", "blood_pressure", "Syndiqué", "meal", "interests"}


def telling(names: list[str]) -> set[str]:
    """The columns of which features are made, of those that tell."""
    marks = {"halal": "category", "gluten": "category", "allergie": "allergie", "blood_pressure": "blood_pressure"}
    marks |= {"syndique": "Syndiqué", "meal": "meal", "ramadan": "interests"}
    return {column for name in names for mark, column in marks.items() if mark in name.lower().replace("é", "e")}


def test_what_tells_is_in_no_table_of_a_log(log: pl.DataFrame, tmp_path: Path) -> None:
    """To learn from, to score or posted; the other levels and entries stay, and each thing left out is a finding."""
    use_case = case(tmp_path, log)

    learned = learning_table(use_case)
    scored = scoring_table(use_case, utc(250))
    assert learned.feature_plan is not None
    posted = raw_events(use_case, learned.feature_plan)

    for names in ([one.name for one in learned.features], learned.rows.columns, scored.columns):
        assert telling(list(names)) == set()
        assert {"purchases_category_bread_30d", "interests_golf", "interests_count"} <= set(names)
    assert telling([column["key"] for column in (*posted["events"], *posted["traits"])]) == set()
    assert posted["left_out"] == ["allergie", "blood_pressure"]
    found = [finding for finding in learned.findings if finding.rule == "sensitive_column"]
    assert {str(finding.feature).partition(":")[0] for finding in found} == TELLING
    assert {finding.figures["topic"] for finding in found} == {"health", "religion", "union"}
    assert not any("accepted" in finding.figures for finding in found)
    assert learned.report["sensitive"] == [finding.to_json() for finding in found]


def test_what_is_accepted_is_learned_from_and_still_reported(log: pl.DataFrame, tmp_path: Path) -> None:
    """With the reason and who answers for it."""
    accepted = learning_table(case(tmp_path, log, *TELLING))

    assert telling([one.name for one in accepted.features]) == TELLING
    found = [finding for finding in accepted.findings if finding.rule == "sensitive_column"]
    assert {str(finding.feature).partition(":")[0] for finding in found} == TELLING
    assert {finding.figures["accepted"] for finding in found} == {f"{ACCEPTED['reason']} ({ACCEPTED['owner']})"}


@pytest.mark.parametrize("accepted", [(), ("religion",)], ids=["not accepted", "accepted"])
def test_a_ready_table_is_read_so_too(
    tmp_path: Path, accepted: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """By the name or a level the whole column is left out; the report says so as text, as a page and as JSON."""
    random = np.random.default_rng(1)
    table = pl.DataFrame(
        {
            "age": random.integers(18, 80, 400),
            "religion": np.array(["a", "b", "c"])[random.integers(0, 3, 400)],
            "menu": np.array(["any", "sans lactose"])[random.integers(0, 2, 400)],
            "y": np.array(["yes", "no"])[random.integers(0, 2, 400)],
        }
    )
    table_case(tmp_path, table)
    sections: dict[str, Any] = {"table": {"path": "table.parquet", "label": "y", "positive": "yes"}}
    file = write_use_case(tmp_path, {**sections, "accepted_sensitive": dict.fromkeys(accepted, ACCEPTED)})

    learned = learning_table(load_use_case(file))
    code = main(["report", str(file), "--json", "--home", str(tmp_path)])

    assert [one.name for one in learned.features] == ["age", *accepted]
    stated = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [(one["feature"], one["figures"]["topic"]) for one in stated["sensitive"]] == [
        ("religion", "religion"),
        ("menu", "health"),
    ]
    assert [column["role"] for column in stated["columns"] if column["name"] == "menu"] == ["dropped"]
    for shown in (as_text(learned.report), as_page("case", learned.report)):
        assert "may tell health by its level" in shown
        assert ("Accepted: An allergen shop" in shown) == bool(accepted)


def test_only_what_is_there_can_be_accepted(log: pl.DataFrame, tmp_path: Path) -> None:
    """A mistyped name is refused: its owner would believe that the column is learned from."""
    with pytest.raises(UseCaseError, match=r"accepted_sensitive.alergie: must be of a column of the data"):
        learning_table(case(tmp_path, log, "alergie"))


def test_a_type_that_is_too_rare_to_be_counted_is_not_named(log: pl.DataFrame, tmp_path: Path) -> None:
    """It may be the words of one customer."""
    kinds = pl.int_range(pl.len()) % 75
    typed = log.with_columns(kind=pl.when(kinds < 50).then(pl.lit("visit")).otherwise(pl.format("kind {}", kinds)))
    rare = typed.with_columns(
        kind=pl.when(pl.int_range(pl.len()) == 30).then(pl.lit("call about her pregnancy")).otherwise("kind")
    )
    use_case = log_case(
        tmp_path, rare, events={"type": {"column": "kind"}}, window={"observation": "30d"}, label={"event": "visit"}
    )

    found = [one.feature for one in learning_table(use_case).findings]

    assert not [name for name in found if "pregnancy" in str(name)]


def test_a_label_that_tells_must_be_accepted(tmp_path: Path) -> None:
    """It cannot be left out: nothing is trained until it is; so for the value that is predicted."""
    table = {"path": "table.parquet", "label": "pregnancy", "positive": "yes"}
    level = {"path": "table.parquet", "label": "answer", "positive": "Halal"}

    for stated, key in ((table, "table.label"), (level, "table.positive")):
        with pytest.raises(UseCaseError, match=f"{key}: may tell"):
            load_use_case(write_use_case(tmp_path, {"table": stated}))
        accepted = {str(stated["label"]): ACCEPTED}
        assert load_use_case(write_use_case(tmp_path, {"table": stated, "accepted_sensitive": accepted}))


def test_an_acceptance_needs_a_reason_and_an_owner(tmp_path: Path) -> None:
    """Both missing keys are named at once."""
    table = {"path": "table.parquet", "label": "y", "positive": "yes"}

    with pytest.raises(UseCaseError) as failure:
        load_use_case(write_use_case(tmp_path, {"table": table, "accepted_sensitive": {"allergy": {"reason": " "}}}))

    assert {rule.partition(":")[0] for rule in failure.value.broken} == {
        "accepted_sensitive.allergy.reason",
        "accepted_sensitive.allergy.owner",
    }
