"""How messages become events: read by the rules that a bundle has of raw events, in a form that can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.json import decode, encode

from features.spec.feature import CUSTOMER_ID, Json, slug
from features.spec.ids import posted_id
from features.spec.raw_events import RawEvents, RawLog
from serving.customers.logs_of_events import LOG, known_names, logs_of
from serving.customers.raw_events import cells_in_table, read_event
from serving.streams.port import PoisonError

_SCALE = 10_000  # amounts have four decimals
Cells = Sequence[Json]


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event of a customer."""

    customer_id: str
    content: str  # the same of two events that say the same
    cells: str  # JSON of its cells in the order of the table `events` after the customer
    record: str | None  # JSON of what was sent; None of one that came from the log


class Contract:
    """The raw events that bundles with the same rules read."""

    def __init__(self, compiled: RawEvents) -> None:
        """Keeps the rules of one of them."""
        self.compiled, self.logs = compiled, logs_of(compiled)
        rules = [compiled["events"], compiled.get("logs"), compiled.get("currency"), compiled.get("left_out")]
        traits = [column["key"] for column in compiled["traits"]]
        self.digest = hashlib.sha256(json.dumps([rules, traits], sort_keys=True).encode()).hexdigest()[:16]
        self._known = {name for log in self.logs for name in known_names(log)}
        self._known |= {LOG} if len(self.logs) > 1 else set()
        self._columns = [column["column"] for column in compiled["events"][1:]]
        self.keys = [column["key"] for column in compiled["events"][1:]]
        self._at = {name: at for at, name in enumerate(self._columns)}
        own = [log["customer"] or next((one for one in log["ignored"] if one != log["id"]), None) for log in self.logs]
        self.customer_keys = list(dict.fromkeys([*(name for name in own if name), CUSTOMER_ID]))

    def read(self, record: Mapping[str, Json], customer: str, aside: str | None) -> StreamEvent:
        """The event that a record is of; keys that no use case reads are passed over, and not kept.

        Args:
            record: What was sent.
            customer: Whose it is.
            aside: The declared key of a message's id.

        Raises:
            PoisonError: It breaks rules, which are named.
        """
        kept = {key: value for key, value in record.items() if key in self._known}
        read = read_event(self.compiled, kept, "event", customer)
        own = (*self.customer_keys, aside)
        sent = {key: value for key, value in record.items() if key in kept or key in own}
        if read.faults:
            raise PoisonError("; ".join(one["detail"] for one in read.faults))
        log = self.logs[read.number]
        cells = list(cells_in_table(self.compiled, log, read.cells, None, read.number))
        return self._event(customer, log, cells, encode(sent).decode())

    def logged(self, row: Mapping[str, Json | datetime]) -> StreamEvent:
        """The event of a row of a log's clean history."""
        log = self.logs[number if isinstance(number := row["log"], int) and number < len(self.logs) else 0]
        cells = ["yes" if key == "tracking_consent" else row.get(key) for key in self.keys]
        return self._event(str(row[CUSTOMER_ID]), log, cells, None)

    def _event(self, customer: str, log: RawLog, cells: list[Json | datetime], record: str | None) -> StreamEvent:
        written = [cell.isoformat() if isinstance(cell, datetime) else cell for cell in cells]
        content = _text([customer, *self._compared(log, written)])
        digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return StreamEvent(customer, digest, encode(written).decode(), record)

    def _compared(self, log: RawLog, cells: Cells) -> Iterator[Json]:
        for name, cell in zip(self._columns, cells, strict=True):
            if name in ("as_of", "consent"):
                continue
            if name == "type":
                yield log["only"] if log["only"] is not None else slug(str(cell))
            elif name == "refund":
                yield bool(cell)
            elif isinstance(cell, int | float) and name != "log":
                yield round(float(cell) * _SCALE)
            else:
                yield slug(cell) if isinstance(cell, str) and name[0] == "p" else cell

    def row(self, number: int, cells: str, as_of: datetime) -> list[Json | datetime]:
        """A row of the table `events`: of the customer of a number, as of a moment (UTC, without zone)."""
        read: list[Json | datetime] = [str(number), *decode(cells)]
        read[1 + self._at["as_of"]] = as_of
        read[1 + self._at["ts"]] = datetime.fromisoformat(str(read[1 + self._at["ts"]]))
        return read

    def traits_row(self, number: int, cells: str) -> list[Json | datetime]:
        """A row of the table `traits`."""
        kinds = [column["type"] for column in self.compiled["traits"][1:]]
        return [
            str(number),
            *(
                datetime.fromisoformat(cell) if kind == "TIMESTAMP" and cell is not None else cell
                for kind, cell in zip(kinds, decode(cells), strict=True)
            ),
        ]


def customer_of(record: Mapping[str, Json], keys: Sequence[str]) -> str:
    """The customer of a message, who may be named under some keys.

    Raises:
        PoisonError: It names none.
    """
    for key in keys:
        if key in record:
            customer = posted_id(record[key])
            if customer and "\0" not in customer:
                return customer
            raise PoisonError(f"{key} must be text that is not empty, or a whole number")
    raise PoisonError(f"The customer must be there under {' or '.join(keys)}")


# Digests are of this text: what is in a state already must stay the same.
_text = json.JSONEncoder(ensure_ascii=False).encode
