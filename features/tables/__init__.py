"""The table a model learns from: bookkeeping, schema, target, columns filled in part, digests of its sources."""

__all__ = [
    "campaign_schema",
    "delivery_schema",
    "digests",
    "filled",
    "learning_table",
    "outcome_schema",
    "population_schema",
    "repeated_rows",
    "schema",
    "target",
    "value_labels",
]
