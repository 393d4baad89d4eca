"""What tests use of jsonschema: its stubs are a package of their own."""

from collections.abc import Iterator

def validate(instance: object, schema: object) -> None: ...

class ValidationError(Exception):
    message: str

class Draft202012Validator:
    def __init__(self, schema: object) -> None: ...
    def iter_errors(self, instance: object) -> Iterator[ValidationError]: ...
