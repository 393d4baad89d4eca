"""Some months of a home: what was served, promoted, refused, alerted, erased, and how good it turned out to be."""

__all__ = ["audit_page", "audit_record"]
