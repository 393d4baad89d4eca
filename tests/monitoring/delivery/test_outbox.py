"""Messages on their way, over real sockets: to a receiver that is down, that refuses, that answers late."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from monitoring.config.monitor_file import MonitorFile
from monitoring.delivery.channels import signature
from monitoring.delivery.messages import AlertMessage, message_of
from monitoring.delivery.outbox import DEAD, OUTBOX, DeliveryCount, deliver, put_in_outbox
from scoring.health.health_file import HealthAlert, HealthReason
from scoring.health.matured_windows import MONITORING, HealthError
from tests.support.ports import free_port
from tests.support.receivers import mail_server, webhook

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECRET = "rot13"  # noqa: S105 of a test


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret is there, and no proxy is between."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


def hook(port: int, **more: object) -> MonitorFile:
    """A file with one receiver."""
    receiver = {"url": f"http://127.0.0.1:{port}/", "secret_env": "HOOK_SECRET"}
    return MonitorFile.model_validate({"webhook": [receiver], **more})


def message(number: int = 1) -> AlertMessage:
    """An alert about an old model."""
    what = HealthReason("old_model", {"days": 100 + number, "limit": 90}, "watch")
    alert = HealthAlert(id=f"{number:016x}", use_case="churn", state="open", since="2026-06-01", what=what)
    return message_of(alert, "crm team")


def outbox(home: Path) -> list[dict[str, object]]:
    """What waits."""
    return list(json.loads((home / MONITORING / OUTBOX).read_bytes()))


def test_a_receiver_that_is_down_for_an_hour_gets_every_alert(tmp_path: Path) -> None:
    """Tried at each run, with the same id and a signature that holds; what arrived is not sent again."""
    port, ids = free_port(), [message(number).id for number in (1, 2, 3)]
    put_in_outbox(tmp_path, hook(port), [message(number) for number in (1, 2, 3)], NOW)
    for minutes in range(0, 60, 20):
        waited: list[float] = []
        found = deliver(tmp_path, hook(port), NOW + timedelta(minutes=minutes), wait=waited.append)
        assert found == DeliveryCount(waiting=3)
        assert waited == [0.5, 1.0]  # the first message's; the others are not tried at a receiver that is down

    with webhook(port) as got:
        assert deliver(tmp_path, hook(port), NOW + timedelta(hours=1)) == DeliveryCount(sent=3)
        assert deliver(tmp_path, hook(port), NOW + timedelta(hours=2)) == DeliveryCount()

    assert got.ids == ids
    for headers, body in zip(got.headers, got.bodies, strict=True):
        assert headers["x-penchant-signature"] == signature(SECRET, headers["x-penchant-timestamp"], body)
        assert json.loads(body)["id"] == headers["x-penchant-id"]
        assert json.loads(body)["action"]["en"] == "Train churn again."
        assert json.loads(body)["who"] == "crm team"


def test_a_failing_answer_is_tried_again_and_a_refusal_is_not(tmp_path: Path) -> None:
    """A 503 and a 429 pass; a 400 leaves its message in the outbox, and the next one still arrives."""
    port = free_port()
    put_in_outbox(tmp_path, hook(port), [message(1), message(2)], NOW)
    waited: list[float] = []

    with webhook(port, (503, 429, 204, 400)) as got:
        found = deliver(tmp_path, hook(port), NOW, wait=waited.append)

    assert found == DeliveryCount(sent=1, waiting=1)
    assert (got.ids, waited) == ([message(1).id], [0.5, 1.0])
    assert outbox(tmp_path)[0]["failure"] == "status 400"


def test_a_message_put_in_twice_is_sent_once(tmp_path: Path) -> None:
    """As by a run that was killed after the outbox was written, and did it again."""
    port = free_port()
    for _ in range(2):
        put_in_outbox(tmp_path, hook(port), [message()], NOW)

    with webhook(port) as got:
        deliver(tmp_path, hook(port), NOW)

    assert got.ids == [message().id]


def test_what_does_not_arrive_in_a_week_is_a_dead_letter(tmp_path: Path) -> None:
    """Kept as a line of its own, with the reason; it is not tried any more."""
    port = free_port()
    put_in_outbox(tmp_path, hook(port), [message()], NOW)

    found = deliver(tmp_path, hook(port), NOW + timedelta(days=7), wait=lambda _: None)

    assert found == DeliveryCount(given_up=1)
    letter = json.loads((tmp_path / MONITORING / DEAD).read_text())
    assert (letter["message"]["id"], letter["failure"]) == (message().id, "ConnectError")
    assert outbox(tmp_path) == []


def test_nothing_is_sent_in_quiet_hours(tmp_path: Path) -> None:
    """It is sent at the first run after."""
    port = free_port()
    quiet = hook(port, alerts={"quiet": {"from": "20:00", "to": "08:00", "zone": "UTC"}})
    put_in_outbox(tmp_path, quiet, [message()], NOW)

    with webhook(port) as got:
        assert deliver(tmp_path, quiet, NOW.replace(hour=23)) == DeliveryCount(waiting=1)
        assert got.ids == []
        assert deliver(tmp_path, quiet, NOW.replace(day=2, hour=8)) == DeliveryCount(sent=1)

    assert got.ids == [message().id]


def test_an_e_mail_is_taken(tmp_path: Path) -> None:
    """In the language of the file, with the alert's id and the one thing to do."""
    port = free_port()
    server = {"host": "127.0.0.1", "port": port, "from": "a@shop.test", "to": ["b@shop.test"], "starttls": False}
    file = MonitorFile.model_validate({"email": server, "alerts": {"language": "fr"}})
    put_in_outbox(tmp_path, file, [message()], NOW)

    with mail_server(port) as mails:
        assert deliver(tmp_path, file, NOW) == DeliveryCount(sent=1)

    assert f"X-Penchant-Id: {message().id}" in mails[0]
    assert "To: b@shop.test" in mails[0]


def test_no_password_goes_to_a_server_without_starttls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent; the message waits."""
    monkeypatch.setenv("MAIL_PASSWORD", "secret")
    port = free_port()
    server = {"host": "127.0.0.1", "port": port, "from": "a@shop.test", "to": ["b@shop.test"]}
    file = MonitorFile.model_validate({"email": {**server, "user": "u", "password_env": "MAIL_PASSWORD"}})
    put_in_outbox(tmp_path, file, [message()], NOW)

    with mail_server(port) as mails:
        assert deliver(tmp_path, file, NOW, wait=lambda _: None) == DeliveryCount(waiting=1)

    assert mails == []


def test_a_secret_that_is_not_set_leaves_the_message_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes out unsigned."""
    port = free_port()
    put_in_outbox(tmp_path, hook(port), [message()], NOW)
    monkeypatch.delenv("HOOK_SECRET")

    with webhook(port) as got:
        assert deliver(tmp_path, hook(port), NOW, wait=lambda _: None) == DeliveryCount(waiting=1)

    assert got.ids == []
    assert outbox(tmp_path)[0]["failure"] == "the environment variable HOOK_SECRET must be set"


def test_a_damaged_outbox_is_refused(tmp_path: Path) -> None:
    """With a sentence; it stays as it is."""
    (tmp_path / MONITORING).mkdir()
    (tmp_path / MONITORING / OUTBOX).write_bytes(b"[{")

    with pytest.raises(HealthError, match=r"outbox\.json must be what monitoring wrote"):
        deliver(tmp_path, hook(1), NOW)
    assert (tmp_path / MONITORING / OUTBOX).read_bytes() == b"[{"


def test_a_message_is_the_same_bytes_each_time() -> None:
    """So that a receiver may tell a repeated one by its body too."""
    assert msgspec.json.encode(message()) == msgspec.json.encode(message())
