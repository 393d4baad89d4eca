"""The leakage prover: the future is rewritten after every cutoff, and whatever knows too much is named."""

from __future__ import annotations

from features.build.log_table import learning_table
from features.config.use_case import LogUseCase, UseCase
from features.leakage.perturbation import sees_the_future
from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from features.sources.engines.open_engine import feature_engine
from features.spec.feature import CUSTOMER_ID, Finding
from features.spec.suppression_list import Objectors
from features.tables.learning_table import ID


def prove(use_case: UseCase, objectors: Objectors | None = None) -> tuple[Finding, ...]:
    """Every finding on a use case: those of its learning table, and what changes with the future at any cutoff.

    A learning table is itself checked with another future at its latest training cutoff; here it is at all of them.

    Raises:
        DataError: the data broke its contract.
    """
    found = {(each.rule, each.feature): each for each in learning_table(use_case, objectors=objectors).findings}
    if isinstance(use_case, LogUseCase):
        for each in _at_every_cutoff(use_case, objectors):
            found.setdefault((each.rule, each.feature), each)
    return tuple(found.values())


def _at_every_cutoff(use_case: LogUseCase, objectors: Objectors | None) -> list[Finding]:
    found = []
    with engine() as backend, feature_engine(backend, use_case.engine) as computing:
        context = open_log_context(backend, use_case, None, objectors, computing)
        for cutoff in (*context.cutoffs.train[:-1], context.cutoffs.test):
            rows = context.features_at(cutoff).rename({CUSTOMER_ID: ID})
            found += sees_the_future(backend, context, cutoff, rows)
    return found
