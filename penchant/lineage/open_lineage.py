"""Facts as events of OpenLineage's own classes; the only file that imports its client, and imported late itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    DatasetFacet,
    RunFacet,
    dataset_version_dataset,
    error_message_run,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
)

from penchant.lineage.dataset import LineageDataset
from penchant.lineage.job_facts import JobFacts, ParentJob

PRODUCER = "https://penchant.invalid"  # an address that nobody has: events need one of this form
_SCHEMAS = f"{PRODUCER}/facets#"


def _own(name: str, **stated: str) -> Any:
    """A facet of our own: `penchant_run` has our id of the run, `penchant_digest` the sha256 of what a job wrote."""
    return {"_producer": PRODUCER, "_schemaURL": f"{_SCHEMAS}{name}", **stated}


def sender_of(config: dict[str, Any] | None) -> Callable[[RunEvent], None]:
    """What sends an event, by a configuration or the client's own variables."""
    emit: Callable[[RunEvent], None] = OpenLineageClient(config=config).emit
    return emit


def event_of(facts: JobFacts, state: str, failure: str | None = None) -> RunEvent:
    """One event of a job; `failure` is the name of what was raised, or an exit code, and no message."""
    run: dict[str, RunFacet] = {}
    if facts.run_id:
        run["penchant_run"] = _own("PenchantRunFacet", id=facts.run_id)
    if facts.as_of:
        run["nominalTime"] = nominal_time_run.NominalTimeRunFacet(facts.as_of, producer=PRODUCER)
    if facts.parent:
        run["parent"] = _parent(facts.parent, facts.root or facts.parent)
    if failure:
        run["errorMessage"] = error_message_run.ErrorMessageRunFacet(failure, "PYTHON", producer=PRODUCER)
    kind = job_type_job.JobTypeJobFacet("BATCH", "PENCHANT", jobType=facts.kind, producer=PRODUCER)
    return RunEvent(
        eventTime=datetime.now(UTC).isoformat(),
        producer=PRODUCER,
        eventType=RunState[state],
        run=Run(facts.attempt, run),
        job=Job(facts.namespace, facts.name, {"jobType": kind}),
        inputs=[InputDataset(*_named(one, facts), facets=_facets(one)) for one in _once(facts.inputs)],
        outputs=[
            OutputDataset(*_named(one, facts), outputFacets=_statistics(one), facets=_facets(one))
            for one in _once(facts.outputs)
        ],
    )


def _parent(parent: ParentJob, root: ParentJob) -> RunFacet:
    return parent_run.ParentRunFacet(
        run=parent_run.Run(parent.run_id),
        job=parent_run.Job(parent.namespace, parent.name),
        root=parent_run.Root(parent_run.RootRun(root.run_id), parent_run.RootJob(root.namespace, root.name)),
        producer=PRODUCER,
    )


def _named(one: LineageDataset, facts: JobFacts) -> tuple[str, str]:
    return one.namespace or facts.namespace, one.name


def _once(datasets: Sequence[LineageDataset]) -> list[LineageDataset]:
    return list({(one.namespace, one.name): one for one in datasets}.values())


def _facets(one: LineageDataset) -> dict[str, DatasetFacet]:
    found: dict[str, DatasetFacet] = {}
    if one.columns:
        fields = [schema_dataset.SchemaDatasetFacetFields(name, type=kind) for name, kind in one.columns]
        found["schema"] = schema_dataset.SchemaDatasetFacet(fields, producer=PRODUCER)
    if one.version:
        found["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(one.version, producer=PRODUCER)
    if one.digest:
        found["penchant_digest"] = _own("PenchantDigestDatasetFacet", algorithm="sha256", digest=one.digest)
    return found


def _statistics(one: LineageDataset) -> dict[str, Any]:
    if one.rows is None:
        return {}
    facet = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=one.rows, producer=PRODUCER)
    return {"outputStatistics": facet}
