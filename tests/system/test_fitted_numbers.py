"""Numbers that a training fits, from a use-case file to the answer of a server: engagement and reactivity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import polars as pl
import pytest

from features.build.log_table import scoring_table
from features.point_in_time.fitted_engagement import LARGEST
from tests.conftest import ROOT, newcomer
from tests.features.point_in_time.test_fitted_engagement import clicking, fitted_case
from tests.support import forks, servers
from tests.support.worlds import utc

CUTOFF = utc(200)
NAME, POSTED, WINDOW = "case", 60, 100
COUNTED = {"achat": "achats", "clic": "clics", "vue": "vues", "envoi": "envois"}  # the counts of each type
FITTED = ("engagement_", "reactivity_")


@dataclass(frozen=True)
class Trained:
    """A log, its table of features, and a client of the server of what was trained on it."""

    log: pl.DataFrame
    table: pl.DataFrame
    client: httpx.Client

    def answers(self, profiles: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What is answered of posted profiles, with as many reasons as there may be."""
        body = {"use_cases": [NAME], "profiles": profiles, "reasons": 20}
        answer = self.client.post("/v1/scores", json=body).raise_for_status()
        return [row["scores"][NAME] for row in answer.json()["results"]]


def mailed_clicks() -> pl.DataFrame:
    """Purchases, clicks and views, and a mailing before most clicks."""
    log = clicking()
    sends = log.filter(pl.col("kind") == "Clic").sample(fraction=0.8, seed=2)
    waits = pl.duration(hours=pl.int_range(pl.len()) * 7 % 60)
    return pl.concat([log, sends.with_columns(kind=pl.lit("Envoi"), ts=pl.col("ts") - waits)]).sort("ts", "customer_id")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """Trained by the command, promoted and served."""
    folder = tmp_path_factory.mktemp("fitted")
    log, home = mailed_clicks(), folder / "home"
    stated = {"send": "Envoi", "answer": "Clic", "within": "48h"}
    use_case = fitted_case(folder, log, reactivity=stated)
    command = ["-m", "training", str(folder / "case.toml"), "--home", str(home), "--json"]
    done = forks.run(command, cwd=ROOT, env=newcomer())
    assert done.returncode == 0, done.stderr
    server = servers.start(home, folder)
    try:
        with server.client() as client:
            yield Trained(log, scoring_table(use_case, CUTOFF), client)
    finally:
        servers.stop(server)


def test_events_and_features_are_answered_alike(trained: Trained) -> None:
    """Scores and reasons over HTTP are equal, and a reason's value of what is fitted is the table's to the bit."""
    rows = {row.pop("customer_id"): row for row in trained.table.drop("eligible").head(POSTED).to_dicts()}
    own = {who: trained.log.filter(pl.col("customer_id") == who).to_dicts() for who in rows}
    histories = [
        {"customer_id": who, "events": [_posted(event) for event in events], "as_of": CUTOFF.isoformat()}
        for who, events in own.items()
    ]

    by_events = trained.answers(histories)
    by_features = trained.answers([{"customer_id": who, "features": row} for who, row in rows.items()])

    assert by_events == by_features
    seen: set[str] = set()
    for row, answer in zip(rows.values(), by_events, strict=True):
        parts = [part for reason in answer.get("reasons", []) for part in reason.get("parts") or [reason]]
        fitted = {part["feature"]: part["value"] for part in parts if part["feature"].startswith(FITTED)}
        assert fitted == {name: row[name] for name in fitted}
        seen |= {name.split("_")[0] for name in fitted}
    assert "engagement" in seen


def test_a_model_says_what_was_fitted(trained: Trained) -> None:
    """The points served are those by which the table adds up, and the rate served is what shares begin with."""
    document = trained.client.get(f"/v1/use-cases/{NAME}").raise_for_status().json()

    points, reactivity = document["events"]["engagement"], document["events"]["reactivity"]
    assert max(points.values()) == LARGEST
    assert min(points.values()) > 0
    total = sum(pl.col(f"{COUNTED[kind]}_{WINDOW}d") * weight for kind, weight in points.items())
    assert trained.table.select((pl.col(f"engagement_{WINDOW}d") - total).abs().max()).item() < 1e-9
    assert (reactivity["send"], reactivity["answer"], reactivity["within_hours"]) == ("envoi", ["clic"], 48)
    unsent = trained.table.filter(pl.col(f"envois_{WINDOW}d") == 0)["reactivity_share"].unique().to_list()
    assert unsent == [pytest.approx(reactivity["prior_answered"] / reactivity["prior_sends"])]


def _posted(event: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in event.items() if name != "customer_id" and value is not None}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in kept.items()}
