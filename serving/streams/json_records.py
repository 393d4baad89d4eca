"""Bodies of messages as JSON objects."""

from __future__ import annotations

from collections.abc import Mapping

from features.spec.feature import Json
from serving.http.problems import Problem
from serving.requests.strict_json import decode
from serving.streams.port import Message, PoisonError


class JsonRecords:
    """Reads strict JSON: what two readers could understand differently is poison."""

    def record(self, message: Message) -> Mapping[str, Json]:
        """The object that a body is; raises PoisonError."""
        try:
            found = decode(message.body)
        except Problem:
            raise PoisonError("The body must be JSON as RFC 8259 has it, in UTF-8, with each key once") from None
        if not isinstance(found, dict):
            raise PoisonError("The body must be a JSON object")
        record: Mapping[str, Json] = found
        return record
