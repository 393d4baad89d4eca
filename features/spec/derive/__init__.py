"""What is derived from a profile by small reviewed rules: the same in training and at the HTTP API."""

__all__ = ["derivation", "device_family", "french_department", "nearest_shop"]
