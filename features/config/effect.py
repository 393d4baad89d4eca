"""What is decided by scores, and what must be stated before they may be: who decides, and how."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from features.config.value_types import TomlTable
from features.spec.feature import DECISIVE, EFFECTS, EffectKind

_RULE = (
    f"must be {', '.join(EFFECTS[:-1])} or {EFFECTS[-1]}; scores are not for credit, insurance or employment, "
    "nor to refuse anyone a service"
)


def _known(value: object) -> object:
    if value not in EFFECTS:
        raise ValueError(_RULE)
    return value


Effect = Annotated[EffectKind, BeforeValidator(_known)]


def effect_conflicts(raw: TomlTable) -> list[str]:
    """An effect on people for which nobody says who decides (GDPR art. 22; CJEU C-634/21)."""
    effect = raw.get("effect")
    if effect not in DECISIVE or "human_decision" in raw:
        return []
    return [f"human_decision: must say who decides and how where effect is {effect!r}, got nothing"]
