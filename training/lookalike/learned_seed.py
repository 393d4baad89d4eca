"""A seed learned: who of it is known, what parts it from the rest, how well that finds others, who is most like it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.spec.suppression_list import keyed, objectors_of
from scoring.privacy.suppression import own_key
from training.lookalike.customer_table import CustomerTable
from training.lookalike.lookalike_document import SeedCounts
from training.lookalike.seed_evidence import SeedEvidence, seed_evidence
from training.lookalike.seed_file import SeedFile
from training.lookalike.seed_model import Rows, SeedModel, fit_seed_model, learned_rows

LEAST = 30  # members of a seed, and of the rest


class SeedError(ValueError):
    """A seed is too small to learn from."""


@dataclass(frozen=True)
class LearnedSeed:
    """What a seed taught."""

    counts: SeedCounts
    model: SeedModel
    evidence: SeedEvidence
    ranked: Rows  # rows of all others of whom anything is known, the most alike first
    named: int  # customers whom the file names
    without_data: int  # others of whom nothing is known


def learn_seed(home: Path, table: CustomerTable, file: SeedFile, *, random_seed: int) -> LearnedSeed:
    """Learned from a seed against the rest of a table; the same file, table and seed of chance give the same.

    Raises:
        SeedError: The seed, or the rest, has fewer than `LEAST` members of whom anything is known.
        SuppressionError: The suppression list, or the home's key, cannot be read.
    """
    ids = frozenset(file.ids)
    named = np.fromiter((one in ids for one in table.customers), np.bool_, len(table.customers))
    there = table.known()
    seed, others = named & there, there & ~named
    counts = _counts(home, table, file, named, seed)
    _check(counts, int(others.sum()))
    rows = learned_rows(seed, there, np.random.default_rng(random_seed))
    model = fit_seed_model(table, seed, rows)
    candidates = np.flatnonzero(others)
    order = np.argsort(-model.log_odds(table.matrix[candidates]), kind="stable")  # of equals the first by id
    return LearnedSeed(
        counts,
        model,
        seed_evidence(table, seed, rows, random_seed=random_seed),
        candidates[order],
        int(named.sum()),
        int((~there & ~named).sum()),
    )


def digest_of(home: Path, customers: Iterable[str]) -> str:
    """What stands for customers in their order: the sha256 of their keyed hashes, which names nobody."""
    key = own_key(home)
    return hashlib.sha256(b"".join(keyed(key, customer) for customer in customers)).hexdigest()


def _counts(
    home: Path, table: CustomerTable, file: SeedFile, named: NDArray[np.bool_], seed: NDArray[np.bool_]
) -> SeedCounts:
    objectors = objectors_of(home)
    objected = len(objectors.among(file.ids)) if objectors else 0
    used = [table.customers[at] for at in np.flatnonzero(seed).tolist()]
    return SeedCounts(
        rows=file.rows,
        blank=file.blank,
        repeated=file.repeated,
        ids=len(file.ids),
        unknown=len(file.ids) - int(named.sum()) - objected,
        objected=objected,
        without_data=int(named.sum()) - len(used),
        used=len(used),
        digest=digest_of(home, used),
    )


def _check(counts: SeedCounts, others: int) -> None:
    """Refuses what is too small; a message names nobody."""
    if counts.used < LEAST:
        apart = ((counts.unknown, "unknown"), (counts.objected, "opted out"), (counts.without_data, "without any data"))
        which = "".join(f", {count:,} {what}" for count, what in apart if count)
        rule = f"A seed must hold at least {LEAST} customers of whom something is known"
        raise SeedError(f"{rule}, got {counts.used:,} of {counts.ids:,} different ids{which}.")
    if others < LEAST:
        raise SeedError(f"A seed must leave at least {LEAST} other customers to compare it with, got {others:,}.")
