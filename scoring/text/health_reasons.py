"""Why scores are fine, to be watched or not to be trusted, as a sentence: `health_reasons.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from features.spec.languages import Language
from scoring.text.campaign_texts import NO_BREAK
from scoring.text.formatting import figure, iso_date, number, percent, unbreakable

Shown = str | int | float | None
_RATES = ("conversion", "churn", "open_rate", "engagement")
_WHOLE = 100.0  # from which on an amount is shown without its cents
_AREAS = ("roc_auc", "low", "high", "learned", "expected", "least")
_DATES = ("day", "next_known", "by")


@cache
def _texts(language: Language) -> Mapping[str, Mapping[str, str]]:
    stored = tomllib.loads((Path(__file__).parent / "health_reasons.toml").read_text(encoding="utf-8"))
    found = {table: {code: forms[language] for code, forms in texts.items()} for table, texts in stored.items()}
    if language == "fr":
        return {table: {code: unbreakable(text) for code, text in texts.items()} for table, texts in found.items()}
    return found


def state_name(state: str, language: Language) -> str:
    """What a state is called."""
    return _texts(language)["state"][state]


def goal_name(state: str, language: Language) -> str:
    """What the state of a goal is called."""
    return _texts(language)["goal"][state]


def kpi_name(kpi: str, language: Language) -> str:
    """What the figure of a goal is called."""
    return _texts(language)["kpi"][kpi]


def kpi_figure(kpi: str, value: float, language: Language, currency: str | None = None) -> str:
    """A goal's figure as it is read: a rate as a share, any other as a number, an amount with its currency."""
    if kpi in _RATES:
        return percent(value, language, decimals=1)
    amount = figure(value, language, decimals=0 if abs(value) >= _WHOLE else 2)
    return f"{amount}{NO_BREAK}{currency}" if currency else amount


def health_text(code: str, values: Mapping[str, Shown], language: Language) -> str:
    """A reason of a health document as a sentence; one that is not known is its code.

    >>> health_text("old_model", {"days": 120, "limit": 90}, "en")
    'The model learned from data of 120 days ago, more than 90.'
    """
    text = _texts(language)["reason"].get(f"{code}{_variant(code, values)}")
    if text is None:
        return code
    figures = {name: _shown(name, value, language) for name, value in values.items()}
    if isinstance(features := values.get("features"), int):
        figures["others"] = number(features - 1, language)
    if code == "behind_rfm":
        gain, high = values["gain"], values["high"]
        figures |= {"lost": _loss(gain, language), "least": _loss(high, language)}
    if code in ("list_goal_behind", "mean_goal_behind"):
        figures |= _goal_figures(values, language)
    return text.format(**figures)


def _goal_figures(values: Mapping[str, Shown], language: Language) -> dict[str, str]:
    """The figures of a goal, as its kpi is read, and what that is called."""
    kpi, currency = str(values["kpi"]), values.get("currency")
    unit = currency if isinstance(currency, str) else None
    numbers = {name: value for name, value in values.items() if isinstance(value, float)}
    return {name: kpi_figure(kpi, value, language, unit) for name, value in numbers.items()} | {
        "kpi": kpi_name(kpi, language).lower()
    }


def served_text(door: str, rows: int, score_psi: float | None, psi: Mapping[str, float], language: Language) -> str:
    """What came by a door lately, beside what was learned, as a sentence."""
    texts = _texts(language)["served"]
    if score_psi is None or not psi:
        return texts[f"{door}_few"].format(rows=number(rows, language))
    feature, furthest = next(iter(psi.items()))
    shown = {"psi": figure(score_psi, language, decimals=2), "furthest": figure(furthest, language, decimals=2)}
    return texts[door].format(rows=number(rows, language), feature=feature, **shown)


def given_text(day: str, roc_auc: float, rows: int, language: Language) -> str:
    """How good the scores given over HTTP on a day turned out to be, as a sentence.

    >>> given_text("2026-03-01", 0.8127, 1200, "en")
    'The 1,200 customers scored over HTTP on 1 March 2026 were ranked with AUC 0.813.'
    """
    shown = {"day": iso_date(day, language), "roc_auc": figure(roc_auc, language, decimals=3)}
    return _texts(language)["served"]["given"].format(rows=number(rows, language), **shown)


def _variant(code: str, values: Mapping[str, Shown]) -> str:
    """Which form of a reason's text its figures ask for."""
    if code == "no_outcome" and values.get("next_known"):
        return "_until"
    features = values.get("features")
    return "_several" if code == "drift" and isinstance(features, int) and features > 2 else ""


def health_action(code: str, use_case: str, values: Mapping[str, Shown], language: Language) -> str:
    """The one thing to do about a reason.

    Args:
        code: Of the reason.
        use_case: What people read for it; empty where the reason is about the day of all.
        values: Of the reason.
        language: Of the sentence.
    """
    texts = _texts(language)["action"]
    figures = {name: _shown(name, value, language) for name, value in values.items()}
    return texts.get(code, texts["other"]).format(**{**figures, "use_case": use_case})


def _loss(gain: Shown, language: Language) -> str:
    return figure(-gain, language, decimals=4) if isinstance(gain, float | int) else ""


def _shown(name: str, value: Shown, language: Language) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return iso_date(value, language) if name in _DATES else value
    if name in _AREAS:
        return figure(value, language, decimals=3)
    return percent(value, language, decimals=1) if isinstance(value, float) else number(value, language)
