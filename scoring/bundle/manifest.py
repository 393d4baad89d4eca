"""A manifest: what a bundle says of its model, checked once, so that no answer trips over it.

The fields of every part stand in the order of their names, as they do in the file. Keys that are not known are passed
over; parts that older bundles do not have are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from features.spec.feature import DECISIVE, EffectKind, Feature, Finding, Json, Polarity, Predicate, Scalar
from features.spec.languages import LANGUAGES, Language
from scoring.bundle.uplift_part import TreatedRows, UpliftPart
from scoring.bundle.value_part import ValuePart
from scoring.errors import BundleError
from scoring.models.calibration import Calibration
from scoring.models.threshold_planner import Plan
from scoring.text.promotion import BarGain

FORMAT = 1
Setting = Scalar | list[str]


class Seal(Struct, frozen=True):
    """What a file of the bundle must be."""

    sha256: str
    size: int  # bytes


class BandRates(Struct, frozen=True):
    """A band on the test rows; one without a row has no rates."""

    code: str
    high: float  # of the realised rate's 90% interval
    low: float
    predicted: float | None
    realised: float | None
    rows: int
    share: float


class BandTable(Struct, frozen=True):
    """The bands from the lowest on: codes, labels by language, thresholds between them, rates on the test rows."""

    codes: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    plan: Plan | None = None  # behind the thresholds, where the planner was asked
    realised: tuple[BandRates, ...] = ()
    thresholds: tuple[float, ...] = ()


class Digests(Struct, frozen=True):
    """What the bundle was made from."""

    config: str
    data: str
    key: str = ""  # of all that decides the bundle's bytes


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What is predicted: an event of a log that comes or stays away, or the value of a table's column."""

    column: str | None = None
    event: str | None = None
    outcome: str | None = None
    positive: Scalar = None


class Receipt(Struct, frozen=True, omit_defaults=True):
    """Proof that the reasons add up and agree with another computation; empty until it is made."""

    golden_rows: int | None = None
    largest_base_difference: float | None = None
    largest_oracle_difference: float | None = None
    largest_sum_difference: float | None = None
    oracle: str | None = None
    oracle_rows: int | None = None
    rows: int | None = None
    test_rows: int | None = None


class SeedVariance(Struct, frozen=True):
    """How far models that differ by deal and seed alone lie apart on the test rows."""

    log_loss_sd: float  # sample standard deviation over the refits
    refits: int


class Tenth(Struct, frozen=True):
    """A tenth of the test rows by probability: its predicted and its realised rate, with a 90% interval."""

    high: float
    low: float
    predicted: float
    realised: float
    rows: float
    tenth: int


class UsualWarning(Struct, frozen=True):
    """A warning that nearly all customers would get: it is given once, of the model, and of no customer."""

    code: str
    feature: str
    share: float  # of the test rows, or of the customers of the training's day, whichever is more


class LogWindows(Struct, frozen=True, omit_defaults=True):
    """Days looked back over, left out and predicted, and the moments learned at."""

    gap: int
    observation: int
    prediction: int
    test_cutoff: str | None = None
    train_cutoffs: tuple[str, ...] = ()


class CampaignWorth(Struct, frozen=True):
    """What a campaign to the highest scores of the test rows would have found, as a sentence by language."""

    at_random: int
    contacted: int
    hits: int
    text: dict[str, str]


class Manifest(Struct, frozen=True, kw_only=True):
    """All that a bundle says of itself."""

    actions: dict[str, dict[str, str]] | UnsetType = UNSET  # by band and language, where a use case says what to do
    bands: BandTable
    base_rate: dict[str, float] = {}  # by part of the rows
    baselines: dict[str, dict[str, float]] = {}  # metrics by kind
    boundaries: tuple[float, ...]  # the 99 probabilities at which the percentile steps up
    calibration: Calibration
    code_revision: str
    customer_id: str | None = None  # the column of the use case
    digests: Digests
    effect: EffectKind | UnsetType = UNSET  # what is decided by the scores; unset: marketing alone
    eligible: Predicate | None
    encoder: dict[str, list[str]]  # levels by code, for each category
    families: dict[str, tuple[str, ...]] | UnsetType = UNSET  # features whose contributions are one reason
    features: tuple[Feature, ...]
    files: dict[str, Seal] = {}
    findings: tuple[Finding, ...] | None = None
    forbid: tuple[str, ...]  # features that are used and never named
    format: int = FORMAT
    human_decision: str | UnsetType = UNSET  # who decides by the scores and how, where the use case states it
    intended_use: dict[str, str] = {}  # by language
    intervals: dict[str, list[float]] = {}  # 95%, of the metrics
    kind: str
    label: Outcome | None = None
    labels: dict[Language, dict[str, dict[str, str]]] | UnsetType = UNSET  # of values: by language, feature and value
    metrics: dict[str, float]
    name: str
    outcome: dict[str, str] | UnsetType = UNSET  # what a high score says of a customer, by language
    over_bar: BarGain | UnsetType | None = UNSET  # None where the model is itself the bar
    params: dict[str, Setting] = {}  # of the fit, by its kind
    polarity: Polarity
    receipt: Receipt = Receipt()
    rows: dict[str, int] = {}  # by part
    seed_variance: SeedVariance | None = None
    source: Literal["log", "table"] | None = None
    tenths: tuple[Tenth, ...] = ()
    title: dict[str, str] | UnsetType = UNSET  # what the use case is called where people read, by language
    trained_to: str | None
    treated: TreatedRows | UnsetType = UNSET  # where campaigns may have changed outcomes that were learned from
    uplift: UpliftPart | UnsetType = UNSET  # where the effect of a contact is served beside the score
    usual_warnings: tuple[UsualWarning, ...] | UnsetType = UNSET  # unset where there is none
    value: ValuePart | UnsetType = UNSET  # where what customers will bring is served beside the score
    verdict: str | None = None
    versions: dict[str, str] = {}  # of libraries
    what_if: dict[str, tuple[Scalar, ...]]
    windows: LogWindows | None = None
    worth: CampaignWorth | None = None

    @property
    def average(self) -> float | None:
        """The outcome's rate on the test rows, the latest that is known; None where a bundle does not say."""
        return self.base_rate.get("test")

    @property
    def decisive(self) -> bool:
        """Whether a person must decide by the scores: they are of a benefit or a price."""
        return self.effect in DECISIVE

    def titled(self, language: Language) -> str:
        """What people read for the use case: its title, its name where it states none."""
        return (self.title or {}).get(language, self.name)

    def outcome_in(self, language: Language) -> str | None:
        """What a high score says of a customer; None where the use case does not state it."""
        return (self.outcome or {}).get(language)

    def labels_of(self, feature: str, language: Language) -> Mapping[str, str]:
        """What people read for the values of a feature, by value; those without a label stand for themselves."""
        return (self.labels or {}).get(language, {}).get(feature, {})


def read_manifest(stored: Mapping[str, Json]) -> Manifest:
    """The manifest that a parsed file holds.

    Raises:
        BundleError: Naming every part that is missing or not of its kind.
    """
    broken = [part.encode_name for part in _PARTS if not _whole(part, stored)]
    if broken:
        raise BundleError(f"A manifest must be complete and every part of its kind, {', '.join(broken)} is not.")
    manifest = msgspec.convert(stored, Manifest)
    if manifest.decisive and not (manifest.human_decision or "").strip():
        raise BundleError(f"A manifest of effect {manifest.effect} must say who decides and how, it does not.")
    return manifest


def _whole(part: msgspec.structs.FieldInfo, stored: Mapping[str, Json]) -> bool:
    if part.encode_name not in stored:
        return not part.required
    try:
        value = msgspec.convert(stored[part.encode_name], part.type)
    except msgspec.ValidationError:
        return False
    rule = _RULES.get(part.name)
    return rule is None or rule(value)


def _share(value: float) -> bool:
    return 0 <= value <= 1


def _boundaries(value: tuple[float, ...]) -> bool:
    return len(value) == 99 and all(map(_share, value)) and all(low <= high for low, high in pairwise(value))


def _bands(value: BandTable) -> bool:
    """A label for each code in every language, thresholds within 0..1; that these rise strictly, `Ladder` says."""
    named = [value.labels.get(language, ()) for language in LANGUAGES]
    return all(len(labels) == len(value.codes) for labels in named) and all(map(_share, value.thresholds))


def _families(value: dict[str, tuple[str, ...]] | UnsetType) -> bool:
    """No feature is in two of them."""
    members = [name for names in (value or {}).values() for name in names]
    return len(members) == len(set(members))


# msgspec looks a type up when it is first used, and crashes where two threads do that at once: here it is done before.
_PARTS = msgspec.structs.fields(Manifest)
msgspec.json.Decoder(Manifest)
_RULES: dict[str, Callable[[Any], bool]] = {"bands": _bands, "boundaries": _boundaries, "families": _families}
