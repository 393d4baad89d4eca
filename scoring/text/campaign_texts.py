"""What a campaign brought and what to do next, in sentences: `campaign_texts.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from features.spec.languages import Language
from scoring.text.formatting import figure, iso_date, number, percent, unbreakable

Shown = str | float | None
NO_BREAK = "\u00a0"
_MONEY = ("value", "cost", "net", "contact", "gain")


@cache
def _texts(language: Language) -> Mapping[str, Mapping[str, str]]:
    stored = tomllib.loads((Path(__file__).parent / "campaign_texts.toml").read_text(encoding="utf-8"))
    found = {table: {code: forms[language] for code, forms in texts.items()} for table, texts in stored.items()}
    if language == "fr":
        return {table: {code: unbreakable(text) for code, text in texts.items()} for table, texts in found.items()}
    return found


def status_name(status: str, language: Language) -> str:
    """What a status is called."""
    return _texts(language)["status"][status]


def campaign_sentences(values: Mapping[str, Shown], language: Language) -> list[str]:
    """What it brought, what that is worth, and as the last one what to do next.

    >>> values = {"status": "final", "next_step": "go_on", "contacted": 1000.0, "treated": 1000.0, "metric": "purchase"}
    >>> campaign_sentences({**values, "answers": 62.0, "low": 31.0, "high": 94.0}, "en")[0]
    '1,000 contacted, 62 more orders than without, between 31 and 94.'
    """
    said = [*_brought(values, language), *_money(values, language), *_cuts(values, language)]
    return [*said, next_step(values, language)]


def next_step(values: Mapping[str, Shown], language: Language) -> str:
    """What to do next."""
    texts, step = _texts(language)["next"], str(values["next_step"])
    until = f"{step}_until" if values.get("next_look") and f"{step}_until" in texts else step
    until = f"{step}_never" if step == "more_customers" and values.get("more") is None else until
    return texts[until].format(**_figures(values, language))


def _brought(values: Mapping[str, Shown], language: Language) -> Iterator[str]:
    low, high = values.get("low"), values.get("high")
    if not isinstance(low, float) or not isinstance(high, float):
        return
    texts, figures = _texts(language), _figures(values, language)
    whom = texts["whom"]["contacted" if values.get("contacted") is not None else "listed"].format(**figures)
    what = texts["what"].get(str(values.get("metric")), texts["what"]["answer"])
    form = "more" if low > 0 else "fewer" if high < 0 else "either"
    ends = (low, high) if form == "more" else (-high, -low) if form == "fewer" else (-low, high)
    shown = {"answers": abs(_float(values["answers"])), "low": ends[0], "high": ends[1]}
    counts = {name: number(round(value), language) for name, value in shown.items()}
    yield texts["brought"][form].format(whom=whom, what=what, **counts)
    if values["status"] == "early":
        yield texts["money"]["early_until" if values.get("next_look") else "early"]


def _money(values: Mapping[str, Shown], language: Language) -> Iterator[str]:
    texts, figures = _texts(language)["money"], _figures(values, language)
    for name in ("value", "net"):
        if values.get(name) is not None:
            yield texts[name].format(**figures)
    if values.get("guardrail"):
        yield texts[str(values["guardrail"])].format(**figures)


def _cuts(values: Mapping[str, Shown], language: Language) -> Iterator[str]:
    """What another threshold would bring."""
    if values.get("cut"):
        yield _texts(language)["cut"][str(values["cut"])].format(**_figures(values, language))


def _figures(values: Mapping[str, Shown], language: Language) -> dict[str, str]:
    return {name: _shown(name, value, values.get("currency"), language) for name, value in values.items()}


def _shown(name: str, value: Shown, currency: Shown, language: Language) -> str:
    if value is None or isinstance(value, str):
        return iso_date(value, language) if value and name == "next_look" else value or ""
    if name.startswith(_MONEY) and name != "contacted":
        amount = (
            figure(round(value, 2), language, decimals=2)
            if name.startswith(("contact", "gain"))
            else figure(round(value), language, decimals=0)
        )
        return f"{amount}{NO_BREAK}{currency}" if currency else amount
    if name.startswith("cut_"):
        return f"{value:g}".replace(".", "," if language == "fr" else ".")
    if name.startswith("unsubscribed"):
        return percent(value, language, decimals=1)
    return number(round(value), language)


def _float(value: Shown) -> float:
    return value if isinstance(value, int | float) else 0.0
