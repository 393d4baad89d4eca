"""Plain names and types that every layer shares; the only module of `features` that `scoring` may import."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

type_names = ("number", "integer", "boolean", "category", "date")
FeatureType = Literal["number", "integer", "boolean", "category", "date"]
Polarity = Literal["positive", "negative"]

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
    lower: float | None = None  # inclusive
    upper: float | None = None  # inclusive
    seen: tuple[float, float] | None = None  # smallest and largest value met in training; numbers, integers and dates
    levels: tuple[str, ...] = ()  # categories met often enough to have a code of their own, as displayed
    spellings: Mapping[str, str] = field(default_factory=dict)  # other spellings, normalised -> level
    event: str | None = None  # the event type it counts, as a slug
    window_days: int | None = None  # the window it looks back over; None: the whole log before the cutoff
    subject: str | None = None  # the property level, the measure or the trait it speaks of
    names: Mapping[str, str] = field(default_factory=dict)  # display names by language ("fr", "en"), from [names]
    written: str | None = None  # how its texts are written, as `features.spec.numbers` and `moments` have it
    decimal: str | None = None  # what begins the decimals of texts of no written form; None: each is read by itself

    def to_json(self) -> dict[str, Any]:
        """The feature as it stands in a manifest."""
        return {
            "name": self.name,
            "type": self.type,
            "family": self.family,
            "unit": self.unit,
            "nullable": True,
            "lower": self.lower,
            "upper": self.upper,
            "seen": list(self.seen) if self.seen else None,
            "levels": list(self.levels),
            "spellings": dict(self.spellings),
            "event": self.event,
            "window_days": self.window_days,
            "subject": self.subject,
            "names": dict(self.names),
            "written": self.written,
            "decimal": self.decimal,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Feature:
        """The feature that `to_json` wrote."""
        kept = {key: value for key, value in stored.items() if key != "nullable"}
        seen = kept.pop("seen")
        return cls(**{**kept, "seen": tuple(seen) if seen else None, "levels": tuple(kept["levels"])})


@dataclass(frozen=True, slots=True)
class Predicate:
    """Eligibility as a comparison on one feature, on the value as given (float64), e.g. days_since_purchase <= 90.

    A null never satisfies it.
    """

    feature: str
    op: Literal["<=", ">="]
    value: float

    def to_json(self) -> dict[str, str | float]:
        """The predicate as it stands in a manifest."""
        return {"feature": self.feature, "op": self.op, "value": self.value}


@dataclass(frozen=True, slots=True)
class DataNote:
    """Something to be known of the data that calls nothing into question: in English, and as figures."""

    rule: str
    detail: str
    figures: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The note as the data report gives it."""
        return {"rule": self.rule, "detail": self.detail, "figures": dict(self.figures)}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something questionable about a feature: `block` stops promotion (evidence of a leak), `warn` is reported only.

    `detail` is the English text; `figures` are the values in it, so that it can be rendered in another language.
    """

    rule: str
    feature: str | None
    severity: Literal["block", "warn"]
    detail: str
    figures: Mapping[str, Any] = field(default_factory=dict)  # shares and areas to four decimals

    def to_json(self) -> dict[str, Any]:
        """The finding as the training report gives it."""
        stored = {"rule": self.rule, "feature": self.feature, "severity": self.severity, "detail": self.detail}
        return {**stored, "figures": dict(self.figures)} if self.figures else stored
