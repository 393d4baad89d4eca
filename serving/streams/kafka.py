"""Kafka: a member of a group that commits by hand.

A group's own generation fences commits at the broker. For the state, which stands elsewhere, a generation is counted
along with the offsets: whoever is given partitions commits a higher one in their metadata, which no former owner can.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from serving.streams.config import Reach, StreamFile, StreamFileError, StreamSource, secret
from serving.streams.port import Batch, Message, UnavailableError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, TopicPartition
    from confluent_kafka import Message as KafkaMessage

SESSION_MS = 6_000  # without a heartbeat; then partitions go to another worker
POLL_MS = 900_000  # between two reads: a sweep of everybody may take minutes
_GRACE = 10.0  # seconds that a broker may take to answer
_JOIN = 30.0  # seconds that a group may take to give partitions
_MORE = 0.002  # seconds that a batch waits for more once there is one message
_PROTOCOLS = {"plaintext": "PLAINTEXT", "tls": "SSL", "sasl_plaintext": "SASL_PLAINTEXT", "sasl_tls": "SASL_SSL"}
_MARK = "penchant-generation="


def kafka_settings(reach: Reach) -> dict[str, str | int | bool]:
    """How librdkafka reaches the broker.

    Raises:
        StreamFileError: A secret's variable is not set; or the extra is missing.
    """
    try:
        import confluent_kafka  # noqa: F401
    except ImportError:
        raise StreamFileError(["needs the extra kafka: pip install 'penchant[kafka]'"]) from None
    found: dict[str, str | int | bool] = {
        "bootstrap.servers": reach.servers or "",
        "security.protocol": _PROTOCOLS[reach.security],
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 5_000,
        "log_level": 0,
    }
    named = {
        "sasl.mechanism": reach.mechanism,
        "ssl.ca.location": reach.ca,
        "sasl.username": secret(reach.username_env),
        "sasl.password": secret(reach.password_env),
    }
    return found | {key: value for key, value in named.items() if value is not None}


def open_source(file: StreamFile) -> KafkaSource:
    """The source of a file; raises StreamFileError where a secret is missing, or the extra."""
    return KafkaSource(file.source)


class KafkaSource:
    """A topic, to one worker of a group."""

    def __init__(self, source: StreamSource) -> None:
        """Joins the group.

        Raises:
            StreamFileError: A secret is missing, or the extra.
        """
        settings = kafka_settings(source.reach)
        from confluent_kafka import Consumer

        self._topic, self._latest = source.name, source.start == "latest"
        self._generation, self._given, self._due = 0, False, False
        self._paused = self._down = False
        self._ahead: list[KafkaMessage] = []
        self._consumer: Consumer = Consumer(
            {
                **settings,
                "group.id": source.group,
                "enable.auto.commit": False,
                "auto.offset.reset": source.start,
                "session.timeout.ms": SESSION_MS,
                "heartbeat.interval.ms": SESSION_MS // 4,
                "max.poll.interval.ms": POLL_MS,
                "fetch.wait.max.ms": 50,
                "fetch.error.backoff.ms": 100,
                "error_cb": self._failed,
            }
        )
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def read(self, most: int, wait_seconds: float) -> Batch:
        """As the port has it."""
        self._join()
        if self._paused or most < 1:
            self._ahead += self._usable(self._consumer.consume(1, 0))
            return Batch((), self._generation)
        found, self._ahead = self._ahead, []
        found = found or self._usable(self._consumer.consume(1, wait_seconds))
        if found and len(found) < most:
            found += self._usable(self._consumer.consume(most - len(found), _MORE))
        if not found and self._down:
            self._ask_broker()
        if self._due:
            self._claim()
        mine = {(one.topic, one.partition) for one in self._consumer.assignment()}
        kept = [one for one in found if (one.topic(), one.partition()) in mine]
        self._ahead = kept[most:]
        return Batch([_message(one) for one in kept[:most]], self._generation)

    def done(self, batch: Batch) -> None:
        """As the port has it."""
        if batch.generation != self._generation or not batch.messages:
            return
        last: dict[str, int] = {}
        for message in batch.messages:
            offset = int(message.position.rpartition("/")[2])
            last[message.partition] = max(offset, last.get(message.partition, -1))
        self._commit({int(part.rpartition("/")[2]): offset + 1 for part, offset in last.items()})

    def pause(self) -> None:
        """As the port has it."""
        self._paused = True
        self._consumer.pause(self._consumer.assignment())

    def resume(self) -> None:
        """As the port has it."""
        self._paused = False
        self._consumer.resume(self._consumer.assignment())

    def rewind(self, since: datetime) -> None:
        """As the port has it: of the partitions that this worker has."""
        from confluent_kafka import KafkaException, TopicPartition

        self._join()
        if self._due:
            self._claim()
        moment = int(since.timestamp() * 1000)
        try:
            asked = [TopicPartition(one.topic, one.partition, moment) for one in self._consumer.assignment()]
            found = self._consumer.offsets_for_times(asked, timeout=_GRACE)
            starts = {one.partition: one.offset if one.offset >= 0 else self._bounds(one)[1] for one in found}
            for number, offset in starts.items():
                self._consumer.seek(TopicPartition(self._topic, number, offset))
        except KafkaException as error:
            unavailable(error.args[0])
        self._ahead = []
        self._commit(starts)

    def lag(self) -> int | None:
        """As the port has it: of the partitions that this worker has."""
        from confluent_kafka import KafkaException

        if not self._given:
            return None
        try:
            assigned = self._consumer.assignment()
            committed = {one.partition: one.offset for one in self._consumer.committed(assigned, timeout=_GRACE)}
            left = 0
            for one in self._consumer.position(assigned):
                low, high = self._bounds(one)
                at = one.offset if one.offset >= 0 else committed[one.partition]
                left += max(0, high - (at if at >= 0 else high if self._latest else low))
        except KafkaException:
            return None
        return left + len(self._ahead)

    def close(self) -> None:
        """As the port has it."""
        self._consumer.close()

    def _join(self) -> None:
        """Waits until the group has given this worker its partitions, which may be none."""
        until = time.monotonic() + _JOIN
        while not self._given:
            self._ahead += self._usable(self._consumer.consume(1, 0.1))
            if self._down or time.monotonic() > until:
                self._ask_broker()
            if time.monotonic() > until:
                raise UnavailableError("Kafka: the group gave no partitions in time")

    def _usable(self, found: Iterable[KafkaMessage]) -> list[KafkaMessage]:
        """Those that are messages; of the others, failures that do not pass by themselves are raised."""
        from confluent_kafka import KafkaError

        kept: list[KafkaMessage] = []
        for one in found:
            error = one.error()
            if error is None:
                kept.append(one)
            elif error.code() == KafkaError._MAX_POLL_EXCEEDED:
                self._given = False  # it joins anew
            elif error.code() != KafkaError._PARTITION_EOF and not kept:
                unavailable(error)
        if kept:
            self._down = False
        return kept

    def _failed(self, error: KafkaError) -> None:
        from confluent_kafka import KafkaError as Known

        if error.code() == Known._ALL_BROKERS_DOWN:
            self._down = True

    def _ask_broker(self) -> None:
        from confluent_kafka import KafkaException

        try:
            self._consumer.list_topics(self._topic, timeout=2)
        except KafkaException as error:
            unavailable(error.args[0])
        self._down = False

    def _assigned(self, consumer: Consumer, _partitions: Sequence[TopicPartition]) -> None:
        self._given = self._due = True
        self._ahead = []
        if self._paused:
            consumer.pause(consumer.assignment())

    def _revoked(self, _consumer: Consumer, _partitions: Sequence[TopicPartition]) -> None:
        self._due = True
        self._ahead = []

    def _claim(self) -> None:
        """Commits a higher generation for the partitions that were given, without moving their offsets."""
        from confluent_kafka import KafkaException

        assigned = self._consumer.assignment()
        try:
            known = self._consumer.committed(assigned, timeout=_GRACE) if assigned else []
            starts = {one.partition: one.offset if one.offset >= 0 else self._start(one) for one in known}
        except KafkaException as error:
            unavailable(error.args[0])
        now = time.time_ns() // 1_000_000  # where a broker keeps no metadata
        self._generation = max([now, *(1 + _generation(one.metadata) for one in known), 1 + self._generation])
        if not self._commit(starts):
            raise UnavailableError("Kafka: the group is being rebalanced")
        self._consumer.resume(assigned)  # librdkafka knows what was paused even after others had it
        self._due = False

    def _start(self, partition: TopicPartition) -> int:
        low, high = self._bounds(partition)
        return high if self._latest else low

    def _bounds(self, partition: TopicPartition) -> tuple[int, int]:
        from confluent_kafka import TopicPartition

        asked = TopicPartition(partition.topic, partition.partition)
        low, high = self._consumer.get_watermark_offsets(asked, timeout=_GRACE, cached=False)
        return int(low), int(high)

    def _commit(self, offsets: Mapping[int, int]) -> bool:
        """Commits for the next message of each partition; false where the group is another by now."""
        from confluent_kafka import KafkaError, KafkaException, TopicPartition

        if not offsets:
            return True
        mark = f"{_MARK}{self._generation}"
        asked = [TopicPartition(self._topic, number, offset, mark) for number, offset in offsets.items()]
        old = (KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS)
        try:
            answers = self._consumer.commit(offsets=asked, asynchronous=False) or ()
        except KafkaException as error:
            if error.args[0].code() in old:
                return False
            unavailable(error.args[0])
        for answer in answers:
            if answer.error is not None and answer.error.code() not in old:
                unavailable(answer.error)
        return all(answer.error is None for answer in answers)


def _message(found: KafkaMessage) -> Message:
    partition = f"{found.topic()}/{found.partition()}"
    position = f"{partition}/{found.offset()}"
    kind, moment = found.timestamp()
    key = found.key()
    return Message(
        position=position,
        body=found.value() or b"",
        identity=position,
        partition=partition,
        key=key.decode("utf-8", "replace") if isinstance(key, bytes) else key,
        at=datetime.fromtimestamp(moment / 1000, UTC) if kind else None,
    )


def _generation(metadata: str | None) -> int:
    number = (metadata or "").partition(_MARK)[2]
    return int(number) if number.isdigit() else 0


def unavailable(error: KafkaError) -> NoReturn:
    """Raises UnavailableError with the name of a failure."""
    raise UnavailableError(f"Kafka: {error.name()}") from None
