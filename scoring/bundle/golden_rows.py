"""Golden rows: a process that cannot reproduce them must not score."""

from __future__ import annotations

import numpy as np

from scoring.bundle.bundle import Bundle, GoldenRow
from scoring.bundle.scorer import Scorer
from scoring.errors import BundleError

TOLERANCE = 1e-6  # on the probability


def replay(bundle: Bundle) -> int:
    """Scores the bundle's golden rows anew; returns how many there are.

    Raises:
        BundleError: There is none, or a probability, an uplift or a value (of which, where it is above 1) differs by
            more than 1e-6, or a band is another.
    """
    scorer = Scorer(bundle)
    if not bundle.golden:
        raise BundleError("A bundle needs golden rows, got none.")
    differing = [position for position, row in enumerate(bundle.golden) if not _agrees(scorer, row)]
    if differing:
        raise BundleError(f"Every golden row must be reproduced, {len(differing)} of {len(bundle.golden)} were not.")
    return len(bundle.golden)


def _agrees(scorer: Scorer, row: GoldenRow) -> bool:
    encoded, errors, _ = scorer.encoder.row(row.features)
    if errors:
        return False
    scored = scorer.score(np.asarray([encoded]))
    same_band = scorer.bundle.ladder.codes[int(scored.rung[0])] == row.band
    effects = scorer.uplift(np.asarray([encoded]), scored.margin)
    same_effect = effects is None or (
        row.uplift is not None and abs(float(effects.uplift[0]) - row.uplift) <= TOLERANCE
    )
    values = scorer.value(np.asarray([encoded]))
    same_value = values is None or (
        row.value is not None and abs(float(values.expected[0]) - row.value) <= TOLERANCE * max(1.0, row.value)
    )
    return same_band and same_effect and same_value and abs(float(scored.probability[0]) - row.probability) <= TOLERANCE
