"""The policy of a home that has installed none, made for the use cases that it has in service."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import reduce

from scoring.bundle.manifest import Manifest
from scoring.segments.policy import Policy, Segment
from scoring.segments.rules import FIELDS, Rule, sql_literal, sql_name

VERSION = "default"
_LABELS = {
    "dormant": {"fr": "Dormants", "en": "Dormant"},
    "at_risk": {"fr": "À risque", "en": "At risk"},
    "loyal": {"fr": "Fidèles", "en": "Loyal"},
    "promising": {"fr": "Prometteurs", "en": "Promising"},
    "unlikely": {"fr": "Peu probables", "en": "Unlikely"},
    "in_between": {"fr": "Intermédiaires", "en": "In between"},
}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\.[a-z_]+")
_FINE = 10_000  # a rate in a rule has four decimals, as thresholds have
Condition = tuple[str, Rule]  # as written, and as evaluated
_ANYONE: Condition = ("TRUE", ("constant", True))


def default_policy(manifests: Sequence[Manifest]) -> Policy:
    """The segments of those who may leave, of those who may come, or of both where two use cases share features.

    Of several use cases the one of bad news and the one of good news count that share most. Nobody above the average
    rate is loyal or unlikely, nobody below it at risk, whatever their band.
    """
    bad, good = _chosen(manifests)
    rules = _of_both(bad, good) if bad and good else _of_bad(bad) if bad else _of_good(good) if good else ()
    segments = tuple(Segment(code, _LABELS[code], text, rule) for code, (text, rule) in rules)
    used = tuple(one.name for one in (bad, good) if one)
    read = sorted(Policy(used, segments).columns)
    return Policy(used, segments, {name: FIELDS[name.rpartition(".")[2]] for name in read}, VERSION)


def _chosen(manifests: Sequence[Manifest]) -> tuple[Manifest | None, Manifest | None]:
    """The use case of bad news and that of good news; two that share no feature are of different customers."""
    ordered = sorted(manifests, key=lambda one: one.name)
    bad = [one for one in ordered if one.polarity == "negative"]
    good = [one for one in ordered if one.polarity == "positive"]
    pairs = [(one, other) for one in bad for other in good if _shared(one, other)]
    if pairs:
        return max(pairs, key=lambda pair: _shared(*pair))  # of equal ones the first by name
    return (bad[0], None) if bad else (None, good[0] if good else None)


def _shared(one: Manifest, other: Manifest) -> int:
    """How many features two use cases have in common."""
    names = [{feature.name for feature in manifest.features} for manifest in (one, other)]
    return len(names[0] & names[1])


def _of_both(bad: Manifest, good: Manifest) -> Iterator[tuple[str, Condition]]:
    yield "dormant", _all(_not_eligible(bad), _band(good, "lowest_band"))
    yield "at_risk", _high(bad)
    yield "loyal", _low(bad)
    yield "promising", _ANYONE


def _of_bad(bad: Manifest) -> Iterator[tuple[str, Condition]]:
    yield "dormant", _not_eligible(bad)
    yield "at_risk", _high(bad)
    yield "loyal", _low(bad)
    yield "in_between", _ANYONE


def _of_good(good: Manifest) -> Iterator[tuple[str, Condition]]:
    yield "dormant", _not_eligible(good)
    yield "promising", _high(good)
    yield "unlikely", _low(good)
    yield "in_between", _ANYONE


def _not_eligible(manifest: Manifest) -> Condition:
    text, column = _column(manifest, "status")
    return f"{text} = 'not_eligible'", ("compare", "=", column, ("literal", "not_eligible"))


def _band(manifest: Manifest, field: str) -> Condition:
    text, column = _column(manifest, field)
    return text, ("true", column)


def _low(manifest: Manifest) -> Condition:
    """The lowest band, as far as it lies below the average."""
    average, thresholds = manifest.average, manifest.bands.thresholds
    band = _band(manifest, "lowest_band")
    if average is None or (thresholds and thresholds[0] <= average):
        return band
    return _all(band, _compared(manifest, "<", math.floor(average * _FINE) / _FINE))


def _high(manifest: Manifest) -> Condition:
    """The highest band, as far as it lies above the average."""
    average, thresholds = manifest.average, manifest.bands.thresholds
    band = _band(manifest, "highest_band")
    if average is None or (thresholds and thresholds[-1] >= average):
        return band
    return _all(band, _compared(manifest, ">", math.ceil(average * _FINE) / _FINE))


def _compared(manifest: Manifest, sign: str, rate: float) -> Condition:
    text, column = _column(manifest, "probability")
    return f"{text} {sign} {sql_literal(rate)}", ("compare", sign, column, ("literal", rate))


def _all(*conditions: Condition) -> Condition:
    return " AND ".join(text for text, _ in conditions), reduce(_and, (rule for _, rule in conditions))


def _and(left: Rule, right: Rule) -> Rule:
    return "and", left, right


def _column(manifest: Manifest, field: str) -> tuple[str, Rule]:
    """A field of an answer as a rule writes it, quoted where its name is none of SQL's, and as it is evaluated."""
    name = f"{manifest.name}.{field}"
    return name if _PLAIN.fullmatch(name) else sql_name(name), ("column", name)
