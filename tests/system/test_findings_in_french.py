"""What `features` finds can be rendered in French by its rule and its figures, not only in English."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from features.leakage.detectors import leaks
from features.leakage.perturbation import sees_the_future
from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from features.spec.feature import CUSTOMER_ID, Finding
from features.tables.learning_table import ID
from scoring.text.findings import finding_text
from tests.support.planted import ANY_TABLE, futures, planted_feature
from tests.support.worlds import EXAMPLES, log_case, purchases, table_case

# Rules that a finding of `features` can have, but for `early_timestamp`, whose log is misdated.
RULES = {
    "separates_alone",
    "outweighs_all_others",
    "one_class_only",
    "holds_the_future",
    "dated_after_cutoff",
    "identifier_tells",
    "trait_without_valid_from",
    "sees_the_future",
    "filled_in_part",
}


def _in_english_only(findings: Sequence[Finding]) -> list[str]:
    """The details that a French reader gets in English, after a journey through JSON."""
    stored = [msgspec.json.decode(json.dumps(finding.to_json()), type=Finding) for finding in findings]
    texts = [finding_text(finding, "fr") for finding in stored]
    return [text.detail for text in texts if text.foreign]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """Findings of every rule, on real tables with planted leaks."""
    bank = learning_table(load_use_case(EXAMPLES / "bank/term-deposit.toml"))
    cdnow = learning_table(load_use_case(EXAMPLES / "cdnow/propensity.toml"))
    ahead = futures(cdnow.rows, pl.read_parquet(EXAMPLES / "cdnow/transactions.parquet"), 90)
    findings: list[Finding] = []
    for plant in ANY_TABLE.values():
        cells = plant(bank.rows, np.random.default_rng(3))
        findings += leaks(bank.rows.with_columns(cells), [*bank.features, planted_feature(cells)])
    for cells in ahead.iter_columns():
        findings += leaks(cdnow.rows.with_columns(cells), [*cdnow.features, planted_feature(cells)])
    folder = tmp_path_factory.mktemp("findings")
    return [*findings, *_identified(folder), *_undated(folder), *_moved(folder), *_filled(folder)]


def _identified(folder: Path) -> tuple[Finding, ...]:
    """Ids that were dealt out by class, and a copy of the label whose leak is accepted."""
    random = np.random.default_rng(1)
    label = random.random(600) < 0.3
    rows = pl.DataFrame(
        {
            "age": random.integers(18, 90, 600),
            "y": np.where(label, "yes", "no"),
            "id": random.permutation(600) + 10_000 * label,
            "copy": np.where(label, 1.5, 0.5),
        }
    )
    return learning_table(
        table_case(folder, rows).model_copy(update={"accepted_leaks": {"copy": "known at the till"}})
    ).findings


def _filled(folder: Path) -> tuple[Finding, ...]:
    """A column that was begun late."""
    rows = pl.DataFrame({"x": range(600), "y": ["yes", "no", "no"] * 200})
    late = pl.when(pl.int_range(600) > 400).then(pl.lit(1.0) * pl.int_range(600) % 7).otherwise(None).alias("late")
    return learning_table(table_case(folder, rows.with_columns(late))).findings


def _undated(folder: Path) -> tuple[Finding, ...]:
    """A date of the latest purchase among the traits, without `valid_from`."""
    log = purchases(400)
    log.group_by("customer_id").agg(updated_at=pl.col("ts").max()).write_parquet(folder / "profiles.parquet")
    profiles = {"path": "profiles.parquet", "customer_id": "customer_id"}
    return learning_table(log_case(folder, log, profiles=profiles)).findings


def _moved(folder: Path) -> list[Finding]:
    """A feature that changed by a bit."""
    with engine() as backend:
        context = open_log_context(backend, log_case(folder, purchases(60)), None)
        rows = context.features_at(context.cutoffs.test).rename({CUSTOMER_ID: ID})
        bent = rows.with_columns(pl.Series("tenure_days", np.nextafter(rows["tenure_days"].to_numpy(), 1e9)))
        return sees_the_future(backend, context, context.cutoffs.test, bent)


def test_every_finding_can_be_read_in_french(found: list[Finding]) -> None:
    """Every rule occurs, one finding is accepted, and none is left in English."""
    assert {finding.rule for finding in found} >= RULES
    assert any("accepted" in finding.figures for finding in found)
    assert _in_english_only(found) == []


def test_a_finding_without_figures_stays_in_english() -> None:
    """What the check above looks for can be seen."""
    assert _in_english_only([Finding("separates_alone", "x", "block", "Tells all.")]) == ["Tells all."]
