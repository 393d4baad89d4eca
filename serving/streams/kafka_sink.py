"""A topic of Kafka to publish to, by an idempotent producer: a batch goes out, then its answers are waited for once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from serving.streams.config import Reach, StreamFile, StreamFileError, Target
from serving.streams.kafka import kafka_settings, unavailable
from serving.streams.port import Outgoing, UnavailableError

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer
    from confluent_kafka import Message as KafkaMessage


def open_sink(file: StreamFile, target: Target) -> KafkaSink:
    """A sink beside the source of a file; raises StreamFileError for no topic, or no secret, or no extra."""
    if target.kind != "topic":
        raise StreamFileError([f"topic must be given with kafka, got a {target.kind}"])
    return KafkaSink(file.source.reach, target.name)


class KafkaSink:
    """A topic to publish to: acknowledged by all replicas, each message once."""

    def __init__(self, reach: Reach, topic: str) -> None:
        """Raises StreamFileError where a secret is missing, or the extra."""
        self._settings, self._topic = kafka_settings(reach), topic
        self._producer: Producer | None = None

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """As the port has it."""
        from confluent_kafka import KafkaException, Producer

        if self._producer is None:
            durable: Mapping[str, str | int | bool] = {
                "enable.idempotence": True,
                "linger.ms": 0,
                "message.timeout.ms": 20_000,
            }
            self._producer = Producer({**self._settings, **durable})
        faults: list[KafkaError] = []
        try:
            for message in messages:
                self._produce(self._producer, message, faults)
            left = self._producer.flush(30)
        except KafkaException as error:
            faults.append(error.args[0])
            left = 0
        if left or faults:
            with suppress(KafkaException):
                self._producer.purge()
            self._producer = None  # of an idempotent producer a failure may be for good
            if faults:
                unavailable(faults[0])
            raise UnavailableError("Kafka: not all messages were acknowledged in time")

    def _produce(self, producer: Producer, message: Outgoing, faults: list[KafkaError]) -> None:
        headers: list[tuple[str, str | bytes | None]] = [
            ("id", message.id.encode()),
            *((key, value.encode()) for key, value in message.headers.items()),
        ]
        key = None if message.key is None else message.key.encode()

        def answered(error: KafkaError | None, _message: KafkaMessage) -> None:
            if error is not None:
                faults.append(error)

        while True:
            try:
                producer.produce(self._topic, message.body, key, headers=headers, on_delivery=answered)
            except BufferError:
                producer.poll(0.1)
            else:
                return

    def close(self) -> None:
        """As the port has it."""
        if self._producer is not None:
            self._producer.flush(5)
