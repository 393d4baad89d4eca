"""What parts a seed from all others: a ridge logistic regression, as a bundle that is never written anywhere.

Numbers are standardised, skewed counts and amounts after log(1 + x); what is missing has a weight of its own. The
penalty is that of few: among nested windows a weak one gives large weights of opposite signs, and on CDNOW, from 30
seeds to 800, one of 100 is as good as any (ADR 45).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring.bundle.bundle import Bundle, canonical_json
from scoring.bundle.manifest import BandTable, Digests, Manifest
from scoring.bundle.scorer import Explained, Scorer
from scoring.models.additive import LinearModel
from scoring.models.calibration import Calibration
from training.fitting.linear import fit_linear
from training.lookalike.customer_table import CustomerTable

PENALTY = 100.0  # of the squared standardised weights, in log-likelihood
MOST_OTHERS = 50_000  # of the rest that are learned from; a seed is never cut
_PERCENTILES = (0.5,) * 99  # a look-alike has a rank in its list and no percentile

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class SeedModel:
    """Log-odds of being of the seed rather than of the rest, were both equally many: at 0 as much like either."""

    scorer: Scorer

    def log_odds(self, matrix: Floats) -> Floats:
        """Of encoded rows, shape (rows,)."""
        bundle = self.scorer.bundle
        return bundle.calibration.log_odds(bundle.model.margin(matrix.astype(np.float32)))

    def explain(self, matrix: Floats) -> Explained:
        """Base values and contributions, which add up to the log-odds."""
        return self.scorer.explain(matrix, self.scorer.bundle.model.margin(matrix.astype(np.float32)))


def fit_seed_model(table: CustomerTable, seed: NDArray[np.bool_], rows: Rows) -> SeedModel:
    """Learned from some rows of a table, among which are members of the seed and others."""
    label, matrix = seed[rows].astype(np.float64), table.matrix[rows].astype(np.float32)
    names = [feature.name for feature in table.features]
    document = fit_linear(table.features, dict(table.encoder), matrix, label, used=names, penalty=PENALTY)
    model = LinearModel.parse(canonical_json(msgspec.to_builtins(document)))
    share = float(label.mean())
    manifest = _manifest(table, Calibration(1.0, float(np.log1p(-share) - np.log(share))))
    return SeedModel(Scorer(Bundle(manifest, model, (), {})))


def learned_rows(seed: NDArray[np.bool_], there: NDArray[np.bool_], random: np.random.Generator) -> Rows:
    """The rows to learn from: every member of the seed, and of the others all or so many drawn, in rising order."""
    others = np.flatnonzero(there & ~seed)
    if len(others) > MOST_OTHERS:
        others = random.choice(others, MOST_OTHERS, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(there & seed), others]))


def _manifest(table: CustomerTable, calibration: Calibration) -> Manifest:
    return Manifest(
        bands=BandTable(codes=("all",), labels={}),
        boundaries=_PERCENTILES,
        calibration=calibration,
        code_revision="",
        digests=Digests("", ""),
        eligible=None,
        encoder=dict(table.encoder),
        families=dict(table.families),
        features=table.features,
        forbid=tuple(sorted(table.forbid)),
        kind="logit",
        labels={language: {k: dict(v) for k, v in found.items()} for language, found in table.labels.items()},
        metrics={},
        name="lookalike",
        polarity="positive",
        trained_to=None,
        what_if={},
    )
