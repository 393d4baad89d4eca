"""Changes to the insides of uvicorn and circus, each with the stock behaviour to fall back to."""

__all__ = [
    "circus_forked_workers",
    "uvicorn_admission",
    "uvicorn_bad_request",
    "uvicorn_head_timeout",
    "uvicorn_one_write",
    "uvicorn_size_limits",
]
