"""A sample by customer: whole customers, the same rows, unbiased rates, and a table that says that it is one."""

from __future__ import annotations

import polars as pl
import pytest

from features.build.log_table import learning_table, rows_at, rows_at_cutoffs
from features.config.use_case import LogUseCase, Sample
from features.point_in_time.labels import LABEL
from features.tables.learning_table import CUTOFF, ID, LearningTable
from scoring.text.findings import finding_text
from tests.support.worlds import EXAMPLES, load_log

ROWS = 24_000  # about a quarter of CDNOW's 23,570 customers at four cutoffs


def cdnow(rows: int = ROWS, **changes: object) -> LogUseCase:
    """The example, a row of which is a customer with any purchase, as a sample of so many rows."""
    return load_log(EXAMPLES / "cdnow/propensity.toml").model_copy(update={"sample": Sample(rows=rows), **changes})


@pytest.fixture(scope="module")
def whole() -> LearningTable:
    """Everybody."""
    return learning_table(load_log(EXAMPLES / "cdnow/propensity.toml"))


@pytest.fixture(scope="module")
def sampled() -> LearningTable:
    """About a quarter."""
    return learning_table(cdnow())


def test_a_sample_has_the_rows_of_its_customers_and_no_other(whole: LearningTable, sampled: LearningTable) -> None:
    """Each customer in it has every row of the whole table, with the same cells, in the same order."""
    customers = sampled.rows[ID].unique()

    assert sampled.rows.equals(whole.rows.filter(pl.col(ID).is_in(customers.implode())))
    assert sampled.features == whole.features


def test_a_sample_is_about_as_large_as_was_asked_and_its_rates_are_those_of_all(
    whole: LearningTable, sampled: LearningTable
) -> None:
    """At each cutoff within five standard errors of what chance gives."""
    share = ROWS / (4 * 23_570)
    rates = (table.rows.group_by(CUTOFF).agg(pl.len(), pl.col(LABEL).mean()).sort(CUTOFF) for table in (whole, sampled))

    for (_, all_rows, rate), (_, rows, found) in zip(*(table.rows() for table in rates), strict=True):
        assert abs(rows - share * all_rows) < 5 * (all_rows * share * (1 - share)) ** 0.5
        assert abs(found - rate) < 5 * (rate * (1 - rate) / rows) ** 0.5


def test_further_rows_are_of_the_same_customers(sampled: LearningTable) -> None:
    """Whoever asks for rows of the use case gets those of its sample, with the digest of its table."""
    assert sampled.cutoffs is not None
    cutoff = sampled.cutoffs.test

    _, parts, digest = rows_at_cutoffs(cdnow())

    assert rows_at(cdnow(), [cutoff]).equals(sampled.rows.filter(pl.col(CUTOFF) == cutoff))
    assert pl.concat(parts.values()).equals(sampled.rows)
    assert digest == sampled.digest


def test_another_seed_draws_others(sampled: LearningTable) -> None:
    """And makes another digest; about a quarter of one sample is in the other."""
    other = learning_table(cdnow(seed=11))

    one, two = (set(table.rows[ID].to_list()) for table in (sampled, other))
    assert 0.2 < len(one & two) / len(one) < 0.31
    assert other.digest != sampled.digest


def test_a_table_says_that_it_is_a_sample(whole: LearningTable, sampled: LearningTable) -> None:
    """By a finding in both languages, and by its digest; the table of everybody says nothing."""
    found = [finding for finding in sampled.findings if finding.rule == "sampled"]

    assert [(one.severity, one.figures["rows"], one.figures["customers"]) for one in found] == [
        ("warn", len(sampled.rows), 23_570)
    ]
    assert "25.5% of the log's 23,570 customers" in found[0].detail
    french = finding_text(found[0], "fr")
    assert "25,5\u202f% des 23\u202f570 clients" in french.detail
    assert not french.foreign
    assert not [finding for finding in whole.findings if finding.rule == "sampled"]
    assert sampled.digest != whole.digest


def test_a_sample_of_more_than_there_is_is_everybody(whole: LearningTable) -> None:
    """The same rows, the same digest, no finding: nothing changes for whom one machine is enough."""
    table = learning_table(cdnow(rows=4 * 23_570))

    assert table.rows.equals(whole.rows)
    assert table.digest == whole.digest
    assert table.findings == whole.findings
