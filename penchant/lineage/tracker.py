"""Jobs followed from START to COMPLETE or FAIL, where somebody wants to know."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from penchant.lineage.dataset import LineageDataset
from penchant.lineage.event_sender import EventSender
from penchant.lineage.job_facts import JobFacts, ParentJob, parent_of
from penchant.lineage.lineage_file import NAMESPACE, LineageSection, client_config, is_asked_for

KnownDatasets = Callable[[], tuple[Sequence[LineageDataset], Sequence[LineageDataset]]]  # inputs and outputs, as of now
_LIBRARY, _PARENT = "openlineage", "OPENLINEAGE_PARENT_ID"


class LineageTracker:
    """Follows jobs; without anybody who asks for events it does nothing."""

    def __init__(self, sender: EventSender | None, namespace: str, parent: ParentJob | None = None) -> None:
        """`parent` is who asked for the first job."""
        self._sender, self._namespace, self._parent, self._root = sender, namespace, parent, parent
        self.failure: str | None = None  # of the job that yielded this: why it failed though nothing was raised

    @contextmanager
    def job(
        self,
        name: str,
        datasets: KnownDatasets,
        *,
        run_id: str | None = None,
        as_of: str | None = None,
        kind: str = "JOB",
    ) -> Iterator[LineageTracker]:
        """Says that a job began, and how it ended; what is followed by what this yields is its child.

        Args:
            name: The same whenever it runs.
            datasets: What it reads and writes, asked at its beginning and at its end.
            run_id: Our own id of the run.
            as_of: The day it is about.
            kind: JOB or TASK.
        """
        if self._sender is None:
            yield LineageTracker(None, self._namespace)
            return
        facts = JobFacts(self._namespace, name, str(uuid.uuid4()), kind, run_id, as_of, self._parent, self._root)
        self._say(self._sender, facts, datasets, "START")
        child = LineageTracker(self._sender, self._namespace, ParentJob(facts.namespace, name, facts.attempt))
        child._root = self._root
        try:
            yield child
        except BaseException as failure:
            self._say(self._sender, facts, datasets, "FAIL", type(failure).__name__)
            raise
        self._say(self._sender, facts, datasets, "FAIL" if child.failure else "COMPLETE", child.failure)

    @staticmethod
    def _say(
        sender: EventSender, facts: JobFacts, datasets: KnownDatasets, state: str, failure: str | None = None
    ) -> None:
        try:
            inputs, outputs = datasets()
            facts.inputs, facts.outputs = _all(facts.inputs, inputs), _all(facts.outputs, outputs)
        except Exception as error:
            sender.warn(f"datasets of {facts.name} are not known ({type(error).__name__})")
        try:
            from penchant.lineage.open_lineage import event_of

            sender.put(event_of(facts, state, failure))
        except Exception as error:
            sender.warn(f"an event of {facts.name} was not made ({type(error).__name__})")


def _all(before: Sequence[LineageDataset], now: Sequence[LineageDataset]) -> list[LineageDataset]:
    """Those of now, and those named at the beginning that are gone."""
    named = {(one.namespace, one.name) for one in now}
    return [*now, *(one for one in before if (one.namespace, one.name) not in named)]


@contextmanager
def lineage(
    home: Path, section: LineageSection, environment: Mapping[str, str] = os.environ
) -> Iterator[LineageTracker]:
    """What follows the jobs of one command; events are waited for at its end, a few seconds at most."""
    if not is_asked_for(section, environment):
        yield LineageTracker(None, NAMESPACE)
        return
    sender = EventSender(lambda: _sending(section, home, environment))
    namespace = environment.get("OPENLINEAGE_NAMESPACE") or section.namespace
    installed = find_spec(_LIBRARY) is not None
    if not installed:
        sender.warn('events are asked for, and the extra "lineage" (openlineage-python) is not installed')
    tracker = LineageTracker(sender if installed else None, namespace, parent_of(environment.get(_PARENT)))
    try:
        yield tracker
    finally:
        sender.close()


def _sending(section: LineageSection, home: Path, environment: Mapping[str, str]) -> Callable[[Any], None]:
    from penchant.lineage.open_lineage import sender_of

    return sender_of(client_config(section, home, environment))
