"""Whose rows are learned from where a log has more customers than one machine holds: whole customers, by their hash."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from features.columns.expressions import md5_lower
from features.point_in_time.log_context import LogContext
from features.spec.feature import CUSTOMER_ID, Finding

_hashes = 2**64


@dataclass(frozen=True, slots=True)
class CustomerSample:
    """Customers whose hash lies below a bound: the same at every cutoff, and by nothing but their id and the seed.

    Of whatever is counted the sample has the same share as the log, but for chance.
    """

    share: float  # of the log's customers, in (0, 1]
    customers: int  # of the log
    seed: int

    @property
    def takes_all(self) -> bool:
        """Whether nobody is left out."""
        return self.share >= 1

    def drawn(self, table: ir.Table) -> ir.Table:
        """The rows of the customers in the sample."""
        if self.takes_all:
            return table
        # salted, because the hash of an id alone deals rows into parts
        hashed = md5_lower(ibis.literal(f"sample {self.seed} ") + table[CUSTOMER_ID])
        return table.filter(hashed < ibis.literal(int(self.share * _hashes), "uint64"))

    def digest(self, whole: str) -> str:
        """The digest of a table of the sample, by that of the table of all."""
        return whole if self.takes_all else hashlib.sha256(f"{whole} {self.share!r} {self.seed}".encode()).hexdigest()

    def findings(self, rows: int) -> Iterator[Finding]:
        """What a reader has to know of a table with so many rows."""
        if self.takes_all:
            return
        wider = 1 / math.sqrt(self.share) - 1
        detail = (
            f"Learned from {rows:,} rows of {self.share:.1%} of the log's {self.customers:,} customers, drawn by their "
            f"ids: counts are theirs, rates everybody's but for chance, intervals about {wider:.1%} wider."
        )
        figures = {"rows": rows, "share": self.share, "customers": self.customers, "wider": wider}
        yield Finding("sampled", None, "warn", detail, figures)


def customer_sample(context: LogContext) -> CustomerSample:
    """The sample that a use case asks of its log: as many customers as make `sample.rows` rows at its cutoffs.

    Each customer of the log is taken to have a row at each cutoff, which is never too few of them.
    """
    customers = context.log.encoded.customers.count()
    rows = customers * (len(context.cutoffs.train) + 1)
    share = min(1.0, context.use_case.sample.rows / max(1, rows))
    return CustomerSample(share, customers, context.use_case.seed)
