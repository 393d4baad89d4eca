"""RabbitMQ as Debian packs it: quorum queues, streams, a connection that is cut, and a broker that is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest

from serving.streams.config import Reach, StreamFile, StreamFileError, StreamSource, Target
from serving.streams.port import Batch, Message, Outgoing, UnavailableError
from serving.streams.rabbitmq import RabbitSource, rabbitmq_parameters
from serving.streams.rabbitmq_sink import RabbitSink, open_sink
from tests.support.brokers import rabbitmq
from tests.support.ports import free_port
from tests.support.relay import relayed


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A RabbitMQ."""
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield url


def _source(url: str, queue: str, most: int = 40) -> RabbitSource:
    return RabbitSource(StreamSource(kind="rabbitmq", name=queue, reach=Reach(url=url), most=most))


def _publish(url: str, queue: str, count: int) -> None:
    sink = RabbitSink(Reach(url=url), queue)
    sink.publish([Outgoing(id=f"m{n}", body=b"%d" % n) for n in range(count)])
    sink.close()


def _read(source: RabbitSource, count: int) -> list[Batch]:
    found, until = list[Batch](), time.monotonic() + 20
    while sum(len(batch.messages) for batch in found) < count and time.monotonic() < until:
        if (batch := source.read(40, 0.2)).messages:
            found.append(batch)
    return found


def _taken(url: str, queue: str) -> list[Message]:
    """All that a queue holds; it is done with."""
    found = list[Message]()
    with closing(_source(url, queue, 500)) as source:
        while (batch := source.read(500, 1.0)).messages:
            found += batch.messages
            source.done(batch)
    return found


def _bodies(batches: list[Batch]) -> list[int]:
    return sorted(int(message.body) for batch in batches for message in batch.messages)


def test_what_is_not_done_is_handed_out_again_and_what_is_done_is_not(broker: str) -> None:
    """Batches are bounded; what a worker left unacknowledged comes again, marked so, with the same identity."""
    _publish(broker, "again", 100)
    first = _source(broker, "again", 100)
    batches = _read(first, 100)
    assert _bodies(batches) == list(range(100))
    assert all(len(batch.messages) <= 40 for batch in batches)
    first.done(batches[1])
    first.close()
    second = _source(broker, "again")
    left = _read(second, 100 - len(batches[1].messages))
    assert _bodies(left) == sorted(set(range(100)) - set(_bodies([batches[1]])))
    assert all(message.redelivered and message.identity for batch in left for message in batch.messages)
    for batch in left:
        second.done(batch)
    assert second.lag() == 0
    second.close()


def test_an_old_connection_acknowledges_nothing_of_a_new_one(broker: str) -> None:
    """Delivery tags begin anew with a connection; a batch from before it acknowledges no other message."""
    _publish(broker, "old", 10)
    source = _source(broker, "old")
    (before,) = _read(source, 10)
    source._line.close()
    (after,) = _read(source, 10)
    source.done(before)
    source.close()
    again = _source(broker, "old")
    assert _bodies(_read(again, 10)) == _bodies([after]) == list(range(10))
    again.close()


def test_a_paused_source_hands_out_nothing_and_goes_on_with_the_next(broker: str) -> None:
    """Between `pause` and `resume` nothing is read, and nothing is lost."""
    _publish(broker, "pause", 60)
    source = _source(broker, "pause")
    seen = _read(source, 1)
    source.pause()
    assert not any(source.read(0, 0.0).messages or source.read(40, 0.01).messages for _ in range(5))
    source.resume()
    seen += _read(source, 60 - len(_bodies(seen)))
    assert _bodies(seen) == list(range(60))
    source.close()


def test_what_nobody_finishes_is_passed_on_and_not_dropped(broker: str) -> None:
    """After as many deliveries as a queue allows a message stands in the queue of undelivered ones."""
    connection = pika.BlockingConnection(rabbitmq_parameters(Reach(url=broker)))
    channel = connection.channel()
    channel.queue_declare("short.undelivered", durable=True, arguments={"x-queue-type": "quorum"})
    limits = {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "short.undelivered",
    }
    channel.queue_declare("short", durable=True, arguments=limits)
    _publish(broker, "short", 1)
    for _ in range(2):
        source = _source(broker, "short")
        _read(source, 1)
        source.close()
    rest = _source(broker, "short.undelivered")
    assert _bodies(_read(rest, 1)) == [0]
    rest.close()
    connection.close()


def test_a_stream_goes_back_to_a_moment_and_a_queue_says_that_it_cannot(broker: str) -> None:
    """Messages of a stream have the same identity whenever they are read."""
    connection = pika.BlockingConnection(rabbitmq_parameters(Reach(url=broker)))
    connection.channel().queue_declare("log", durable=True, arguments={"x-queue-type": "stream"})
    connection.close()
    _publish(broker, "log", 30)
    source = _source(broker, "log")
    first = _read(source, 30)
    for batch in first:
        source.done(batch)
    source.rewind(datetime.now(UTC) - timedelta(hours=1))
    again = _read(source, 30)
    assert _bodies(again) == list(range(30))
    assert {m.identity for b in again for m in b.messages} == {m.identity for b in first for m in b.messages}
    source.close()
    _publish(broker, "queue", 1)
    queue = _source(broker, "queue")
    with pytest.raises(ValueError, match="only a stream queue can be replayed"):
        queue.rewind(datetime.now(UTC))
    queue.close()


def test_a_batch_larger_than_its_window_arrives_once_and_in_order(broker: str) -> None:
    """Confirms of many messages come together, whatever their order."""
    _publish(broker, "many", 2_500)
    assert [int(message.body) for message in _taken(broker, "many")] == list(range(2_500))


def test_what_a_full_queue_refuses_is_sent_again_and_nothing_else(broker: str) -> None:
    """As soon as there is room; a queue that stays full is no success."""
    full = {"x-max-length": 20, "x-overflow": "reject-publish"}
    messages = [Outgoing(id=f"m{n}", body=b"%d" % n) for n in range(30)]
    taken = list[str]()
    with pika.BlockingConnection(rabbitmq_parameters(Reach(url=broker))) as connection:
        channel = connection.channel()
        channel.queue_declare("full", durable=True, arguments=full)

        def take_all() -> None:
            while (got := channel.basic_get("full", auto_ack=True))[1] is not None:
                taken.append(str(got[1].message_id))

        class Drained(RabbitSink):
            """Finds room whenever it connects."""

            def _open(self) -> Any:
                take_all()
                return super()._open()

        with closing(Drained(Reach(url=broker), "full")) as sink:
            sink.publish(messages)
        take_all()
        assert sorted(taken) == sorted(one.id for one in messages)
        with closing(RabbitSink(Reach(url=broker), "full")) as another, pytest.raises(UnavailableError):
            another.publish(messages)
        channel.queue_purge("full")


def test_a_queue_that_went_away_is_made_again_and_nothing_is_lost(broker: str) -> None:
    """The broker gives back what it has no queue for, and confirms it."""
    sink = RabbitSink(Reach(url=broker), "gone")
    sink.publish([Outgoing(id="0", body=b"0")])
    with pika.BlockingConnection(rabbitmq_parameters(Reach(url=broker))) as connection:
        connection.channel().queue_delete("gone")
    sink.publish([Outgoing(id=str(n), body=b"%d" % n) for n in range(1, 40)])
    sink.close()
    source = _source(broker, "gone")
    assert _bodies(_read(source, 39)) == list(range(1, 40))
    source.close()


def test_a_connection_that_is_cut_within_a_batch_loses_nothing(broker: str) -> None:
    """What was not confirmed is sent again under its own id, so that whoever reads can drop it."""
    messages = [Outgoing(id=f"m{n}", body=b"%0100d" % n) for n in range(500)]
    port = int(urlsplit(broker).port or 0)
    with relayed(port) as relay:
        relay.cuts += [None, 40_000]  # of the connection that makes the queue, of the one that publishes
        reach = Reach(url=broker.replace(f":{port}", f":{relay.port}"))
        with closing(RabbitSink(reach, "cut")) as sink:
            sink.publish(messages)
        assert not relay.cuts
    found = _taken(broker, "cut")
    assert {message.identity: int(message.body) for message in found} == {f"m{n}": n for n in range(500)}


def test_a_broker_that_is_away_is_said_so() -> None:
    """Neither a source nor a sink takes silence for success."""
    url = f"amqp://127.0.0.1:{free_port()}/%2F"
    with pytest.raises(UnavailableError):
        _source(url, "q").read(1, 0.1)
    with pytest.raises(UnavailableError):
        RabbitSink(Reach(url=url), "q").publish([Outgoing(id="1", body=b"")])


def test_a_password_comes_from_the_environment_and_may_hold_any_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is put into the address as it is."""
    monkeypatch.setenv("RABBIT_PASSWORD", "a:b@c/d%")
    reach = Reach(url="amqp://shop@host:5672/%2F", password_env="RABBIT_PASSWORD")  # noqa: S106 - a name
    found = rabbitmq_parameters(reach)
    assert (found.credentials.username, found.credentials.password, found.host) == ("shop", "a:b@c/d%", "host")


def test_tls_is_left_to_the_scheme_and_the_authorities_to_the_file(tmp_path: Path) -> None:
    """`amqps` checks the broker's certificate and its name."""
    found = rabbitmq_parameters(Reach(url="amqps://host/%2F"))
    assert found.ssl_options is not None
    assert found.ssl_options.context.check_hostname


def test_a_target_of_another_broker_is_refused() -> None:
    """Changes and dead letters go to the broker that events come from."""
    reach = Reach(url="amqp://h")
    file = StreamFile(name="s", source=StreamSource(kind="rabbitmq", name="n", reach=reach))
    with pytest.raises(StreamFileError, match="queue must be given"):
        open_sink(file, Target("topic", "other"))
