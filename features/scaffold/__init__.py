"""A first use case from a file nobody has described yet."""

__all__ = ["use_case_draft"]
