"""What every table of a log needs."""

from __future__ import annotations

from pathlib import Path

from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from tests.support.worlds import log_case, purchases, utc


def test_each_of_several_cutoffs_has_its_own_table(tmp_path: Path) -> None:
    """Made together, in any order and again: to the bit what each cutoff gives alone."""
    use_case = log_case(tmp_path, purchases(40, 250))
    moments = [utc(200), utc(120), utc(200)]
    with engine() as backend:
        context = open_log_context(backend, use_case, None)

        together = list(context.features_at_each(moments))

        alone = [context.features_at(moment) for moment in moments]
    assert all(one.equals(other) for one, other in zip(together, alone, strict=True))
    assert not together[0].equals(together[1])
