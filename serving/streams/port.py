"""The port to brokers: where messages come from, how they are read, and where others are published.

A batch goes one way: `read`, one transaction of the state, `publish`, then `done`. A worker that is killed between two
of these is handed the batch again, or publishes again what it left in the outbox with the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from features.spec.feature import Json


class Message(Struct, frozen=True, kw_only=True):
    """A message as a broker has it."""

    position: str  # where it stands, for people: `topic/partition/offset`, `queue/offset` or `queue/delivery tag`
    body: bytes
    identity: str | None  # the same at every delivery: topic, partition and offset, or a message id; None: none
    partition: str = ""  # what a generation of the group shares out among workers: `topic/partition`; "": nothing
    key: str | None = None
    redelivered: bool = False
    at: datetime | None = None  # when the broker or the producer took it, UTC


class Batch(Struct, frozen=True):
    """Messages that were read together, in the order of their positions."""

    messages: Sequence[Message]
    generation: int = 0  # rises whenever partitions get other workers; 0 where the source has no groups


class Outgoing(Struct, frozen=True, kw_only=True):
    """A message to publish."""

    id: str  # the same whenever it is published again
    body: bytes  # JSON of a change; of a dead letter the message as it came
    key: str | None = None  # what keeps the order of those that share it
    headers: Mapping[str, str] = {}


class UnavailableError(OSError):
    """A broker cannot be reached, or did not acknowledge in time: the one failure that is tried again."""


class PoisonError(ValueError):
    """A message breaks a rule, whenever it is read: it goes to the dead letters. Its text holds the rule, no cell."""


class MessageSource(Protocol):
    """Where messages come from, to one worker.

    It has joined its group before the first `read` returns, and starts at the earliest message that the group has not
    done. Each method but `close` raises UnavailableError where the broker cannot be reached.
    """

    def read(self, most: int, wait_seconds: float) -> Batch:
        """Up to so many messages, as soon as they are there or after the wait; none while it is paused.

        Membership of the group is kept alive by it, paused or not.
        """

    def done(self, batch: Batch) -> None:
        """Commits or acknowledges a batch, which is not handed out again; of an old generation this changes nothing."""

    def pause(self) -> None:
        """Hands out no more messages until `resume`."""

    def resume(self) -> None:
        """Goes on after `pause`, with what was not handed out."""

    def rewind(self, since: datetime) -> None:
        """Goes back to the first message at or after a moment, in all partitions; raises ValueError where it cannot."""

    def lag(self) -> int | None:
        """How many messages the group has not been handed yet; None where the broker does not say."""

    def close(self) -> None:
        """Leaves the group; what was read and is not done is handed to another."""


class MessageSink(Protocol):
    """Where messages are published: a topic, a queue or a webhook."""

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Returns once all are acknowledged; raises UnavailableError where one is not: none counts as published."""

    def close(self) -> None:
        """Lets go of the connection."""


class MessageReader(Protocol):
    """How a body becomes a record: JSON, or Avro with a schema."""

    def record(self, message: Message) -> Mapping[str, Json]:
        """An event's or a change of traits' keys; raises PoisonError with the rule, UnavailableError of a registry."""
