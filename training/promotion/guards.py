"""What a challenger must not be, however much better its log-loss: miscalibrated, unstable, below the bar or of chance.

Each guard asks no more of a challenger than the champion gives on the same rows: where the world itself has moved, both
are off, and the better one should serve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import asdict
from numpy.typing import NDArray
from scipy.special import chdtri, stdtrit

from scoring.bundle.manifest import SeedVariance
from scoring.text.promotion import BarGain, GuardName
from training.data.clusters import Clusters
from training.evaluation.calibration_error import CALIBRATED
from training.evaluation.metrics import ece_by_chance, measure

MOVED = 0.25  # PSI up to which scores have not moved much
ALIKE = 0.1  # PSI that makes no difference between a challenger and its champion
BINS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Guard:
    """One condition beside the gain: whether it is met, and its figures."""

    name: GuardName
    passed: bool
    figures: dict[str, float]


def calibration(
    label: NDArray[Any], challenger: Floats, champion: Floats | None, clusters: Clusters, *, seed: int
) -> Guard:
    """The expected calibration error on the test rows is small, or within chance, or no larger than the champion's.

    Within chance: at most the 95th percentile of what labels drawn from the challenger's own probabilities show.
    """
    error, chance = measure(label, challenger)["ece"], ece_by_chance(label, challenger, clusters, seed=seed)
    figures = {"ece": error, "ece_by_chance": chance}
    limit = max(CALIBRATED, chance)
    if champion is not None:
        figures["champion_ece"] = measure(label, champion)["ece"]
        limit = max(limit, figures["champion_ece"])
    figures["ece_limit"] = limit
    return Guard("calibration", error <= limit, figures)


def stability(
    challenger: tuple[Floats, Floats],
    champion: tuple[Floats, Floats] | None,
    *,
    borne_out: bool,
    effective: tuple[float, float] | None = None,
) -> Guard:
    """Scores are spread on the test rows as on the calibration rows, or moved no more than the champion's, or rightly.

    Each pair holds one model's probabilities for the calibration rows and for the test rows. The limit on the PSI is
    .25, more where so few rows reach it by chance, or .1 above the champion's. Beyond it a move is right where it was
    `borne_out`: customers do change, and the outcomes of the test rows are what the moved scores say. `effective` is
    how many independent rows either is worth, where customers come back in it.
    """
    earlier, now = challenger
    moved = psi(earlier, now)
    figures = {"psi": moved}
    limit = max(MOVED, psi_by_chance(*(effective or (len(earlier), len(now)))))
    if champion is not None:
        figures["champion_psi"] = psi(*champion)
        limit = max(limit, figures["champion_psi"] + ALIKE)
    figures["psi_limit"] = limit
    return Guard("stability", moved <= limit or borne_out, figures)


def borne_out(guard: Guard) -> bool:
    """Whether probabilities came true by the calibration guard's own limits, whatever the champion's did."""
    return guard.figures["ece"] <= max(CALIBRATED, guard.figures["ece_by_chance"])


def bar(over_bar: BarGain | None) -> Guard | None:
    """The challenger is not surely worse than the RFM logit (a table's: the logit on every feature); None without one.

    `over_bar` is the manifest's: the baseline's name and the paired gain over it.
    """
    if over_bar is None:
        return None
    high = over_bar.log_loss_gain.high
    return Guard("baseline", high >= 0, {"gain_over_bar_high": high})


def seed_variance(gain: float, least: float, spread: SeedVariance | None) -> Guard | None:
    """The gain is more than another deal of the rows and another seed give; None where that was not measured.

    `spread` is the manifest's: the standard deviation of the log-loss over some refits. Two models that differ by these
    alone lie apart by sqrt(2) times as much; asked is the least gain and what they exceed once in forty times
    (Student's t).
    """
    if spread is None:
        return None
    usual = float(stdtrit(spread.refits - 1, 0.975)) * math.sqrt(2) * spread.log_loss_sd
    figures = {"gain": gain, "gain_limit": least + usual, **asdict(spread)}
    return Guard("seed_variance", gain >= least + usual, figures)


def psi(earlier: Floats, now: Floats) -> float:
    """The population stability index of two samples of scores; 0 where they are spread alike, never negative.

    Sum over bins of (now - earlier) * ln(now / earlier), the bins holding equal counts of the earlier sample; half a
    row is added to each, so that an empty one stays finite.
    """
    edges = np.unique(np.quantile(earlier, np.linspace(0, 1, BINS + 1)[1:-1], method="lower"))
    before, after = (_shares(sample, edges) for sample in (earlier, now))
    return float(np.sum((after - before) * np.log(after / before)))


def psi_by_chance(earlier: float, now: float) -> float:
    """The PSI that two samples of one distribution exceed once in twenty times.

    It is chi-squared, times 1/n + 1/m (Yurdakul and Naranjo 2020, Statistical properties of the PSI).
    """
    return float(chdtri(BINS - 1, 0.05) * (1 / max(earlier, 1) + 1 / max(now, 1)))


def _shares(sample: Floats, edges: Floats) -> Floats:
    counts = np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1) + 0.5
    return np.asarray(counts / counts.sum())
