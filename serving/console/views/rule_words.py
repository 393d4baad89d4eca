"""Rules of segments as a marketer reads them: `churn score above 70 and days since the last purchase above 90 days`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoring.answers.served_release import Live
from scoring.segments.assignment import discovered_of, field_of
from scoring.segments.rules import MARGIN, Rule
from serving.console.views.named_features import named_features
from serving.console.web.i18n import Texts

# The sign of the same comparison with its sides exchanged, and of its opposite; what is unknown stays unknown in both.
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SIGNS = {"=": "exactly", "<>": "other", "<": "below", "<=": "at_most", ">": "above", ">=": "at_least"}
_SWAPPED = {"and": "or", "or": "and"}


def rule_words(rule: Rule, served: Mapping[str, Live], texts: Texts) -> str:
    """What a rule asks, in a sentence without its end; a name that no release knows stands as it is."""
    text = _Words(served, texts).of(_without_not(rule, negated=False))
    return text[0].upper() + text[1:]


def _without_not(rule: Rule, *, negated: bool) -> Rule:
    """The same rule with every `not` worked into what it stands before; `("none", ...)` is a negated `in` or `null`."""
    head = rule[0]
    if head == "not":
        return _without_not(rule[1], negated=not negated)
    if head in ("and", "or"):
        return (_SWAPPED[head] if negated else head, *(_without_not(part, negated=negated) for part in rule[1:]))
    if not negated:
        return ("is", rule[1], True) if head == "true" else rule
    if head == "compare":
        return ("compare", _OPPOSITE[rule[1]], *rule[2:])
    if head == "constant":
        return ("constant", not rule[1])
    if head in ("is", "true"):
        return ("is", rule[1], head == "is" and not rule[2])
    return ("none", rule)


class _Words:
    """The parts of a rule in the words of one language."""

    def __init__(self, served: Mapping[str, Live], texts: Texts) -> None:
        self._served, self._texts = served, texts
        self._features = named_features(served, texts)
        self._groups = {
            name: one.learned.labels for live in served.values() for name, one in live.discovering.items()
        }  # by segmentation and code, what groups are called

    def of(self, rule: Rule) -> str:
        head = rule[0]
        if head in ("and", "or"):
            return self._texts[f"rule_{head}"].join(self._part(part, head) for part in rule[1:])
        if head == "constant":
            return self._texts["all_others" if rule[1] else "rule_nobody"]
        if head == "none":
            return self._leaf(rule[1], negated=True)
        return self._leaf(rule, negated=False)

    def _part(self, rule: Rule, around: str) -> str:
        """A part of an `and` or an `or`; in brackets where it is the other one."""
        text = self.of(rule)
        return f"({text})" if rule[0] == _SWAPPED[around] else text

    def _leaf(self, rule: Rule, *, negated: bool) -> str:
        head = rule[0]
        if head == "compare":
            return self._compared(*rule[1:])
        name = rule[1][1]
        if head == "null":
            return self._said(name, self._texts["rule_known" if negated else "rule_unknown"])
        if head == "in":
            return self._among(name, rule[2], negated=negated)
        return self._truth(name, holds=rule[2])

    def _truth(self, name: str, *, holds: bool) -> str:
        parsed = field_of(name)
        if parsed:  # in the lowest or the highest band
            return self._texts.of(f"rule_{parsed[1]}{'' if holds else '_not'}", name=self._titled(parsed[0]))
        return self._said(name, self._value(name, holds))

    def _compared(self, sign: str, left: Rule, right: Rule) -> str:
        if left[0] == "literal":
            left, right, sign = right, left, _MIRRORED.get(sign, sign)
        if right[0] == "column":
            return self._signed(left[1], sign, self._name(right[1]))
        if field_of(left[1]) and left[1].endswith((".status", ".band")) and sign in ("=", "<>"):
            return self._among(left[1], [right[1]], negated=sign == "<>")
        value = self._value(left[1], right[1])
        if sign == "=":
            return self._said(left[1], value)
        return self._signed(left[1], sign, value)

    def _signed(self, name: str, sign: str, value: str) -> str:
        return self._said(name, self._texts.of(f"rule_{_SIGNS[sign]}", value=value))

    def _among(self, name: str, values: Sequence[Any], *, negated: bool) -> str:
        parsed = field_of(name)
        if parsed and parsed[1] == "status" and len(values) == 1:
            key = f"rule_status_{values[0]}{'_not' if negated else ''}"
            if (text := self._texts.named(key)) != key:
                return text.format(name=self._titled(parsed[0]))
        shown = self._texts["rule_or"].join(self._value(name, value) for value in values)
        return self._said(name, self._texts.of("rule_other", value=shown) if negated else shown)

    def _said(self, name: str, what: str) -> str:
        return self._texts.of("rule_is", name=self._name(name), what=what)

    def _name(self, name: str) -> str:
        """What a column is called, within a sentence."""
        if parsed := field_of(name):
            return self._texts.of(f"rule_field_{parsed[1]}", name=self._titled(parsed[0]))
        if asked := discovered_of(name):
            of_margin = asked not in self._groups and asked.removesuffix(MARGIN) in self._groups
            key = "rule_group_margin" if of_margin else "rule_group"
            return self._texts.of(key, name=asked.removesuffix(MARGIN) if of_margin else asked)
        feature = self._features.get(name)
        if feature is None:
            return name
        text = feature.name
        return text if text[1:2].isupper() or text == name else text[0].lower() + text[1:]

    def _titled(self, use_case: str) -> str:
        """What a use case is called, in quotation marks unless that is its plain name."""
        live = self._served.get(use_case)
        title = live.release.bundle.manifest.titled(self._texts.language) if live else use_case
        return title if title == use_case else self._texts.of("rule_titled", title=title)

    def _value(self, name: str, value: Any) -> str:
        parsed, feature = field_of(name), self._features.get(name)
        if parsed:
            return self._field_value(*parsed, value)
        if labels := self._groups.get(discovered_of(name) or ""):
            return labels.get(str(value), {}).get(self._texts.language, str(value))
        if feature is not None:
            return feature.shown(value)
        return self._texts.number(value) if isinstance(value, int | float) else str(value)

    def _field_value(self, use_case: str, field: str, value: Any) -> str:
        if field == "probability":
            return self._texts.percent(value, 2)
        if field == "band" and use_case in self._served:
            bands = self._served[use_case].bands[self._texts.language]
            return next((band["label"] for band in bands if band["code"] == value), str(value))
        if field == "status":
            return self._texts.named(f"status_{value}")
        return self._texts.number(value) if isinstance(value, int | float) else str(value)
