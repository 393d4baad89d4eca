"""Customers' scores and segments as of a moment, from their events: by the bundle's SQL and the daily run's code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.spec.feature import CUSTOMER_ID
from scoring.answers.served_release import Live, open_live
from scoring.audiences.membership import SnapshotCounts
from scoring.audiences.snapshot import SnapshotInputs, snapshot_tables
from scoring.batch.table_answers import covered_column
from scoring.privacy.suppression import open_suppression
from scoring.releases.current_pointer import current_version, released_use_cases
from scoring.segments.assignment import SEGMENTS_FOLDER, current_policy
from serving.customers.raw_events import FILE as EVENTS
from serving.customers.raw_events import compiled_of, features_of
from serving.stream_state.state import StreamState
from serving.streams.contracts import Contract
from serving.streams.day_before import DayBefore
from serving.streams.port import PoisonError

Scores = Mapping[str, Mapping[str, str | float | None]]  # by use case: status, score, probability, band
_FIELDS = ("status", "score", "probability", "band")


@dataclass(frozen=True, slots=True)
class LiveStand:
    """Where a customer stands now."""

    segment: str | None
    scores: Scores


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What was found of some customers."""

    stands: Mapping[str, LiveStand]
    features: Mapping[str, pa.Table]  # by use case: the rows that were scored, of those it covers


class LiveScorer:
    """The use cases in service that learned from a log, with the policy in force."""

    def __init__(self, home: Path, names: Sequence[str] = ()) -> None:
        """Opens them.

        Raises:
            BundleError: One is not what it was.
            PoisonError: None of them learned from a log, or one has free texts.
        """
        self._home, self.mark, self._before = home, service_mark(home), DayBefore(home)
        live = open_live(home, list(names) or released_use_cases(home), threads=1)
        self.live: Mapping[str, Live] = {name: one for name, one in live.items() if EVENTS in one.release.bundle.files}
        if not self.live:
            raise PoisonError("A use case in service must have learned from a log to score events, none has.")
        if texts := [name for name, one in self.live.items() if one.scorer.encoder.texts]:
            rule = "A stream must be of use cases without free texts, since it keeps what it reads"
            raise PoisonError(f"{rule}; got {', '.join(texts)}.")
        self.policy = current_policy(home)
        found = {name: Contract(compiled_of(one)) for name, one in self.live.items()}
        self._digests = {name: contract.digest for name, contract in found.items()}
        self._compiled = {name: contract.compiled for name, contract in found.items()}
        self.contracts = {contract.digest: contract for contract in found.values()}

    def use_case_of(self, contract: str) -> str:
        """The first use case that reads events by a contract."""
        return next(name for name, digest in self._digests.items() if digest == contract)

    @property
    def versions(self) -> dict[str, str]:
        """What scores and places customers."""
        return {name: one.release.version for name, one in self.live.items()} | {"policy": self.policy.version}

    def score(self, state: StreamState, customers: Sequence[str], as_of: datetime) -> LiveResult:
        """Where customers stand as of a moment, UTC; who has no event before it is in none of it.

        Raises:
            SuppressionError: The suppression list cannot be read.
            PopulationError: The day before is not what its run wrote.
        """
        own = self._features(state, customers, as_of)
        table = _side_by_side(customers, own)
        if not len(table):
            return LiveResult({}, own)
        inputs = SnapshotInputs(
            self.live,
            self.policy,
            self._home,
            as_of.date(),
            previous=self._before.of(table.column(CUSTOMER_ID), as_of),
            suppression=open_suppression(self._home),
        )
        [(answered, _)] = snapshot_tables(inputs, [table], SnapshotCounts(), language=None)
        return LiveResult(_stands(answered, list(self.live)), own)

    def _features(self, state: StreamState, customers: Sequence[str], as_of: datetime) -> dict[str, pa.Table]:
        """Each use case's features of those whom it has events of; the same SQL on the same events runs once."""
        naive = as_of.astimezone(UTC).replace(tzinfo=None)
        numbers = {customer: number for number, customer in enumerate(customers)}
        done: dict[tuple[str, str], pa.Table] = {}
        found: dict[str, pa.Table] = {}
        for name, digest in self._digests.items():
            compiled, contract = self._compiled[name], self.contracts[digest]
            key = digest, compiled["sql"]
            if key not in done:
                rows = state.ask_of(_EVENTS, list(customers), [digest])
                events = [contract.row(numbers[str(customer)], str(cells), naive) for customer, cells in rows]
                known = state.ask_of(_TRAITS, list(customers), [digest]) if compiled["traits"] else ()
                traits = [contract.traits_row(numbers[str(one)], str(cells)) for one, cells in known]
                made = features_of(compiled, events, traits)
                ids = pa.array([customers[int(number)] for number in made.column(CUSTOMER_ID).to_pylist()], pa.string())
                done[key] = made.set_column(made.column_names.index(CUSTOMER_ID), CUSTOMER_ID, ids)
            found[name] = done[key]
        return found


_EVENTS = "SELECT customer_id, cells FROM history WHERE contract = ? AND customer_id IN {}"
_TRAITS = "SELECT customer_id, cells FROM traits WHERE contract = ? AND customer_id IN {}"


def service_mark(home: Path) -> str:
    """Another whenever other releases, another policy or another day are in service."""
    pointer = home / SEGMENTS_FOLDER / "CURRENT"
    policy = pointer.read_text().strip() if pointer.is_file() else ""
    versions = [f"{name}={current_version(home, name)}" for name in released_use_cases(home)]
    return ";".join([policy, *versions])


def _side_by_side(customers: Sequence[str], own: Mapping[str, pa.Table]) -> pa.Table:
    """The features of all use cases, a row a customer whom any covers; of one name the first's."""
    everybody = pa.array(customers, pa.string())
    at = {name: pc.index_in(everybody, value_set=_ids(table)) for name, table in own.items()}
    columns: dict[str, pa.ChunkedArray | pa.Array] = {CUSTOMER_ID: everybody}
    known = pa.array([False] * len(everybody), pa.bool_())
    for name, table in own.items():
        covered = pc.is_valid(at[name])
        known, columns[covered_column(name)] = pc.or_(known, covered), covered
        for feature in table.column_names:
            taken = table.column(feature).take(at[name])
            if feature not in columns:
                columns[feature] = taken
            elif feature != CUSTOMER_ID:
                columns[feature] = pc.coalesce(columns[feature], taken)
    return pa.table(columns).filter(known)


def _ids(table: pa.Table) -> pa.Array:
    return table.column(CUSTOMER_ID).combine_chunks()


def _stands(answered: pa.Table, names: Sequence[str]) -> dict[str, LiveStand]:
    rows = answered.select(
        [CUSTOMER_ID, "segment", *(f"{name}_{field}" for name in names for field in _FIELDS)]
    ).to_pylist()
    return {
        row[CUSTOMER_ID]: LiveStand(
            row["segment"],
            {
                name: {field: row[f"{name}_{field}"] for field in _FIELDS}
                for name in names
                if row[f"{name}_status"] is not None
            },
        )
        for row in rows
    }
