"""The prover rewrites the future: honest features stay, others are named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from features.build.log_table import learning_table
from features.build.prove import prove
from features.config.use_case import load_use_case
from features.point_in_time.log_context import LogContext
from tests.support.worlds import EXAMPLES, log_case, purchases


def test_the_prover_finds_nothing_in_features_of_the_past(tmp_path: Path) -> None:
    """Rewriting every event at or after each cutoff moves no feature, on the example and on a generated log."""
    assert prove(load_use_case(EXAMPLES / "cdnow/propensity.toml")) == ()
    assert prove(log_case(tmp_path, purchases())) == ()


def test_the_prover_sees_a_feature_of_the_future(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature table that looks a day too far is caught."""
    honest = LogContext.features_at
    monkeypatch.setattr(
        LogContext, "features_at", lambda self, cutoff, *then: honest(self, cutoff + timedelta(days=1), *then)
    )

    findings = prove(log_case(tmp_path, purchases(300)))

    assert "purchases_7d" in {each.feature for each in findings if each.rule == "sees_the_future"}


def test_the_prover_finds_what_the_learning_table_has(tmp_path: Path) -> None:
    """`python -m features prove` adds the other cutoffs and nothing else."""
    case = log_case(tmp_path, purchases(120))

    assert prove(case) == learning_table(case).findings == ()
