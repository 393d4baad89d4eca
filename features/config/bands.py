"""The section of bands: the rungs of the score's ladder, and what their thresholds are planned by."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from features.config.value_types import ListSection
from features.spec.languages import LANGUAGES


class BandPlan(ListSection):
    """Thresholds left to the planner; whichever of these keys are given bind it."""

    capacity: Annotated[int, Field(gt=0)] | None = None  # how many customers can be contacted
    precision: Annotated[float, Field(gt=0, lt=1)] | None = None
    lift: Annotated[float, Field(gt=0)] | None = None
    cost: Annotated[float, Field(ge=0)] | None = None  # of one contact
    value: Annotated[float, Field(gt=0)] | None = None  # of one contact that succeeds
    save_rate: Annotated[float, Field(gt=0, le=1)] = 1.0  # share of the outcomes that a contact wins

    @model_validator(mode="after")
    def _gives_a_goal(self) -> BandPlan:
        if all(value is None for value in (self.capacity, self.precision, self.lift, self.cost, self.value)):
            raise ValueError("must give capacity, precision, lift, or cost and value")
        if (self.cost is None) != (self.value is None):
            raise ValueError("cost and value go together")
        return self


class Bands(ListSection):
    """The rungs of the score's ladder, lowest first."""

    codes: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ...] = ("low", "medium", "high")
    labels: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    percentiles: tuple[float, ...] | None = None
    scores: tuple[float, ...] | None = None
    plan: BandPlan | None = None

    @property
    def steps(self) -> tuple[float, ...]:
        """The thresholds as given, percentiles 60 and 90 by default."""
        return self.scores or self.percentiles or ((60.0, 90.0) if self.plan is None else ())

    @property
    def named(self) -> bool:
        """Whether the use case says where its bands part."""
        return (self.scores or self.percentiles or self.plan) is not None

    @model_validator(mode="after")
    def _ladder_fits(self) -> Bands:
        broken = []
        given = [name for name in ("percentiles", "scores", "plan") if getattr(self, name) is not None]
        if len(given) > 1:
            broken.append(f"only one of percentiles, scores and plan may be given, got {', '.join(given)}")
        steps = self.steps
        if self.plan is None and len(self.codes) != len(steps) + 1:
            broken.append(f"{len(self.codes)} codes need {len(self.codes) - 1} thresholds, got {len(steps)}")
        if len(set(self.codes)) != len(self.codes) or len(self.codes) < 2:
            broken.append("codes must be at least two, each once")
        if not all(low < high for low, high in zip((0.0, *steps), (*steps, 100.0), strict=True)):
            broken.append(f"thresholds must rise strictly within (0, 100), got {steps}")
        for language, labels in self.labels.items():
            if language not in LANGUAGES:
                broken.append(f"labels may be given in fr and en, got {language!r}")
            if len(labels) != len(self.codes):
                broken.append(f"labels.{language} needs {len(self.codes)} labels, got {len(labels)}")
        if broken:
            raise ValueError("; ".join(broken))
        return self
