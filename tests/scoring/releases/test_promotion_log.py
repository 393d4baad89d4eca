"""What a home keeps of the gate's decisions."""

from __future__ import annotations

from pathlib import Path

from scoring.releases.promotion_log import FOLDER, KEPT, decided_use_cases, log_decision, read_decisions
from scoring.text.promotion import BandMoves, DecisionDocument

ONE: DecisionDocument = {
    "version": "1",
    "rule": "never",
    "promoted": False,
    "refused": False,
    "reason": "asked never to",
}


def moves(changed: int) -> BandMoves:
    """How many rows would change band."""
    return {"changed": changed, "rows": 900, "from_to": {}}


def test_the_newest_decision_comes_first_and_old_ones_go(tmp_path: Path) -> None:
    """With its moment and its figures, each use case by itself."""
    for number in range(KEPT + 5):
        log_decision(tmp_path, "churn", {**ONE, "version": str(number), "moves": moves(number)})
    log_decision(tmp_path, "other", ONE)

    found = read_decisions(tmp_path, "churn")

    assert [decision["version"] for decision in found] == [str(number) for number in range(KEPT + 4, 4, -1)]
    assert found[0]["moves"] == moves(KEPT + 4)
    assert found[0]["at"].endswith("Z")
    assert decided_use_cases(tmp_path) == ["churn", "other"]
    assert read_decisions(tmp_path, "nobody") == []


def test_what_is_no_decision_is_passed_over(tmp_path: Path) -> None:
    """A line cut short, another kind of document, bytes that are no text: the rest is read."""
    log_decision(tmp_path, "churn", ONE)
    path = tmp_path / FOLDER / "churn.jsonl"
    path.write_text(path.read_text() + '[1]\n{"at": "yesterday"}\n{"at": "2026-01-01", "version": 3}\n{"at": "20\n')
    (tmp_path / FOLDER / "bytes.jsonl").write_bytes(b"\xff\xfe")

    assert [decision["version"] for decision in read_decisions(tmp_path, "churn")] == ["1"]
    assert read_decisions(tmp_path, "bytes") == []
