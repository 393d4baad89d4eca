"""Moments on a command line."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime


def midnight() -> datetime:
    """The moment at which today began, UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def moment(text: str) -> datetime:
    """A date or a moment in ISO form, UTC where it has no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date or a moment in ISO form, got another text") from None
    return (found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)).replace(microsecond=0)
