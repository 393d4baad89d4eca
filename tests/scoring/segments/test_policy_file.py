from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.answers.score import name_segments, score_profiles
from scoring.answers.served_release import Live
from scoring.batch.segment_columns import assign_rows
from scoring.batch.table_answers import answer_table, score_table
from scoring.segments.assignment import current_policy, install_policy
from scoring.segments.names import Level
from scoring.segments.policy import Policy, Segment
from scoring.segments.policy_file import PolicyError, read_policy
from scoring.segments.rule_parser import parse_rule
from scoring.segments.rule_texts import level_texts
from scoring.segments.rules import FIELDS, Kind, RuleError, from_json
from scoring.segments.sql import segment_sql
from tests.scoring.segments.test_assignment import GOOD, USE_CASES
from tests.support.models import SHOP, shop_rows

SPECIAL: dict[str, Kind] = {"category": "text", "boolean": "boolean"}
KINDS: dict[str, Kind] = {
    **{f"{name}.{field}": kind for name in USE_CASES for field, kind in FIELDS.items()},
    **{f.name: SPECIAL.get(f.type, "number") for f in SHOP if f.type != "date"},
}

PIECES = [
    *(
        "purchases_90d",
        "churn.score",
        "churn.band",
        "subscribed",
        "nobody",
        "quantile(",
        "quantile(purchases_90d,",
        "(",
    ),
    *(
        ")",
        ",",
        "AND",
        "OR",
        "NOT",
        "IN (",
        "IS",
        "NULL",
        "BETWEEN",
        "TRUE",
        "=",
        "<>",
        "<",
        "-",
        "'column'",
        "'Paris'",
    ),
    *(
        "'or'",
        "1",
        "0.5",
        "1e",
        "1e5",
        "1e999",
        "2e+",
        "[1e]",
        "1_0",
        ".",
        "$1",
        "?",
        "::int",
        "[1]",
        "{:}",
        "CASE",
        "\x00",
    ),
]


def random_rule(rng: random.Random, depth: int = 0) -> str:
    """A rule over the shop's features and scores, of any shape the grammar allows."""
    if depth < 3 and rng.random() < 0.6:
        left, right = random_rule(rng, depth + 1), random_rule(rng, depth + 1)
        return rng.choice([f"({left} AND {right})", f"({left} OR {right})", f"NOT ({left})"])
    number = rng.choice(
        ["days_since_purchase", "purchases_90d", "monetary_365d", "churn.score", "propensity.percentile"]
    )
    text = rng.choice(['"canal d\'achat"', "churn.band", "propensity.status"])
    word = rng.choice(["web", "Store", "low", "high", "scored", "it''s"])
    return rng.choice([
        f"{number} {rng.choice(['=', '<>', '<', '<=', '>', '>='])} {rng.choice([0, 1, 3.5, 50, 120, -2])}",
        f"{number} BETWEEN {rng.randint(0, 40)} AND {rng.randint(20, 300)}",
        f"{number} IN (1, 2, 3, 50.0)",
        f"{number} IS {rng.choice(['', 'NOT '])}NULL",
        f"{text} {rng.choice(['=', '<>'])} '{word}'",
        f"{text} NOT IN ('{word}', 'web')",
        "days_since_purchase > purchases_90d",
        rng.choice(["subscribed", "subscribed IS NOT TRUE", "subscribed = FALSE", "churn.highest_band"]),
    ])  # fmt: skip


def random_policy(rng: random.Random) -> Policy:
    """Up to four random segments at level 1 and one for everyone; below, some within parents and some overlapping."""
    made: list[Segment] = []

    def add(level: Level, rule: str, parent: str | None = None, *, exclusive: bool = True) -> None:
        label = {"fr": "s", "en": "s"}
        made.append(
            Segment(f"s{len(made)}", label, rule, parse_rule(rule, KINDS), level, parent, exclusive, rng.randint(0, 2))
        )

    for _ in range(rng.randint(1, 4)):
        add(1, random_rule(rng), exclusive=rng.random() < 0.8)
    add(1, "TRUE")
    for level in (2, 3):
        parents = [None, *(segment.code for segment in made if segment.exclusive and segment.level < level)]
        for _ in range(rng.randint(0, 3)):
            add(level, random_rule(rng), rng.choice(parents), exclusive=rng.random() < 0.7)
    return Policy(tuple(USE_CASES), tuple(made), KINDS)


def test_a_policy_means_the_same_over_http_in_batch_and_in_sql(live: dict[str, Live]) -> None:
    """500 random policies x 200 random customers, nulls included: posted rows = batch = DuckDB SQL."""
    rng = random.Random(11)
    rows = shop_rows(200, seed=2)
    profiles = [{"customer_id": str(i), "features": row} for i, row in enumerate(rows)]
    table = pa.Table.from_pylist(rows)
    answers, scored = score_profiles(live, profiles), answer_table(live, table)
    seen: set[str] = set()

    with duckdb.connect() as connection:
        connection.register(
            "customers",
            pa.table({**scored.columns(prefixed=True), **dict(zip(table.column_names, table.columns, strict=True))}),
        )
        for _ in range(500):
            policy = random_policy(rng)
            name_segments(policy, live, answers, profiles, "en")
            posted = [codes_of(row["segment"]) for row in answers]
            batch = [codes_of(place.to_answer("en")) for place in assign_rows(policy, live, scored, table)]
            assert batch == posted
            assert in_sql(connection, policy) == posted
            seen.update(code for codes in posted for code in codes)

    assert {f"s{number}" for number in range(8)} <= seen


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map(" ".join))
def test_any_text_is_a_rule_or_a_fault_with_its_reason(text: str) -> None:
    """Whatever signs, numbers and names follow one another, no other error comes out of the parser."""
    try:
        rule = parse_rule(text, KINDS, {"purchases_90d": tuple(range(9))})
    except RuleError:
        return
    assert from_json(json.loads(json.dumps(rule))) == rule


def test_both_doors_use_the_policy_they_are_given(live: dict[str, Live]) -> None:
    """What the property above takes apart, whole: posted rows and a scored table name the same segments."""
    rng = random.Random(12)
    rows = shop_rows(50, seed=3)
    profiles = [{"customer_id": str(i), "features": row} for i, row in enumerate(rows)]

    for _ in range(10):
        policy = random_policy(rng)
        posted = [row["segment"] and row["segment"]["code"] for row in score_profiles(live, profiles, policy=policy)]
        batch = score_table(live, pa.Table.from_pylist(rows), policy=policy)
        assert batch.column("segment").to_pylist() == posted
        assert any(posted)


def codes_of(answer: Mapping[str, Any] | None) -> list[str]:
    """All segments of an answer, the path and the overlapping ones."""
    return [] if answer is None else sorted(segment["code"] for segment in (*answer["path"], *answer["also"]))


def in_sql(connection: duckdb.DuckDBPyConnection, policy: Policy) -> list[list[str]]:
    """Each customer's segments, every one asked by its own SQL expression, run by DuckDB."""
    ladders = dict.fromkeys(policy.use_cases, ("low", "medium", "high"))
    asked = ", ".join(segment_sql(policy, segment, ladders, levels=level_texts(SHOP)) for segment in policy.segments)
    answered = connection.execute(f"SELECT {asked} FROM customers").fetchall()  # noqa: S608 our own rules
    assert all(value is not None for row in answered for value in row)
    codes = [segment.code for segment in policy.segments]
    return [sorted(code for code, holds in zip(codes, row, strict=True) if holds) for row in answered]


FAULTS = [
    ("propensity.score > 70", "propensity.skore > 70", "line 6: A name must be"),
    ("purchases_90d >= 2", "purchases_91d >= 2", "line 6: A name must be"),
    ("purchases_90d >= 2", "purchases_90d >= 'two'", "line 6: Both sides"),
    ("purchases_90d >= 2", "purchases_90d", "line 6: purchases_90d must be compared"),
    ("purchases_90d >= 2", "purchases_90d >=", "line 6: A rule must be SQL"),
    ("purchases_90d >= 2", "purchases_90d >= 2; DROP TABLE x", "line 6: A rule must be one"),
    ("purchases_90d >= 2", "sqrt(purchases_90d) >= 2", "line 6: A rule is made of"),
    ("purchases_90d >= 2", "purchases_90d IN (SELECT 1)", "line 6: A rule is made of"),
    ("purchases_90d >= 2", "purchases_90d < 0", "line 6: Nobody can be in hot"),
    ("purchases_90d >= 2", "propensity.score < 60", "line 6: Nobody can be in hot"),
    ("propensity.score > 70", "propensity.band > 'low'", "line 6: Only numbers are ordered"),
    ("propensity.score > 70", "1 < 2", "line 6: A comparison must name"),
    ('rule = "TRUE"', 'rule = "propensity.score <= 70"', "Every customer needs a segment of level 1"),
    ('rule = "propensity.score > 70 AND purchases_90d >= 2"', 'rule = "TRUE"', "line 11: Nobody can be in rest"),
    ('code = "rest"', 'code = "hot"', "line 9: A code names one segment"),
    ('code = "rest"', 'code = "Rest!"', "line 9: A code is written"),
    ('label = { fr = "Autres", en = "Others" }', 'label = { fr = "Autres" }', "line 10: A label is needed"),
    ('parent = "hot"', 'parent = "cold"', "line 16: A parent is"),
    ("level = 2", "level = 7", "line 15: A level is"),
    ("level = 2", 'colour = "red"', "line 15: A segment holds"),
    ('use_cases = ["churn", "propensity"]', 'use_cases = ["churn", "love"]', "line 1: A use case must be released"),
    ('code = "rest"', "", "line 8: A segment needs `code`"),
    ("level = 2", "level = ", "must be TOML"),
    ("\\\"canal d'achat\\\" = 'web'", "purchases_90d < 2", "line 18: Nobody can be in hot_web"),
    ("purchases_90d >= 2", "purchases_90d >= 1e", "line 6: A number must be"),
    ("purchases_90d >= 2", "purchases_90d IN (1, 2e)", "line 6: A number must be"),
    ("purchases_90d >= 2", "purchases_90d >= quantile(purchases_90d, 1e999)", "line 6: A number must be"),
    ("purchases_90d >= 2", "purchases_90d >= quantile(purchases_90d, 1e)", "line 6: A number must be"),
    ("purchases_90d >= 2", "\\\"joined on\\\" > '2015-01-01'", "line 6: Dates cannot stand in a rule"),
]


@pytest.mark.parametrize(("old", "new", "said"), FAULTS, ids=[f"{said} {new}"[:60] for _, new, said in FAULTS])
def test_a_faulty_policy_is_refused_with_line_and_reason(old: str, new: str, said: str, tmp_path: Path) -> None:
    """What is installed stays untouched."""
    install_policy(tmp_path, read_policy(GOOD, USE_CASES), GOOD)
    before = current_policy(tmp_path).version
    assert old in GOOD

    with pytest.raises(PolicyError) as caught:
        install_policy(tmp_path, read_policy(GOOD.replace(old, new, 1), USE_CASES), "")

    assert any(said in fault for fault in caught.value.faults), caught.value.faults
    assert current_policy(tmp_path).version == before
