"""The champion, compared with a challenger on the very rows that judge the challenger."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.bundle.bundle import Bundle, load_bundle
from scoring.bundle.scorer import Scorer
from scoring.errors import BundleError
from training.data.encode import encode
from training.data.split import Parts
from training.task import Task

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Champion:
    """What the champion would serve today; None where it cannot score today's rows."""

    number: str  # its version
    bundle: Bundle
    test: Floats | None
    earlier: Floats | None  # for the rows that the test is compared with


def champion_of(task: Task, parts: Parts) -> Champion | None:
    """The champion on today's rows; None where there is none, or the registry's copy of it is damaged."""
    champion = task.registry.champion(task.name)
    if champion is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        try:
            bundle = load_bundle(task.registry.fetch(champion, Path(folder)).bundle)
        except BundleError:
            return None
    return Champion(champion.number, bundle, served_by(bundle, parts.test), served_by(bundle, parts.earlier))


def served_by(bundle: Bundle, rows: pl.DataFrame) -> Floats | None:
    """What a bundle serves for learning rows; None where they lack one of its features or break its rules."""
    scorer = Scorer(bundle)
    try:
        return scorer.score(encode(scorer.encoder, rows)).probability
    except (ValueError, pl.exceptions.PolarsError):
        return None
