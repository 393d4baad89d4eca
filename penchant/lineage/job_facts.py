"""What is to be said of a job while it runs: its names and attempt, whose child it is, what it reads and writes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from penchant.lineage.dataset import LineageDataset


@dataclass(frozen=True, slots=True)
class ParentJob:
    """The attempt of a job that asked for this one."""

    namespace: str
    name: str
    run_id: str  # a UUID

    @property
    def text(self) -> str:
        """As OPENLINEAGE_PARENT_ID has it."""
        return f"{self.namespace}/{self.name}/{self.run_id}"


@dataclass(slots=True)
class JobFacts:
    """One attempt of a job: START and what ends it have the same `attempt`."""

    namespace: str
    name: str
    attempt: str  # a UUID
    kind: str  # JOB or TASK
    run_id: str | None = None  # our own, which the same inputs give again
    as_of: str | None = None  # ISO moment
    parent: ParentJob | None = None
    root: ParentJob | None = None  # the first that asked; None: the parent
    inputs: Sequence[LineageDataset] = ()
    outputs: Sequence[LineageDataset] = ()


def parent_of(text: str | None) -> ParentJob | None:
    """The parent in a variable of the form namespace/job/run; None where it has none, or another form.

    >>> parent_of("air/flow/penchant.day/0192d4a0-0000-7000-8000-000000000000").namespace
    'air/flow'
    """
    found = re.fullmatch(r"(.+)/([^/]+)/([^/]+)", (text or "").strip())
    if not found:
        return None
    try:
        return ParentJob(found[1], found[2], str(uuid.UUID(found[3])))
    except ValueError:
        return None
