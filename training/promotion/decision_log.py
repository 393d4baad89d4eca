"""A promotion decision noted where servers read it, and in the trail where it changed what serves."""

from __future__ import annotations

from pathlib import Path

from scoring.privacy.audit_trail import Fact, command_actor, record
from scoring.releases.promotion_log import log_decision
from scoring.text.promotion import DecisionDocument


def note_decision(home: Path, name: str, decision: DecisionDocument) -> None:
    """Notes a decision of this moment; whoever calls has the lock of the home.

    Raises:
        OSError: The trail or the log cannot be written.
    """
    promoted, refused = bool(decision.get("promoted")), bool(decision.get("refused"))
    if promoted or refused:
        about: dict[str, Fact] = {
            "use_case": name,
            "version": decision["version"],
            "rule": decision["rule"],
            "promoted": promoted,
        }
        record(home, "promotion", command_actor(), about=about)
    log_decision(home, name, decision)
