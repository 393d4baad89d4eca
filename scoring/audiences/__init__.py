"""Who is in a segment on a date, who of them may be addressed, and what became of them."""

__all__ = [
    "addressable",
    "audience",
    "campaign",
    "campaign_arms",
    "campaign_result",
    "campaign_window",
    "consent",
    "contacts",
    "deliveries",
    "export_formats",
    "export_log",
    "membership",
    "policy_trial",
    "pressure",
    "realised_outcomes",
    "segment_report",
    "sizes",
    "snapshot",
    "stands",
]
