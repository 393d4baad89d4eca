"""Why a version was promoted, kept back or refused, and whether it beats its baseline, in the reader's language.

What is decided is kept as a rule and its figures; every sentence on it is made here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scoring.text.catalogue import rule_name, texts
from scoring.text.formatting import Language, between, colon, figure, listed, number

_COMPARED = ("better", "guarded", "champion_kept")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, in sentences: what decided, and the figures of every guard."""

    why: str
    checks: str = ""
    foreign: bool = False  # whether it is English for a French reader

    def __str__(self) -> str:
        return f"{self.why} {self.checks}".rstrip()


def reason(told: Mapping[str, Any], language: Language) -> Reason:
    """The reason of a decision by its `rule` and figures; one that we have no words for keeps its English `reason`."""
    try:
        return Reason(" ".join(_why(told, language)), " ".join(_checks(told, language)))
    except (KeyError, TypeError, ValueError):  # a rule or a figure we do not know, or an older version's
        return Reason(str(told["reason"]), foreign=language != "en")


def against_bar(bar: str | None, gain: Mapping[str, float], language: Language, *, kind: str = "") -> str:
    """Whether a model beats the baseline it must beat; `gain` is by how much lower its log-loss is, with its interval.

    Without a bar the model is that baseline itself, where its `kind` is one, or there was none to hold it against.

    >>> against_bar("rfm_logit", {"mean": -0.001, "low": -0.003, "high": 0.002}, "en")
    'Does not surely beat the RFM logit: log-loss higher by 0.0010, 95% interval −0.0020 to 0.0030.'
    """
    words = texts(language)
    if bar is None or "mean" not in gain:
        itself = f"bar_{kind}" in words
        return words["bar_itself"].format(bar=words[f"bar_{kind}"]) if itself else words["bar_none"]
    higher = gain["mean"] < 0
    edges = (-gain["high"], -gain["low"]) if higher else (gain["low"], gain["high"])
    change = words["higher_by" if higher else "lower_by"].format(_loss(abs(gain["mean"]), language))
    key = "bar_beaten" if gain["low"] > 0 else "bar_lost" if gain["high"] < 0 else "bar_unsure"
    told = {name: _loss(edge, language) for name, edge in zip(("low", "high"), edges, strict=True)}
    return words[key].format(bar=words[f"bar_{bar}"], change=change, **told)


def told_bar(manifest: Mapping[str, Any], language: Language) -> str:
    """Whether the model of a bundle beats the baseline it must beat."""
    over = manifest["over_bar"] or {}
    return against_bar(over.get("name"), over.get("log_loss_gain", {}), language, kind=manifest["kind"])


def _why(told: Mapping[str, Any], language: Language) -> Iterator[str]:
    words, rule = texts(language), told["rule"]
    if told.get("champion_unreadable"):
        yield words["gate_champion_unreadable"]
    yield words[f"gate_{rule}"].format(**_figures(told, language))
    if moves := told.get("moves"):
        counts = {name: number(moves[name], language) for name in ("changed", "rows")}
        yield words["gate_moves"].format(**counts)


def _figures(told: Mapping[str, Any], language: Language) -> dict[str, str]:
    """The figures of a decision as its sentence shows them."""
    words, rule = texts(language), told["rule"]
    if rule == "leak":
        named = [_named(finding, language) for finding in told["findings"]]
        return {"findings": listed(named, language)}
    if rule in ("first_model", "below_base_rate"):
        return {"ours": _loss(told["log_loss"], language), "base": _loss(told["base_rate_log_loss"], language)}
    if rule not in _COMPARED:
        return {}
    gain = told["log_loss_gain"]
    return {
        "guards": listed([words[f"guard_{name}"] for name in told.get("failed", ())], language),
        "ours": _loss(told["challenger_log_loss"], language),
        "theirs": _loss(told["champion_log_loss"], language),
        "gain": _loss(gain["mean"], language),
        "interval": between(gain["low"], gain["high"], language, decimals=4),
        "least": _loss(told["least_gain"], language),
    }


def _checks(told: Mapping[str, Any], language: Language) -> Iterator[str]:
    """The guards' figures, each beside its limit."""
    if told["rule"] not in _COMPARED:
        return
    words, failed = texts(language), told.get("failed", ())
    for name, key, values in (
        ("calibration", "check_calibration", {"ece": "ece", "limit": "ece_limit"}),
        ("stability", "check_stability", {"psi": "psi", "limit": "psi_limit"}),
        ("baseline", "check_baseline", {"high": "gain_over_bar_high"}),
        ("luck", "check_luck", {"gain": "gain", "limit": "gain_limit"}),
    ):
        if guard := told.get(name):
            borne_out = name == "stability" and guard["psi"] > guard["psi_limit"] and name not in failed
            decimals = 3 if name == "stability" else 4
            shown = {word: figure(guard[value], language, decimals=decimals) for word, value in values.items()}
            yield words[f"{key}_borne_out" if borne_out else key].format(**shown)


def _named(finding: Mapping[str, Any], language: Language) -> str:
    return f"{rule_name(finding['rule'], language)}{colon(language)}{finding['feature']}"


def _loss(value: float, language: Language) -> str:
    return figure(value, language, decimals=4)
