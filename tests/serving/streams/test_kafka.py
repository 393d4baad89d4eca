"""Kafka's protocol, spoken to real brokers: Tansu, and the one within librdkafka, whose watermarks are right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from serving.streams.config import Reach, StreamFile, StreamFileError, StreamSource, Target
from serving.streams.kafka import KafkaSource, kafka_settings
from serving.streams.kafka_sink import KafkaSink, open_sink
from serving.streams.port import Batch, Outgoing, UnavailableError
from tests.support.brokers import kafka_mock, tansu


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """A Tansu."""
    with tansu() as address:
        yield address


def _source(servers: str, topic: str) -> KafkaSource:
    return KafkaSource(StreamSource(kind="kafka", name=topic, reach=Reach(servers=servers), group=f"of-{topic}"))


def _publish(servers: str, topic: str, first: int, last: int) -> None:
    sink = KafkaSink(Reach(servers=servers), topic)
    sink.publish([Outgoing(id=str(n), body=b"%d" % n, key=f"k{n % 7}") for n in range(first, last)])
    sink.close()


def _read(source: KafkaSource, count: int) -> list[Batch]:
    found, until = list[Batch](), time.monotonic() + 30
    while sum(len(batch.messages) for batch in found) < count and time.monotonic() < until:
        if (batch := source.read(40, 0.2)).messages:
            found.append(batch)
    return found


def _read_if_it_can(source: KafkaSource) -> Batch:
    """A batch; an empty one while the group shares its partitions out anew."""
    try:
        return source.read(40, 0.2)
    except UnavailableError:
        return Batch(())


def _bodies(batches: list[Batch]) -> list[int]:
    return sorted(int(message.body) for batch in batches for message in batch.messages)


def test_what_is_not_done_is_handed_out_again_and_what_is_done_is_not(broker: str) -> None:
    """A worker that ends without `done` loses nothing; one that is done goes on after that."""
    _publish(broker, "again", 0, 100)
    first = _source(broker, "again")
    batches = _read(first, 100)
    assert _bodies(batches) == list(range(100))
    assert all(len(batch.messages) <= 40 for batch in batches)
    first.done(batches[0])
    first.close()
    second = _source(broker, "again")
    left = _read(second, 100 - len(batches[0].messages))
    assert _bodies(left) == _bodies(batches[1:])
    assert left[0].generation > batches[0].generation
    second.close()


def test_an_old_generation_commits_nothing(broker: str) -> None:
    """What a worker read before partitions were given anew does not move their offsets."""
    _publish(broker, "old", 0, 10)
    source = _source(broker, "old")
    for batch in _read(source, 10):
        source.done(Batch(batch.messages, batch.generation - 1))
    source.close()
    again = _source(broker, "old")
    assert _bodies(_read(again, 10)) == list(range(10))
    again.close()


def test_a_paused_source_hands_out_nothing_and_goes_on_with_the_next(broker: str) -> None:
    """Between `pause` and `resume` nothing is read, and nothing is lost."""
    _publish(broker, "pause", 0, 100)
    source = _source(broker, "pause")
    seen = _read(source, 1)
    source.pause()
    assert not any(source.read(0, 0.0).messages or source.read(40, 0.1).messages for _ in range(5))
    source.resume()
    seen += _read(source, 100 - len(_bodies(seen)))
    assert _bodies(seen) == list(range(100))
    source.close()


def test_a_source_goes_back_to_a_moment(broker: str) -> None:
    """From a moment before all of them every message comes again."""
    _publish(broker, "back", 0, 20)
    source = _source(broker, "back")
    for batch in _read(source, 20):
        source.done(batch)
    source.rewind(datetime.now(UTC) - timedelta(hours=1))
    assert _bodies(_read(source, 20)) == list(range(20))
    source.close()


def test_the_lag_is_what_was_not_handed_out() -> None:
    """Where a broker's watermarks are right, the lag falls from all messages to none."""
    with kafka_mock() as servers:
        _publish(servers, "lag", 0, 50)
        source = _source(servers, "lag")
        seen = source.read(1, 10)
        assert source.lag() == 50 - len(seen.messages)
        _read(source, 50 - len(seen.messages))
        assert source.lag() == 0
        source.close()


def test_two_workers_share_a_topic_and_the_state_can_tell_who_is_later() -> None:
    """A second worker takes partitions over in a later generation, and what the first read commits nothing more."""
    with kafka_mock() as servers:
        _publish(servers, "shared", 0, 200)
        first = _source(servers, "shared")
        before = _read(first, 200)
        assert _bodies(before) == list(range(200))
        second = _source(servers, "shared")
        after, until = dict[int, int](), time.monotonic() + 60
        with ThreadPoolExecutor(2) as threads:
            while len(after) < 200 and time.monotonic() < until:
                for batch in threads.map(lambda source: source.read(40, 0.2), (first, second)):
                    after |= {int(message.body): batch.generation for message in batch.messages}
        assert sorted(after) == list(range(200))
        assert min(after.values()) > max(batch.generation for batch in before)
        first.close()
        second.close()


def test_what_was_paused_goes_on_after_others_had_it() -> None:
    """A worker whose partitions left while it waited, and came back to it afterwards, hands all of them out."""
    with kafka_mock() as servers:
        _publish(servers, "lent", 0, 200)
        first = _source(servers, "lent")
        first.read(1, 10)
        whole, until = len(first._consumer.assignment()), time.monotonic() + 60
        first.pause()
        second = _source(servers, "lent")
        with ThreadPoolExecutor(2) as threads:
            while len(first._consumer.assignment()) in (0, whole) and time.monotonic() < until:
                list(threads.map(_read_if_it_can, (first, second)))
        first.resume()
        second.close()
        seen = set[int]()
        while len(seen) < 200 and time.monotonic() < until:
            seen |= set(_bodies([_read_if_it_can(first)]))
        assert seen == set(range(200))
        first.close()


def test_a_broker_that_is_away_is_said_so_and_a_sink_goes_on_when_it_is_back() -> None:
    """Nothing counts as published while nobody acknowledges."""
    source = _source("127.0.0.1:9", "t")
    with pytest.raises(UnavailableError):
        source.read(1, 0.1)
    source.close()


def test_a_secret_whose_variable_is_not_set_is_named() -> None:
    """The variable, not its value."""
    with pytest.raises(StreamFileError, match="NO_SUCH_SECRET"):
        kafka_settings(Reach(servers="h:1", password_env="NO_SUCH_SECRET"))  # noqa: S106 - a name


def test_a_target_of_another_broker_is_refused() -> None:
    """Changes and dead letters go to the broker that events come from."""
    reach = Reach(servers="h:1")
    file = StreamFile(name="s", source=StreamSource(kind="kafka", name="n", reach=reach))
    with pytest.raises(StreamFileError, match="topic must be given"):
        open_sink(file, Target("queue", "other"))
