"""A release ready to answer, and its answers on encoded rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.spec.languages import LANGUAGES, Language
from scoring.answers.discovered import Discovering, fits, rows_of
from scoring.answers.uplift_answers import uplift_answers
from scoring.answers.value_answers import value_answers
from scoring.answers.wire import NextBand, PublishedScore, Score, StatedEffect, Status
from scoring.bundle.golden_rows import replay
from scoring.bundle.scorer import Scored, Scorer
from scoring.encoding.value_rules import WARNINGS
from scoring.errors import BundleError
from scoring.reasons.comparison import comparison_text
from scoring.reasons.reason import Reason
from scoring.reasons.reasons import top_reasons
from scoring.releases.store import Release, load_release
from scoring.segments.names import Named
from scoring.segments.rules import DISCOVERED
from scoring.segments.segmentation_release import SegmentationRelease, load_segmentations

STATUSES: tuple[Status, ...] = (
    "scored",
    "not_eligible",
    "insufficient_data",
    "invalid",
    "opted_out",
)  # that a row of features may get


OnScored = Callable[[NDArray[np.float64], NDArray[np.float64]], None]  # encoded rows and their probabilities


class Live:
    """A release ready to answer."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.discovering: Mapping[str, Discovering] = {}  # the segmentations that read its rows, by name
        self.on_scored: OnScored | None = None  # who is shown the rows that callers have scored
        self.scorer = Scorer(release.bundle)
        labels = release.bundle.manifest.bands.labels
        codes = release.bundle.ladder.codes
        self._above = list(zip(codes[1:], release.bundle.ladder.thresholds, strict=True))
        actions = release.bundle.manifest.actions or {}
        self.states_actions = bool(actions)  # whether a band says what to do next
        self.bands: dict[Language, list[Named]] = {
            language: [
                _named(code, label, actions.get(code, {}).get(language))
                for code, label in zip(codes, labels[language], strict=True)
            ]
            for language in LANGUAGES
        }

    @property
    def stated_effect(self) -> StatedEffect | None:
        """What the scores decide of people beside marketing, and by whom; None where they do not."""
        manifest = self.release.bundle.manifest
        if not (manifest.effect and manifest.decisive):
            return None
        return {"effect": manifest.effect, "human_decision": manifest.human_decision or ""}

    @property
    def serves_uplift(self) -> bool:
        """Whether answers have the effect of a contact beside the score."""
        return self.release.bundle.control is not None

    @property
    def serves_value(self) -> bool:
        """Whether answers have what the customer will bring beside the score."""
        return self.release.bundle.value is not None

    def usual_warnings(self) -> tuple[str, ...]:
        """The warnings that nearly all customers would get, each as a scored file has those of a row."""
        usual = self.release.bundle.manifest.usual_warnings or ()
        return tuple(f"{one.feature}: {WARNINGS[one.code]}" for one in usual)

    def next_band(self, rung: int, probability: float) -> NextBand | None:
        """The band above: its code, where it begins, and how far away that is; None at the top."""
        if rung == len(self._above):
            return None
        code, at = self._above[rung]
        return {"code": code, "at": at, "distance": at - probability}

    def fields(self, scores: Sequence[Score], field: str) -> list[Any]:
        """What a segment's rule reads of answers; null where a customer was not scored, but for the status."""
        if field == "status":
            return [score["status"] for score in scores]
        if field in ("probability", "score", "percentile"):
            return [score.get(field) for score in scores]
        bands = [score["band"]["code"] if score["status"] == "scored" else None for score in scores]
        codes = self.release.bundle.ladder.codes
        if field == "band":
            return list(bands)
        asked = {"lowest_band": codes[0], "highest_band": codes[-1]}[field]
        return [None if code is None else code == asked for code in bands]


def _named(code: str, label: str, action: str | None) -> Named:
    return {"code": code, "label": label} if action is None else {"code": code, "label": label, "action": action}


def release_of_version(home: Path, name: str, version: str) -> Live | None:
    """The release of a version that was in service once; None where it is gone, or not what it was."""
    try:
        served = Live(load_release(home, name, version=version, threads=1))
    except BundleError:
        return None
    with suppress(BundleError):  # a version is read again also where clusters are damaged
        attach({name: served}, load_segmentations(home).values())
    return served


def open_live(home: Path, names: Iterable[str], *, threads: int = 0, prepared: bool = True) -> dict[str, Live]:
    """The current releases of use cases, each proved on its golden rows, with the segmentations in service.

    Arguments are those of `load_bundle`.

    Raises:
        BundleError: One of them is not there, or is not what it was.
    """
    live = {name: Live(load_release(home, name, threads=threads, prepared=prepared)) for name in names}
    for served in live.values():
        replay(served.release.bundle)
    attach(live, load_segmentations(home).values())
    return live


def attach(live: Mapping[str, Live], releases: Iterable[SegmentationRelease]) -> None:
    """Lets each use case answer by the segmentations all of whose features it has, in the same meaning."""
    found = list(releases)
    for served in live.values():
        bundle = served.release.bundle
        rows = rows_of(bundle)
        served.discovering = {one.bundle.name: Discovering(one, rows) for one in found if fits(one, bundle)}


def discovered_digests(live: Mapping[str, Live]) -> dict[str, str]:
    """What each segmentation in service is, by `discovered.NAME`: another whenever answers could come out otherwise."""
    return {
        f"{DISCOVERED}.{name}": one.release.facts.manifest_sha256
        for served in live.values()
        for name, one in served.discovering.items()
    }


def score_matrix(served: Live, matrix: NDArray[np.float64], reasons: int, language: Language) -> list[Score]:
    """The answers of encoded rows, shape (rows, features)."""
    codes = status_codes(served.scorer, matrix)
    if not codes.any():
        return _answers(served, matrix, served.scorer.score(matrix), reasons, language)
    covered = np.flatnonzero(codes == 0)
    rows = matrix[covered]
    scored = _answers(served, rows, served.scorer.score(rows), reasons, language) if len(covered) else []
    answers = [silent(served, STATUSES[code]) for code in codes.tolist()]
    for row, answer in zip(covered.tolist(), scored, strict=True):
        answers[row] = answer
    return answers


def silent(served: Live, status: Status) -> Score:
    """An answer without a score."""
    return {"status": status, "model_version": served.release.version}


def statuses_of(scorer: Scorer, matrix: NDArray[np.float64]) -> list[Status]:
    """`insufficient_data` where nothing is known, `not_eligible` where the model does not speak of the row."""
    return [STATUSES[code] for code in status_codes(scorer, matrix).tolist()]


def status_codes(scorer: Scorer, matrix: NDArray[np.float64]) -> NDArray[np.int64]:
    """The same as positions in `STATUSES`."""
    return np.where(scorer.encoder.empty(matrix), 2, np.where(scorer.eligible(matrix), 0, 1))


def _answers(
    served: Live, matrix: NDArray[np.float64], scored: Scored, reasons: int, language: Language
) -> list[Score]:
    if seen := served.on_scored:  # read once: another thread may take it away
        seen(matrix, scored.probability)
    why: list[list[Reason]] = [[] for _ in matrix]
    if reasons:
        explained = served.scorer.explain(matrix, scored.margin)
        rows = zip(matrix.tolist(), explained.contributions, strict=True)
        why = [top_reasons(served.release.bundle, values, amounts, reasons, language) for values, amounts in rows]
    answers = [
        whole_answer(served, facts, reasons_of_row)
        for facts, reasons_of_row in zip(published(served, scored, language), why, strict=True)
    ]
    effects = uplift_answers(served.scorer, matrix, scored.margin, reasons, language)
    if effects is not None:
        for answer, effect in zip(answers, effects, strict=True):
            answer["uplift"] = effect
    values = value_answers(served.scorer, matrix, reasons, language)
    if values is not None:
        for answer, value in zip(answers, values, strict=True):
            answer["value"] = value
    if reasons and (average := served.release.bundle.manifest.average) is not None:
        for answer in answers:
            answer["comparison"] = comparison_text(answer["probability"], average, language)
    return answers


def whole_answer(served: Live, facts: PublishedScore, reasons: list[Reason]) -> Score:
    """The answer of a row that was scored, with no warning yet."""
    return {
        "status": "scored",
        "probability": facts["probability"],
        "score": facts["score"],
        "percentile": facts["percentile"],
        "band": facts["band"],
        "next_band": facts["next_band"],
        "model_version": served.release.version,
        "trained_to": served.release.bundle.manifest.trained_to,
        "warnings": [],
        "reasons": reasons,
    }


def published(served: Live, scored: Scored, language: Language) -> list[PublishedScore]:
    """What is published of each score by itself: probability, score, percentile, band and the band above."""
    columns = (scored.probability, scored.score, scored.percentile, scored.rung)
    return [
        {
            "probability": probability,
            "score": score,
            "percentile": percentile,
            "band": served.bands[language][rung],
            "next_band": served.next_band(rung, probability),
        }
        for probability, score, percentile, rung in zip(*(column.tolist() for column in columns), strict=True)
    ]
