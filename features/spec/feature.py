"""Plain names and types that every layer shares; the only module of `features` that `scoring` may import."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NotRequired, TypedDict

type_names = ("number", "integer", "boolean", "category", "date")
FeatureType = Literal["number", "integer", "boolean", "category", "date"]
Polarity = Literal["positive", "negative"]
EffectKind = Literal["marketing", "benefit", "price"]
EFFECTS: tuple[EffectKind, ...] = ("marketing", "benefit", "price")  # what may be decided by a score
DECISIVE: tuple[EffectKind, ...] = ("benefit", "price")  # of these, what is decided by a person only
Scalar = str | int | float | bool | None
Json = Scalar | Sequence["Json"] | Mapping[str, "Json"]
Row = Mapping[str, Json | date]  # features by name as they arrive; what a feature cannot take is refused by its rule

CUSTOMER_ID = "customer_id"
ELIGIBLE = "eligible"
MISSING = "(missing)"
OTHER = "(other)"


def normalise(text: str) -> str:
    """The form in which spellings of one category agree: NFC, trimmed, inner blanks single, case folded.

    >>> normalise("  New   York ") == normalise("new york")
    True
    """
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def slug(text: str) -> str:
    """A text as lower-case words of letters and digits joined by `_`.

    >>> slug(" Devis demandé ")
    'devis_demande'
    """
    plain = "".join(sign for sign in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(sign))
    return "_".join("".join(sign if sign.isalnum() else " " for sign in plain).split())


@dataclass(frozen=True, slots=True)
class Feature:
    """One column a model reads: its type, its logical bounds, and what it measures of a customer.

    Bounds are logical (a count is never negative, a share lies in 0..1), never learned: outside them a value is
    invalid; outside `seen`, the range or the levels met in training, it is scored with a warning.
    Every feature may be null. Booleans are 0 or 1 in a matrix, dates are days since 1970-01-01.
    """

    name: str
    type: FeatureType
    family: str = "trait"  # the reason code: recency, frequency, monetary, tenure, regularity, trend, trait, ...
    unit: str | None = None  # "days", "purchases", "share", a currency code; None when it has none
    lower: int | float | None = None  # inclusive
    upper: int | float | None = None  # inclusive
    seen: tuple[int | float, int | float] | None = None  # smallest and largest number or date met in training
    levels: tuple[str, ...] = ()  # categories met often enough to have a code of their own, as displayed
    spellings: Mapping[str, str] = field(default_factory=dict)  # other spellings, normalised -> level
    event: str | None = None  # the event type it counts, as a slug
    window_days: int | None = None  # the window it looks back over; None: the whole log before the cutoff
    subject: str | None = None  # the property level, the measure or the trait it speaks of
    names: Mapping[str, str] = field(default_factory=dict)  # display names by language ("fr", "en"), from [names]
    written: str | None = None  # how its texts are written, as `features.spec.numbers` and `moments` have it
    decimal: str | None = None  # what begins the decimals of texts of no written form; None: each is read by itself
    nullable: bool = True
    monotone: Literal["rises", "falls"] | None = None  # which way the score must go as it grows; None: either


@dataclass(frozen=True, slots=True)
class Predicate:
    """Eligibility as a comparison on one feature, on the value as given (float64), e.g. days_since_purchase <= 90.

    A null never satisfies it.
    """

    feature: str
    op: Literal["<=", ">="]
    value: float


class NoteRecord(TypedDict):
    """A note as the data report gives it."""

    rule: str
    detail: str
    figures: dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class DataNote:
    """Something to be known of the data that calls nothing into question: in English, and as figures."""

    rule: str
    detail: str
    figures: Mapping[str, Scalar]

    def to_json(self) -> NoteRecord:
        """The note as the data report gives it."""
        return {"rule": self.rule, "detail": self.detail, "figures": dict(self.figures)}


Severity = Literal["block", "warn"]


class FindingRecord(TypedDict):
    """A finding as the training report gives it; without figures where it has none."""

    rule: str
    feature: str | None
    severity: Severity
    detail: str
    figures: NotRequired[dict[str, Scalar]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something questionable about a feature: `block` stops promotion (evidence of a leak), `warn` is reported only.

    `detail` is the English text; `figures` are the values in it, so that it can be rendered in another language.
    """

    rule: str
    feature: str | None
    severity: Severity
    detail: str
    figures: Mapping[str, Scalar] = field(default_factory=dict)  # shares and areas to four decimals

    def to_json(self) -> FindingRecord:
        """The finding as the training report gives it."""
        stored: FindingRecord = {
            "rule": self.rule,
            "feature": self.feature,
            "severity": self.severity,
            "detail": self.detail,
        }
        if self.figures:
            stored["figures"] = dict(self.figures)
        return stored
