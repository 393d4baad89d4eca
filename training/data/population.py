"""The customers of today: whom a plan speaks of, and ten of them as a request that works as it stands."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from features.build.log_table import scoring_table
from features.config.use_case import LogUseCase, UseCase
from features.spec.atomic import write_file
from scoring.bundle.scorer import Scorer
from training.data.encode import encode
from training.data.text_words import with_marks_of

if TYPE_CHECKING:
    from features.build.log_table import LearningTable
    from features.spec.suppression_list import Objectors

CUSTOMERS = 10
MOST_RANKED = 10_000  # customers that the ten are picked from, evenly spread where there are more


def current(
    use_case: UseCase, table: LearningTable, test: pl.DataFrame, objectors: Objectors | None = None
) -> pl.DataFrame:
    """Eligible customers at the end of the log; of a ready table the test rows. `__customer_id` and the features."""
    names = [feature.name for feature in table.features]
    if not isinstance(use_case, LogUseCase):
        return test.select("__customer_id", *names)
    last = datetime.fromisoformat(table.report["last_event"])
    after = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    rows = scoring_table(use_case, after, objectors=objectors)
    rows = with_marks_of(rows, table.features)
    return rows.filter(pl.col("eligible")).select(pl.col("customer_id").alias("__customer_id"), *names)


def write_request(home: Path, scorer: Scorer, rows: pl.DataFrame) -> Path:
    """HOME/requests/<use case>.json: ten customers from the lowest to the highest score, as POST /v1/scores takes them.

    No use case is named in it, so that every model whose features these are answers.
    """
    rows = rows.gather_every(max(rows.height // MOST_RANKED, 1))
    probability = scorer.score(encode(scorer.encoder, rows)).probability
    ranked = np.argsort(probability, kind="stable")
    picked = ranked[np.unique(np.linspace(0, len(ranked) - 1, CUSTOMERS).astype(int))]
    names = [feature.name for feature in scorer.bundle.features]
    profiles = [
        {"customer_id": row["__customer_id"], "features": {name: _json(row[name]) for name in names}}
        for row in rows[picked.tolist()].iter_rows(named=True)
    ]
    path = home / "requests" / f"{scorer.bundle.name}.json"
    text = json.dumps({"profiles": profiles, "reasons": 3}, indent=1, ensure_ascii=False)
    write_file(path, f"{text}\n".encode(), mode=0o600)  # real customers
    return path


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
