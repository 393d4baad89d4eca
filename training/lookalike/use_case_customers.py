"""The customers of a use case's source, whether or not anything was ever trained on it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl

from features.build.known_customers import known_customers
from features.config.use_case import LogUseCase, UseCase
from features.point_in_time.labels import LABEL
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import objectors_of
from features.tables.value_labels import value_labels
from scoring.encoding.encoder import Encoder
from training.bundling.families import families
from training.data.encode import encode, fit_encoder
from training.lookalike.customer_table import CustomerTable
from training.lookalike.seed_file import SeedFile


def use_case_customers(use_case: UseCase, home: Path, seed: SeedFile, as_of: datetime | None = None) -> CustomerTable:
    """All customers of a log as of a moment (by default its end), or of a ready table.

    The levels that have a code of their own are those that enough customers share, whoever they are.

    Raises:
        UseCaseError: A ready table has no column of ids.
        DataError: The data broke its contract.
        SuppressionError: The suppression list of the home cannot be read.
    """
    known = known_customers(use_case, as_of, objectors_of(home))
    named = pl.col(CUSTOMER_ID).is_in([*seed.ids, seed.header]).cast(pl.Float64)
    features, codes = fit_encoder(known.features, known.rows.with_columns(named.alias(LABEL)))
    return CustomerTable(
        customers=known.rows[CUSTOMER_ID].to_list(),
        features=features,
        encoder=codes,
        matrix=encode(Encoder(features, codes), known.rows),
        families=families(features, use_case.families),
        forbid=frozenset(use_case.reasons.forbid),
        labels=value_labels(use_case, features),
        objected=known.objected,
        as_of=known.as_of,
        use_cases=(use_case.name,),
    )


def id_column_of(use_case: UseCase) -> str | None:
    """What the use case calls the column of ids."""
    return use_case.events.customer_id if isinstance(use_case, LogUseCase) else use_case.table.customer_id
