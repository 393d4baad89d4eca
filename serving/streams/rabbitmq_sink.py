"""A queue of RabbitMQ to publish to: all of a batch goes out, then the broker's confirms are waited for once.

pika's blocking channel waits for a confirm after each message, so this one runs a connection of the other kind, only
while something is published. What the broker refuses, returns or does not confirm before the connection ends is sent
again with the same id; whoever reads may see such a message twice, or after a later one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from serving.streams.config import Reach, StreamFile, StreamFileError, Target
from serving.streams.port import Outgoing, UnavailableError
from serving.streams.rabbitmq import Line, make_queue, rabbitmq_parameters

if TYPE_CHECKING:
    from pika import URLParameters
    from pika.channel import Channel
    from pika.frame import Method
    from pika.spec import Basic, BasicProperties

_ROUNDS = 3  # times that a message is sent before the batch counts as not published
_TOGETHER = 1_000  # messages that wait for their confirms at once
_GRACE = 30.0  # seconds that a broker may take to confirm these


def open_sink(file: StreamFile, target: Target) -> RabbitSink:
    """A sink beside the source of a file; raises StreamFileError for no queue, or no secret, or no extra."""
    if target.kind != "queue":
        raise StreamFileError([f"queue must be given with rabbitmq, got a {target.kind}"])
    return RabbitSink(file.source.reach, target.name)


class RabbitSink:
    """A queue to publish to: each message is kept on disk and confirmed."""

    def __init__(self, reach: Reach, queue: str) -> None:
        """Raises StreamFileError where a secret is missing, or the extra."""
        self._parameters, self._reach, self._queue = rabbitmq_parameters(reach), reach, queue
        self._publisher: _Publisher | None = None

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """As the port has it."""
        left = list(messages)
        for _ in range(_ROUNDS):
            left = [one for start in range(0, len(left), _TOGETHER) for one in self._send(left[start:][:_TOGETHER])]
            if not left:
                return
        raise UnavailableError("RabbitMQ: not all messages were confirmed")

    def _send(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Those that were not confirmed, after which the queue is looked for anew."""
        publisher = self._publisher or self._open()
        lost = publisher.send(messages)
        self._publisher = publisher
        if lost:
            self.close()
        return lost

    def _open(self) -> _Publisher:
        line = Line(self._reach, lambda channel: make_queue(channel, self._queue))
        line.wait(0)
        line.close()
        return _Publisher(self._parameters, self._queue)

    def close(self) -> None:
        """As the port has it."""
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()


class _Publisher:
    """A connection with confirms, which runs while one of its methods does."""

    def __init__(self, parameters: URLParameters, queue: str) -> None:
        """Connects; raises UnavailableError."""
        import pika

        self._queue = queue
        self._sent = 0  # the delivery tag of the last message: they are counted from 1
        self._open = dict[int, Outgoing]()  # by delivery tag, those that are neither confirmed nor refused
        self._returned, self._refused = set[str](), list[Outgoing]()
        self._channel: Channel | None = None
        self._fault: str | None = None
        self._until: Callable[[], bool] = bool
        self._connection = pika.SelectConnection(
            parameters,
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._opened),
            on_open_error_callback=lambda _, error: self._ended(error),
            on_close_callback=lambda _, error: self._ended(error),
        )
        self._loop = self._connection.ioloop
        self._run(lambda: self._channel is not None)
        if self._fault is not None:
            self.close()
            raise UnavailableError(f"RabbitMQ: {self._fault}")

    def send(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Publishes all of them and waits for the broker; those that it did not confirm, in their order."""
        from pika.exceptions import AMQPError

        self._returned.clear()
        self._refused.clear()
        left = list(messages)
        with suppress(AMQPError):  # it is closed: what is left over was not sent
            while left and self._channel is not None:
                self._publish(self._channel, left[0])
                left.pop(0)
        self._run(lambda: not self._open)
        lost = [*self._refused, *self._open.values(), *left]
        self._open.clear()
        return lost

    def _publish(self, channel: Channel, message: Outgoing) -> None:
        import pika

        properties = pika.BasicProperties(
            message_id=message.id,
            headers=dict(message.headers),
            delivery_mode=2,
            content_type="application/json",
            timestamp=int(time.time()),
        )
        channel.basic_publish("", self._queue, message.body, properties, mandatory=True)
        self._sent += 1
        self._open[self._sent] = message

    def _run(self, until: Callable[[], bool]) -> None:
        """Runs the connection until something is so, or it ends, or the broker takes too long."""
        if self._fault is None and not until():
            self._until = until
            late = self._loop.call_later(_GRACE, lambda: self._ended(TimeoutError()))
            self._loop.start()
            self._loop.remove_timeout(late)

    def _opened(self, channel: Channel) -> None:
        channel.add_on_return_callback(self._came_back)
        channel.add_on_close_callback(lambda _, error: self._ended(error))

        def ready(_: Method) -> None:
            self._channel = channel
            self._look()

        channel.confirm_delivery(self._answered, ready)

    def _answered(self, frame: Method) -> None:
        """A confirm, or a refusal, of one message or of all up to it."""
        from pika.spec import Basic

        answer: Basic.Ack | Basic.Nack = frame.method
        tags = [tag for tag in self._open if tag <= answer.delivery_tag] if answer.multiple else [answer.delivery_tag]
        for tag in tags:
            message = self._open.pop(tag, None)
            if message is not None and (isinstance(answer, Basic.Nack) or message.id in self._returned):
                self._refused.append(message)
        self._look()

    def _came_back(self, _: Channel, _method: Basic.Return, properties: BasicProperties, _body: bytes) -> None:
        """A message for which there is no queue; the broker confirms it all the same, afterwards."""
        self._returned.add(str(properties.message_id))

    def _ended(self, error: BaseException) -> None:
        self._fault = self._fault or type(error).__name__
        self._loop.stop()

    def _look(self) -> None:
        if self._until():
            self._loop.stop()

    def close(self) -> None:
        """Lets go of the connection."""
        from pika.exceptions import AMQPError

        with suppress(AMQPError):
            self._connection.close()
            self._fault, self._until = None, lambda: self._connection.is_closed
            self._run(self._until)
        self._loop.close()
