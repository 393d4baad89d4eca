"""RabbitMQ: a queue with acknowledgements by hand, or a stream from a moment.

A queue that is not there is made a quorum queue. It keeps the messages of workers that were killed, and passes what no
worker ever finished on to `QUEUE.undelivered`: nothing is dropped. Queues that are there stay as they were made.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from serving.streams.config import Reach, StreamFile, StreamFileError, StreamSource, secret
from serving.streams.port import Batch, Message, UnavailableError

if TYPE_CHECKING:
    from pika import URLParameters
    from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
    from pika.spec import Basic, BasicProperties

T = TypeVar("T")
DELIVERIES = 20  # of a message until it is passed on; each kill of a worker costs one
_HEARTBEAT = 300  # seconds: between two reads a sweep may take minutes
_GRACE = 10.0  # seconds that a broker may take to answer
_MORE = 0.002  # seconds that a batch waits for more once there is one message
_MOST_AHEAD = 60_000  # of a prefetch, which has 16 bits


def rabbitmq_parameters(reach: Reach) -> URLParameters:
    """How pika reaches the broker.

    Raises:
        StreamFileError: A secret's variable is not set, or what it holds is no address; or the extra is missing.
    """
    try:
        import pika
    except ImportError:
        raise StreamFileError(["needs the extra rabbitmq: pip install 'penchant[rabbitmq]'"]) from None
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # what it meets is raised, and said by whoever tries again
    url = secret(reach.url_env) or reach.url or ""
    user, password = secret(reach.username_env), secret(reach.password_env)
    parts = urlsplit(url)
    if user is not None or password is not None:
        name = quote(user or parts.username or "guest", safe="")
        where = parts.netloc.rpartition("@")[2]
        parts = parts._replace(netloc=f"{name}:{quote(password or '', safe='')}@{where}")
    try:
        found = pika.URLParameters(urlunsplit(parts))
    except (ValueError, TypeError, AttributeError):
        raise StreamFileError(["url: must be an address of AMQP"]) from None
    if reach.ca is not None:
        import ssl

        found.ssl_options = pika.SSLOptions(ssl.create_default_context(cafile=reach.ca), found.host)
    found.heartbeat = _HEARTBEAT
    found.blocked_connection_timeout = _GRACE
    found.socket_timeout = found.stack_timeout = _GRACE
    return found


def open_source(file: StreamFile) -> RabbitSource:
    """The source of a file; raises StreamFileError where a secret is missing, or the extra."""
    return RabbitSource(file.source)


class Line:
    """A connection that is made when it is needed, and anew after a failure."""

    def __init__(self, reach: Reach, opened: Callable[[BlockingChannel], None]) -> None:
        self._parameters, self._opened = rabbitmq_parameters(reach), opened
        self._connection: BlockingConnection | None = None
        self._channel: BlockingChannel | None = None

    def run(self, work: Callable[[BlockingChannel], T]) -> T:
        """What some work on a channel gives; raises UnavailableError, and the next one has a new connection."""
        from pika.exceptions import AMQPError

        try:
            if self._channel is None:
                self._channel = self._open()
            return work(self._channel)
        except (AMQPError, OSError) as error:
            self.close()
            raise UnavailableError(f"RabbitMQ: {type(error).__name__}") from error

    def _open(self) -> BlockingChannel:
        import pika

        self._connection = pika.BlockingConnection(self._parameters)
        channel = self._connection.channel()
        self._opened(channel)
        return channel

    def wait(self, seconds: float) -> None:
        """Takes what has come, or waits for it."""
        self.run(lambda channel: channel.connection.process_data_events(time_limit=seconds))

    def close(self) -> None:
        """Lets go of the connection."""
        from pika.exceptions import AMQPError

        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with suppress(AMQPError, OSError):
                connection.close()


def make_queue(channel: BlockingChannel, queue: str) -> None:
    """Makes a queue where there is none."""
    from pika.exceptions import ChannelClosedByBroker

    beside = channel.connection.channel()
    try:
        beside.queue_declare(queue, passive=True)
    except ChannelClosedByBroker as error:
        if error.reply_code != 404:
            raise
        rest = f"{queue}.undelivered"
        channel.queue_declare(rest, durable=True, arguments={"x-queue-type": "quorum"})
        arguments = {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERIES,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": rest,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        channel.queue_declare(queue, durable=True, arguments=arguments)
    else:
        beside.close()


class RabbitSource:
    """A queue or a stream, to one worker."""

    def __init__(self, source: StreamSource) -> None:
        """Connects with the first `read`.

        Raises:
            StreamFileError: A secret is missing, or the extra.
        """
        self._queue, self._ahead = source.name, min(2 * source.most, _MOST_AHEAD)
        self._base = self._last = 0  # delivery tags of earlier connections; the last number that was given
        self._open = set[int]()  # numbers that were handed out and are not done
        self._waiting: deque[tuple[int, Message]] = deque()
        self._start: str | datetime = "first" if source.start == "earliest" else "next"
        self._paused = False
        self._line = Line(source.reach, self._consume)

    def read(self, most: int, wait_seconds: float) -> Batch:
        """As the port has it."""
        if self._paused or most < 1:
            self._line.wait(0)
            return Batch(())
        until = time.monotonic() + wait_seconds
        self._line.wait(0)
        while not self._waiting and (left := until - time.monotonic()) > 0:
            self._line.wait(left)
        known = 0
        while known < len(self._waiting) < most:
            known = len(self._waiting)
            self._line.wait(_MORE)
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._open.update(number for number, _ in taken)
        return Batch([message for _, message in taken])

    def done(self, batch: Batch) -> None:
        """As the port has it: what came over an earlier connection is handed out again, whatever is done with it."""
        numbers = {int(message.position.rpartition("/")[2]) for message in batch.messages} & self._open
        if not numbers:
            return
        if all(number in numbers for number in self._open if number <= max(numbers)):
            self._line.run(lambda channel: channel.basic_ack(max(numbers) - self._base, multiple=True))
        else:
            for number in sorted(numbers):
                self._line.run(lambda channel, tag=number - self._base: channel.basic_ack(tag))  # type: ignore[misc]
        self._open -= numbers

    def pause(self) -> None:
        """As the port has it: the broker sends no more than the prefetch."""
        self._paused = True

    def resume(self) -> None:
        """As the port has it."""
        self._paused = False

    def rewind(self, since: datetime) -> None:
        """As the port has it; a queue forgets what is done, so only a stream can."""
        if not self._line.run(self._is_stream):
            raise ValueError("A queue keeps nothing that is done: only a stream queue can be replayed")
        self._start = since
        self._line.close()

    def lag(self) -> int | None:
        """As the port has it; a stream does not say."""
        try:
            if self._line.run(self._is_stream):
                return None
            found = self._line.run(lambda channel: channel.queue_declare(self._queue, passive=True))
        except UnavailableError:
            return None
        return int(found.method.message_count) + len(self._waiting)

    def close(self) -> None:
        """As the port has it."""
        self._line.close()

    def _is_stream(self, channel: BlockingChannel) -> bool:
        """Whether the queue is a stream: of no other does the broker take where to start."""
        from pika.exceptions import ChannelClosedByBroker

        beside = channel.connection.channel()
        beside.basic_qos(prefetch_count=1)
        try:
            beside.basic_consume(self._queue, lambda *_: None, arguments={"x-stream-offset": "next"})
        except ChannelClosedByBroker as error:
            if "x-stream-offset" in error.reply_text:
                return False
            raise
        beside.close()
        return True

    def _consume(self, channel: BlockingChannel) -> None:
        self._base = self._last
        self._open.clear()
        self._waiting.clear()
        make_queue(channel, self._queue)
        channel.basic_qos(prefetch_count=self._ahead)
        arguments = {"x-stream-offset": self._start} if self._is_stream(channel) else {}
        channel.basic_consume(self._queue, self._received, arguments=arguments)

    def _received(
        self, _channel: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes
    ) -> None:
        number = self._base + method.delivery_tag
        self._last = max(self._last, number)
        headers: Mapping[str, object] = properties.headers or {}
        offset = headers.get("x-stream-offset")
        identity = properties.message_id if offset is None else f"{self._queue}/{offset}"
        message = Message(
            position=f"{self._queue}/{number}",
            body=body,
            identity=identity or None,
            key=method.routing_key,
            redelivered=bool(method.redelivered),
            at=datetime.fromtimestamp(properties.timestamp, UTC) if properties.timestamp else None,
        )
        self._waiting.append((number, message))
