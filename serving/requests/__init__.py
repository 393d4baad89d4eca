"""A posted body within its limits, decoded strictly, and checked as a request."""

__all__ = ["body", "fast_decode", "models", "population_models", "strict_json"]
