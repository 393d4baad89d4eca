"""The leakage prover: another future is written after every cutoff, and whatever knows too much is named."""

from __future__ import annotations

from features.engine import engine
from features.future import sees_the_future
from features.ground import prepare
from features.learning import ID
from features.table import learning_table
from features.types import CUSTOMER_ID, Finding
from features.usecase import UseCase


def prove(use_case: UseCase) -> tuple[Finding, ...]:
    """Every finding on a use case: those of its learning table, and what changes with the future at any cutoff.

    A learning table is itself held to another future at its latest training cutoff; here it is at all of them.

    Raises:
        DataError: the data broke its contract.
    """
    found = {(each.rule, each.feature): each for each in learning_table(use_case).findings}
    if use_case.events is not None:
        for each in _at_every_cutoff(use_case):
            found.setdefault((each.rule, each.feature), each)
    return tuple(found.values())


def _at_every_cutoff(use_case: UseCase) -> list[Finding]:
    found = []
    with engine() as backend:
        ground = prepare(backend, use_case, None)
        for cutoff in (*ground.cutoffs.train[:-1], ground.cutoffs.test):
            rows = ground.at(cutoff).rename({CUSTOMER_ID: ID})
            found += sees_the_future(backend, ground, cutoff, rows)
    return found
