"""How a model may be made: fixed settings of boosting or a budget of the search, and which way a feature must push."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from features.config.value_types import ListSection, TomlTable

Direction = Literal["rises", "falls"]

CLASS_WEIGHTS = ("class_weight", "class_weights", "scale_pos_weight", "is_unbalance", "auto_class_weights")


class ModelSection(ListSection):
    """Settings of boosted trees by xgboost's names: any that is stated is fixed, and none is searched then."""

    eta: Annotated[float, Field(gt=0, le=1)] | None = None
    max_depth: Annotated[int, Field(ge=1, le=16)] | None = None
    min_child_weight: Annotated[float, Field(ge=0)] | None = None
    subsample: Annotated[float, Field(gt=0, le=1)] | None = None
    colsample_bytree: Annotated[float, Field(gt=0, le=1)] | None = None
    l2: Annotated[float, Field(ge=0)] | None = Field(default=None, alias="lambda")
    trials: Annotated[int, Field(ge=0, le=200)] | None = None  # settings tried beside ours; by default up to eight

    @property
    def fixed(self) -> dict[str, float]:
        """The settings that are stated."""
        return self.model_dump(exclude={"trials"}, exclude_none=True)


def model_conflicts(raw: TomlTable) -> list[str]:
    """Class weights, and a budget for a search that fixed settings leave nothing of."""
    model = raw.get("model")
    if not isinstance(model, Mapping):
        return []
    rule = "shifts every probability; scores here are probabilities, so plan a threshold in [bands] instead"
    broken = [f"model.{name}: {rule}" for name in CLASS_WEIGHTS if name in model]
    if "trials" in model and len(model) > 1 and not broken:
        broken.append("model.trials: a search goes with no fixed setting, got both")
    return broken
