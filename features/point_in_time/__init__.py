"""Features and labels of a log as of a cutoff, as expressions that training runs and serving gets as SQL."""

__all__ = [
    "compiled_sql",
    "customer_sample",
    "declared_counts",
    "definitions",
    "feature_plan",
    "fitted_engagement",
    "labels",
    "log_context",
    "outside_tables",
    "traits",
]
