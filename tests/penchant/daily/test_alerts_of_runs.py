"""Alerts of a home whose customers have ids that would be seen anywhere: found by the run, sent, and naming nobody."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from penchant.cli.audit import main as audit
from penchant.cli.monitor import main as monitor
from penchant.cli.run import main as run
from serving.telemetry.health_gauges import HealthGauges
from serving.telemetry.metrics import Counters
from tests.support.ports import free_port
from tests.support.receivers import webhook

DAY, MARK = "2024-10-01", "Zoé<odd>"


def test_no_alert_metric_or_audit_names_a_customer(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the run alerts about arrives once; `penchant monitor` ends with 7 until it is taken on."""
    home, port = world / "home", free_port()
    events = pl.read_parquet(world / "events.parquet")
    events.with_columns(customer_id=MARK + pl.col("customer_id")).write_parquet(world / "events.parquet")
    monkeypatch.setenv("HOOK_SECRET", "rot13")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    limits = "[limits]\nage_days = 1\nstale_days = 1\n"
    receiver = f'[[webhook]]\nurl = "http://127.0.0.1:{port}/"\nsecret_env = "HOOK_SECRET"\n'
    (home / "monitor.toml").write_text(limits + receiver)

    with webhook(port) as got:
        assert run(["--home", str(home), "--as-of", DAY]) == 0
        sent = list(got.ids)
        assert monitor(["--home", str(home), "--json"]) == 7
        alerts = json.loads(capsys.readouterr().out.splitlines()[-1])["alerts"]
        taken = [monitor(["ack", alert["id"], "--by", "Ada", "--home", str(home)]) for alert in alerts]
        assert monitor(["--home", str(home)]) == 0

    assert sorted(got.ids) == sorted(sent) == sorted(alert["id"] for alert in alerts)
    assert {alert["what"]["code"] for alert in alerts} >= {"old_model"}
    assert set(taken) == {0}
    gauges = HealthGauges(home)
    gauges.look()
    assert audit(["--since", "2y", "--out", str(world / "a.html"), "--home", str(home)]) == 0
    left = {path.name: path.read_bytes() for path in (home / "monitoring").rglob("*") if path.is_file()}
    left |= {f"body {number}": body for number, body in enumerate(got.bodies)}
    left |= {"metrics": Counters().render(gauges.now()), "audit": (world / "a.html").read_bytes()}
    said = capsys.readouterr()
    left |= {"printed": (said.out + said.err).encode()}
    assert [name for name, content in left.items() if b"&lt;odd" in content or MARK.encode() in content] == []
    assert MARK.encode() in (world / "events.parquet").read_bytes()
