"""The answers of the HTTP API: scores, explanations, probes, and the documents that describe it."""

__all__ = [
    "answers",
    "customer_lists",
    "handlers",
    "home_health",
    "moves",
    "openapi",
    "population",
    "probes",
    "subject_requests",
    "use_case_document",
]
