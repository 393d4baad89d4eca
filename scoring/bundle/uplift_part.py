"""What a bundle says of the effect of a contact: its control model, and the evidence that the effect is worth using.

The bundle's own model speaks of customers who were treated, this one of those who were not: both read the same row.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from features.spec.feature import Scalar
from scoring.models.calibration import Calibration
from scoring.text.promotion import GainInterval


class TreatmentBalance(Struct, frozen=True):
    """How far features give the treatment away, where chance alone should have drawn it."""

    p: float  # under chance, corrected for the learners that looked
    roc_auc: float  # the highest of them; 0.5 is chance


class UpliftEvidence(Struct, frozen=True, kw_only=True):
    """What rows show of ranking customers by uplift, each predicted by models of rows that were dealt before it.

    A policy's value is how many outcomes more for the good a contact of whom it picks brings, per customer of all, less
    what the contacts cost (doubly robust: augmented inverse propensity weighting, Robins, Rotnitzky and Zhao 1994).
    """

    auuc: GainInterval  # area under the uplift curve, outcomes per customer
    balance: TreatmentBalance
    beats: dict[str, GainInterval]  # of `response` and `everyone`, what uplift's policy is worth more; ends one-sided
    behind: dict[str, dict[str, float]]  # by learner: its loss, how far behind the best, the standard error of that
    control: int  # rows
    depth: float  # planned share of customers
    effect: GainInterval  # of the treatment on all
    judged: int  # rows that judge, each by models of rows dealt before it
    learner: str
    level: float  # one-sided, of the ends in `beats`, corrected for the learners tried
    policies: dict[str, GainInterval]  # value of `uplift`, `response` and `everyone`
    price: float = 0.0  # of one contact, in outcomes
    qini: GainInterval  # area between the Qini curve and chance, outcomes per treated customer
    share: float  # of treated rows, as it was drawn
    treated: int  # rows

    def failing(self) -> list[str]:
        """The policies that uplift does not surely beat."""
        return [name for name, gain in self.beats.items() if not gain.low > 0]


class UpliftReceipt(Struct, frozen=True):
    """Proof that the reasons add up to the difference of the two log-odds, on every test row of both arms."""

    largest_base_difference: float = 0.0  # of what rounding leaves, from the difference of both models' own biases
    largest_sum_difference: float = 0.0
    rows: int = 0


class UpliftPart(Struct, frozen=True, kw_only=True):
    """The control model of a bundle, and why uplift may be served."""

    calibration: Calibration  # of the control model
    evidence: UpliftEvidence
    file: str  # control.ubj or control.json
    kind: str
    params: dict[str, Scalar | list[str]] = {}
    receipt: UpliftReceipt = UpliftReceipt()


class TreatedRows(Struct, frozen=True, kw_only=True):
    """Rows whose outcome a campaign may have changed, and what was done about them."""

    campaigns: int
    judged: Literal["all", "untreated"]  # the test rows that judge
    learned: Literal["all", "untreated"]
    learning: int  # treated rows among those to learn from
    losses: dict[str, float]  # log-loss of untreated rows: `all` learned from, `left_out`, with a `covariate`
    standard_error: float  # of the difference between the first two, paired
    test: int  # treated test rows
    untreated_test: int
