"""The texts people read: numbers, dates and names in French and English, and the sentences on decisions."""

__all__ = ["campaign_texts", "data_notes", "findings", "formatting", "health_reasons", "messages", "promotion"]
