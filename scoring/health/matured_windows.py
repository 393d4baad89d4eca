"""HOME/monitoring/windows/NAME.jsonl: how good the scores of each day turned out to be, a line a day and version."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from features.spec.atomic import write_file

MONITORING, WINDOWS = "monitoring", "windows"
FEWEST_SUMMED = 20  # customers of whom a sum is kept, and buyers of whom a mean is given: it tells nothing of one
Bounds = tuple[float, float]  # lower and upper end of a 95% interval


class HealthError(ValueError):
    """A file of monitoring is not what it wrote."""


class MeasuredQuality(Struct, frozen=True, kw_only=True):
    """How good the scores of some customers turned out to be; a figure that their number does not allow is None."""

    rows: int
    positives: int
    roc_auc: float | None = None
    log_loss: float | None = None
    brier: float | None = None
    ece: float | None = None  # expected calibration error, over tenths of the customers by probability
    lift: float | None = None  # rate of the outcome in the list at capacity, over that of all
    intervals: dict[str, Bounds] = {}  # by the name of the figure
    too_few: bool = False  # of one outcome or the other, to tell more than the counts


class BaselineQuality(Struct, frozen=True, kw_only=True):
    """The RFM logit on the same customers, and how much less log-loss the model has; above 0 the model is better."""

    method: str  # `earlier`: fitted on an earlier matured day; `crossed`: on the other folds of the same customers
    roc_auc: float
    log_loss: float
    gain: float  # of the model, in log-loss
    gain_interval: Bounds


class SummedFigure(Struct, frozen=True, kw_only=True):
    """A figure of each of some customers, added up, so that mean and spread of several groups follow from theirs."""

    rows: int  # customers of whom it is known
    some: int  # of them, those who bought
    total: float
    squares: float  # sum of the figures' squares


class BandOutcome(Struct, frozen=True, kw_only=True):
    """A band or a segment: what was predicted of its customers and what came; rates of one without rows are None."""

    code: str
    rows: int
    positives: int
    predicted: float | None = None  # mean probability
    realised: float | None = None
    interval: Bounds | None = None  # Wilson's, of the realised rate
    orders: SummedFigure | None = None  # of a segment, where a log tells; None of too few customers
    value: SummedFigure | None = None  # as `orders`; None too where an amount is not known


class EstimatedQuality(Struct, frozen=True, kw_only=True):
    """What is expected of a day before its outcome is known."""

    roc_auc: float | None  # None where nothing can be estimated
    low: float | None = None  # the range of 95%, widened by what earlier estimates missed
    high: float | None = None
    proven: bool = False  # whether at least four earlier days can tell how far estimates are off
    windows: int = 0  # earlier days, whose outcome is known, that the range is made of
    reference: str | None = None  # the day whose customers the estimate is calibrated on


class MaturedWindow(Struct, frozen=True, kw_only=True):
    """A day of scores whose outcome is known, of one version."""

    as_of: str  # ISO moment of the day
    known_on: str  # ISO date on which the outcome was known to all
    version: str
    measured: MeasuredQuality
    baseline: BaselineQuality | None = None  # None where no RFM features are kept, or there are too few rows
    bands: tuple[BandOutcome, ...] = ()  # from the lowest on
    segments: tuple[BandOutcome, ...] = ()  # by the deepest segment of each customer
    arms: dict[str, MeasuredQuality] = {}  # `treated`, `holdout` and `others`, where a campaign acted on customers
    estimate: EstimatedQuality | None = None  # as it was made before the outcome
    estimate_true: bool | None = None  # whether its range has the realised area
    currency: str | None = None  # of values, where the use case says it
    changed: int = 0  # outcomes that came late or were corrected since they were first known
    digest: str = ""  # of all that it was measured from

    @property
    def predicted(self) -> float | None:
        """The rate of the outcome that was predicted: the mean probability of all; None where no band has one."""
        known = [(band.rows, band.predicted) for band in self.bands if band.predicted is not None]
        rows = sum(count for count, _ in known)
        return sum(count * mean for count, mean in known) / rows if rows else None

    @property
    def realised(self) -> float | None:
        """The rate of the outcome that came."""
        return self.measured.positives / self.measured.rows if self.measured.rows else None


def windows_file(home: Path, use_case: str) -> Path:
    """Where the windows of a use case stand, or would."""
    return home / MONITORING / WINDOWS / f"{use_case}.jsonl"


def read_windows(home: Path, use_case: str) -> list[MaturedWindow]:
    """The matured windows of a use case, the earliest first; empty where none has matured.

    Raises:
        HealthError: The file is damaged.
    """
    file = windows_file(home, use_case)
    try:
        return _DECODER.decode_lines(file.read_bytes()) if file.exists() else []
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HealthError(f"{file.name} must hold a matured window a line, got {type(error).__name__}.") from error


def write_windows(home: Path, use_case: str, windows: list[MaturedWindow]) -> None:
    """Replaces the matured windows of a use case; the same ones are the same bytes."""
    ordered = sorted(windows, key=lambda window: (window.as_of, window.version))
    lines = [msgspec.json.encode(window, order="deterministic") + b"\n" for window in ordered]
    write_file(windows_file(home, use_case), b"".join(lines))


# msgspec looks a type up when it is first used, and crashes where two threads do that at once: here it is done before.
_DECODER = msgspec.json.Decoder(MaturedWindow)
