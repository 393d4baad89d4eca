"""The health of a home as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from features.spec.languages import Language
from monitoring.state.judge import GRAVITY
from scoring.health.health_file import HealthDocument
from scoring.text.health_reasons import given_text, health_text, served_text, state_name


def health_lines(document: HealthDocument, language: Language = "en") -> Iterator[str]:
    """A line for each use case, the gravest first, and below it a line for each reason."""
    ranked = sorted(document.use_cases.items(), key=lambda entry: (-GRAVITY.index(entry[1].state), entry[0]))
    for name, health in ranked:
        yield f"{name}: {state_name(health.state, language)}"
        yield from (f"  {health_text(reason.code, reason.values, language)}" for reason in health.why)
        if health.given and health.given.roc_auc is not None:
            yield f"  {given_text(health.given.as_of[:10], health.given.roc_auc, health.given.rows, language)}"
        yield from (f"  {served_text(one.door, one.rows, one.score_psi, one.psi, language)}" for one in health.served)
