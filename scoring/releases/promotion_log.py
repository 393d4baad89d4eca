"""What was decided of each version, and why: HOME/gate/<use case>.jsonl, where a server reads it without a registry.

Each line is a JSON object: `at` (ISO 8601, UTC), `version`, `rule` (a stable code), `promoted`, `refused`, `reason` (in
English) and the figures behind it. The newest stands last; so many as `KEPT` are kept.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from features.spec.atomic import write_file
from scoring.releases.current_pointer import SEGMENTATION
from scoring.text.promotion import DecisionDocument

FOLDER = "gate"
KEPT = 50
_NEEDED: tuple[Literal["version", "rule", "reason"], ...] = ("version", "rule", "reason")


def log_decision(home: Path, name: str, decision: DecisionDocument) -> None:
    """Adds a decision of this moment; whoever calls has the lock of the home."""
    path = home / FOLDER / f"{name}.jsonl"
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    lines = [*_lines(path), json.dumps({"at": at} | decision, ensure_ascii=False, allow_nan=False)]
    write_file(path, ("\n".join(lines[-KEPT:]) + "\n").encode())


def read_decisions(home: Path, name: str) -> list[DecisionDocument]:
    """The decisions on a use case, the newest first; a line that is none is passed over."""
    found = [decision for line in _lines(home / FOLDER / f"{name}.jsonl") if (decision := _read(line)) is not None]
    return found[::-1]


def decided_use_cases(home: Path) -> list[str]:
    """The use cases of which something was decided, in order of name; segmentations are none."""
    return sorted(
        path.stem
        for path in (home / FOLDER).glob("[!.]*.jsonl")
        if not (home / "releases" / path.stem / SEGMENTATION).exists()
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _read(line: str) -> DecisionDocument | None:
    try:
        decision: DecisionDocument = json.loads(line)
        datetime.fromisoformat(decision["at"])
        return decision if all(isinstance(decision[key], str) for key in _NEEDED) else None
    except (ValueError, KeyError, TypeError):
        return None
