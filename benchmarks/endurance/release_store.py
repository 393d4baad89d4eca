"""A release store whose every version is known by heart: what each must answer is worked out beforehand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.releases.store import RELEASE, install_release, load_release, make_current
from tests.support.models import shop_rows, write_shop_bundle

USE_CASES = {"churn": "negative", "propensity": "positive"}
BUNDLES = 4  # different models of each use case, of which every version is one
ROWS = 40
FACTS = {"registered_at": "2026-01-01T00:00:00Z", "run_id": "endurance"}


class ReleaseStore:
    """A home with two use cases, and the scores that each version of them gives to the same customers."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.profiles = [
            {"customer_id": f"c{number}", "features": row} for number, row in enumerate(shop_rows(ROWS, seed=99))
        ]
        self._bundles = folder / "bundles"
        self._must_say: dict[tuple[str, str], list[Any]] = {}
        for name, polarity in USE_CASES.items():
            for seed in range(BUNDLES):
                write_shop_bundle(self._bundles / f"{name}-{seed}", name, polarity=polarity, seed=seed)
            self.install(name, "1")
            make_current(self.home, name, "1")

    def install(self, name: str, version: str) -> Path:
        """Puts a version in the release store, of another model than the one before it; it is not current yet."""
        bundle = self._bundles / f"{name}-{int(version) % BUNDLES}"
        folder = install_release(self.home, name, version, bundle, facts=FACTS)
        live = {name: Live(load_release(self.home, name, version=version, threads=1))}
        results = json.loads(json.dumps(score_profiles(live, self.profiles, use_cases=[name])))
        self._must_say[name, version] = [result["scores"][name] for result in results]
        return folder

    def point(self, name: str, version: str) -> None:
        """Makes a version current, whatever it is worth."""
        make_current(self.home, name, version)

    def retire(self, name: str, version: str) -> None:
        """Takes a version out of the release store for good."""
        shutil.rmtree(self.home / "releases" / name / version)

    def body(self, start: int, count: int) -> tuple[bytes, list[int]]:
        """A request about customers in a row, and which those are."""
        chosen = [(start + step) % ROWS for step in range(count)]
        asked = {"use_cases": list(USE_CASES), "profiles": [self.profiles[position] for position in chosen]}
        return json.dumps(asked).encode(), chosen

    def fault(self, chosen: Sequence[int], answer: Mapping[str, Any]) -> str | None:
        """What is wrong with an answer about these customers; None where one version of each use case gave it all."""
        results = answer["results"]
        if len(results) != len(chosen):
            return f"{len(results)} rows for {len(chosen)}"
        for name in USE_CASES:
            versions = {result["scores"][name]["model_version"] for result in results}
            if len(versions) != 1:
                return f"{name}: versions {sorted(versions)} in one answer"
            known = self._must_say.get((name, versions.pop()))
            if known is None or [known[position] for position in chosen] != [row["scores"][name] for row in results]:
                return f"{name}: scores that its version does not give"
        return None


def renamed(folder: Path, version: str) -> None:
    """A copied release says of itself that it is another version."""
    facts = json.loads((folder / RELEASE).read_bytes())
    (folder / RELEASE).write_text(json.dumps({**facts, "version": version}))
