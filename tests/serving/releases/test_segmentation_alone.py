"""A segmentation that no use case in service can hand rows over to, in a server."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from tests.scoring.answers.test_discovered_alone import FEATURES, LEARNED, ROWS
from tests.support.answers import contract
from tests.support.models import release_shop, shop_rows
from tests.support.segmented import release_habits
from tests.support.servers import QUICK, start, stop


def test_profiles_of_its_own_features_are_placed(tmp_path: Path) -> None:
    """Beside others that a use case scores; the flat form, which is of use cases, refuses them by name."""
    home = tmp_path / "home"
    release_shop(home, "churn", scratch=tmp_path, polarity="negative", seed=1)
    release_habits(home, tmp_path, name="kiosks", learned=LEARNED, features=FEATURES)
    profiles = [{"customer_id": "a", "features": ROWS[0]}, {"customer_id": "b", "features": shop_rows(1)[0]}]
    server = start(home, tmp_path, QUICK)
    try:
        with server.client() as client:
            nested = client.post("/v1/scores", json={"profiles": profiles, "reasons": 1}).json()
            flat = client.post("/v1/scores", json={"profiles": profiles, "flat": True}).json()
    finally:
        stop(server)

    jsonschema.validate(nested, contract("scores"))
    placed, scored = nested["results"]
    assert (placed["status"], placed["scores"]) == ("ok", {})
    assert placed["discovered"]["kiosks"]["code"] in LEARNED.codes
    assert placed["discovered"]["kiosks"]["reasons"]
    assert scored["scores"]["churn"]["status"] == "scored"
    assert "discovered" not in scored
    assert "group_" not in json.dumps(flat)
