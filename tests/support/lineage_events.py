"""Events of OpenLineage as a file has them, read by the classes of its own client, which check what they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    error_message_run,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
    tags_run,
)

Event = dict[str, Any]
_FACETS: dict[str, Any] = {
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "nominalTime": nominal_time_run.NominalTimeRunFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "parent": parent_run.ParentRunFacet,
    "tags": tags_run.TagsRunFacet,  # the client's own: its version
    "schema": schema_dataset.SchemaDatasetFacet,
}
OURS = {"penchant_run", "penchant_digest"}


def read_events(file: Path) -> list[Event]:
    """The events of a file in their order, each of which its classes take."""
    events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for event in events:
        _check(event)
    return events


def datasets(event: Event, side: str) -> set[tuple[str, str]]:
    """The names of inputs or outputs."""
    return {(one["namespace"], one["name"]) for one in event[side]}


def facets(event: Event, side: str, name: str) -> dict[str, Any]:
    """The facets of one dataset, those of what was written too."""
    [found] = [one for one in event[side] if one["name"] == name]
    return {**found.get("facets", {}), **found.get("outputFacets", {})}


def _check(event: Event) -> None:
    assert event["schemaURL"].startswith("https://openlineage.io/spec/")
    RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=RunState(event["eventType"]),
        run=Run(event["run"]["runId"]),
        job=Job(event["job"]["namespace"], event["job"]["name"]),
        inputs=[InputDataset(one["namespace"], one["name"]) for one in event["inputs"]],
        outputs=[OutputDataset(one["namespace"], one["name"]) for one in event["outputs"]],
    )
    owners = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    for owner in owners:
        for name, stated in {**owner.get("facets", {}), **owner.get("outputFacets", {})}.items():
            assert stated["_producer"].startswith("https://"), name
            assert stated["_schemaURL"].startswith("https://"), name
            assert name in OURS or stated["_schemaURL"] == _FACETS[name]._get_schema()
            if name in _FACETS:
                _FACETS[name](**{key: value for key, value in stated.items() if not key.startswith("_")})
