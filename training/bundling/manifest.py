"""Everything a bundle says about itself, put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from features.config.use_case import LogUseCase, UseCase
from features.spec.feature import EffectKind, Feature, Polarity, Predicate, Scalar
from features.spec.languages import LANGUAGES, Language
from features.tables.value_labels import value_labels
from scoring.bundle.manifest import BandTable, LogWindows, Outcome
from scoring.models.bands import Ladder
from scoring.models.threshold_planner import Ask, Market, Plan, plan
from training.bundling.families import families
from training.bundling.thresholds import around, at_percentiles, at_scores, realised, rising
from training.data.clusters import Clusters

if TYPE_CHECKING:
    from features.build.log_table import LearningTable
    from features.point_in_time.labels import Cutoffs

Floats = NDArray[np.float64]
BINS = 10
LABELS = {
    "low": {"en": "Low", "fr": "Faible"},
    "medium": {"en": "Medium", "fr": "Moyen"},
    "high": {"en": "High", "fr": "Élevé"},
}
REFUSED_USE = {
    "en": "Not for credit, insurance or employment, nor to refuse anyone a service.",
    "fr": "Ni pour le crédit, l'assurance ou l'emploi, ni pour refuser un service à quelqu'un.",
}
INTENDED_USE: Mapping[EffectKind, Mapping[str, str]] = {
    "marketing": {
        "en": "For choosing whom to contact, and how, in marketing and customer care.",
        "fr": "Pour choisir qui contacter, et comment, en marketing et en relation client.",
    },
    "benefit": {
        "en": "For a person to decide by who is granted a benefit; whoever is concerned may contest the decision.",
        "fr": "Pour qu'une personne décide à qui accorder un avantage ; l'intéressé peut contester la décision.",
    },
    "price": {
        "en": "For a person to decide by on a customer's price; whoever is concerned may contest the decision.",
        "fr": "Pour qu'une personne décide du prix fait à un client ; l'intéressé peut contester la décision.",
    },
}


class Described(TypedDict):
    """The parts of a manifest that say what is asked of which data."""

    actions: dict[str, dict[str, str]] | UnsetType
    title: dict[str, str] | UnsetType
    outcome: dict[str, str] | UnsetType
    labels: dict[Language, dict[str, dict[str, str]]] | UnsetType
    name: str
    polarity: Polarity
    source: Literal["log", "table"]
    customer_id: str | None
    label: Outcome
    windows: LogWindows | None
    trained_to: str | None
    eligible: Predicate | None
    families: dict[str, tuple[str, ...]] | UnsetType
    forbid: tuple[str, ...]
    what_if: dict[str, tuple[Scalar, ...]]
    effect: EffectKind | UnsetType
    human_decision: str | UnsetType
    intended_use: dict[str, str]


class Histogram(TypedDict):
    """How often a feature or the score lay where: by level, or between edges, with a count of missing values."""

    levels: NotRequired[dict[str, int]]
    edges: NotRequired[list[float]]
    counts: NotRequired[list[int]]
    missing: NotRequired[int]


class ReferenceDocument(TypedDict):
    """`reference.json`: what later populations are compared with."""

    features: dict[str, Histogram]
    score: Histogram


def described(
    use_case: UseCase, table: LearningTable, cutoffs: Cutoffs | None, features: Sequence[Feature]
) -> Described:
    """What is asked of which data and when, as it stands in the manifest.

    Args:
        use_case: What is asked.
        table: What it is learned from.
        cutoffs: Those learned from; None of a ready table.
        features: Those learned from, with the levels that have a code of their own.
    """
    log = use_case if isinstance(use_case, LogUseCase) else None
    return {
        "actions": {code: step.model_dump() for code, step in use_case.actions.items()} or UNSET,
        "title": use_case.title.model_dump() if use_case.title else UNSET,
        "outcome": use_case.outcome.model_dump() if use_case.outcome else UNSET,
        "labels": value_labels(use_case, features) or UNSET,
        "name": use_case.name,
        "polarity": use_case.polarity,
        "source": use_case.source,
        "customer_id": _customer_id(use_case),
        "label": _label(use_case),
        "windows": _windows(log, cutoffs) if log else None,
        "trained_to": cutoffs.test.date().isoformat() if cutoffs else None,
        "eligible": table.eligible,
        "families": families(features, use_case.families) or UNSET,
        "forbid": tuple(sorted(use_case.reasons.forbid)),
        "what_if": {name: tuple(values) for name, values in use_case.model_dump(mode="json")["what_if"].items()},
        "effect": UNSET if use_case.effect == "marketing" else use_case.effect,
        "human_decision": use_case.human_decision or UNSET,
        "intended_use": {
            language: f"{text} {REFUSED_USE[language]}" for language, text in INTENDED_USE[use_case.effect].items()
        },
    }


def ladder_for(use_case: UseCase, probability: Floats, market: Market, *, average: float) -> tuple[Ladder, Plan | None]:
    """The bands a use case asks for, and the plan behind them where the planner was asked.

    Percentiles are those of the test rows. Where a use case does not say where its bands part, the lowest lies below
    the `average` rate of the outcome and the highest above it. A planned cut, in today's population, is where the
    highest band begins; any further thresholds part the rest into equal shares.
    """
    bands = use_case.bands
    codes = tuple(bands.codes)
    if bands.plan is None:
        thresholds = at_scores(bands.scores) if bands.scores else at_percentiles(probability, bands.steps)
        return Ladder(codes, thresholds if bands.named else around(thresholds, average)), None
    planned = plan(market, Ask(**bands.plan.model_dump()))
    rest, lower = probability[probability < planned.cut.threshold], len(codes) - 2
    shares = [100 * step / (lower + 1) for step in range(1, lower + 1)]
    below = at_percentiles(rest, shares) if lower and len(rest) else (0.0,) * lower
    return Ladder(codes, rising([*below, planned.cut.threshold])), planned


def banded(
    use_case: UseCase,
    ladder: Ladder,
    planned: Plan | None,
    probability: Floats,
    label: Floats,
    clusters: Clusters,
) -> BandTable:
    """The bands with their names, thresholds and rates, as they stand in the manifest."""
    return BandTable(
        codes=ladder.codes,
        labels={language: _labels(use_case, language) for language in LANGUAGES},
        plan=planned,
        realised=tuple(realised(ladder, probability, label, clusters)),
        thresholds=ladder.thresholds,
    )


def reference(
    features: Sequence[Feature], codes: Mapping[str, list[str]], columns: Iterable[Floats], probability: Floats
) -> ReferenceDocument:
    """Histograms to hold later populations against: each feature over the fitting rows, the score over the test rows.

    `columns` are the features' encoded columns, made one after another, so that memory never holds them all.

    A number has bins of equal counts by its `edges`, the tenths (a value equal to an edge lies above it), and a count
    of gaps; a value that fills two tenths has a bin of its own.
    """
    histograms = {
        feature.name: _histogram(feature, codes, column) for feature, column in zip(features, columns, strict=True)
    }
    edges = _edges(probability)
    return {"features": histograms, "score": {"edges": edges, "counts": _counts(probability, edges)}}


def _histogram(feature: Feature, codes: Mapping[str, list[str]], column: Floats) -> Histogram:
    if feature.type == "category":
        counts = np.bincount(column.astype(np.int64), minlength=len(codes[feature.name]))
        return {"levels": dict(zip(codes[feature.name], counts.tolist(), strict=True))}
    known = column[~np.isnan(column)]
    edges = _with_ties(known, _edges(known))
    return {"edges": edges, "counts": _counts(known, edges), "missing": int(np.isnan(column).sum())}


def _edges(known: Floats) -> list[float]:
    return (
        np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], method="lower")).tolist() if len(known) else []
    )


def _with_ties(known: Floats, edges: list[float]) -> list[float]:
    """The edges, and where one value fills two tenths the next higher one: the value then has a bin of its own.

    A feature that is zero for nearly all would have one bin without it, and its drift would not be seen.
    """
    if not len(known):
        return edges
    filling = [edge for edge in edges if np.count_nonzero(known == edge) * BINS >= 2 * len(known)]
    above = [float(known[known > edge].min()) for edge in filling if (known > edge).any()]
    return sorted({*edges, *above})


def _counts(known: Floats, edges: list[float]) -> list[int]:
    counts: list[int] = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1).tolist()
    return counts


def _labels(use_case: UseCase, language: Language) -> tuple[str, ...]:
    given = use_case.bands.labels.get(language) or use_case.bands.labels.get("en") or use_case.bands.labels.get("fr")
    return tuple(given or (LABELS.get(code, {}).get(language, code.replace("_", " ")) for code in use_case.bands.codes))


def _customer_id(use_case: UseCase) -> str | None:
    return use_case.events.customer_id if isinstance(use_case, LogUseCase) else use_case.table.customer_id


def _label(use_case: UseCase) -> Outcome:
    if isinstance(use_case, LogUseCase):
        return Outcome(event=use_case.label.event, outcome=use_case.label.outcome)
    table = use_case.table.model_dump(mode="json")
    return Outcome(column=table["label"], positive=table["positive"])


def _windows(log: LogUseCase, cutoffs: Cutoffs | None) -> LogWindows:
    days = (log.window.gap, log.window.observation, log.window.prediction)
    if cutoffs is None:
        return LogWindows(*days)
    return LogWindows(*days, _iso(cutoffs.test), tuple(_iso(moment) for moment in cutoffs.train))


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
