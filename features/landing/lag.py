"""From where to read again, so that rows which were committed late are not lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from features.config.origins.origin_sections import Ingest
from features.errors import UseCaseError

_DAY, _NUMBERS = timedelta(days=1), 10_000  # where no lag is stated


def lagged(watermark: str, ingest: Ingest) -> str:
    """What is so far before a watermark as rows may have been committed late.

    >>> lagged("2026-03-01T12:00:00", Ingest(lag="2h")), lagged("2026-03-01", Ingest()), lagged("500", Ingest(lag=80))
    ('2026-03-01T10:00:00', '2026-02-28', '420')

    Raises:
        UseCaseError: The lag is of another kind than the cursor, or the cursor of none that can be lagged.
    """
    if watermark.lstrip("-").isdecimal():
        lag = _NUMBERS if ingest.lag is None else ingest.lag
        if isinstance(lag, timedelta):
            raise UseCaseError("ingest.lag", ["must be a whole number with a cursor of numbers, got a duration"])
        return str(int(watermark) - lag)
    lag = _DAY if ingest.lag is None else ingest.lag
    if isinstance(lag, int):
        raise UseCaseError("ingest.lag", ["must be a duration with a cursor of moments, got a number"])
    try:
        moment = datetime.fromisoformat(watermark) - lag
    except ValueError:
        rule = "must hold whole numbers or moments in ISO form, got something else"
        raise UseCaseError("ingest.cursor", [rule]) from None
    if len(watermark) == len("2026-01-01"):
        return moment.date().isoformat()
    text = moment.isoformat(sep="T" if "T" in watermark else " ")
    return text.replace("+00:00", "Z") if watermark.endswith("Z") else text
