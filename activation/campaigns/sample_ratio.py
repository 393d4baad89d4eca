"""Whether those whose outcome is known are a fair sample of those who were drawn."""

from __future__ import annotations

from collections.abc import Mapping

from scipy.stats import chisquare, fisher_exact

from scoring.audiences.campaign_result import SampleRatio

REFUSED = 0.001  # below it nothing is concluded: the arms are not comparable


def sample_ratio(known: Mapping[str, int], drawn: Mapping[str, int], holdout: float) -> SampleRatio:
    """The sample-ratio check of two arms: of those known by the hold-out's share, and of the lost between the arms.

    Args:
        known: Customers whose outcome is known, by arm.
        drawn: Customers that each arm was of.
        holdout: The share that was to be the hold-out.
    """
    total = sum(known.values())
    expected = [total * (1 - holdout), total * holdout]
    found = [known["treated"], known["held_out"]]
    p = float(chisquare(found, expected).pvalue) if total and 0 < holdout < 1 else 1.0
    lost = {name: drawn[name] - known[name] for name in ("treated", "held_out")}
    table = [[known[name], lost[name]] for name in ("treated", "held_out")]
    return SampleRatio(p, lost, float(fisher_exact(table).pvalue))
