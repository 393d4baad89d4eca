"""Clusters as a draft of a policy: rules that a policy takes, and how often they agree with the clusters."""

from __future__ import annotations

import tomllib

import duckdb
import pytest

from scoring.segments.policy_file import read_policy
from scoring.segments.rules import sql_name, to_sql
from tests.support.grouped import FEATURES, clusters_of, customers
from training.segmentation.as_rules import draft_policy


def test_a_draft_is_a_policy_that_agrees_with_the_clusters() -> None:
    """Read as any policy, it puts as many customers where the clusters are as it says."""
    rows = customers(600)
    learned = clusters_of(rows)

    draft = draft_policy(rows, learned, use_case="churn", seed=1, name="habits", as_of="2026-03-01")

    assert draft.fidelity.agree >= 0.95
    assert draft.fidelity.out_of_sample >= 0.9
    policy = read_policy(draft.text, {"churn": FEATURES})
    assert {segment.code for segment in policy.segments} == set(learned.codes)
    assert all(segment.minimum_stay.days == 30 for segment in policy.segments)
    found = duckdb.connect()
    found.register("rows", rows.to_arrow())
    cases = " ".join(f"WHEN {to_sql(one.rule, sql_name)} THEN '{one.code}'" for one in policy.ordered)
    codes = [code for (code,) in found.execute(f"SELECT CASE {cases} END FROM rows").fetchall()]  # noqa: S608 our own
    groups = [learned.codes[number % 3] for number in range(600)]
    agreed = sum(code == group for code, group in zip(codes, groups, strict=True)) / 600
    assert agreed == pytest.approx(draft.fidelity.agree, abs=0.02)


def test_a_draft_says_how_well_it_does() -> None:
    """In its first lines, before anybody installs it."""
    rows = customers(300)

    text = draft_policy(rows, clusters_of(rows), use_case="churn", seed=1, name="habits").text

    assert tomllib.loads(text)["use_cases"] == ["churn"]
    assert "of 300 customers where the groups are" in text
    assert "that the tree did not see" in text
