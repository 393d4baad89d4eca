"""The answers of the HTTP API: scores, explanations, probes, and the documents that describe it."""

__all__ = ["handlers", "moves", "openapi", "probes", "use_case_document"]
