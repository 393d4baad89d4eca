"""Why a version was promoted, kept back or refused, and whether it beats its baseline, in the reader's language.

What is decided is kept as a rule and its figures; every sentence on it is made here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

from msgspec import Struct

from features.spec.languages import Language
from scoring.text.formatting import between, colon, figure, listed, number, percent
from scoring.text.messages import rule_name, texts

_FIRST = ("first_model", "ranks_nobody", "below_base_rate")  # of a model without a champion
_UPLIFT = ("uplift_adopted", "uplift_as_response", "uplift_as_everyone", "uplift_kept")
_STREAMS = 5  # between groups, that a sentence names
_COMPARED = ("better", "guarded", "champion_kept")
GuardName = Literal["calibration", "stability", "baseline", "seed_variance", "luck"]
GUARDS: tuple[GuardName, ...] = ("calibration", "stability", "baseline", "seed_variance", "luck")  # as they are shown


class Interval(TypedDict):
    """A figure with its 95% interval."""

    mean: float
    low: float
    high: float


class BlockingFinding(TypedDict):
    """A finding that refuses a version, and the feature it is about."""

    rule: str
    feature: str | None


class BandMoves(TypedDict):
    """How many of the same rows would change band; counts by old band, then by new band."""

    changed: int
    rows: int
    from_to: dict[str, dict[str, int]]


_Older = TypedDict("_Older", {"luck": dict[str, float]}, total=False)  # noqa: UP013 a class would spell a private word; the seed variance, before 0.2.0


class UpliftDecision(TypedDict):
    """How much more contacting by uplift is worth than other policies: outcomes per customer, ends one-sided."""

    depth: float  # share of customers contacted
    level: float  # of each end, one-sided
    response: Interval
    everyone: Interval
    champion: NotRequired[Interval]


class DecisionDocument(_Older, total=False):
    """A decision as the registry and a home keep it: its rule, and the figures that this rule looks at."""

    at: str
    version: str
    promote: bool
    rule: str
    promoted: bool
    reason: str  # in English
    refused: bool
    findings: list[BlockingFinding]
    challenger_log_loss: float
    champion_log_loss: float
    log_loss: float
    base_rate_log_loss: float
    log_loss_gain: Interval
    roc_auc_gain: Interval
    roc_auc: Interval
    rows: int
    ranked_rows: int
    outside_folds: bool
    least_gain: float
    failed: list[str]  # names of guards
    calibration: dict[str, float]
    stability: dict[str, float]
    baseline: dict[str, float]
    seed_variance: dict[str, float]
    champion_version: int
    champion_unreadable: bool
    moves: BandMoves
    uplift: UpliftDecision
    group_moves: BandMoves  # of customers between the groups of a segmentation


class GainInterval(Struct, frozen=True):
    """A gain with its 95% interval."""

    high: float
    low: float
    mean: float


class BarGain(Struct, frozen=True):
    """How much better a model is than the baseline it must beat, on the same test rows."""

    challenger_log_loss: float
    champion_log_loss: float
    log_loss_gain: GainInterval
    name: str  # of the baseline
    roc_auc_gain: GainInterval
    rows: int


@dataclass(frozen=True, slots=True)
class DecisionReason:
    """Why, in sentences: what decided, and the figures of every guard."""

    why: str
    checks: str = ""
    foreign: bool = False  # whether it is English for a French reader

    def __str__(self) -> str:
        return f"{self.why} {self.checks}".rstrip()


def decision_reason(decision: DecisionDocument, language: Language) -> DecisionReason:
    """The reason of a decision by its `rule` and figures; one without a message keeps its English `reason`."""
    try:
        return DecisionReason(" ".join(_why(decision, language)), " ".join(_checks(decision, language)))
    except (KeyError, TypeError, ValueError):  # a rule or a figure we do not know, or an older version's
        return DecisionReason(str(decision["reason"]), foreign=language != "en")


def against_bar(bar: str | None, gain: GainInterval | None, language: Language, *, kind: str = "") -> str:
    """Whether a model beats the baseline it must beat; `gain` is by how much lower its log-loss is, with its interval.

    Without a bar the model is that baseline itself, where its `kind` is one, or there was none to hold it against.

    >>> against_bar("rfm_logit", GainInterval(high=0.002, low=-0.003, mean=-0.001), "en")
    'Does not surely beat the RFM logit: log-loss higher by 0.0010, 95% interval −0.0020 to 0.0030.'
    """
    messages = texts(language)
    if bar is None or gain is None:
        itself = f"bar_{kind}" in messages
        return messages["bar_itself"].format(bar=messages[f"bar_{kind}"]) if itself else messages["bar_none"]
    higher = gain.mean < 0
    edges = (-gain.high, -gain.low) if higher else (gain.low, gain.high)
    change = messages["higher_by" if higher else "lower_by"].format(_loss(abs(gain.mean), language))
    key = "bar_beaten" if gain.low > 0 else "bar_lost" if gain.high < 0 else "bar_unsure"
    interval = {name: _loss(edge, language) for name, edge in zip(("low", "high"), edges, strict=True)}
    return messages[key].format(bar=messages[f"bar_{bar}"], change=change, **interval)


def baseline_text(over: BarGain | None, kind: str, language: Language) -> str:
    """Whether a model of this kind beats the baseline it must beat; None: there is none."""
    if over is None:
        return against_bar(None, None, language, kind=kind)
    return against_bar(over.name, over.log_loss_gain, language, kind=kind)


def _why(decision: DecisionDocument, language: Language) -> Iterator[str]:
    messages, rule = texts(language), decision["rule"]
    if decision.get("champion_unreadable"):
        yield messages["gate_champion_unreadable"]
    older = rule in _FIRST and "roc_auc" not in decision  # as it was decided before 0.2.0
    yield messages[f"gate_{rule}{'_before' * older}"].format(**_figures(decision, language))
    if decision.get("outside_folds"):
        yield messages["gate_outside_folds"]
    if moves := decision.get("moves"):
        counts = {"changed": moves["changed"], "rows": moves["rows"]}
        yield messages["gate_moves"].format(**{name: number(count, language) for name, count in counts.items()})
    if groups := decision.get("group_moves"):
        yield _group_moves(groups, language)


def _group_moves(moves: BandMoves, language: Language) -> str:
    """Who would move between groups, the largest streams first."""
    streams = [
        (count, before, after)
        for before, counts in moves["from_to"].items()
        for after, count in counts.items()
        if before != after and count
    ]
    largest = sorted(streams, key=lambda stream: (-stream[0], *stream[1:]))[:_STREAMS]
    named = [f"{number(count, language)} {before} → {after}" for count, before, after in largest]
    share = percent(moves["changed"] / max(moves["rows"], 1), language, decimals=1)
    counts = {"changed": number(moves["changed"], language), "rows": number(moves["rows"], language)}
    text = texts(language)["gate_group_moves"].format(share=share, **counts)
    return f"{text} {listed(named, language)}." if named else text


def _figures(decision: DecisionDocument, language: Language) -> dict[str, str]:
    """The figures of a decision as its sentence shows them."""
    messages, rule = texts(language), decision["rule"]
    if rule == "leak":
        named = [_named(finding, language) for finding in decision["findings"]]
        return {"findings": listed(named, language)}
    if rule in _FIRST:
        return _first(decision, language)
    if rule in _UPLIFT:
        return _uplift(decision["uplift"], language)
    if rule not in _COMPARED:
        return {}
    return {
        "guards": listed([messages[f"guard_{name}"] for name in decision.get("failed", ())], language),
        "ours": _loss(decision["challenger_log_loss"], language),
        "theirs": _loss(decision["champion_log_loss"], language),
        "least": _loss(decision["least_gain"], language),
        **_gain(decision["log_loss_gain"], language),
    }


def _first(decision: DecisionDocument, language: Language) -> dict[str, str]:
    """The figures of a model without a champion."""
    losses = {"ours": _loss(decision["log_loss"], language), "base": _loss(decision["base_rate_log_loss"], language)}
    if "roc_auc" not in decision:
        return losses
    area = decision["roc_auc"]
    return {
        **losses,
        "rows": number(decision["rows"], language),
        "ranked": number(decision["ranked_rows"], language),
        "auc": figure(area["mean"], language, decimals=3),
        "auc_interval": between(area["low"], area["high"], language, decimals=3),
        **_gain(decision["log_loss_gain"], language),
    }


def _uplift(decided: UpliftDecision, language: Language) -> dict[str, str]:
    """The figures of a campaign's effect, per thousand customers of all."""
    against: dict[str, Interval | None] = {
        "response": decided["response"],
        "everyone": decided["everyone"],
        "champion": decided.get("champion"),
    }
    shown = {"depth": percent(decided["depth"], language), "level": percent(1 - decided["level"], language, decimals=1)}
    for name, gain in against.items():
        if gain is not None:
            shown[name] = figure(1000 * gain["mean"], language, decimals=1)
            shown[f"{name}_low"] = figure(1000 * gain["low"], language, decimals=1)
    return shown


def _gain(gain: Interval, language: Language) -> dict[str, str]:
    interval = between(gain["low"], gain["high"], language, decimals=4)
    return {"gain": _loss(gain["mean"], language), "interval": interval}


def _checks(decision: DecisionDocument, language: Language) -> Iterator[str]:
    """The guards' figures, each beside its limit."""
    if decision["rule"] not in _COMPARED:
        return
    messages, failed = texts(language), decision.get("failed", ())
    for name in GUARDS:
        if guard := decision.get(name):
            borne_out = name == "stability" and guard["psi"] > guard["psi_limit"] and name not in failed
            decimals = 3 if name == "stability" else 4
            numbers = {field: value for field, value in guard.items() if isinstance(value, int | float)}
            shown = {field: figure(value, language, decimals=decimals) for field, value in numbers.items()}
            yield messages[f"check_{name}{'_borne_out' * borne_out}"].format(**shown)


def _named(finding: BlockingFinding, language: Language) -> str:
    return f"{rule_name(finding['rule'], language)}{colon(language)}{finding['feature']}"


def _loss(value: float, language: Language) -> str:
    return figure(value, language, decimals=4)
