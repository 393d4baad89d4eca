"""Nothing of a customer leaves by a side door: logs, metrics, errors, addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.servers import QUICK, Server, start, stop

PLANTED = "Planted-7391-Value"
NUMBER = 7391.550077  # unmistakable wherever it turns up


def test_planted_values_turn_up_nowhere(home: Path, tmp_path: Path, profile: dict[str, Any]) -> None:
    """Posted on every route, well and badly, they stand in no line the process wrote, no metric and no error."""
    marked: dict[str, Any] = {
        "customer_id": PLANTED,
        "features": {**profile["features"], "canal d'achat": PLANTED, "monetary_365d": NUMBER},
    }
    broken = {**marked, "features": {**marked["features"], "joined on": PLANTED, "days_since_purchase": -NUMBER}}
    strange = {PLANTED: NUMBER, "customer_id": PLANTED, "features": {PLANTED: NUMBER}}
    told: list[str] = []
    for shortcut in ("on", "off"):
        server = start(home, tmp_path, {**QUICK, "PENCHANT_SHORTCUT": shortcut, "PENCHANT_ACCESS_LOG": "on"})
        try:
            told += _errors(server, marked, broken, strange)
        finally:
            stop(server)
        told.append(server.written())

    assert '"event":"request"' in told[-1]
    for text in told:
        assert PLANTED not in text
        assert str(NUMBER) not in text


def _errors(server: Server, *rows: dict[str, Any]) -> list[str]:
    """Posts the rows in every way; returns the answers that must not repeat them."""
    with server.client() as client:
        for row in rows:
            client.post("/v1/scores", json={"profiles": [row], "reasons": 5})  # answers hold what they are about
        explained = [client.post("/v1/explanations", json={"use_case": "churn", "profile": row}) for row in rows[1:]]
        answers = [
            *explained,
            client.post("/v1/scores", json={"profiles": rows, PLANTED: 1}),
            client.post("/v1/scores", json={"profiles": rows, "use_cases": [PLANTED]}),
            client.post("/v1/scores", json={"profiles": rows, "language": PLANTED, "reasons": NUMBER}),
            client.post("/v1/explanations", json={"use_case": PLANTED, "profile": rows[0]}),
            client.post(
                "/v1/scores", content=f'{{"{PLANTED}": {NUMBER}'.encode(), headers={"Content-Type": "application/json"}
            ),
            client.post("/v1/scores", content=PLANTED.encode(), headers={"Content-Type": PLANTED}),
            client.get(f"/v1/use-cases/{PLANTED}", params={"q": PLANTED}),
            client.get(f"/v1/customers/{PLANTED}"),
            client.get("/livez", headers={"X-Request-ID": f"{PLANTED}@"}),
            client.get("/livez", params={"customer_id": PLANTED}),
        ]
        return [*(answer.text for answer in answers), client.get("/metrics").text]


def test_metrics_count_with_bounded_labels(server: Server) -> None:
    """Whatever path, method or version is asked for, the number of series does not grow with it."""
    with server.client() as client:
        before = len(client.get("/metrics").text.splitlines())
        for number in range(50):
            client.get(f"/x/{number}")
            client.get(f"/v1/use-cases/x{number}")
            client.request("PUT" if number % 2 else "PURGE", "/livez")
        after = client.get("/metrics").text

    assert len(after.splitlines()) <= before + 4
    assert 'penchant_http_requests_total{route="(unmatched)",method="(any)",status="404"}' in after
    for name in (
        "penchant_scoring_rows_total",
        "penchant_scoring_seconds",
        "penchant_explain_seconds",
        "penchant_swap_total",
        "penchant_model_age_seconds",
        "penchant_model_info",
    ):
        assert f"# TYPE {name} " in after
