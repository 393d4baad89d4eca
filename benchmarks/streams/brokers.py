"""A broker that can be stopped and started again with what it keeps: Tansu, Apache Kafka or RabbitMQ, on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from serving.streams.config import Reach, StreamSource
from serving.streams.kafka import KafkaSource
from serving.streams.kafka_sink import KafkaSink
from serving.streams.port import MessageSink, MessageSource
from serving.streams.rabbitmq import RabbitSource
from serving.streams.rabbitmq_sink import RabbitSink
from tests.support.brokers import apache_kafka, rabbitmq, tansu
from tests.support.ports import free_port

KINDS = ("tansu", "kafka", "rabbitmq")
JARS = Path(__file__).parents[2] / ".kafka" / "jars"  # where `make kafka` puts them


class Broker:
    """One of a kind; KAFKA_SERVERS of the environment names an Apache Kafka that runs already."""

    def __init__(self, kind: str, folder: Path) -> None:
        """Starts nothing yet."""
        self.kind, self._folder, self._port = kind, folder, free_port()
        self._running = ExitStack()
        self.address = ""

    @property
    def keeps(self) -> bool:
        """Whether it keeps messages when it is stopped, and may be stopped at all."""
        return self.kind == "rabbitmq" or (self.kind == "kafka" and "KAFKA_SERVERS" not in os.environ)

    def start(self) -> None:
        """Starts it, with what it kept."""
        self._folder.mkdir(exist_ok=True)
        self.address = self._running.enter_context(self._process())

    def stop(self) -> None:
        """Ends it by kill -9."""
        self._running.close()

    def _process(self) -> AbstractContextManager[str]:
        if self.kind == "tansu":
            return tansu(self._port)
        if self.kind == "rabbitmq":
            return rabbitmq(self._folder, self._port)
        if servers := os.environ.get("KAFKA_SERVERS"):
            return _there(servers)
        return apache_kafka(self._folder, JARS, self._port)

    @property
    def _reach(self) -> Reach:
        return Reach(url=self.address) if self.kind == "rabbitmq" else Reach(servers=self.address)

    def sink(self, name: str) -> MessageSink:
        """A topic or queue to publish to."""
        return (RabbitSink if self.kind == "rabbitmq" else KafkaSink)(self._reach, name)

    def source(self, name: str) -> MessageSource:
        """A topic or queue to read from."""
        if self.kind == "rabbitmq":
            return RabbitSource(StreamSource(kind="rabbitmq", name=name, reach=self._reach))
        return KafkaSource(StreamSource(kind="kafka", name=name, reach=self._reach, group=f"of-{name}"))

    def toml(self, state: Path, most: int) -> str:
        """STREAM.toml by which events come from it, and changes and dead letters go back to it."""
        named = "queue" if self.kind == "rabbitmq" else "topic"
        address = f'kind = "rabbitmq"\nurl = "{self.address}"' if named == "queue" else ""
        address = address or f'kind = "kafka"\nservers = "{self.address}"'
        return (
            f'[source]\n{address}\n{named} = "events"\nid = "id"\nmost = {most}\n'
            f'[out]\n{named} = "changes"\n[dead]\n{named} = "dead"\n[state]\npath = "{state}"\n'
        )


@contextmanager
def _there(servers: str) -> Iterator[str]:
    yield servers


@contextmanager
def started(kind: str, folder: Path) -> Iterator[Broker]:
    """A broker that runs, and is stopped afterwards."""
    broker = Broker(kind, folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
