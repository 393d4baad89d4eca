"""What a bundle says of what customers will bring: within how long, in what, how sure it is, and how it was tested."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

ValueKind = Literal["past_spend", "bgnbd", "mbgnbd", "tweedie"]
ValueOf = Literal["revenue", "profit"]


class ValueBand(Struct, frozen=True):
    """Test customers of an expected value, from `floor` to the next band's: what they brought, on average.

    `low` and `high` are what the mean of those who are so valued may be, as shares of what was expected, at most and at
    least 1: a 90% interval over customers, and as far as the band itself was off.
    """

    floor: float
    high: float
    low: float
    predicted: float  # a customer, on average
    realised: float
    rows: int


class ValueTest(Struct, frozen=True):
    """How it did on customers and a time that it has not seen."""

    actual: float  # what all of them spent, less refunds
    customers: int
    cutoff: str
    gini: float | None  # of its ranking, 1 is the best possible; None where nobody spent
    mae: float
    past_gini: float | None  # the same of past spend
    predicted: float  # of all of them together
    ratio: float | None  # predicted over actual
    young: int  # of them known for less than the horizon
    young_ratio: float | None  # predicted over actual of these


class ValueReceipt(Struct, frozen=True):
    """Proof that what multiplies a typical customer's value gives each test customer's."""

    largest_difference: float = 0.0  # of the product, relative to the expected value
    rows: int = 0


class ValueCandidate(Struct, frozen=True):
    """A candidate on the rows that chose: its Tweedie deviance, how far it is behind the best, and that one's error."""

    behind: float
    deviance: float
    standard_error: float


class ValuePart(Struct, frozen=True, kw_only=True):
    """The value model of a bundle: a customer's value is `scale` times what the model expects."""

    bands: tuple[ValueBand, ...]  # rising
    calibrated_on: Literal["later", "others"]  # a later cutoff than those learned from, or other customers
    candidates: dict[str, ValueCandidate]  # the simplest first
    currency: str | None
    cutoffs: tuple[str, ...]  # learned from
    discount: float  # a year
    file: str
    horizon: int  # days that are asked for
    kind: ValueKind
    margin: float | None
    notes: tuple[str, ...] = ()  # codes: why a candidate did not compete, what could not be tested
    receipt: ValueReceipt = ValueReceipt()
    scale: float
    stretch: float = 1.0  # what the horizon brings over the tested one; part of the scale
    test: ValueTest
    tested: int  # days of the outcome that was learned from and tested

    @property
    def of(self) -> ValueOf:
        """What the value is; revenue is never called profit."""
        return "revenue" if self.margin is None else "profit"
