"""What a home keeps of customers: stored features, raw events, decisions, objections, segment reports."""

__all__ = [
    "contestations",
    "decision_log",
    "event_rows",
    "feature_store",
    "housekeeping",
    "id_migration",
    "kept",
    "logs_of_events",
    "lookup",
    "pending_erasures",
    "person_copy",
    "raw_events",
    "segment_report",
    "subject_rights",
]
