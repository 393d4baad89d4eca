"""Streams: events from a topic or a queue move scores as they come; brokers stand behind one small port."""

__all__ = [
    "avro",
    "config",
    "heartbeat",
    "intake",
    "json_records",
    "kafka",
    "kafka_sink",
    "port",
    "rabbitmq",
    "rabbitmq_sink",
    "webhook",
    "worker",
]
