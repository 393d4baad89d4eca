"""What a command says of a use case in one line, which the registry keeps of a training: `outcome.json`."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from features.spec.feature import Scalar
from scoring.text.promotion import DecisionDocument, Interval


class FindingLine(TypedDict):
    """A finding."""

    rule: str
    feature: str | None
    severity: Literal["block", "warn"]
    detail: str
    figures: dict[str, Scalar]


class BandLine(TypedDict):
    """A band on the test rows, and the probability it begins at; one without a row has no rates."""

    code: str
    at: float
    rows: int
    share: float
    predicted: float | None
    realised: float | None
    low: float
    high: float


class WorthLine(TypedDict):
    """What a campaign to the highest scores of the test rows would have found, as a sentence by language."""

    at_random: int
    contacted: int
    hits: int
    text: dict[str, str]


class TreatedLine(TypedDict):
    """Rows whose outcome campaigns may have changed, as the manifest has them."""

    campaigns: int
    judged: Literal["all", "untreated"]
    learned: Literal["all", "untreated"]
    learning: int
    losses: dict[str, float]
    standard_error: float
    test: int
    untreated_test: int


class OpensLine(TypedDict):
    """What opens of mail are worth: beside a model of the same kind that knows none, each gain with a 95% interval.

    All three are null where no score rises with the outcome without opens.
    """

    log_loss_gain: Interval | None
    roc_auc_gain: Interval | None
    log_loss_without: float | None


class ValueLine(TypedDict):
    """What customers will bring: the model that serves it, and its test; `why` where nothing is claimed."""

    claimed: bool
    why: NotRequired[str]
    kind: NotRequired[str]
    of: NotRequired[Literal["revenue", "profit"]]
    horizon: NotRequired[int]  # days
    tested: NotRequired[int]  # days of it that the log could test
    currency: NotRequired[str | None]
    ratio: NotRequired[float | None]  # predicted over actual, of the test customers' total
    young_ratio: NotRequired[float | None]  # of those known for less than the tested days
    gini: NotRequired[float | None]
    past_gini: NotRequired[float | None]
    candidates: NotRequired[dict[str, dict[str, float]]]  # deviance, behind, standard_error
    notes: NotRequired[list[str]]


class OutcomeLine(TypedDict):
    """A training, but for its version and promotion."""

    name: str
    kind: str
    rows: dict[str, int]  # by part
    base_rate: dict[str, float]  # by part
    metrics: dict[str, float]
    intervals: dict[str, list[float]]  # 95%
    baselines: dict[str, dict[str, float]]  # metrics by kind
    verdict: str
    worth: WorthLine | None
    receipt: dict[str, Scalar]
    findings: list[FindingLine]
    bands: list[BandLine]
    treated: NotRequired[TreatedLine]
    value: NotRequired[ValueLine]  # where the use case asks what customers will bring
    opens: NotRequired[OpensLine]  # where features are made of opens of mail


class Settled(TypedDict):
    """What became of a version: its decision, and the release that serves it."""

    version: str
    promoted: bool
    refused: bool
    reason: str
    decision: DecisionDocument
    release: str | None
    report: str | None


class UntimedLine(OutcomeLine, Settled):
    """A training and what became of its version."""


class TrainingLine(UntimedLine):
    """The line of a training as it is printed."""

    seconds: dict[str, float]  # by stage


class SyncLine(TypedDict):
    """The champion of a use case, its release, and whether that was new."""

    name: str
    version: str | None
    release: str | None
    changed: bool
