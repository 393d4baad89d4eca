"""The one function of PyYAML that tests call: its stubs are a package of their own."""

from typing import Any

def safe_load(stream: str | bytes) -> Any: ...
