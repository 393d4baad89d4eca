"""A first use case from a file nobody has described yet."""

__all__ = ["column_profile", "role_inference", "use_case_draft"]
