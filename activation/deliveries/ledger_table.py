"""The ledger of a destination as a table: what is acknowledged, on its way, and refused; by keyed hash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from activation.deliveries.ledger import DeliveryLedger
from features.spec.atomic import draft_of
from features.tables.delivery_schema import check_delivery_ledger

_SCHEMA = {
    "who": pl.String(),
    "state": pl.String(),
    "operation": pl.String(),
    "digest": pl.String(),
    "reason": pl.String(),
    "at": pl.Datetime("us", "UTC"),
}


def ledger_table(ledger: DeliveryLedger) -> pl.DataFrame:
    """A row for each member, each row on its way and each refusal."""
    rows: list[tuple[str, str, str, str | None, str | None, datetime | None]] = [
        (who.hex(), "acknowledged", "upsert", one.digest, None, datetime.fromtimestamp(one.at, UTC))
        for who, one in ledger.members().items()
    ]
    rows += [(one.who.hex(), "pending", one.op, one.digest or None, None, None) for one in ledger.pending()]
    rows += [
        (one.who.hex(), "rejected", one.op, None, one.reason, datetime.fromtimestamp(one.at, UTC))
        for one in ledger.rejected()
    ]
    return check_delivery_ledger(pl.DataFrame(rows, _SCHEMA, orient="row").sort("who", "state", "operation"))


def write_ledger(ledger: DeliveryLedger, target: Path) -> None:
    """Writes it as a Parquet file, which only its owner may read."""
    with draft_of(target, mode=0o600) as draft:
        ledger_table(ledger).write_parquet(draft)
