"""Profiles of any source as the bodies of as many calls as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from features.spec.feature import Json

MAX_PROFILES = 1000  # a call
ID = "customer_id"
encode = msgspec.json.Encoder().encode


def bodies(profiles: Iterable[Any], options: Mapping[str, Json]) -> Iterator[bytes]:
    """The bodies of as many calls as it takes."""
    source = iter(profiles)
    while chunk := list(islice(source, MAX_PROFILES)):
        yield encode({"profiles": chunk, **{name: value for name, value in options.items() if value is not None}})


def profiles_of(source: Any, customer_id: str = ID) -> Iterator[Any]:
    """The profiles of a data frame, a row each; anything else is taken to be profiles already.

    Dates become ISO text, NaN and NaT null.

    Raises:
        ValueError: The data frame has no column of ids.
    """
    if not hasattr(source, "__arrow_c_stream__"):
        yield from source
        return
    import pyarrow as pa

    reader = pa.RecordBatchReader.from_stream(source)
    if customer_id not in reader.schema.names:
        raise ValueError(f"A data frame needs the column of ids {customer_id!r}, got {len(reader.schema)} others.")
    for batch in reader:
        for start in range(0, batch.num_rows, MAX_PROFILES):
            for row in batch.slice(start, MAX_PROFILES).to_pylist():
                customer = row.pop(customer_id)
                features = {name: _plain(value) for name, value in row.items()}
                yield {ID: None if customer is None else str(customer), "features": features}


def _plain(value: Any) -> Any:
    """A cell as JSON has it."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    number = float(value)
    return None if number != number else number
