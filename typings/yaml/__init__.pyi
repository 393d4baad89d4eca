"""The functions of PyYAML that tests call: its stubs are a package of their own."""

from collections.abc import Iterator
from typing import Any

def safe_load(stream: str | bytes) -> Any: ...
def safe_load_all(stream: str | bytes) -> Iterator[Any]: ...
