"""One worker process: what it holds from start to end, and what each request sees of it."""

__all__ = ["request_context", "runtime"]
