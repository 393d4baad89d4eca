"""A model's page: how good, how it was measured, what a threshold would bring, and what it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import UNSET, Struct
from starlette.requests import Request

from scoring.answers.served_release import Live
from scoring.bundle.bundle import MANIFEST
from scoring.bundle.manifest import Digests, Manifest
from scoring.errors import BundleError
from scoring.releases.store import read_facts
from scoring.text.promotion import baseline_text
from serving.console.charts.curves import curves_of
from serving.console.charts.model_charts import by_tenths, calibration_chart, model_charts
from serving.console.charts.shape_charts import shape_charts
from serving.console.evidence.confusion import at_threshold
from serving.console.evidence.dependence import feature_evidence
from serving.console.value.value_grid import value_grid
from serving.console.views.day_in_service import DayNotes, day_notes, market_today
from serving.console.views.named_features import named_features
from serving.console.views.plan import PlanResult, answer
from serving.console.views.promotions import decisions_on, findings, shared_warnings
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of, page
from serving.http.problems import UNKNOWN_USE_CASE, Problem
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT

METRICS = {"roc_auc": 3, "pr_auc": 3, "lift_at_10": 2, "log_loss": 4, "brier": 4, "ece": 4}  # with decimals
LOWER = ("log_loss", "brier", "ece")


async def model(request: Request) -> Reply:
    """GET /console/models/{name}."""
    live, language = _live(request), language_of(request)
    texts, manifest, curves = Texts(language), live.release.bundle.manifest, curves_of(live)
    tenths = manifest.tenths
    facts = {
        "here": manifest.name,
        "live": live,
        "manifest": manifest,
        "named": named_features({manifest.name: live}, texts),
        "verdict": verdict(manifest, texts),
        "findings": findings(manifest, texts),
        "shared_warnings": shared_warnings(live, texts),
        "metrics": METRICS,
        "lower": LOWER,
        "charts": model_charts(curves, manifest.kind, texts) if curves else [],
        "table": by_tenths(curves.served) if curves else [],
        "calibration": calibration_chart(tenths, texts) if tenths else None,
        "features": feature_evidence(live.release.bundle, texts),
        "confusion": at_threshold(live, request.query_params.get("threshold"), texts),
        "shapes": shape_charts(live.release.bundle, texts),
        "tenths": tenths,
        "versions": versions(live),
        "verdicts": decisions_on(CONTEXT.get().runtime.settings.home, manifest.name, texts),
        "released_at": CONTEXT.get().snapshot.released_at[manifest.name],
        "plan": await _planned(live, request, texts),
        "value_grid": await asyncio.to_thread(value_grid, CONTEXT.get().runtime.settings.home, live, texts),
        "notes": await _noted(texts),
        "by_uplift": live.serves_uplift,
    }
    return page("model.html", language, facts)


async def replan(request: Request) -> Reply:
    """GET /console/models/{name}/plan: the planner's answer alone, for its sliders."""
    live, texts = _live(request), Texts(language_of(request))
    facts = {"plan": await _planned(live, request, texts), "notes": await _noted(texts)}
    shown = {"here": live.release.bundle.manifest.name, "by_uplift": live.serves_uplift}
    return page("plan.html", texts.language, {**shown, **facts})


async def confusion(request: Request) -> Reply:
    """GET /console/models/{name}/confusion: the counts at a threshold alone, for its slider."""
    live, texts = _live(request), Texts(language_of(request))
    shown = at_threshold(live, request.query_params.get("threshold"), texts)
    return page("confusion.html", texts.language, {"confusion": shown})


async def _noted(texts: Texts) -> DayNotes:
    return await asyncio.to_thread(day_notes, CONTEXT.get().runtime.settings.home, texts)


async def _planned(live: Live, request: Request, texts: Texts) -> PlanResult | None:
    today = await asyncio.to_thread(market_today, CONTEXT.get().runtime.settings.home, live)
    leaving = live.release.bundle.polarity == "negative"
    if today is None:
        return None
    asked = today.valued and request.query_params.get("own_value") == "1"
    found = answer(today.market, request.query_params, texts, leaving=leaving, own_value=asked)
    part = live.release.bundle.manifest.value
    return replace(found, day=today.day, valued=today.valued, profit=not (asked and part and part.of == "revenue"))


def verdict(manifest: Manifest, texts: Texts) -> str | None:
    """Whether it beats the baseline it must beat, with the interval; None for a version that does not say."""
    over = manifest.over_bar
    return None if over is UNSET else baseline_text(over, manifest.kind, texts.language)


class _Compared(Struct, frozen=True):
    """What a version's manifest tells beside those of others."""

    code_revision: str
    digests: Digests
    kind: str
    metrics: dict[str, float]
    trained_to: str | None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version in the release store, and what it changed against the one before."""

    version: str
    kind: str
    trained_to: str | None
    metrics: Mapping[str, float]
    changed: list[str]


def versions(live: Live) -> list[ModelVersion]:
    """Every version in the release store, the newest first, with what it changed against the one before."""
    folders = sorted(live.release.folder.parent.iterdir(), key=lambda folder: (len(folder.name), folder.name))
    found = [(folder.name, stated) for folder in folders if (stated := _stated(folder)) is not None]
    before = [None, *(stated for _, stated in found)]
    listed = [
        ModelVersion(version, one.kind, one.trained_to, one.metrics, _changed(earlier, one))
        for earlier, (version, one) in zip(before, found, strict=False)
    ]
    return listed[::-1]


def _stated(folder: Path) -> _Compared | None:
    try:
        path = folder / MANIFEST
        read_facts(folder)
        return _compared(str(path), path.stat().st_mtime_ns)
    except (OSError, ValueError, BundleError):
        return None  # a draft, or something that is no release


@lru_cache(maxsize=256)
def _compared(path: str, _written: int) -> _Compared:
    return msgspec.json.decode(Path(path).read_bytes(), type=_Compared)


def _changed(before: _Compared | None, one: _Compared) -> list[str]:
    if before is None:
        return ["first"]
    pairs = {
        "data": (before.digests.data, one.digests.data),
        "config": (before.digests.config, one.digests.config),
        "code": (before.code_revision, one.code_revision),
    }
    return [name for name, (earlier, now) in pairs.items() if earlier != now]


def _live(request: Request) -> Live:
    served = CONTEXT.get().snapshot.served
    if request.path_params["name"] not in served:
        known = ", ".join(served) or "none yet"
        raise Problem(UNKNOWN_USE_CASE, f"A use case must be one of those served ({known}), got another.")
    return served[request.path_params["name"]]
