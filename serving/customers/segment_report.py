"""What became of each segment: the report that `python -m scoring segment-report` left last, for pages and API."""

from __future__ import annotations

from pathlib import Path

import msgspec

from scoring.segments.assignment import REPORT, SEGMENTS_FOLDER
from scoring.segments.policy import Policy


class Weight(msgspec.Struct, frozen=True):
    """A feature among members' reasons: for which share of them, and its mean contribution there (log-odds)."""

    feature: str
    share: float
    contribution: float


class Realised(msgspec.Struct, frozen=True):
    """What the members of the first date did, of those of whom it is known; `rate` with its 95% interval."""

    known: int
    hits: int
    rate: float | None
    low: float
    high: float


class Became(msgspec.Struct, frozen=True):
    """One segment: sizes on both dates; by use case the mean probability predicted on the first, reasons and scores."""

    code: str
    before: int
    after: int
    predicted: dict[str, float | None]
    reasons: dict[str, list[Weight]]  # none where no reasons were kept
    scores: dict[str, list[int]]  # members of the second date by tenth of the probability
    realised: Realised | None = None  # None where no outcomes were given


class SnapshotFacts(msgspec.Struct, frozen=True):
    """One of the two snapshots."""

    as_of: str
    policy: str
    customers: int


class SegmentReport(msgspec.Struct, frozen=True):
    """The whole of it."""

    before: SnapshotFacts
    after: SnapshotFacts
    outcome: str | None  # the name of what was realised
    segments: list[Became]

    def of(self, policy: Policy) -> bool:
        """Whether it is about the segments that serve now."""
        return self.after.policy == policy.version


def last_report(home: Path) -> SegmentReport | None:
    """The report left last; None where there is none, or the file is not one of ours."""
    try:
        return _READ((home / SEGMENTS_FOLDER / REPORT).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


_READ = msgspec.json.Decoder(SegmentReport).decode
