"""What is sent to receivers is what /openapi.json describes, and is verified by the recipe that stands there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from activation.deliveries.audience_rows import MemberRow
from activation.deliveries.destination import BatchRow, ChangedSegment, DeliveryBatch
from activation.deliveries.destination_file import ConsentSection, DestinationFile, DestinationSection
from activation.deliveries.transport import Transport
from activation.destinations.webhook import WebhookDestination
from features.spec.languages import Language
from monitoring.config.monitor_file import WebhookSection
from monitoring.delivery.channels import send_webhook
from monitoring.delivery.messages import AlertMessage
from serving.api.openapi import document
from tests.support.ports import free_port
from tests.support.receivers import Received, webhook

SHARED = "a secret of both sides"


@pytest.fixture(scope="module")
def sent() -> Received:
    """A batch to keep, one to remove, a change of segment, and an alert."""
    member = MemberRow(b"\1" * 32, "c1", "c1@example.com", "+33600000000", {"score": 31.2, "segment": "loyal"})
    texts: dict[Language, str] = {"en": "Too old.", "fr": "Trop ancien."}
    port = free_port()
    with webhook(port) as got, Transport() as transport:
        url = f"http://127.0.0.1:{port}/in"
        file = DestinationFile.model_construct(
            destination=DestinationSection(kind="webhook", name="newsletter", url=url, key_env="SECRET"),
            consent=ConsentSection.model_construct(channel="email"),
            path=None,
        )
        receiver = WebhookDestination(file, url, SHARED)
        receiver.send(DeliveryBatch("0" * 32, "upsert", 0, [BatchRow(member.who, None, member)]), transport)
        receiver.send(DeliveryBatch("1" * 32, "remove", 0, [BatchRow(member.who, member.key)]), transport)
        change = ChangedSegment(
            "c1-2", "c1", member.key, member.address, None, "loyal", "2026-03-01", "Why.", {"churn": "1"}
        )
        receiver.send_changes("2" * 32, [change], transport)
        alert = AlertMessage(
            id="a1", use_case="churn", state="watch", code="age", since="2026-03-01", text=texts, action=texts
        )
        section = WebhookSection(url=url, secret_env="SECRET")  # noqa: S106 the name of a variable
        send_webhook(section, alert, datetime.now(UTC), {"SECRET": SHARED})
    return got


def test_each_message_is_as_it_is_described(sent: Received) -> None:
    """By the schema of the webhook's body, with every header that is named."""
    described = document({})
    hooks = ("audience.upsert", "audience.remove", "audience.segment.changed", "alert")

    for name, headers, body in zip(hooks, sent.headers, sent.bodies, strict=True):
        hook = described["webhooks"][name]["post"]
        schema = hook["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(_decoded(body), {**schema, "components": described["components"]})
        for header in hook["parameters"]:
            jsonschema.validate(headers[header["name"].lower()], header["schema"])


def test_the_recipe_knows_ours_from_others(sent: Received) -> None:
    """A body or a moment that was changed is none of ours; nor is one under another secret, or an old one."""
    is_ours = _recipe()
    headers, body = sent.headers[0], sent.bodies[0]

    assert is_ours(SHARED, headers, body)
    assert not is_ours(SHARED, headers, body + b" ")
    assert not is_ours("another", headers, body)
    assert not is_ours(SHARED, {**headers, "x-penchant-timestamp": "1"}, body)


def _recipe() -> Any:
    source = document({})["webhooks"]["alert"]["post"]["x-codeSamples"][0]["source"]
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 it is ours
    return names["is_ours"]


def _decoded(body: bytes) -> Mapping[str, Any]:
    decoded: Mapping[str, Any] = json.loads(body)
    return decoded
