"""How groups of customers are looked for: by which method, in which features, how many."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from features.config.value_types import ListSection, ModelName, SourceColumns

Method = Literal["kmeans", "hierarchical", "density", "som"]
MOST_GROUPS = 20


class Discover(ListSection):
    """The section `[discover]`."""

    method: Method = "kmeans"
    features: SourceColumns = ()  # by default recency, frequency and money of a log, every column of a table
    k: Annotated[int, Field(ge=1, le=MOST_GROUPS, strict=True)] | None = None  # by default as many as show
    name: ModelName | None = None  # of the segmentation, where the file is a use case, whose name is taken
