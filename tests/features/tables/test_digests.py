"""What tables are made from, as digests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features.build.log_table import scoring_table
from features.config.use_case import LogUseCase
from features.spec.feature import ELIGIBLE
from features.tables.digests import features_digest
from tests.support.worlds import log_case, purchases

DAY = datetime(2024, 10, 1, tzinfo=UTC)
ANSWERS: dict[str, Any] = {
    "name": "other",
    "polarity": "negative",
    "seed": 3,
    "candidate": "rfm_logit",
    "accepted_leaks": {"frequency_90d": "known"},
}


@pytest.fixture(scope="module")
def use_case(tmp_path_factory: pytest.TempPathFactory) -> LogUseCase:
    """A use case on a log of purchases."""
    return log_case(tmp_path_factory.mktemp("log"), purchases())


def test_one_digest_is_one_table_but_for_whom_it_is_about(use_case: LogUseCase) -> None:
    """Name, outcome, eligibility and what is made of answers change no feature."""
    label = use_case.label.model_copy(update={"outcome": "present" if use_case.label.outcome == "absent" else "absent"})
    eligible = None if use_case.eligible else {"active_within": "30d"}
    other = LogUseCase.model_validate({**dict(use_case), **ANSWERS, "label": label, "eligible": eligible})

    mine, theirs = (scoring_table(one, DAY) for one in (use_case, other))

    assert features_digest(use_case) == features_digest(other)
    assert mine.drop(ELIGIBLE).equals(theirs.drop(ELIGIBLE))


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("events", {"path": Path("/elsewhere/events.parquet")}),
        ("window", {"observation": 77}),
        ("label", {"event": "visit"}),
        ("quality", {"outliers": True}),
    ],
)
def test_what_a_feature_follows_from_is_another_digest(
    use_case: LogUseCase, section: str, change: dict[str, Any]
) -> None:
    """The log, the windows, the event, the columns that are added."""
    changed = use_case.model_copy(update={section: getattr(use_case, section).model_copy(update=change)})

    assert features_digest(changed) != features_digest(use_case)
