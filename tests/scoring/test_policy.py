from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest

from scoring.answers import score_profiles
from scoring.batch import score_table
from scoring.parse import parse_rule
from scoring.policy import Policy, Segment
from scoring.policy_file import PolicyError, read_policy
from scoring.rules import FIELDS, to_sql
from scoring.segments import current_policy, install_policy
from tests.models import SHOP, shop_rows
from tests.scoring.test_segments import GOOD, USE_CASES

KINDS = {
    **{f"{name}.{field}": kind for name in USE_CASES for field, kind in FIELDS.items()},
    **{f.name: {"category": "text", "boolean": "boolean"}.get(f.type, "number") for f in SHOP if f.type != "date"},
}


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
    """Up to four random segments and a last one for everyone."""
    rules = [*(random_rule(rng) for _ in range(rng.randint(1, 4))), "TRUE"]
    parsed = [(text, parse_rule(text, KINDS)) for text in rules]
    segments = tuple(Segment(f"s{i}", {"fr": "s", "en": "s"}, text, rule) for i, (text, rule) in enumerate(parsed))
    return Policy(tuple(USE_CASES), segments, KINDS)


def test_a_policy_means_the_same_over_http_in_batch_and_in_sql(live):
    """500 random policies x 200 random customers, nulls included: posted rows = batch = DuckDB SQL."""
    rng = random.Random(11)
    rows = shop_rows(200, seed=2)
    profiles = [{"customer_id": str(i), "features": row} for i, row in enumerate(rows)]
    table = pa.Table.from_pylist(rows)
    seen = set()

    for _ in range(500):
        policy = random_policy(rng)
        answers = score_profiles(live, profiles, policy=policy)
        posted = [row["segment"] and row["segment"]["code"] for row in answers]
        batch = score_table(live, table, policy=policy)
        assert batch.column("segment").to_pylist() == posted
        assert in_sql(policy, batch, table) == posted
        seen.update(posted)

    assert {"s0", "s1", "s2", "s3", "s4"} <= seen


def in_sql(policy, batch, table):
    """The policy as one CASE over the columns batch writes, run by DuckDB."""
    joined = batch.drop(["segment"])
    for name in table.column_names:
        joined = joined.append_column(name, table.column(name))
    for name in USE_CASES:
        bands = joined.column(f"{name}_band").to_pylist()
        for field, code in (("lowest_band", "low"), ("highest_band", "high")):
            known = pa.array([None if band is None else band == code for band in bands])
            joined = joined.append_column(f"{name}_{field}", known)
    cases = " ".join(f"WHEN {to_sql(segment.rule)} THEN '{segment.code}'" for segment in policy.ordered)
    spoken = " AND ".join(f"{name}_status IN ('scored', 'not_eligible')" for name in policy.use_cases)
    query = f"SELECT CASE WHEN NOT ({spoken}) THEN NULL {cases} END FROM customers"  # noqa: S608 our own rules
    with duckdb.connect() as connection:
        connection.register("customers", joined)
        return [row[0] for row in connection.execute(query).fetchall()]


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
]


@pytest.mark.parametrize(("old", "new", "said"), FAULTS, ids=[f"{said} {new}"[:60] for _, new, said in FAULTS])
def test_a_faulty_policy_is_refused_with_line_and_reason(old, new, said, tmp_path):
    """What is installed stays untouched."""
    install_policy(tmp_path, read_policy(GOOD, USE_CASES), GOOD)
    before = current_policy(tmp_path).version
    assert old in GOOD

    with pytest.raises(PolicyError) as caught:
        install_policy(tmp_path, read_policy(GOOD.replace(old, new, 1), USE_CASES), "")

    assert any(said in fault for fault in caught.value.faults), caught.value.faults
    assert current_policy(tmp_path).version == before
