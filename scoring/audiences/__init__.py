"""Who is in a segment on a date, who of them may be addressed, and what became of them."""

__all__ = ["addressable", "audience", "contacts", "export_formats", "membership", "segment_report", "snapshot"]
