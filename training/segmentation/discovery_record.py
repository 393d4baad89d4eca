"""What `penchant discover` answers, and what it hands over to be registered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from msgspec import UNSET, Struct, UnsetType

from features.build.discovery_rows import DiscoveryRows
from features.config.discovery_file import Discovery, UnlabelledTable
from features.spec.atomic import write_file
from features.spec.languages import Language
from scoring.reasons.persona_names import CLEAR as NAMES
from scoring.reasons.persona_names import Distinguishing, group_names
from scoring.releases.current_pointer import released_use_cases
from scoring.segments.personas import GroupRate, GroupTheme
from scoring.segments.segmentation_bundle import Verdict
from training.registry.mlflow_registry import Registry
from training.segmentation.as_rules import draft_policy
from training.segmentation.discover import OUTLIERS, RARE, Discovered
from training.segmentation.register import LearnedSegmentation, RegisteredSegmentation, register_segmentation
from training.segmentation.sheets.group_sheets import LaterOutcomes

SHOWN = 5  # features that a group is described by
CLEAR = 0.05  # standard deviations from all below which a feature distinguishes no group

Texts = dict[str, str]
ALL: Texts = {"en": "All customers", "fr": "Tous les clients"}
OUTLYING: Texts = {"en": "Outliers", "fr": "Atypiques"}
NUMBERED: Texts = {"en": "Group {}", "fr": "Groupe {}"}  # of a shape that no mean tells, as a ring around another
RARELY: Texts = {"en": "Rare: {}", "fr": "Rares : {}"}
AWAITED: Texts = {"en": "“{}” within {} days", "fr": "« {} » dans les {} jours"}


class NullFigures(Struct, frozen=True):
    """How much more structure there is than in redraws without clusters."""

    z: float  # in standard deviations of their silhouettes
    excess: float  # of the silhouette


class StabilityFigures(Struct, frozen=True):
    """Whether groups come again; null where there is one group, or no later moment."""

    jaccard: float | None  # of the least stable group, over resamples
    rand_over_time: float | None  # frozen against refit, at later moments on average


class OutcomeFigures(Struct, frozen=True):
    """How often the outcome came among a group's members at the latest moment, with its 95% interval."""

    code: str
    rate: float
    low: float
    high: float


class DistinguishingFigures(Struct, frozen=True):
    """One feature by which a group differs from all customers."""

    feature: str
    direction: str  # high or low
    difference: float  # of means, in standard deviations of all customers
    kind: str = "number"  # number, level or missing
    level: str | None = None


class ClusterFigures(Struct, frozen=True):
    """One group."""

    code: str
    label: Texts
    size: int
    distinguishing: list[DistinguishingFigures]


class RulesFigures(Struct, frozen=True):
    """The draft of a policy, and the share of customers whom its rules put where the groups are."""

    file: str
    agree: float
    out_of_sample: float
    leaves: int


class DiscoveryRecord(Struct, frozen=True):
    """The answer of `penchant discover --json`; `as_rules` where a draft was asked for and written."""

    method: str
    k: int
    verdict: Verdict
    silhouette: float
    null: NullFigures
    stability: StabilityFigures
    outcomes: list[OutcomeFigures]
    order_kept: bool | None
    clusters: list[ClusterFigures]
    version: str | None
    promoted: bool
    as_rules: RulesFigures | UnsetType = UNSET


def record_of(rows: DiscoveryRows, found: Discovered, registered: RegisteredSegmentation | None) -> DiscoveryRecord:
    """What was found, by the codes and names it has for good."""
    codes, names = codes_and_names(rows, found, registered)
    null, k = found.structure.null if found.structure else None, found.tried
    rates = found.rates[-1] if found.rates else ()
    return DiscoveryRecord(
        method=found.method,
        k=found.grouping.k,
        verdict=found.verdict,
        silhouette=_rounded(found.silhouette),
        null=NullFigures(_rounded(null.z(k)) if null else 0.0, _rounded(null.excess(k)) if null else 0.0),
        stability=StabilityFigures(
            _rounded(min(found.jaccard)) if found.jaccard and found.grouping.k > 1 else None,
            _rounded(float(np.mean(found.rand_over_time))) if found.rand_over_time else None,
        ),
        outcomes=[
            OutcomeFigures(code, _rounded(one.rate), _rounded(one.low), _rounded(one.high))
            for code, one in zip(codes, rates, strict=bool(rates))
        ]
        if rates
        else [],
        order_kept=found.order_kept,
        clusters=[
            ClusterFigures(
                new, names[new], size, [_figures(one) for one in found.differences.get(old, ()) if _clear(one)][:SHOWN]
            )
            for old, new, size in zip(found.codes, codes, found.sizes, strict=True)
        ],
        version=registered.version if registered else None,
        promoted=bool(registered and registered.promoted),
    )


def codes_and_names(
    rows: DiscoveryRows, found: Discovered, registered: RegisteredSegmentation | None
) -> tuple[tuple[str, ...], dict[str, Texts]]:
    """The codes of groups in their order, and what each is called by language."""
    if registered is not None:
        return registered.learned.codes, registered.learned.labels
    if len(found.codes) < 2:
        return found.codes, dict.fromkeys(found.codes, ALL)
    names = group_names(found.differences, rows.labels)
    for place, (code, size) in enumerate(zip(found.codes, found.sizes, strict=True), 1):
        if found.method == "density" and not any(abs(one.difference) >= NAMES for one in found.differences[code]):
            names[code] = {language: text.format(place) for language, text in NUMBERED.items()}
        if code == OUTLIERS:
            names[code] = OUTLYING
        elif found.method == "density" and size < RARE * sum(found.sizes):
            names[code] = {language: RARELY[language].format(text) for language, text in names[code].items()}
    return found.codes, names


def registered_of(
    home: Path,
    asked: Discovery,
    rows: DiscoveryRows,
    found: Discovered,
    report: bytes,
    themes: Mapping[str, tuple[GroupTheme, ...]],
) -> RegisteredSegmentation | None:
    """Registers what can be served, `themes` by the codes that were found; None where nothing can be.

    Raises:
        Refused: A use case has the name.
        RegistryError: The registry cannot be reached.
    """
    if found.learned is None or found.method not in ("kmeans", "hierarchical"):
        return None
    source, null = asked.source, found.structure.null if found.structure else None
    made = LearnedSegmentation(
        name=asked.name,
        learned=found.learned,
        features=rows.features,
        rows=rows.rows.select(feature.name for feature in rows.features),
        verdict=found.verdict,
        method=found.method,
        source="table" if isinstance(source, UnlabelledTable) else source.source,
        data_digest=rows.data_digest,
        config_digest=rows.config_digest,
        report=report,
        seed=source.seed,
        trained_to=rows.moments[0].isoformat() if rows.moments[0] else None,
        outcomes=_later(asked, rows, found),
        themes=themes,
        forbid=source.reasons.forbid,
        labels=rows.labels,
        params={"seed": source.seed},
        metrics={
            "silhouette": found.silhouette,
            "null_z": null.z(found.tried) if null else 0.0,
            "null_excess": null.excess(found.tried) if null else 0.0,
        },
    )
    return register_segmentation(home, Registry(home), made)


def drafted(
    home: Path, asked: Discovery, rows: DiscoveryRows, registered: RegisteredSegmentation, file: Path
) -> RulesFigures:
    """Writes the groups as a draft of a policy on the features of a use case, that of the file where it asks one.

    Raises:
        OSError: It cannot be written.
    """
    served = released_use_cases(home)
    use_case = asked.source.name if asked.asks or not served else served[0]
    as_of = rows.moments[0].isoformat() if rows.moments[0] else None
    draft = draft_policy(
        rows.rows, registered.learned, use_case=use_case, seed=asked.source.seed, name=asked.name, as_of=as_of
    )
    write_file(file, draft.text.encode())
    found = draft.fidelity
    return RulesFigures(str(file), _rounded(found.agree), _rounded(found.out_of_sample), found.leaves)


def outcome_text(asked: Discovery, rows: DiscoveryRows) -> dict[str, str]:
    """What came or not, by language; empty where nothing is known of it."""
    languages: tuple[Language, ...] = ("en", "fr")
    source = asked.source
    if isinstance(source, UnlabelledTable):
        return {}
    if source.outcome is not None:
        return {"en": source.outcome.en, "fr": source.outcome.fr}
    if rows.outcome_event is None or rows.outcome_days is None:
        return {}
    return {language: AWAITED[language].format(rows.outcome_event, rows.outcome_days) for language in languages}


def _later(asked: Discovery, rows: DiscoveryRows, found: Discovered) -> LaterOutcomes | None:
    if not found.rates:
        return None
    latest = found.rates[-1]
    members = sum(one.members for one in latest)
    return LaterOutcomes(
        rates={
            code: GroupRate(one.rate, one.low, one.high, one.members)
            for code, one in zip(found.codes, latest, strict=True)
        },
        differ=bool(found.order_kept) and rows.in_time,
        base_rate=sum(one.hits for one in latest) / members if members else None,
        outcome=outcome_text(asked, rows) or None,
    )


def _clear(one: Distinguishing) -> bool:
    return abs(one.difference) >= CLEAR


def _figures(one: Distinguishing) -> DistinguishingFigures:
    direction = "high" if one.difference > 0 else "low"
    return DistinguishingFigures(one.feature.name, direction, _rounded(one.difference), one.kind, one.level)


def _rounded(value: float) -> float:
    return round(float(value), 6)
