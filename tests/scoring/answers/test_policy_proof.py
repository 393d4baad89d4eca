"""A policy is tried on golden rows before anybody's segment hangs on it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from scoring.answers.policy_proof import prove_policy
from scoring.answers.served_release import Live
from scoring.errors import PolicyFailedError
from scoring.segments.assignment import DEFAULT
from scoring.segments.policy import Policy, Segment
from scoring.segments.policy_file import read_policy
from tests.scoring.segments.test_assignment import GOOD, USE_CASES

BOTH = {"fr": "s", "en": "s"}
MISFIT = Policy(
    ("churn", "propensity"),
    (
        Segment("odd", BOTH, "", ("compare", ">", ("column", "canal d'achat"), ("literal", 1))),
        Segment("rest", BOTH, "TRUE", ("constant", True)),
    ),
    {"canal d'achat": "number"},  # which it was when the policy was written
    "misfit",
)


def test_a_policy_that_fits_is_proved_on_every_golden_row(live: Mapping[str, Live]) -> None:
    """The default one and an installed one; one whose use cases are not all served has nothing to name."""
    assert prove_policy(DEFAULT, live) == 30
    assert prove_policy(read_policy(GOOD, USE_CASES), live) == 30
    assert prove_policy(DEFAULT, {"churn": live["churn"]}) == 0


def test_a_rule_that_does_not_fit_the_releases_is_found_out(live: Mapping[str, Live]) -> None:
    """The message names the policy and the kind of failure, no value."""
    with pytest.raises(PolicyFailedError, match=r"misfit named no segments \(ValueError\)"):
        prove_policy(MISFIT, live)
    with pytest.raises(PolicyFailedError, match="KeyError"):
        prove_policy(Policy(MISFIT.use_cases, MISFIT.segments, {}, "kindless"), live)
