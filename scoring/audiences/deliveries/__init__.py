"""What deliveries leave for those who make lists and pages: who is sent no more, and how each delivery went."""

__all__ = ["contact_stops", "delivery_record", "handovers"]
